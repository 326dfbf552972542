// SPDX-License-Identifier: Apache-2.0
// WASI preview 1, as little as ordinary toolchains need, deny by default: no files, no sockets, no
// arguments. Numbers are those of the preview.
#include <algorithm>
#include <cstring>
#include <optional>

#include "zrun/abi/functions.h"
#include "zrun/abi/guest_span.h"
#include "zrun/space.h"

namespace zrun::abi {
namespace {

using ports::HostCall;
using ports::HostResult;

constexpr std::int32_t ok = 0, e_badf = 8, e_fault = 21, e_inval = 28;
constexpr std::int32_t clock_realtime = 0, clock_monotonic = 1;

Space& space_of(void* context) {
  return *static_cast<Space*>(context);
}

template <typename T>
bool store(const HostCall& call, std::uint64_t pointer, T value) {
  const auto span = GuestSpan::at(call.memory, pointer, sizeof value, sizeof value);
  if (span) span->write(&value, sizeof value);
  return span.has_value();
}

HostResult bad_descriptor(void*, const HostCall&) {
  return HostResult::done(e_badf);
}

HostResult args_sizes_get(void*, const HostCall& call) {
  const bool good =
      store<std::uint32_t>(call, call.args[0], 0) && store<std::uint32_t>(call, call.args[1], 0);
  return HostResult::done(good ? ok : e_fault);
}
HostResult args_get(void*, const HostCall&) {
  return HostResult::done(ok);
}

HostResult environ_sizes_get(void* context, const HostCall& call) {
  std::uint32_t count = 0, bytes = 0;
  for (const auto& [name, value] : space_of(context).spec().config) {
    ++count;
    bytes += static_cast<std::uint32_t>(name.size() + value.size() + 2);
  }
  const bool good = store(call, call.args[0], count) && store(call, call.args[1], bytes);
  return HostResult::done(good ? ok : e_fault);
}

HostResult environ_get(void* context, const HostCall& call) {
  std::uint64_t entry = call.args[0];
  auto at = static_cast<std::uint32_t>(call.args[1]);
  for (const auto& [name, value] : space_of(context).spec().config) {
    const auto text = name + "=" + value;
    const auto span = GuestSpan::at(call.memory, at, text.size() + 1, 0xffffffffu);
    if (!span || !store<std::uint32_t>(call, entry, at)) return HostResult::done(e_fault);
    span->write(text.c_str(), text.size() + 1);
    entry += 4;
    at += static_cast<std::uint32_t>(text.size() + 1);
  }
  return HostResult::done(ok);
}

// In ns; none for a clock that is not offered.
std::optional<std::uint64_t> time_of(Space& space, std::int32_t id) {
  auto& clock = space.runtime().clock;
  if (id == clock_realtime)
    return static_cast<std::uint64_t>(clock.wall().time_since_epoch().count()) * 1'000'000;
  if (id == clock_monotonic)
    return static_cast<std::uint64_t>(clock.now().time_since_epoch().count());
  return std::nullopt;
}

HostResult clock_time_get(void* context, const HostCall& call) {
  const auto ns = time_of(space_of(context), i32(call.args[0]));
  if (!ns) return HostResult::done(e_inval);
  return HostResult::done(store(call, call.args[2], *ns) ? ok : e_fault);
}

HostResult random_get(void* context, const HostCall& call) {
  const auto span = GuestSpan::at(call.memory, call.args[0], call.args[1], 64u << 10);
  if (!span) return HostResult::done(e_fault);
  stdx::Bytes bytes;
  while (bytes.size() < span->size()) {
    const auto word = space_of(context).runtime().random.next();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  span->write(bytes.data(), span->size());
  return HostResult::done(ok);
}

HostResult fd_write(void* context, const HostCall& call) {
  const auto fd = i32(call.args[0]);
  if (fd != 1 && fd != 2) return HostResult::done(e_badf);
  const auto count = call.args[2] & 0xffffffffu;
  if (count > 64) return HostResult::done(e_inval);
  stdx::Bytes text;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto vector = GuestSpan::at(call.memory, call.args[1] + 8 * i, 8, 8);
    if (!vector) return HostResult::done(e_fault);
    std::uint32_t part[2];
    std::memcpy(part, vector->view().data(), sizeof part);
    const auto bytes = GuestSpan::at(call.memory, part[0], part[1], 64u << 10);
    if (!bytes) return HostResult::done(e_fault);
    text += bytes->view();
  }
  const auto written = static_cast<std::uint32_t>(text.size());
  while (!text.empty() && text.back() == '\n') text.pop_back();
  // Printing needs the capability that sys.log needs.
  const auto& capabilities = space_of(context).spec().capabilities;
  if (!text.empty() &&
      std::find(capabilities.begin(), capabilities.end(), "sys.log") != capabilities.end())
    space_of(context).write_log(fd == 1 ? 1 : 3, text);
  return HostResult::done(store(call, call.args[3], written) ? ok : e_fault);
}

HostResult fd_fdstat_get(void*, const HostCall& call) {
  const auto fd = i32(call.args[0]);
  if (fd < 0 || fd > 2) return HostResult::done(e_badf);
  // A character device that can be written: 24 bytes, file type 2.
  const auto span = GuestSpan::at(call.memory, call.args[1], 24, 24);
  if (!span) return HostResult::done(e_fault);
  const char stat[24] = {2};
  span->write(stat, sizeof stat);
  return HostResult::done(ok);
}

// A subscription has 48 bytes: user data, its kind at 8 (0: clock), the clock at 16, the time in ns
// at 24, flags at 40 (1: the time is one of the clock, not from now).
struct ClockSubscription {
  std::size_t index;
  std::uint64_t ns;  // from now
};

std::optional<std::uint64_t> ns_from_now(Space& space, stdx::BytesView subscription) {
  std::uint32_t id = 0;
  std::uint64_t ns = 0;
  std::uint16_t flags = 0;
  std::memcpy(&id, subscription.data() + 16, sizeof id);
  std::memcpy(&ns, subscription.data() + 24, sizeof ns);
  std::memcpy(&flags, subscription.data() + 40, sizeof flags);
  if ((flags & 1) == 0) return ns;
  const auto now = time_of(space, static_cast<std::int32_t>(id));
  if (!now) return std::nullopt;
  return ns > *now ? ns - *now : 0;
}

// The one that is due first; none where there is no clock among them.
std::optional<ClockSubscription> first_due(Space& space, const GuestSpan& subscriptions,
                                           std::size_t count) {
  std::optional<ClockSubscription> first;
  for (std::size_t i = 0; i < count; ++i) {
    const auto subscription = subscriptions.view().substr(i * 48, 48);
    if (subscription[8] != 0) continue;
    const auto ns = ns_from_now(space, subscription);
    if (ns && (!first || *ns < first->ns)) first = ClockSubscription{i, *ns};
  }
  return first;
}

HostResult poll_oneoff(void* context, const HostCall& call) {
  auto& space = space_of(context);
  constexpr std::uint64_t subscriptions_max = 64;
  const auto count = call.args[2] & 0xffffffffu;
  if (count < 1 || count > subscriptions_max) return HostResult::done(e_inval);
  const auto all = GuestSpan::at(call.memory, call.args[0], count * 48, count * 48);
  if (!all) return HostResult::done(e_fault);
  const auto event = GuestSpan::at(call.memory, call.args[1], 32, 32);
  if (!event) return HostResult::done(e_fault);
  if (!call.again) {
    const auto first = first_due(space, *all, count);
    if (!first) return HostResult::done(e_inval);
    // Which one it is stays in the guest's own event while it waits.
    char out[32] = {};
    std::memcpy(out, all->view().data() + first->index * 48, 8);  // user data
    event->write(out, sizeof out);
    const auto whole = first->ns / 1'000'000 + (first->ns % 1'000'000 != 0);
    const auto ms = std::min<std::uint64_t>(whole, 0x7fffffff);
    space.park(Space::Wait::sleep, static_cast<std::int32_t>(ms));
    if (!space.asked_to_return()) return HostResult::wait();
  }
  if (!space.deadline_passed() && !space.asked_to_return()) return HostResult::wait();
  space.unpark();
  return HostResult::done(store<std::uint32_t>(call, call.args[3], 1) ? ok : e_fault);
}

HostResult proc_exit(void*, const HostCall& call) {
  return HostResult::exit(i32(call.args[0]));
}

HostResult sched_yield(void* context, const HostCall& call) {
  auto& space = space_of(context);
  if (!call.again) {
    space.park(Space::Wait::yield, -1);
    return HostResult::wait();
  }
  space.unpark();
  return HostResult::done(ok);
}

}  // namespace

std::vector<Row> wasi_rows() {
  constexpr const char* m = "wasi_snapshot_preview1";
  return {{m, "args_get", args_get},
          {m, "args_sizes_get", args_sizes_get},
          {m, "clock_time_get", clock_time_get},
          {m, "environ_get", environ_get},
          {m, "environ_sizes_get", environ_sizes_get},
          {m, "fd_close", bad_descriptor},
          {m, "fd_fdstat_get", fd_fdstat_get},
          {m, "fd_prestat_dir_name", bad_descriptor},
          {m, "fd_prestat_get", bad_descriptor},
          {m, "fd_seek", bad_descriptor},
          {m, "fd_write", fd_write},
          {m, "poll_oneoff", poll_oneoff},
          {m, "proc_exit", proc_exit},
          {m, "random_get", random_get},
          {m, "sched_yield", sched_yield}};
}

}  // namespace zrun::abi
