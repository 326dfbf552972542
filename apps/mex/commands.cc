// SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "adapters/crypto/crypto.h"
#include "adapters/posix/files.h"
#include "adapters/zip/zip.h"
#include "config/key_text.h"
#include "mex/package.h"
#include "mex/source_tree.h"
#include "stdx/encoding.h"
#include "stdx/text.h"

namespace mex_app {
namespace {

namespace fs = std::filesystem;
using adapters::posix::read_file;

int fail(const stdx::Error& error) {
  std::fprintf(stderr, "mex: %s\n", error.message.c_str());
  return 1;
}

// What is wrong inside `file`, which the error itself does not know.
int fail_in(const std::string& file, const stdx::Error& error) {
  return fail({error.code, file + ": " + error.message});
}

// samoza.h: beside the programs (…/sdk/c), or where SAMOZA_SDK says.
std::string sdk_folder() {
  if (const char* given = std::getenv("SAMOZA_SDK")) return given;
  return (fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "sdk" / "c").string();
}

// A private key that others may read is refused: it has to be taken for known to them.
stdx::Result<stdx::Bytes> read_key(const std::string& file) {
  TRY_ASSIGN(const auto text, adapters::posix::read_secret_file(file, 64u << 10));
  return config::parse_private_key(text, file);
}

stdx::Result<mex::SourceTree> sources(const std::string& folder) {
  TRY(mex::compile_sources(folder, sdk_folder()));
  return mex::read_source_tree(folder);
}

}  // namespace

int init(const std::string& folder, std::string name) {
  if (name.empty()) name = fs::absolute(folder).lexically_normal().filename().string();
  const auto made = mex::init_source_tree(folder, name);
  if (!made) return fail(made.error());
  std::printf("%s: ready; next: mex build %s -o %s.mex\n", folder.c_str(), folder.c_str(),
              name.c_str());
  return 0;
}

int validate(const std::string& folder) {
  const auto tree = sources(folder);
  if (!tree) return fail(tree.error());
  std::vector<std::string> findings;
  mex::validate_files(tree->files, findings);
  for (const auto& finding : findings) std::fprintf(stderr, "mex: %s\n", finding.c_str());
  if (!findings.empty()) return 1;
  std::printf("%s: valid\n", folder.c_str());
  return 0;
}

int build(const std::string& folder, const std::string& output,
          const std::optional<std::string>& key_file) {
  std::optional<stdx::Bytes> key;
  if (key_file) {
    auto read = read_key(*key_file);
    if (!read) return fail(read.error());
    key = std::move(*read);
  }
  auto tree = sources(folder);
  if (!tree) return fail(tree.error());
  const auto archive = mex::build_archive(std::move(tree->files), tree->manifest, key);
  if (!archive) return fail(archive.error());
  // What was just made must be what submit takes.
  if (const auto again = mex::open_archive(*archive, {}); !again)
    return fail_in(folder, again.error());
  const auto path = fs::absolute(output).string();
  const auto parent = fs::path(path).parent_path();
  if (!fs::is_directory(parent))
    return fail(
        {stdx::Code::not_found,
         stdx::format("{}: the folder {} is not there; make it first", output, parent.string())});
  if (auto kept = adapters::posix::replace_file(path, *archive, 0644); !kept)
    return fail(kept.error());
  std::printf("%s: %zu bytes, sha256 %s%s\n", output.c_str(), archive->size(),
              adapters::crypto::sha256_hex(*archive).c_str(), !key ? ", unsigned" : "");
  return 0;
}

int sign(const std::string& file, const std::string& key_file) {
  const auto key = read_key(key_file);
  if (!key) return fail(key.error());
  const auto archive = read_file(file, adapters::zip::archive_bytes_max);
  if (!archive) return fail(archive.error());
  const auto done = mex::sign_archive(*archive, *key);
  if (!done) return fail_in(file, done.error());
  if (auto kept = adapters::posix::replace_file(fs::absolute(file).string(), *done, 0644); !kept)
    return fail(kept.error());
  std::printf("%s: signed\n", file.c_str());
  return 0;
}

int verify(const std::string& file, const std::vector<std::string>& keys) {
  const auto archive = read_file(file, adapters::zip::archive_bytes_max);
  if (!archive) return fail(archive.error());
  std::set<std::string> trusted;
  for (const auto& text : keys) {
    const auto key = config::parse_public_key(text, "--trust");
    if (!key) return fail(key.error());
    trusted.insert(stdx::base64_encode(*key));
  }
  const auto contents = mex::open_archive(*archive, {keys.empty(), std::move(trusted)});
  if (!contents) return fail_in(file, contents.error());
  std::printf("%s: good%s\n", file.c_str(),
              contents->manifest.is_signed()
                  ? (", signed by " + contents->manifest.public_key).c_str()
                  : ", unsigned");
  return 0;
}

int inspect(const std::string& file) {
  const auto archive = read_file(file, adapters::zip::archive_bytes_max);
  if (!archive) return fail(archive.error());
  const auto contents = mex::open_archive(*archive, {});
  if (!contents) return fail_in(file, contents.error());
  std::printf("%s", mex::to_text(contents->manifest).c_str());
  for (const auto& space : contents->topology.spaces) {
    std::string capabilities;
    for (const auto& name : space.capabilities) capabilities += " " + name;
    std::printf("# space %s: %s,%s\n", space.name.c_str(),
                std::string(model::to_string(space.type)).c_str(),
                capabilities.empty() ? " no capabilities" : capabilities.c_str());
  }
  return 0;
}

int keygen(const std::string& file) {
  if (fs::exists(file))
    return fail({stdx::Code::already_exists, file + " is there; keys are not overwritten"});
  const auto key = adapters::crypto::make_key();
  const auto path = fs::absolute(file).string();
  if (auto kept = adapters::posix::replace_file(path, stdx::base64_encode(key.private_key) + "\n");
      !kept)
    return fail(kept.error());
  std::printf("%s: private key; public key %s\n", file.c_str(),
              stdx::base64_encode(key.public_key).c_str());
  return 0;
}

}  // namespace mex_app
