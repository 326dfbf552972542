// SPDX-License-Identifier: Apache-2.0
// WASI preview 1: arguments, environment, clocks, random bytes, waiting. Descriptors, of which
// there are three, are in wasi_descriptors.cc.
#include "zrun/abi/wasi.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "zrun/abi/functions.h"

namespace zrun::abi {
namespace {

using ports::HostCall;
using ports::HostResult;
using namespace wasi;

constexpr std::uint32_t clock_realtime = 0, clock_monotonic = 1;
constexpr std::uint64_t random_bytes_max = 1u << 20;

// --- arguments and environment ---

// Texts with their NULs from `at` on, their addresses from `entry` on.
class TextList {
 public:
  TextList(const HostCall& call, std::uint32_t entry, std::uint32_t at)
      : call_(call), entry_(entry), at_(at) {}
  bool add(const std::string& text) {
    const auto span = GuestSpan::at(call_.memory, at_, text.size() + 1, 0xffffffffu);
    if (!span || !store(call_, entry_, at_)) return false;
    span->write(text.c_str(), text.size() + 1);
    entry_ += 4;
    at_ += static_cast<std::uint32_t>(text.size() + 1);
    return true;
  }

 private:
  const HostCall& call_;
  std::uint32_t entry_, at_;
};

I32 args_sizes_get(Space& space, const HostCall& call, std::uint32_t count, std::uint32_t bytes) {
  const auto size = static_cast<std::uint32_t>(space.spec().name.size() + 1);
  return ok_if(store<std::uint32_t>(call, count, 1) && store(call, bytes, size));
}

I32 args_get(Space& space, const HostCall& call, std::uint32_t entries, std::uint32_t texts) {
  return ok_if(TextList(call, entries, texts).add(space.spec().name));
}

I32 environ_sizes_get(Space& space, const HostCall& call, std::uint32_t count_at,
                      std::uint32_t bytes_at) {
  std::uint32_t count = 0, bytes = 0;
  for (const auto& [name, value] : space.spec().config) {
    ++count;
    bytes += static_cast<std::uint32_t>(name.size() + value.size() + 2);
  }
  return ok_if(store(call, count_at, count) && store(call, bytes_at, bytes));
}

I32 environ_get(Space& space, const HostCall& call, std::uint32_t entries, std::uint32_t texts) {
  TextList list(call, entries, texts);
  for (const auto& [name, value] : space.spec().config)
    if (!list.add(name + "=" + value)) return answer(e_fault);
  return answer(ok);
}

// --- clocks and random bytes ---

// In ns; none for a clock that is not offered.
std::optional<std::uint64_t> time_of(Space& space, std::uint32_t id) {
  auto& clock = space.runtime().clock;
  if (id == clock_realtime)
    return static_cast<std::uint64_t>(clock.wall().time_since_epoch().count()) * 1'000'000;
  if (id == clock_monotonic)
    return static_cast<std::uint64_t>(clock.now().time_since_epoch().count());
  return std::nullopt;
}

I32 clock_res_get(Space&, const HostCall& call, std::uint32_t id, std::uint32_t at) {
  if (id != clock_realtime && id != clock_monotonic) return answer(e_inval);
  return ok_if(store<std::uint64_t>(call, at, id == clock_realtime ? 1'000'000 : 1));
}

I32 clock_time_get(Space& space, const HostCall& call, std::uint32_t id, std::uint64_t,
                   std::uint32_t at) {
  const auto ns = time_of(space, id);
  return ns ? ok_if(store(call, at, *ns)) : answer(e_inval);
}

I32 random_get(Space& space, const HostCall& call, std::uint32_t at, std::uint32_t bytes) {
  if (bytes > random_bytes_max && std::uint64_t{at} + bytes <= call.memory.bytes)
    return answer(e_inval);
  const auto span = GuestSpan::at(call.memory, at, bytes, random_bytes_max);
  if (!span) return answer(e_fault);
  for (std::size_t at_byte = 0; at_byte < span->size(); at_byte += sizeof(std::uint64_t)) {
    const auto word = space.runtime().random.next();
    span->write_at(at_byte, &word, std::min(sizeof word, span->size() - at_byte));
  }
  return answer(ok);
}

// --- poll_oneoff ---

constexpr std::size_t subscription_bytes = 48, event_bytes = 32, subscriptions_max = 256;
constexpr std::uint8_t of_clock = 0, of_read = 1, of_write = 2;

// User data at 0, its kind at 8; a clock at 16 with its time in ns at 24 and flags at 40 (1: the
// time is one of the clock, not from now); or a descriptor at 16.
struct Subscription {
  std::uint64_t user_data = 0, ns = 0;
  std::uint8_t kind = 0;
  std::uint32_t id = 0;  // of the clock, or the descriptor
  std::uint16_t flags = 0;

  explicit Subscription(stdx::BytesView bytes) {
    std::memcpy(&user_data, bytes.data(), sizeof user_data);
    std::memcpy(&kind, bytes.data() + 8, sizeof kind);
    std::memcpy(&id, bytes.data() + 16, sizeof id);
    std::memcpy(&ns, bytes.data() + 24, sizeof ns);
    std::memcpy(&flags, bytes.data() + 40, sizeof flags);
  }

  // What the event says is wrong.
  std::int32_t error() const {
    if (kind == of_clock) return id == clock_realtime || id == clock_monotonic ? ok : e_inval;
    if (kind == of_read) return id == standard_in ? ok : e_badf;
    if (kind == of_write) return id == standard_out || id == standard_error ? ok : e_badf;
    return e_inval;
  }

  // How long it is until it is due, asked for at `began` of the monotonic clock.
  std::uint64_t ns_left(Space& space, std::uint64_t began) const {
    if (kind != of_clock || error() != ok) return 0;
    const bool at_a_time = (flags & 1) != 0;
    const auto now = *time_of(space, at_a_time ? id : clock_monotonic);
    const auto due = at_a_time ? ns
                     : ns > std::numeric_limits<std::uint64_t>::max() - began
                         ? std::numeric_limits<std::uint64_t>::max()
                         : began + ns;
    return due > now ? due - now : 0;
  }

  void write_event(const GuestSpan& events, std::size_t index) const {
    char out[event_bytes] = {};
    const auto wrong = static_cast<std::uint16_t>(error());
    const std::uint64_t room = kind == of_write ? 64u << 10 : 0;
    const std::uint16_t hung_up = kind == of_read ? 1 : 0;
    std::memcpy(out, &user_data, sizeof user_data);
    std::memcpy(out + 8, &wrong, sizeof wrong);
    std::memcpy(out + 10, &kind, sizeof kind);
    std::memcpy(out + 16, &room, sizeof room);
    std::memcpy(out + 24, &hung_up, sizeof hung_up);
    events.write_at(index * event_bytes, out, sizeof out);
  }
};

struct Due {
  std::uint64_t first_ns = std::numeric_limits<std::uint64_t>::max();
  std::size_t first = 0;
  std::vector<std::size_t> now;
};

Due find_due(Space& space, const std::vector<Subscription>& all, std::uint64_t began) {
  Due due;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto ns = all[i].ns_left(space, began);
    if (ns == 0) due.now.push_back(i);
    if (ns < due.first_ns) {
      due.first_ns = ns;
      due.first = i;
    }
  }
  return due;
}

void park_for(Space& space, std::uint64_t ns) {
  const auto ms = ns / 1'000'000 + (ns % 1'000'000 != 0);
  if (ms == 0)
    space.park(Space::Wait::yield, -1);
  else
    space.park(Space::Wait::sleep, static_cast<std::int32_t>(std::min<std::uint64_t>(
                                       ms, std::numeric_limits<std::int32_t>::max())));
}

// It gives way once, also where something is due already: a guest may poll in a loop.
I32 poll_oneoff(Space& space, const HostCall& call, std::uint32_t in, std::uint32_t out,
                std::uint32_t count, std::uint32_t count_at) {
  if (count < 1 || count > subscriptions_max) return answer(e_inval);
  const auto bytes = GuestSpan::at(call.memory, in, count * subscription_bytes, 0xffffffffu);
  const auto events = GuestSpan::at(call.memory, out, count * event_bytes, 0xffffffffu);
  if (!bytes || !events || !store<std::uint32_t>(call, count_at, 0)) return answer(e_fault);
  std::vector<Subscription> all;
  for (std::size_t i = 0; i < count; ++i)
    all.emplace_back(bytes->view().substr(i * subscription_bytes, subscription_bytes));
  // When it was asked stays in the guest's own events while it waits.
  auto began = *time_of(space, clock_monotonic);
  if (call.again) std::memcpy(&began, events->view().data(), sizeof began);
  auto due = find_due(space, all, began);
  if (due.now.empty() && space.asked_to_return()) due.now = {due.first};
  if (!call.again || due.now.empty()) {
    events->write_at(0, &began, sizeof began);
    const bool waits_on =
        call.again && space.waiting() == Space::Wait::sleep && !space.deadline_passed();
    if (!waits_on) park_for(space, due.now.empty() ? due.first_ns : 0);
    return HostResult::wait();
  }
  space.unpark();
  for (std::size_t i = 0; i < due.now.size(); ++i) all[due.now[i]].write_event(*events, i);
  return ok_if(store(call, count_at, static_cast<std::uint32_t>(due.now.size())));
}

// --- the end, and giving way ---

Answer<void> proc_exit(Space&, const HostCall&, std::int32_t code) {
  return HostResult::exit(code);
}

I32 proc_raise(Space&, const HostCall&, std::int32_t) {
  return answer(e_nosys);
}

I32 sched_yield(Space& space, const HostCall& call) {
  if (!call.again) {
    space.park(Space::Wait::yield, -1);
    return HostResult::wait();
  }
  space.unpark();
  return answer(ok);
}

}  // namespace

std::vector<Row> wasi_rows() {
  constexpr const char* m = "wasi_snapshot_preview1";
  return {row<args_get>(m, "args_get"),           row<args_sizes_get>(m, "args_sizes_get"),
          row<clock_res_get>(m, "clock_res_get"), row<clock_time_get>(m, "clock_time_get"),
          row<environ_get>(m, "environ_get"),     row<environ_sizes_get>(m, "environ_sizes_get"),
          row<poll_oneoff>(m, "poll_oneoff"),     row<proc_exit>(m, "proc_exit"),
          row<proc_raise>(m, "proc_raise"),       row<random_get>(m, "random_get"),
          row<sched_yield>(m, "sched_yield")};
}

}  // namespace zrun::abi
