// SPDX-License-Identifier: Apache-2.0
#include "controlplane/member_news.h"

#include <set>

namespace controlplane {

std::string MemberNews::rest_of(const v1::MembersChanged& now) {
  auto rest = now;
  rest.clear_peers();
  return rest.SerializeAsString();
}

bool MemberNews::announce(const v1::MembersChanged& now) {
  auto rest = rest_of(now);
  v1::MembersChanged changed;
  changed.ParseFromString(rest);
  std::map<std::string, std::string> rows;
  for (const auto& peer : now.peers()) {
    auto row = peer.SerializeAsString();
    const auto at = told_.find(peer.zhost_id());
    if (at == told_.end() || at->second != row) *changed.add_peers() = peer;
    rows[peer.zhost_id()] = std::move(row);
  }
  for (const auto& [zhost, row] : told_)
    if (!rows.contains(zhost)) changed.add_gone(zhost);
  if (sequence_ > 0 && !rest_unsure_ && rest == rest_ && changed.peers().empty() &&
      changed.gone().empty())
    return false;
  told_ = std::move(rows);
  rest_ = std::move(rest);
  rest_unsure_ = false;
  changed.set_base(sequence_);
  changed_ = std::move(changed);
  whole_ = now;
  ++sequence_;
  changed_.set_sequence(sequence_);
  whole_.set_sequence(sequence_);
  return true;
}

const v1::MembersChanged& MemberNews::for_link(std::uint64_t told) const {
  return told > 0 && told == changed_.base() ? changed_ : whole_;
}

v1::MembersChanged MemberNews::answer(v1::MembersChanged now) {
  if (rest_of(now) != rest_) rest_unsure_ = true;
  std::set<std::string> named;
  for (const auto& peer : now.peers()) {
    auto& row = told_[peer.zhost_id()];
    if (row != peer.SerializeAsString()) row.clear();
    named.insert(peer.zhost_id());
  }
  for (auto& [zhost, row] : told_)
    if (!named.contains(zhost)) row.clear();
  now.set_sequence(sequence_);
  return now;
}

}  // namespace controlplane
