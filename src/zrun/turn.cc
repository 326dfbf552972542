// SPDX-License-Identifier: Apache-2.0
#include "zrun/turn.h"

#include <algorithm>

namespace zrun {

bool Turn::write(std::vector<ports::DataWrite> writes) {
  std::size_t bytes = 0;
  for (const auto& write : writes)
    bytes += write_overhead + write.key.size() + (write.value ? write.value->size() : 0);
  if (data_bytes_ + bytes > data_bytes_max) return false;
  // What overwrites counts too: the bound is on work, and simple.
  data_bytes_ += bytes;
  for (auto& write : writes) writes_[std::move(write.key)] = std::move(write.value);
  return true;
}

const std::optional<stdx::Bytes>* Turn::look(const stdx::Bytes& key) const {
  const auto at = writes_.find(key);
  return at == writes_.end() ? nullptr : &at->second;
}

std::vector<stdx::Bytes> Turn::merged_keys(stdx::BytesView prefix, stdx::BytesView after,
                                           const std::vector<stdx::Bytes>& stored,
                                           bool complete) const {
  std::vector<stdx::Bytes> keys;
  for (const auto& key : stored) {
    const auto* known = look(key);
    if (known == nullptr || *known) keys.push_back(key);
  }
  for (auto at = writes_.lower_bound(stdx::Bytes(prefix));
       at != writes_.end() && at->first.starts_with(prefix); ++at) {
    const auto& key = at->first;
    if (!at->second || (!after.empty() && key <= after)) continue;
    if (!complete && (stored.empty() || key > stored.back())) break;
    keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

void Turn::emit(std::uint16_t path, MessagePtr message) {
  auto& load = emitted_[path];
  ++load.messages;
  load.bytes += message->payload.size();
  emits_.push_back({path, std::move(message)});
}

OutStream::Load Turn::emitted(std::uint16_t path) const {
  const auto at = emitted_.find(path);
  return at == emitted_.end() ? OutStream::Load{} : at->second;
}

void Turn::self_emit(MessagePtr message, std::int32_t delay_ms) {
  if (delay_ms <= 0) self_emit_bytes_ += message->payload.size();
  self_emits_.push_back({std::move(message), delay_ms});
}

}  // namespace zrun
