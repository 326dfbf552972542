// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "zrun/abi/functions.h"
#include "zrun/abi/guest_span.h"
#include "zrun/space.h"

namespace zrun::abi {
namespace {

using ports::DataWrite;
using ports::HostCall;
using ports::HostResult;
using ports::SpaceData;

constexpr std::size_t batch_bytes_max = 4u << 20;
constexpr std::size_t list_bytes_max = 1u << 20;

std::int32_t code_of(const stdx::Error& error) {
  switch (error.code) {
    case stdx::Code::invalid:
      return guest_abi::e_invalid;
    case stdx::Code::stale:
      return guest_abi::e_denied;
    case stdx::Code::full:
      return guest_abi::e_full;
    default:
      return guest_abi::e_io;
  }
}

// A part of the guest's memory as it named it; looked up anew at each asking.
struct Place {
  std::uint32_t at, bytes;
  std::optional<GuestSpan> in(const HostCall& call, std::uint64_t bytes_max = 0xffffffffu) const {
    return GuestSpan::at(call.memory, at, bytes, bytes_max);
  }
};

std::optional<stdx::Bytes> key_of(const HostCall& call, Place key) {
  const auto span = key.in(call, SpaceData::key_bytes_max);
  if (!span || span->size() == 0) return std::nullopt;
  return stdx::Bytes(span->view());
}

// The answer of the store, once it is there: copied to the guest, whose memory is looked up anew.
HostResult answer(Space& space, const HostCall& call, std::optional<Place> place) {
  if (!space.data_call || !space.data_call->ready) return HostResult::wait();
  const auto done = std::exchange(space.data_call, nullptr);
  space.unpark();
  if (done->result < 0 || !place) return HostResult::done(done->result);
  const auto buffer = place->in(call);
  if (!buffer) return HostResult::done(guest_abi::e_invalid);
  if (done->bytes.size() > buffer->size()) return HostResult::done(guest_abi::e_too_small);
  buffer->write(done->bytes.data(), done->bytes.size());
  return HostResult::done(static_cast<std::int32_t>(done->bytes.size()));
}

// Parks the guest until the store answered. The answer of a call whose instance is gone finds its
// record forgotten by the space and touches nothing.
template <typename T, typename Fill>
SpaceData::Done<T> ask(Space& space, Fill fill) {
  auto record = std::make_shared<Space::DataCall>();
  space.data_call = record;
  space.park(Space::Wait::data, -1);
  return [&space, weak = std::weak_ptr<Space::DataCall>(record), fill](stdx::Result<T> result) {
    const auto call = weak.lock();
    if (!call) return;
    space.note_store(result ? stdx::Status() : std::unexpected(result.error()));
    if (result)
      fill(*call, *result);
    else
      call->result = code_of(result.error());
    call->ready = true;
    space.wake(Space::Wait::data);
  };
}

// On disk before the guest goes on; in a transactional space with the turn.
HostResult commit(Space& space, std::vector<DataWrite> writes, bool wants_presence) {
  if (auto* turn = space.turn())
    return HostResult::done(turn->write(std::move(writes)) ? 0 : guest_abi::e_full);
  space.data()->commit({std::move(writes), {}},
                       ask<std::size_t>(space, [wants_presence](auto& call, std::size_t present) {
                         call.result = wants_presence && present == 0 ? guest_abi::e_not_found : 0;
                       }));
  return HostResult::wait();
}

// The store alone does not know what the turn has done before.
HostResult remove_in_turn(Space& space, Turn& turn, stdx::Bytes key) {
  if (const auto* known = turn.look(key)) {
    if (!*known) return HostResult::done(guest_abi::e_not_found);
    return commit(space, {{std::move(key), std::nullopt}}, true);
  }
  space.data()->get(key, ask<std::optional<stdx::Bytes>>(
                             space, [&turn, key](auto& record, std::optional<stdx::Bytes>& value) {
                               record.result = !value ? guest_abi::e_not_found
                                               : turn.write({{key, std::nullopt}})
                                                   ? 0
                                                   : guest_abi::e_full;
                             }));
  return HostResult::wait();
}

I32 put(Space& space, const HostCall& call, std::uint32_t key_at, std::uint32_t key_bytes,
        std::uint32_t value_at, std::uint32_t value_bytes) {
  if (call.again) return answer(space, call, std::nullopt);
  if (space.data() == nullptr) return HostResult::done(guest_abi::e_unavailable);
  auto key = key_of(call, {key_at, key_bytes});
  const auto value = Place{value_at, value_bytes}.in(call, SpaceData::value_bytes_max);
  if (!key || !value) return HostResult::done(guest_abi::e_invalid);
  return commit(space, {{std::move(*key), stdx::Bytes(value->view())}}, false);
}

std::optional<std::vector<DataWrite>> parse_entries(stdx::BytesView bytes) {
  std::vector<DataWrite> writes;
  while (!bytes.empty()) {
    std::uint32_t lengths[2];
    if (bytes.size() < sizeof lengths) return std::nullopt;
    std::memcpy(lengths, bytes.data(), sizeof lengths);
    bytes.remove_prefix(sizeof lengths);
    const std::uint64_t n = std::uint64_t{lengths[0]} + lengths[1];
    if (lengths[0] == 0 || lengths[0] > SpaceData::key_bytes_max ||
        lengths[1] > SpaceData::value_bytes_max || n > bytes.size())
      return std::nullopt;
    writes.push_back({stdx::Bytes(bytes.substr(0, lengths[0])),
                      stdx::Bytes(bytes.substr(lengths[0], lengths[1]))});
    bytes.remove_prefix(n);
  }
  return writes;
}

I32 put_many(Space& space, const HostCall& call, std::uint32_t at, std::uint32_t bytes) {
  if (call.again) return answer(space, call, std::nullopt);
  if (space.data() == nullptr) return HostResult::done(guest_abi::e_unavailable);
  const auto entries = Place{at, bytes}.in(call, batch_bytes_max);
  if (!entries) return HostResult::done(guest_abi::e_invalid);
  auto writes = parse_entries(entries->view());
  if (!writes) return HostResult::done(guest_abi::e_invalid);
  return commit(space, std::move(*writes), false);
}

I32 remove(Space& space, const HostCall& call, std::uint32_t key_at, std::uint32_t key_bytes) {
  if (call.again) return answer(space, call, std::nullopt);
  if (space.data() == nullptr) return HostResult::done(guest_abi::e_unavailable);
  auto key = key_of(call, {key_at, key_bytes});
  if (!key) return HostResult::done(guest_abi::e_invalid);
  if (auto* turn = space.turn()) return remove_in_turn(space, *turn, std::move(*key));
  return commit(space, {{std::move(*key), std::nullopt}}, true);
}

// A value of the present turn.
HostResult give(const GuestSpan& buffer, const std::optional<stdx::Bytes>& value) {
  if (!value) return HostResult::done(guest_abi::e_not_found);
  if (value->size() > buffer.size()) return HostResult::done(guest_abi::e_too_small);
  buffer.write(value->data(), value->size());
  return HostResult::done(static_cast<std::int32_t>(value->size()));
}

I32 get(Space& space, const HostCall& call, std::uint32_t key_at, std::uint32_t key_bytes,
        std::uint32_t at, std::uint32_t capacity) {
  const Place place{at, capacity};
  if (call.again) return answer(space, call, place);
  if (space.data() == nullptr) return HostResult::done(guest_abi::e_unavailable);
  auto key = key_of(call, {key_at, key_bytes});
  const auto buffer = place.in(call);
  if (!key || !buffer) return HostResult::done(guest_abi::e_invalid);
  if (auto* turn = space.turn())
    if (const auto* known = turn->look(*key)) return give(*buffer, *known);
  space.data()->get(
      std::move(*key),
      ask<std::optional<stdx::Bytes>>(space, [](auto& record, std::optional<stdx::Bytes>& value) {
        if (value)
          record.bytes = std::move(*value);
        else
          record.result = guest_abi::e_not_found;
      }));
  return HostResult::wait();
}

void put_keys(Space::DataCall& record, const std::vector<stdx::Bytes>& keys,
              std::size_t bytes_max) {
  for (const auto& key : keys) {
    const auto n = static_cast<std::uint32_t>(key.size());
    if (record.bytes.size() + sizeof n + key.size() > bytes_max) {
      // 0 would say that there are no more.
      if (record.bytes.empty()) record.result = guest_abi::e_too_small;
      return;
    }
    record.bytes.append(reinterpret_cast<const char*>(&n), sizeof n);
    record.bytes += key;
  }
}

// The keys of the store with what the turn has done to them. A page of the store of which the turn
// has deleted everything says nothing yet: the next one is asked for.
struct ListInTurn {
  Space& space;
  stdx::Bytes prefix, after;
  std::size_t bytes_max;

  void ask_store(std::weak_ptr<Space::DataCall> record, const stdx::Bytes& from) {
    space.data()->list(prefix, from, list_bytes_max,
                       [list = *this, record](stdx::Result<std::vector<stdx::Bytes>> keys) mutable {
                         if (const auto call = record.lock()) list.take(call, std::move(keys));
                       });
  }
  void take(const std::shared_ptr<Space::DataCall>& record,
            stdx::Result<std::vector<stdx::Bytes>> keys) {
    if (keys) {
      const auto merged = space.turn()->merged_keys(prefix, after, *keys, keys->empty());
      if (merged.empty() && !keys->empty()) {
        after = keys->back();
        return ask_store(record, after);
      }
      put_keys(*record, merged, bytes_max);
    } else {
      record->result = code_of(keys.error());
    }
    record->ready = true;
    space.wake(Space::Wait::data);
  }
};

I32 list(Space& space, const HostCall& call, std::uint32_t prefix_at, std::uint32_t prefix_bytes,
         std::uint32_t after_at, std::uint32_t after_bytes, std::uint32_t at,
         std::uint32_t capacity) {
  const Place place{at, capacity};
  if (call.again) return answer(space, call, place);
  if (space.data() == nullptr) return HostResult::done(guest_abi::e_unavailable);
  const auto prefix = Place{prefix_at, prefix_bytes}.in(call, SpaceData::key_bytes_max);
  const auto after = Place{after_at, after_bytes}.in(call, SpaceData::key_bytes_max);
  const auto buffer = place.in(call);
  if (!prefix || !after || !buffer) return HostResult::done(guest_abi::e_invalid);
  const auto bytes_max = std::min(buffer->size(), list_bytes_max);
  if (space.turn() != nullptr) {
    space.data_call = std::make_shared<Space::DataCall>();
    space.park(Space::Wait::data, -1);
    ListInTurn{space, stdx::Bytes(prefix->view()), stdx::Bytes(after->view()), bytes_max}.ask_store(
        space.data_call, stdx::Bytes(after->view()));
    return HostResult::wait();
  }
  space.data()->list(stdx::Bytes(prefix->view()), stdx::Bytes(after->view()), bytes_max,
                     ask<std::vector<stdx::Bytes>>(
                         space, [bytes_max](auto& record, std::vector<stdx::Bytes>& keys) {
                           put_keys(record, keys, bytes_max);
                         }));
  return HostResult::wait();
}

}  // namespace

std::vector<Row> data_rows() {
  return {row<put>("data", "put"), row<put_many>("data", "put_many"), row<get>("data", "get"),
          row<list>("data", "list"), row<remove>("data", "delete")};
}

}  // namespace zrun::abi
