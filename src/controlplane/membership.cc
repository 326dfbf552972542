// SPDX-License-Identifier: Apache-2.0
#include "controlplane/membership.h"

#include "stdx/text.h"

namespace controlplane {

using stdx::Code;

bool Membership::learn(v1::Member member, std::uint64_t version, stdx::Instant now) {
  auto& row = rows_[member.zhost_id()];
  if (row.version >= version) return false;
  if (row.version == 0) last_seen_[member.zhost_id()] = now;
  row = {std::move(member), version};
  return true;
}

bool Membership::forget(const std::string& zhost) {
  if (!links_.contains(zhost)) last_seen_.erase(zhost);
  return rows_.erase(zhost) > 0;
}

stdx::Result<std::uint64_t> Membership::admit(const v1::Member& member, bool connected) const {
  const auto* known = find(member.zhost_id());
  if (known == nullptr) {
    if (rows_.size() >= members_max)
      return stdx::fail(Code::full, stdx::format("the cluster has {} zhosts already", members_max));
    return 0;
  }
  if (member.incarnation() < known->member.incarnation())
    return stdx::fail(
        Code::stale,
        stdx::format("zhost '{}' is registered with incarnation {}, newer than {}: "
                     "two zhosts have the same id, or this one is old",
                     member.zhost_id(), known->member.incarnation(), member.incarnation()));
  if (known->member.forgotten() && member.incarnation() == known->member.incarnation())
    return stdx::fail(
        Code::stale,
        stdx::format("zhost '{}' was forgotten by an operator while it was away; what ran on it "
                     "may run elsewhere. Start it again: it joins as a new life",
                     member.zhost_id()));
  // A zhost keeps its address for as long as it lives, so this is another one: every new machine
  // counts from 1, and a copied configuration has the id of its pattern.
  const auto address = [](const v1::Member& m) {
    return stdx::format("{}:{}", stdx::printable(m.address(), 60), m.port());
  };
  if (member.incarnation() == known->member.incarnation() &&
      address(member) != address(known->member))
    return stdx::fail(
        Code::stale,
        stdx::format("zhost '{}' is registered with incarnation {} from {}, not {}: two zhosts "
                     "have the same id; give one of them another zhost.id",
                     member.zhost_id(), member.incarnation(), address(known->member),
                     address(member)));
  if (connected && address(member) != address(known->member))
    return stdx::fail(
        Code::stale,
        stdx::format(
            "zhost '{}' is connected from {}, and this one is at {}: two zhosts have the "
            "same id; stop one of them, or give it another zhost.id. A zhost that moved to "
            "another address is taken when its former connection has ended",
            member.zhost_id(), address(known->member), address(member)));
  return known->version;
}

stdx::Result<Membership::Row> Membership::to_forget(const std::string& zhost,
                                                    std::uint64_t incarnation) const {
  const auto* known = find(zhost);
  if (known == nullptr || known->member.forgotten())
    return stdx::fail(Code::not_found, stdx::format("there is no zhost '{}'; `cluster zhosts` "
                                                    "lists them",
                                                    stdx::printable(zhost, 80)));
  if (known->member.incarnation() != incarnation)
    return stdx::fail(Code::stale, stdx::format("zhost '{}' came back with incarnation {}", zhost,
                                                known->member.incarnation()));
  auto row = *known;
  row.member.set_forgotten(true);
  return row;
}

stdx::Result<Membership::Row> Membership::to_mark(const std::string& zhost,
                                                  std::uint64_t incarnation, bool dead) const {
  const auto* known = find(zhost);
  if (known == nullptr || known->member.forgotten())
    return stdx::fail(Code::not_found, stdx::format("there is no zhost '{}'", zhost));
  if (known->member.incarnation() != incarnation)
    return stdx::fail(Code::stale, stdx::format("zhost '{}' came back with incarnation {}", zhost,
                                                known->member.incarnation()));
  auto row = *known;
  if (row.member.dead() == dead) row.version = 0;
  row.member.set_dead(dead);
  return row;
}

void Membership::linked(const std::string& zhost, bool up, stdx::Instant now) {
  links_[zhost] += up ? 1 : -1;
  if (links_[zhost] <= 0) links_.erase(zhost);
  // Who only links and never registers leaves nothing behind.
  if (up || rows_.contains(zhost))
    last_seen_[zhost] = now;
  else if (!links_.contains(zhost))
    last_seen_.erase(zhost);
}

bool Membership::present(const std::string& zhost, stdx::Instant now) const {
  if (links_.contains(zhost)) return true;
  const auto seen = last_seen_.find(zhost);
  return seen != last_seen_.end() && now - seen->second < absent_max;
}

std::vector<std::string> Membership::supers(stdx::Instant now) const {
  std::vector<std::string> list;
  for (const bool wanted : {true, false})
    for (const auto& [id, row] : rows_)
      if (list.size() < supers_max && !row.member.forgotten() && !row.member.local() &&
          present(id, now) == wanted)
        list.push_back(id);
  return list;
}

std::vector<v1::Member> Membership::members() const {
  std::vector<v1::Member> list;
  for (const auto& [id, row] : rows_)
    if (!row.member.forgotten()) list.push_back(row.member);
  return list;
}

const Membership::Row* Membership::find(const std::string& zhost) const {
  const auto at = rows_.find(zhost);
  return at == rows_.end() ? nullptr : &at->second;
}

}  // namespace controlplane
