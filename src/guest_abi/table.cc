// SPDX-License-Identifier: Apache-2.0
#include "guest_abi/table.h"

#include <algorithm>

#include "wasm/signature.h"

namespace guest_abi {
namespace {

using wasm::signature;
// The types of parameters; Ptr is an address in the guest's memory.
using I32 = std::int32_t;
using I64 = std::int64_t;
using Ptr = const void*;

constexpr std::string_view wasi = wasi_module, assemblyscript = assemblyscript_module;

constexpr Function table[] = {
    {"sys", "log", signature<I32(I32, Ptr, I32)>, "sys.log", false,
     "int32_t level, const void *text, int32_t bytes",
     "Writes one line to the space's log. level: 0 debug, 1 info, 2 warn, 3 error. Past the "
     "space's "
     "log budget lines are dropped and counted."},
    {"sys", "sleep", signature<I32(I32)>, "", true, "int32_t ms",
     "Parks the guest for `ms` milliseconds; 0 is a sys.yield. Messages wait meanwhile."},
    {"sys", "yield", signature<I32()>, "", true, "void",
     "Lets other spaces run, then goes on. Restarts the watchdog (R-DEC-21)."},
    {"sys", "self_emit", signature<I32(Ptr, I32, I32)>, "", false,
     "const void *data, int32_t bytes, int32_t delay_ms",
     "Puts a message into the space's own mailbox after `delay_ms`, flagged SAMOZA_SELF. "
     "SAMOZA_E_FULL when the mailbox or the 256 timers of the space are full. Lost with the "
     "instance."},
    {"sys", "trace", signature<I32(Ptr, I32, Ptr, I32)>, "", false,
     "const char *key, int32_t key_bytes, const char *value, int32_t value_bytes",
     "Adds an attribute to the span of the message in hand (docs/how-to/trace-messages.md). A key "
     "of "
     "1 to 64 bytes that does not begin with \"samoza.\", a value of up to 256, both UTF-8, else "
     "SAMOZA_E_INVALID; a key that is there gets the new value. SAMOZA_E_NOT_FOUND where the "
     "message "
     "is not traced, or there is none: nothing is wrong then. SAMOZA_E_FULL past 32 attributes."},
    {"net", "emit_to", signature<I32(Ptr, I32, Ptr, I32, I32)>, "", true,
     "const char *path, int32_t path_bytes, const void *data, int32_t bytes, int32_t timeout_ms",
     "Sends a message of up to 1 MiB along the named path. Waits while the receiver's mailbox or "
     "the "
     "queue towards it is full: timeout_ms 0 does not wait, -1 waits for ever; SAMOZA_E_FULL when "
     "the time ran out. SAMOZA_E_DENIED without a declared path of that name from this space."},
    {"net", "recv_next", signature<I32(Ptr, I32, Ptr, I32)>, "", true,
     "void *buffer, int32_t capacity, struct samoza_message *info, int32_t timeout_ms",
     "Takes the next message and finishes the one before it (docs/delivery.md). Gives its length; "
     "SAMOZA_E_TIMEOUT when none came in timeout_ms (0: let other spaces run "
     "once, then look again; -1: for ever); SAMOZA_E_TOO_SMALL leaves it where it is and writes "
     "its length to info: call again with a larger buffer, else it becomes a dead letter "
     "(docs/delivery.md). info may be NULL."},
    {"net", "reply", signature<I32(Ptr, I32)>, "", false, "const void *data, int32_t bytes",
     "Answers the message in hand, of up to 1 MiB, where it came from outside (SAMOZA_OUTSIDE) and "
     "its caller waits; in a transactional space the answer leaves with the turn "
     "(docs/delivery.md). SAMOZA_E_NOT_FOUND where nobody waits for an answer: nothing is wrong "
     "then. SAMOZA_E_INVALID for a second answer to one message, and past 1 MiB."},
    {"data", "put", signature<I32(Ptr, I32, Ptr, I32)>, "data.write", true,
     "const void *key, int32_t key_bytes, const void *value, int32_t value_bytes",
     "Stores a value under a key of 1 to 512 bytes; on disk (fsync) when it returns, in a "
     "transactional space with the turn (docs/delivery.md), as all of data.*. SAMOZA_E_FULL past "
     "limits.data of space.yaml, or 16 MiB in one turn; SAMOZA_E_IO while the disk of the zhost "
     "has no room or fails. Nothing is stored then, and a later call may succeed."},
    {"data", "put_many", signature<I32(Ptr, I32)>, "data.write", true,
     "const void *entries, int32_t bytes",
     "Stores many values in one transaction. entries: [u32 key bytes][u32 value bytes][key][value] "
     "one after the other, little-endian. All or none; on disk when it returns."},
    {"data", "get", signature<I32(Ptr, I32, Ptr, I32)>, "data.read", true,
     "const void *key, int32_t key_bytes, void *buffer, int32_t capacity",
     "Reads the value of a key and gives its length. SAMOZA_E_NOT_FOUND; SAMOZA_E_TOO_SMALL."},
    {"data", "list", signature<I32(Ptr, I32, Ptr, I32, Ptr, I32)>, "data.read", true,
     "const void *prefix, int32_t prefix_bytes, const void *after, int32_t after_bytes, void "
     "*buffer, "
     "int32_t capacity",
     "Keys that start with `prefix`, in byte order, beginning behind `after`: as many as fit, each "
     "as "
     "[u32 bytes][key]. Gives the bytes written; 0 at the end; SAMOZA_E_TOO_SMALL where not one "
     "fits."},
    {"data", "delete", signature<I32(Ptr, I32)>, "data.write", true,
     "const void *key, int32_t key_bytes",
     "Removes a key; SAMOZA_E_NOT_FOUND when there was none."},
    {"sensors", "subscribe", signature<I32(Ptr, I32)>, "sensors.subscribe", false,
     "const char *type, int32_t type_bytes",
     "Opens a sensor of this zhost by its type (\"machine\") and gives a handle."},
    {"sensors", "read", signature<I32(I32, Ptr, I32, I32)>, "sensors.subscribe", true,
     "int32_t handle, void *buffer, int32_t capacity, int32_t timeout_ms",
     "The next reading, as JSON; gives its length. SAMOZA_E_TIMEOUT when none came in timeout_ms "
     "(0 "
     "and -1 as in net.recv_next)."},
    {"sensors", "unsubscribe", signature<I32(I32)>, "sensors.subscribe", false, "int32_t handle",
     "Closes the handle."},
    {wasi, "args_get", signature<I32(Ptr, Ptr)>, "", false, "",
     "The space's name, and nothing more."},
    {wasi, "args_sizes_get", signature<I32(Ptr, Ptr)>, "", false, "", "Sizes for args_get."},
    {wasi, "clock_res_get", signature<I32(I32, Ptr)>, "", false, "",
     "1 ms for the realtime clock, 1 ns for the monotonic one."},
    {wasi, "clock_time_get", signature<I32(I32, I64, Ptr)>, "", false, "",
     "Realtime and monotonic clocks; EINVAL for others."},
    {wasi, "environ_get", signature<I32(Ptr, Ptr)>, "", false, "",
     "The space's `config` as NAME=value."},
    {wasi, "environ_sizes_get", signature<I32(Ptr, Ptr)>, "", false, "", "Sizes for environ_get."},
    {wasi, "fd_advise", signature<I32(I32, I64, I64, I32)>, "", false, "", "ESPIPE."},
    {wasi, "fd_allocate", signature<I32(I32, I64, I64)>, "", false, "", "ENOSYS."},
    {wasi, "fd_close", signature<I32(I32)>, "", false, "",
     "ENOSYS: standard input, output and error stay open."},
    {wasi, "fd_datasync", signature<I32(I32)>, "", false, "", "EINVAL."},
    {wasi, "fd_fdstat_get", signature<I32(I32, Ptr)>, "", false, "", "A character device."},
    {wasi, "fd_fdstat_set_flags", signature<I32(I32, I32)>, "", false, "",
     "Taken, and without effect: no write ever blocks."},
    {wasi, "fd_fdstat_set_rights", signature<I32(I32, I64, I64)>, "", false, "", "ENOSYS."},
    {wasi, "fd_filestat_get", signature<I32(I32, Ptr)>, "", false, "", "A character device."},
    {wasi, "fd_filestat_set_size", signature<I32(I32, I64)>, "", false, "", "EINVAL."},
    {wasi, "fd_filestat_set_times", signature<I32(I32, I64, I64, I32)>, "", false, "", "ENOSYS."},
    {wasi, "fd_pread", signature<I32(I32, Ptr, I32, I64, Ptr)>, "", false, "", "ESPIPE."},
    {wasi, "fd_prestat_dir_name", signature<I32(I32, Ptr, I32)>, "", false, "",
     "EBADF: nothing is preopened."},
    {wasi, "fd_prestat_get", signature<I32(I32, Ptr)>, "", false, "",
     "EBADF: nothing is preopened."},
    {wasi, "fd_pwrite", signature<I32(I32, Ptr, I32, I64, Ptr)>, "", false, "", "ESPIPE."},
    {wasi, "fd_read", signature<I32(I32, Ptr, I32, Ptr)>, "", false, "",
     "Standard input is at its end."},
    {wasi, "fd_readdir", signature<I32(I32, Ptr, I32, I64, Ptr)>, "", false, "", "ENOTDIR."},
    {wasi, "fd_renumber", signature<I32(I32, I32)>, "", false, "", "ENOSYS."},
    {wasi, "fd_seek", signature<I32(I32, I64, I32, Ptr)>, "", false, "", "ESPIPE."},
    {wasi, "fd_sync", signature<I32(I32)>, "", false, "", "EINVAL."},
    {wasi, "fd_tell", signature<I32(I32, Ptr)>, "", false, "", "ESPIPE."},
    {wasi, "fd_write", signature<I32(I32, Ptr, I32, Ptr)>, "", false, "",
     "Standard output (info) and error (error) go to the space's log, line by line; an unfinished "
     "line waits for its end, at most 4 KiB. One call takes up to 64 KiB and 64 lines and says how "
     "much it took. Without the capability sys.log it is dropped."},
    {wasi, "path_create_directory", signature<I32(I32, Ptr, I32)>, "", false, "", "ENOTDIR."},
    {wasi, "path_filestat_get", signature<I32(I32, I32, Ptr, I32, Ptr)>, "", false, "", "ENOTDIR."},
    {wasi, "path_filestat_set_times", signature<I32(I32, I32, Ptr, I32, I64, I64, I32)>, "", false,
     "", "ENOTDIR."},
    {wasi, "path_link", signature<I32(I32, I32, Ptr, I32, I32, Ptr, I32)>, "", false, "",
     "ENOTDIR."},
    {wasi, "path_open", signature<I32(I32, I32, Ptr, I32, I32, I64, I64, I32, Ptr)>, "", false, "",
     "ENOTDIR."},
    {wasi, "path_readlink", signature<I32(I32, Ptr, I32, Ptr, I32, Ptr)>, "", false, "",
     "ENOTDIR."},
    {wasi, "path_remove_directory", signature<I32(I32, Ptr, I32)>, "", false, "", "ENOTDIR."},
    {wasi, "path_rename", signature<I32(I32, Ptr, I32, I32, Ptr, I32)>, "", false, "", "ENOTDIR."},
    {wasi, "path_symlink", signature<I32(Ptr, I32, I32, Ptr, I32)>, "", false, "", "ENOTDIR."},
    {wasi, "path_unlink_file", signature<I32(I32, Ptr, I32)>, "", false, "", "ENOTDIR."},
    {wasi, "poll_oneoff", signature<I32(Ptr, Ptr, I32, Ptr)>, "", true, "",
     "Waits for the first of up to 256 subscriptions and reports all that are due: clocks, from "
     "now or at a time; standard output and error, always ready; standard input, at its end. May "
     "park the guest."},
    {wasi, "proc_exit", signature<void(I32)>, "", false, "", "Ends the instance with that code."},
    {wasi, "proc_raise", signature<I32(I32)>, "", false, "", "ENOSYS."},
    {wasi, "random_get", signature<I32(Ptr, I32)>, "", false, "",
     "Random bytes, up to 1 MiB a call."},
    {wasi, "sched_yield", signature<I32()>, "", true, "", "Same as sys.yield."},
    {wasi, "sock_accept", signature<I32(I32, I32, Ptr)>, "", false, "", "ENOTSOCK."},
    {wasi, "sock_recv", signature<I32(I32, Ptr, I32, I32, Ptr, Ptr)>, "", false, "", "ENOTSOCK."},
    {wasi, "sock_send", signature<I32(I32, Ptr, I32, I32, Ptr)>, "", false, "", "ENOTSOCK."},
    {wasi, "sock_shutdown", signature<I32(I32, I32)>, "", false, "", "ENOTSOCK."},
    {assemblyscript, "abort", signature<void(Ptr, Ptr, I32, I32)>, "", false, "",
     "Ends the instance; its message and place are the reason that the space fails with."},
    {assemblyscript, "seed", signature<double()>, "", false, "", "A seed of Math.random."},
    {assemblyscript, "trace", signature<void(Ptr, I32, double, double, double, double, double)>, "",
     false, "", "A message and up to five numbers, to the space's log."},
    {assemblyscript, "Date.now", signature<double()>, "", false, "", "Milliseconds since 1970."},
    {assemblyscript, "console.debug", signature<void(Ptr)>, "", false, "",
     "To the space's log, as debug."},
    {assemblyscript, "console.log", signature<void(Ptr)>, "", false, "", "As info."},
    {assemblyscript, "console.info", signature<void(Ptr)>, "", false, "", "As info."},
    {assemblyscript, "console.warn", signature<void(Ptr)>, "", false, "", "As warn."},
    {assemblyscript, "console.error", signature<void(Ptr)>, "", false, "", "As error."},
};

constexpr Hook hook_table[] = {
    {"on_init", false,
     "Runs once before anything else. Non-zero, or longer than "
     "runtime.budgets.on_init_deadline_ms, "
     "fails the space. Messaging works already; other spaces may not be there yet."},
    {"on_process", true,
     "Called again and again: when a message waits, and after a pause, which is 10 ms behind a "
     "call "
     "that took a message and then doubles with each call that takes none, up to 1 s. With `idle: "
     "wait` in space.yaml it is called when a message waits and never else, not even at the start. "
     "Returning 0 goes on and finishes the message taken; non-zero stops the space. It may also "
     "loop for ever around net.recv_next. Without a host call that gives way (sys.yield, "
     "sys.sleep, "
     "net.recv_next, or one that waits) it may use runtime.budgets.on_process_watchdog_ms of its "
     "zrun's time."},
    {"on_close", false,
     "Runs once when the space is stopped; its result is logged. A guest that is in the middle of "
     "on_process then is asked to return first: the first net.recv_next, sys.sleep, net.emit_to or "
     "sensors.read that waits or would wait gives SAMOZA_E_CLOSED at once, and net.recv_next gives "
     "no message any more. Both together have runtime.budgets.on_close_deadline_ms. A guest "
     "without "
     "on_close is ended where it is."},
};

}  // namespace

std::span<const Function> functions() {
  return table;
}

const Function* find_function(std::string_view module, std::string_view name) {
  const auto all = functions();
  const auto at = std::find_if(all.begin(), all.end(), [&](const Function& f) {
    return f.module == module && f.name == name;
  });
  return at == all.end() ? nullptr : &*at;
}

std::span<const Hook> hooks() {
  return hook_table;
}

}  // namespace guest_abi
