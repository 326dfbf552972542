// SPDX-License-Identifier: Apache-2.0
// Descriptors of WASI preview 1. Three are open: standard input, which is at its end, and standard
// output and error, which are the space's log. Every other one is EBADF; what an open one does not
// offer has the error that a terminal gives.
#include <cstring>

#include "zrun/abi/functions.h"
#include "zrun/abi/wasi.h"

namespace zrun::abi {
namespace {

using ports::HostCall;
using namespace wasi;

constexpr std::size_t vectors_max = 1024;
constexpr std::size_t write_bytes_max = 64u << 10;
// One call stops at so many lines, as each goes to zrun's log.
constexpr std::size_t write_lines_max = 64;
constexpr std::uint8_t character_device = 2;

bool is_open(std::uint32_t fd) {
  return fd <= standard_error;
}

// A function that answers by its first parameter alone.
template <std::int32_t Error, typename... Rest>
I32 refuse(Space&, const HostCall&, std::uint32_t fd, Rest...) {
  return answer(is_open(fd) ? Error : e_badf);
}
// path_symlink has its directory third.
I32 path_symlink(Space&, const HostCall&, std::uint32_t, std::uint32_t, std::uint32_t directory,
                 std::uint32_t, std::uint32_t) {
  return answer(is_open(directory) ? e_notdir : e_badf);
}

// The bytes that a list of (pointer, length) names, up to a bound; none where any of them lies
// outside the memory.
std::optional<std::vector<stdx::BytesView>> parts_of(const HostCall& call, std::uint32_t at,
                                                     std::uint32_t count) {
  std::vector<stdx::BytesView> parts;
  std::size_t total = 0;
  for (std::uint32_t i = 0; i < count && total < write_bytes_max; ++i) {
    const auto vector = GuestSpan::at(call.memory, std::uint64_t{at} + std::uint64_t{8} * i, 8, 8);
    if (!vector) return std::nullopt;
    std::uint32_t part[2];
    std::memcpy(part, vector->view().data(), sizeof part);
    const auto bytes = GuestSpan::at(call.memory, part[0], part[1], 0xffffffffu);
    if (!bytes) return std::nullopt;
    parts.push_back(bytes->view().substr(0, write_bytes_max - total));
    total += parts.back().size();
  }
  return parts;
}

I32 fd_write(Space& space, const HostCall& call, std::uint32_t fd, std::uint32_t vectors,
             std::uint32_t count, std::uint32_t written_at) {
  if (fd != standard_out && fd != standard_error) return answer(e_badf);
  if (count > vectors_max) return answer(e_inval);
  const auto parts = parts_of(call, vectors, count);
  if (!parts || !store<std::uint32_t>(call, written_at, 0)) return answer(e_fault);
  std::uint32_t written = 0;
  std::size_t lines = write_lines_max;
  for (const auto part : *parts) {
    const auto taken = space.log().print(
        fd == standard_out ? SpaceLog::Printed::out : SpaceLog::Printed::error, part, lines);
    written += static_cast<std::uint32_t>(taken);
    if (taken < part.size()) break;
  }
  return ok_if(store(call, written_at, written));
}

I32 fd_read(Space&, const HostCall& call, std::uint32_t fd, std::uint32_t, std::uint32_t,
            std::uint32_t read_at) {
  if (fd != standard_in) return answer(e_badf);
  return ok_if(store<std::uint32_t>(call, read_at, 0));
}

// 24 bytes: file type, flags, rights at 8 (read 2, write 64, poll 1 << 27).
I32 fd_fdstat_get(Space&, const HostCall& call, std::uint32_t fd, std::uint32_t at) {
  if (!is_open(fd)) return answer(e_badf);
  const auto span = GuestSpan::at(call.memory, at, 24, 24);
  if (!span) return answer(e_fault);
  char stat[24] = {character_device};
  const std::uint64_t rights = (fd == standard_in ? 2u : 64u) | 1u << 27;
  std::memcpy(stat + 8, &rights, sizeof rights);
  span->write(stat, sizeof stat);
  return answer(ok);
}

// 64 bytes, the file type at 16.
I32 fd_filestat_get(Space&, const HostCall& call, std::uint32_t fd, std::uint32_t at) {
  if (!is_open(fd)) return answer(e_badf);
  const auto span = GuestSpan::at(call.memory, at, 64, 64);
  if (!span) return answer(e_fault);
  char stat[64] = {};
  stat[16] = character_device;
  span->write(stat, sizeof stat);
  return answer(ok);
}

I32 fd_fdstat_set_flags(Space&, const HostCall&, std::uint32_t fd, std::uint32_t) {
  return answer(is_open(fd) ? ok : e_badf);
}
I32 fd_prestat_get(Space&, const HostCall&, std::uint32_t, std::uint32_t) {
  return answer(e_badf);
}
I32 fd_prestat_dir_name(Space&, const HostCall&, std::uint32_t, std::uint32_t, std::uint32_t) {
  return answer(e_badf);
}

using U = std::uint32_t;
using W = std::uint64_t;

}  // namespace

std::vector<Row> wasi_descriptor_rows() {
  constexpr const char* m = "wasi_snapshot_preview1";
  return {row<refuse<e_spipe, W, W, U>>(m, "fd_advise"),
          row<refuse<e_nosys, W, W>>(m, "fd_allocate"),
          row<refuse<e_nosys>>(m, "fd_close"),
          row<refuse<e_inval>>(m, "fd_datasync"),
          row<fd_fdstat_get>(m, "fd_fdstat_get"),
          row<fd_fdstat_set_flags>(m, "fd_fdstat_set_flags"),
          row<refuse<e_nosys, W, W>>(m, "fd_fdstat_set_rights"),
          row<fd_filestat_get>(m, "fd_filestat_get"),
          row<refuse<e_inval, W>>(m, "fd_filestat_set_size"),
          row<refuse<e_nosys, W, W, U>>(m, "fd_filestat_set_times"),
          row<refuse<e_spipe, U, U, W, U>>(m, "fd_pread"),
          row<fd_prestat_dir_name>(m, "fd_prestat_dir_name"),
          row<fd_prestat_get>(m, "fd_prestat_get"),
          row<refuse<e_spipe, U, U, W, U>>(m, "fd_pwrite"),
          row<fd_read>(m, "fd_read"),
          row<refuse<e_notdir, U, U, W, U>>(m, "fd_readdir"),
          row<refuse<e_nosys, U>>(m, "fd_renumber"),
          row<refuse<e_spipe, W, U, U>>(m, "fd_seek"),
          row<refuse<e_inval>>(m, "fd_sync"),
          row<refuse<e_spipe, U>>(m, "fd_tell"),
          row<fd_write>(m, "fd_write"),
          row<refuse<e_notdir, U, U>>(m, "path_create_directory"),
          row<refuse<e_notdir, U, U, U, U>>(m, "path_filestat_get"),
          row<refuse<e_notdir, U, U, U, W, W, U>>(m, "path_filestat_set_times"),
          row<refuse<e_notdir, U, U, U, U, U, U>>(m, "path_link"),
          row<refuse<e_notdir, U, U, U, U, W, W, U, U>>(m, "path_open"),
          row<refuse<e_notdir, U, U, U, U, U>>(m, "path_readlink"),
          row<refuse<e_notdir, U, U>>(m, "path_remove_directory"),
          row<refuse<e_notdir, U, U, U, U, U>>(m, "path_rename"),
          row<path_symlink>(m, "path_symlink"),
          row<refuse<e_notdir, U, U>>(m, "path_unlink_file"),
          row<refuse<e_notsock, U, U>>(m, "sock_accept"),
          row<refuse<e_notsock, U, U, U, U, U>>(m, "sock_recv"),
          row<refuse<e_notsock, U, U, U, U>>(m, "sock_send"),
          row<refuse<e_notsock, U>>(m, "sock_shutdown")};
}

}  // namespace zrun::abi
