// SPDX-License-Identifier: Apache-2.0
#pragma once

// ZIP archives, one reader and one writer for build, verify and run.
//
// Reading: the whole archive is scanned first, central directory against local headers, byte by
// byte from front to end (zip/scan.cc); only then libzip reads it. Refused: what attacks
// on archives use - duplicate or unsafe names, links, encryption, data before
// or after, overlapping entries, other methods than store and deflate, ratio over 200, ZIP64.
// Writing: same entries, same bytes - sorted, fixed times, deflate where it helps.

#include <cstdint>
#include <map>
#include <string>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace adapters::zip {

inline constexpr std::size_t archive_bytes_max = 256u << 20;
inline constexpr std::uint64_t content_bytes_max = 1u << 30;
// Three files for each of model::spaces_max spaces, and some.
inline constexpr std::size_t entries_max = 32'768;
inline constexpr std::uint64_t ratio_max = 200;
inline constexpr std::size_t name_bytes_max = 255;

using Files = std::map<std::string, stdx::Bytes>;

// A relative path of plain segments: no "..", ".", "\\", ":", control bytes, leading or trailing
// '/', trailing dot or space.
bool is_safe_name(std::string_view name);

stdx::Result<Files> read(stdx::BytesView archive);
stdx::Result<stdx::Bytes> write(const Files& files);

// The strict scan alone; `read` does it first.
stdx::Status scan(stdx::BytesView archive);

}  // namespace adapters::zip
