// SPDX-License-Identifier: Apache-2.0
#include "zmesh/member_list.h"

#include <map>
#include <utility>

namespace zmesh {

MemberList::Heard MemberList::take(v1::MembersChanged said) {
  const auto sequence = said.sequence();
  const auto base = said.base();
  if (base > 0 && (!begun_ || base > sequence_)) return Heard::gap;
  if (base > 0 && sequence <= sequence_) return Heard::old;
  // An answer has the number of the announcement before it, and may say more than that.
  if (base == 0 && begun_ && sequence > 0 && sequence < sequence_) return Heard::old;
  said.clear_sequence();
  said.clear_base();
  if (base == 0)
    list_ = std::move(said);
  else
    apply(std::move(said));
  begun_ = true;
  sequence_ = sequence;
  return Heard::news;
}

void MemberList::apply(v1::MembersChanged said) {
  std::map<std::string, v1::Member> members;
  for (auto& peer : *list_.mutable_peers()) members[peer.zhost_id()] = std::move(peer);
  for (auto& peer : *said.mutable_peers()) members[peer.zhost_id()] = std::move(peer);
  for (const auto& zhost : said.gone()) members.erase(zhost);
  said.clear_gone();
  said.clear_peers();
  if (!said.has_records()) *said.mutable_records() = list_.records();
  list_ = std::move(said);
  for (auto& [zhost, member] : members) *list_.add_peers() = std::move(member);
}

}  // namespace zmesh
