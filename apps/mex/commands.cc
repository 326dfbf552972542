// SPDX-License-Identifier: Apache-2.0
#include "commands.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "adapters/crypto/crypto.h"
#include "adapters/posix/files.h"
#include "adapters/zip/zip.h"
#include "config/key_text.h"
#include "mex/init.h"
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

// samoza.h and what goes with it: where SAMOZA_SDK says, in the share folder of the installation
// that this program belongs to, or in the checkout.
std::string sdk_folder() {
  if (const char* given = std::getenv("SAMOZA_SDK")) return given;
  const auto whole = fs::read_symlink("/proc/self/exe").parent_path().parent_path();
  const auto installed = whole / "share" / "samoza" / "sdk" / "c";
  std::error_code error;
  return (fs::is_directory(installed, error) ? installed : whole / "sdk" / "c").string();
}

// A private key that others may read is refused: it has to be taken for known to them.
stdx::Result<stdx::Bytes> read_key(const std::string& file) {
  TRY_ASSIGN(const auto text, adapters::posix::read_secret_file(file, 64u << 10));
  return config::parse_private_key(text, file);
}

std::string env(const char* name, const std::string& fallback) {
  const char* given = std::getenv(name);
  return given != nullptr && *given != '\0' ? given : fallback;
}

mex::BuildFolders build_folders() {
  const auto home = env("HOME", "");
  const auto cache = env("XDG_CACHE_HOME", home.empty() ? "" : home + "/.cache");
  return {.sdk = sdk_folder(),
          .temporary = env("TMPDIR", "/tmp"),
          .cache = cache.empty() ? "" : cache + "/samoza/mex"};
}

void print_notes(const mex::SourceTree& tree) {
  constexpr std::size_t shown_max = 20;
  for (const auto& note : tree.notes) std::fprintf(stderr, "mex: %s\n", note.c_str());
  if (tree.left_out.empty()) return;
  std::string names;
  for (std::size_t i = 0; i < std::min(tree.left_out.size(), shown_max); ++i)
    names += (i > 0 ? ", " : "") + stdx::printable(tree.left_out[i], 200);
  if (tree.left_out.size() > shown_max)
    names += stdx::format(" and {} more", tree.left_out.size() - shown_max);
  std::fprintf(stderr, "mex: not packed: %s\n", names.c_str());
}

}  // namespace

int init(const std::string& folder, std::string name, const std::string& language) {
  // With a '/' at the end, so that "hello" and "hello/" are the same.
  const auto whole = fs::absolute(fs::path(folder) / "").lexically_normal();
  if (name.empty()) name = whole.parent_path().filename().string();
  const auto templates = fs::path(sdk_folder()).parent_path() / "templates";
  const auto made = mex::init_project(folder, name, language, templates.string());
  if (!made) return fail(made.error());
  std::printf("%s: ready; next: mex build %s\n", folder.c_str(), folder.c_str());
  return 0;
}

int validate(const std::string& folder) {
  const auto tree = mex::read_source_tree(folder, build_folders());
  if (!tree) return fail(tree.error());
  for (const auto& note : tree->notes) std::fprintf(stderr, "mex: %s\n", note.c_str());
  std::vector<std::string> findings;
  mex::validate_files(tree->files, findings);
  for (const auto& finding : findings) std::fprintf(stderr, "mex: %s\n", finding.c_str());
  if (!findings.empty()) return 1;
  std::printf("%s: valid\n", folder.c_str());
  return 0;
}

int build(const std::string& folder, std::string output,
          const std::optional<std::string>& key_file) {
  std::optional<stdx::Bytes> key;
  if (key_file) {
    auto read = read_key(*key_file);
    if (!read) return fail(read.error());
    key = std::move(*read);
  }
  auto tree = mex::read_source_tree(folder, build_folders());
  if (!tree) return fail(tree.error());
  print_notes(*tree);
  if (output.empty()) output = tree->manifest.name + ".mex";
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
  // Told, as a public key that was taken for a private one signs, too, for another public key.
  const auto contents = mex::open_archive(*done, {true, {}});
  std::printf("%s: signed; its public key is %s\n", file.c_str(),
              contents ? contents->manifest.public_key.c_str() : "not readable");
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
