// SPDX-License-Identifier: Apache-2.0
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "adapters/zip/zip.h"
#include "stdx/text.h"

namespace adapters::zip {
namespace {

using stdx::Code;
using stdx::format;

constexpr std::uint32_t local_magic = 0x04034b50, central_magic = 0x02014b50,
                        end_magic = 0x06054b50;
// 1980-01-01 00:00; and what libzip calls itself: Unix, version 6.3 of the specification.
constexpr std::uint32_t fixed_time = 0x0021u << 16;
constexpr std::uint16_t format_version = 63;
constexpr std::size_t local_bytes = 30, central_bytes = 46, end_bytes = 22;

template <typename T>
T get(stdx::BytesView bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::unexpected<stdx::Error> wrong(std::string why) {
  return stdx::fail(Code::invalid, "it is no MEX archive: " + std::move(why));
}

struct Entry {
  std::string name;
  std::uint16_t flags = 0, method = 0;
  std::uint16_t needs = 0;
  std::uint32_t crc = 0, packed = 0, size = 0, local_at = 0;
};

std::string folded(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

stdx::Result<Entry> central_entry(stdx::BytesView archive, std::size_t& at, std::size_t end) {
  if (end - at < central_bytes || get<std::uint32_t>(archive, at) != central_magic)
    return wrong("its directory is broken");
  Entry entry;
  entry.needs = get<std::uint16_t>(archive, at + 6);
  entry.flags = get<std::uint16_t>(archive, at + 8);
  entry.method = get<std::uint16_t>(archive, at + 10);
  entry.crc = get<std::uint32_t>(archive, at + 16);
  entry.packed = get<std::uint32_t>(archive, at + 20);
  entry.size = get<std::uint32_t>(archive, at + 24);
  const auto name_bytes = get<std::uint16_t>(archive, at + 28);
  const auto extra = get<std::uint16_t>(archive, at + 30);
  const auto comment = get<std::uint16_t>(archive, at + 32);
  const auto disk = get<std::uint16_t>(archive, at + 34);
  const auto external = get<std::uint32_t>(archive, at + 38);
  const auto made_by = get<std::uint16_t>(archive, at + 4) >> 8;
  entry.local_at = get<std::uint32_t>(archive, at + 42);
  if (end - at - central_bytes < static_cast<std::size_t>(name_bytes) + extra + comment)
    return wrong("its directory is cut");
  entry.name = std::string(archive.substr(at + central_bytes, name_bytes));
  const auto shown = stdx::printable(entry.name, 100);
  if (extra != 0 || comment != 0 || disk != 0)
    return wrong(format("entry '{}' carries extra fields or a comment", shown));
  if (!is_safe_name(entry.name)) return wrong(format("entry name '{}' is not safe", shown));
  // Bits 1 and 2 say how hard deflate tried, bit 11 that the name is UTF-8.
  if ((entry.flags & ~0x0806u) != 0)
    return wrong(format("entry '{}' is encrypted or uses a data descriptor", shown));
  if (entry.method != 0 && entry.method != 8)
    return wrong(format("entry '{}' uses compression method {}", shown, entry.method));
  if (entry.packed == 0xffffffffu || entry.size == 0xffffffffu || entry.local_at == 0xffffffffu)
    return wrong(format("entry '{}' uses ZIP64", shown));
  if ((external >> 16 & 0170000) == 0120000) return wrong(format("entry '{}' is a link", shown));
  // What says nothing about the content has one value, so that no byte of an archive is free: the
  // fixed time, no internal attributes, one version of the format.
  if (get<std::uint32_t>(archive, at + 12) != fixed_time ||
      get<std::uint16_t>(archive, at + 36) != 0 || made_by != 3 ||
      (get<std::uint16_t>(archive, at + 4) & 0xff) != format_version || entry.needs > 20 ||
      external != 0100644u << 16)
    return wrong(
        format("entry '{}' has a time, version or attributes other than the fixed ones "
               "(docs/mex.md); build it with `mex build`",
               shown));
  if (entry.size > ratio_max * std::max<std::uint64_t>(entry.packed, 64))
    return wrong(format("entry '{}' unpacks to over {} times its size", shown, ratio_max));
  at += central_bytes + name_bytes;
  return entry;
}

// The local header must say the same as the directory.
stdx::Result<std::size_t> local_entry(stdx::BytesView archive, const Entry& entry) {
  const std::size_t at = entry.local_at;
  const auto shown = stdx::printable(entry.name, 100);
  if (at > archive.size() || archive.size() - at < local_bytes ||
      get<std::uint32_t>(archive, at) != local_magic)
    return wrong(format("entry '{}' is not where the directory says", shown));
  const auto name_bytes = get<std::uint16_t>(archive, at + 26);
  const auto extra = get<std::uint16_t>(archive, at + 28);
  const bool same = get<std::uint16_t>(archive, at + 4) == entry.needs &&
                    get<std::uint32_t>(archive, at + 10) == fixed_time &&
                    get<std::uint16_t>(archive, at + 6) == entry.flags &&
                    get<std::uint16_t>(archive, at + 8) == entry.method &&
                    get<std::uint32_t>(archive, at + 14) == entry.crc &&
                    get<std::uint32_t>(archive, at + 18) == entry.packed &&
                    get<std::uint32_t>(archive, at + 22) == entry.size &&
                    name_bytes == entry.name.size() && extra == 0 &&
                    archive.size() - at - local_bytes >= name_bytes &&
                    archive.substr(at + local_bytes, name_bytes) == entry.name;
  if (!same) return wrong(format("entry '{}' differs between header and directory", shown));
  const std::size_t data_at = at + local_bytes + name_bytes;
  if (archive.size() - data_at < entry.packed) return wrong(format("entry '{}' is cut", shown));
  return data_at + entry.packed;
}

// Deflate ends inside a byte; the bits behind its end mean nothing and must be zero, and nothing
// may follow it, or a byte could be changed unseen.
stdx::Status check_deflate_end(stdx::BytesView packed, const std::string& name) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return wrong("zlib cannot start");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  Bytef chunk[16 << 10];
  int state = Z_OK;
  int unused_bits = 0;
  while (state == Z_OK) {
    stream.next_out = chunk;
    stream.avail_out = sizeof chunk;
    state = inflate(&stream, Z_BLOCK);
    // Behind the last block, once; the call after it tells nothing any more.
    constexpr int last_block = 64, at_end_of_block = 128;
    if ((stream.data_type & (last_block | at_end_of_block)) == (last_block | at_end_of_block))
      unused_bits = stream.data_type & 7;
  }
  const auto left = stream.avail_in;
  inflateEnd(&stream);
  const auto last = static_cast<unsigned char>(packed.empty() ? 0 : packed.back());
  if (state != Z_STREAM_END || left != 0 || last >> (8 - unused_bits) != 0)
    return wrong(format("entry '{}' is not cleanly compressed", stdx::printable(name, 100)));
  return {};
}

}  // namespace

bool is_safe_name(std::string_view name) {
  if (name.empty() || name.size() > name_bytes_max || name.front() == '/' || name.back() == '/')
    return false;
  if (stdx::printable(name, name.size() + 1) != name) return false;
  for (const char c : name)
    if (c == '\\' || c == ':' || c == '*' || c == '?' || c == '"' || c == '<' || c == '>' ||
        c == '|')
      return false;
  for (const auto segment : stdx::split(name, '/'))
    if (segment.empty() || segment == "." || segment == ".." || segment.back() == '.' ||
        segment.back() == ' ' || segment.front() == ' ')
      return false;
  return true;
}

stdx::Status scan(stdx::BytesView archive) {
  if (archive.size() > archive_bytes_max)
    return wrong(format("{} bytes; {} are allowed", archive.size(), archive_bytes_max));
  if (archive.size() < end_bytes) return wrong("it is too short");
  // Exactly at the end: no comment, nothing behind it.
  const std::size_t end_at = archive.size() - end_bytes;
  if (get<std::uint32_t>(archive, end_at) != end_magic)
    return wrong("it is cut, or has something behind its end");
  const auto count = get<std::uint16_t>(archive, end_at + 10);
  const auto directory_bytes = get<std::uint32_t>(archive, end_at + 12);
  const auto directory_at = get<std::uint32_t>(archive, end_at + 16);
  if (get<std::uint16_t>(archive, end_at + 4) != 0 ||
      get<std::uint16_t>(archive, end_at + 6) != 0 ||
      get<std::uint16_t>(archive, end_at + 8) != count ||
      get<std::uint16_t>(archive, end_at + 20) != 0)
    return wrong("its end record is not plain");
  if (count > entries_max) return wrong(format("{} entries; {} are allowed", count, entries_max));
  if (static_cast<std::uint64_t>(directory_at) + directory_bytes != end_at)
    return wrong("its directory is not where its end says");
  std::vector<Entry> entries;
  std::map<std::string, std::string> names;  // in lower case, as they are
  std::uint64_t content = 0;
  std::size_t at = directory_at;
  while (at < end_at) {
    TRY_ASSIGN(auto entry, central_entry(archive, at, end_at));
    if (const auto [at_name, fresh] = names.emplace(folded(entry.name), entry.name); !fresh) {
      const auto name = stdx::printable(entry.name, 100);
      if (at_name->second == entry.name) return wrong(format("entry '{}' is there twice", name));
      return wrong(format("entries '{}' and '{}' differ only in the case of letters",
                          stdx::printable(at_name->second, 100), name));
    }
    content += entry.size;
    if (content > content_bytes_max) return wrong("it unpacks to over 1 GiB");
    entries.push_back(std::move(entry));
  }
  if (entries.size() != count) return wrong("its end counts other entries than it has");
  // Entries fill the front exactly: no gaps, no overlaps, nothing before the first.
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.local_at < b.local_at; });
  std::size_t expected = 0;
  for (const auto& entry : entries) {
    if (entry.local_at != expected) return wrong("entries overlap or leave gaps");
    TRY_ASSIGN(expected, local_entry(archive, entry));
    if (entry.method == 8)
      TRY(check_deflate_end(archive.substr(expected - entry.packed, entry.packed), entry.name));
  }
  if (expected != directory_at) return wrong("entries overlap or leave gaps");
  return {};
}

}  // namespace adapters::zip
