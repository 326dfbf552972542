// SPDX-License-Identifier: Apache-2.0
#include "adapters/zip/zip.h"

#include <zip.h>

#include <cstring>
#include <memory>
#include <vector>

#include "stdx/text.h"

namespace adapters::zip {
namespace {

using stdx::Code;
using stdx::format;

// 1980-01-01 00:00, the first time a ZIP can say.
constexpr zip_uint16_t fixed_date = 0x0021, fixed_time = 0;

struct ErrorText {
  zip_error_t error;
  ErrorText() { zip_error_init(&error); }
  ~ErrorText() { zip_error_fini(&error); }
  std::string text() { return zip_error_strerror(&error); }
};

stdx::Result<stdx::Bytes> read_entry(zip_t* archive, zip_uint64_t index, const zip_stat_t& stat) {
  const std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file(zip_fopen_index(archive, index, 0),
                                                                zip_fclose);
  if (!file) return stdx::fail(Code::invalid, format("entry '{}' cannot be read", stat.name));
  // Counted as it comes: what the header says is only believed at the end.
  stdx::Bytes content;
  char chunk[64 << 10];
  for (;;) {
    const auto n = zip_fread(file.get(), chunk, sizeof chunk);
    if (n < 0)
      return stdx::fail(Code::invalid,
                        format("entry '{}' does not unpack: wrong data or checksum", stat.name));
    if (n == 0) break;
    content.append(chunk, static_cast<std::size_t>(n));
    if (content.size() > stat.size)
      return stdx::fail(Code::invalid,
                        format("entry '{}' unpacks to more than it says", stat.name));
  }
  if (content.size() != stat.size)
    return stdx::fail(Code::invalid, format("entry '{}' unpacks to less than it says", stat.name));
  return content;
}

}  // namespace

stdx::Result<Files> read(stdx::BytesView archive) {
  TRY(scan(archive));
  ErrorText error;
  auto* source = zip_source_buffer_create(archive.data(), archive.size(), 0, &error.error);
  if (source == nullptr) return stdx::fail(Code::failed, error.text());
  const std::unique_ptr<zip_t, decltype(&zip_discard)> opened(
      zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error.error), zip_discard);
  if (!opened) {
    zip_source_free(source);
    return stdx::fail(Code::invalid, "it is no MEX archive: " + error.text());
  }
  Files files;
  const auto n = zip_get_num_entries(opened.get(), 0);
  for (zip_int64_t i = 0; i < n; ++i) {
    zip_stat_t stat;
    if (zip_stat_index(opened.get(), static_cast<zip_uint64_t>(i), 0, &stat) != 0)
      return stdx::fail(Code::invalid, "an entry cannot be read");
    TRY_ASSIGN(auto content, read_entry(opened.get(), static_cast<zip_uint64_t>(i), stat));
    files.emplace(stat.name, std::move(content));
  }
  return files;
}

stdx::Result<stdx::Bytes> write(const Files& files) {
  ErrorText error;
  auto* target = zip_source_buffer_create(nullptr, 0, 0, &error.error);
  if (target == nullptr) return stdx::fail(Code::failed, error.text());
  zip_source_keep(target);
  const std::unique_ptr<zip_source_t, decltype(&zip_source_free)> owned(target, zip_source_free);
  zip_t* archive = zip_open_from_source(target, ZIP_CREATE | ZIP_TRUNCATE, &error.error);
  if (archive == nullptr) return stdx::fail(Code::failed, error.text());
  for (const auto& [name, content] : files) {
    auto* source = zip_source_buffer(archive, content.data(), content.size(), 0);
    const auto index =
        source == nullptr ? -1 : zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_discard(archive);
      return stdx::fail(Code::failed, "cannot write entry " + name);
    }
    const auto at = static_cast<zip_uint64_t>(index);
    zip_file_set_dostime(archive, at, fixed_time, fixed_date, 0);
    zip_file_set_external_attributes(archive, at, 0, ZIP_OPSYS_UNIX, 0100644u << 16);
    // Deflate always: libzip stores what does not shrink.
    zip_set_file_compression(archive, at, content.empty() ? ZIP_CM_STORE : ZIP_CM_DEFLATE, 9);
  }
  if (zip_close(archive) != 0) {
    const std::string why = zip_strerror(archive);
    zip_discard(archive);
    return stdx::fail(Code::failed, why);
  }
  stdx::Bytes bytes;
  if (zip_source_open(target) != 0) return stdx::fail(Code::failed, "cannot read back the archive");
  char chunk[64 << 10];
  zip_int64_t n = 0;
  while ((n = zip_source_read(target, chunk, sizeof chunk)) > 0)
    bytes.append(chunk, static_cast<std::size_t>(n));
  zip_source_close(target);
  if (const auto readable = scan(bytes); !readable) return std::unexpected(readable.error());
  return bytes;
}

}  // namespace adapters::zip
