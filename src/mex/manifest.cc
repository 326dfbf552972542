// SPDX-License-Identifier: Apache-2.0
#include "mex/manifest.h"

#include <algorithm>

#include "adapters/yaml/yaml.h"
#include "adapters/zip/zip.h"
#include "config/node.h"
#include "model/topology.h"
#include "stdx/encoding.h"
#include "stdx/text.h"

namespace mex {
namespace {

using config::Node;
using stdx::Code;
using stdx::format;

// Double-quoted, so that no value is ever anything but text. Values are checked to hold no control
// bytes, quotes or backslashes.
std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

bool is_plain(const std::string& text) {
  return text.size() <= 500 && stdx::printable(text, 501) == text &&
         text.find_first_of("\"\\") == std::string::npos;
}

stdx::Result<ManifestSource> read_metadata(const config::Reader& reader, const Node& root,
                                           const std::vector<std::string>& findings) {
  ManifestSource source;
  if (reader.text(root, "apiVersion", "") != "samoza/v1")
    reader.fail(root, "apiVersion", "apiVersion must be samoza/v1");
  if (reader.text(root, "kind", "") != "MEX") reader.fail(root, "kind", "kind must be MEX");
  if (const auto* metadata = reader.map(root, "metadata")) {
    reader.only(*metadata, "metadata", {"name", "version", "publisher", "created"});
    source.name = reader.required(*metadata, "name");
    source.version = reader.text(*metadata, "version", source.version);
    source.publisher = reader.text(*metadata, "publisher", "");
    source.created = reader.text(*metadata, "created", source.created);
    if (!model::is_name(source.name))
      reader.fail(*metadata, "name", "metadata.name is not a valid name");
    if (!stdx::is_rfc3339(source.created))
      reader.fail(*metadata, "created", "metadata.created must be an RFC 3339 time");
    for (const auto* text : {&source.version, &source.publisher})
      if (!is_plain(*text)) reader.fail(*metadata, "metadata holds quotes or control bytes");
  } else {
    reader.fail(root, "metadata is missing");
  }
  if (!findings.empty()) return stdx::fail(Code::invalid, findings.front());
  return source;
}

}  // namespace

std::string canonical(const Manifest& m) {
  std::string out = "apiVersion: \"samoza/v1\"\nkind: \"MEX\"\nmetadata:\n";
  out += "  name: " + quoted(m.name) + "\n";
  out += "  version: " + quoted(m.version) + "\n";
  out += "  publisher: " + quoted(m.publisher) + "\n";
  out += "  created: " + quoted(m.created) + "\n";
  out += "spec:\n  topology: " + quoted(m.topology) + "\n  spaces:\n";
  for (const auto& space : m.spaces) out += "    - " + quoted(space) + "\n";
  out += "integrity:\n  algorithm: \"sha256\"\n  files:\n";
  for (const auto& [path, hash] : m.file_hashes)
    out += "    - path: " + quoted(path) + "\n      hash: " + quoted(hash) + "\n";
  return out;
}

std::string to_text(const Manifest& m) {
  auto text = canonical(m);
  if (m.is_signed())
    text += "signature:\n  algorithm: \"ed25519\"\n  publicKey: " + quoted(m.public_key) +
            "\n  signature: " + quoted(m.signature) + "\n";
  return text;
}

stdx::Result<Manifest> parse_manifest(const std::string& text) {
  TRY_ASSIGN(const auto root, adapters::yaml::parse(text, "manifest.yaml"));
  std::vector<std::string> findings;
  const config::Reader reader("manifest.yaml", findings);
  reader.only(root, "manifest.yaml",
              {"apiVersion", "kind", "metadata", "spec", "integrity", "signature"});
  TRY_ASSIGN(const auto source, read_metadata(reader, root, findings));
  Manifest m;
  m.name = source.name;
  m.version = source.version;
  m.publisher = source.publisher;
  m.created = source.created;
  if (const auto* spec = reader.map(root, "spec")) {
    reader.only(*spec, "spec", {"topology", "spaces"});
    m.topology = reader.required(*spec, "topology");
    m.spaces = reader.texts(*spec, "spaces");
  }
  if (const auto* integrity = reader.map(root, "integrity")) {
    reader.only(*integrity, "integrity", {"algorithm", "files"});
    if (reader.text(*integrity, "algorithm", "") != "sha256")
      reader.fail(*integrity, "algorithm", "integrity.algorithm must be sha256");
    if (const auto* files = reader.list(*integrity, "files"))
      for (const auto& item : files->items) {
        reader.only(item, "integrity.files", {"path", "hash"});
        const auto path = reader.required(item, "path");
        const auto hash = reader.required(item, "hash");
        if (!adapters::zip::is_safe_name(path))
          reader.fail(item, format("path '{}' is not safe", stdx::printable(path, 100)));
        if (hash.size() != 64 || !stdx::hex_decode(hash))
          reader.fail(item, "hash must be 64 lower-case hex digits");
        if (!m.file_hashes.emplace(path, hash).second)
          reader.fail(item, format("path '{}' is there twice", stdx::printable(path, 100)));
      }
  }
  if (const auto* signature = reader.map(root, "signature")) {
    reader.only(*signature, "signature", {"algorithm", "publicKey", "signature"});
    if (reader.text(*signature, "algorithm", "") != "ed25519")
      reader.fail(*signature, "algorithm", "signature.algorithm must be ed25519");
    m.public_key = reader.required(*signature, "publicKey");
    m.signature = reader.required(*signature, "signature");
  }
  if (!findings.empty()) return stdx::fail(Code::invalid, findings.front());
  if (to_text(m) != text)
    return stdx::fail(Code::invalid,
                      "manifest.yaml is not in its canonical form; `mex build` writes "
                      "it (docs/mex.md)");
  return m;
}

stdx::Result<ManifestSource> parse_manifest_source(const std::string& text) {
  TRY_ASSIGN(const auto root, adapters::yaml::parse(text, "manifest.yaml"));
  std::vector<std::string> findings;
  const config::Reader reader("manifest.yaml", findings);
  reader.only(root, "manifest.yaml",
              {"apiVersion", "kind", "metadata", "spec", "integrity", "signature"});
  return read_metadata(reader, root, findings);
}

}  // namespace mex
