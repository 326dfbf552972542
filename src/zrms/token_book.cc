// SPDX-License-Identifier: Apache-2.0
#include "zrms/token_book.h"

#include "model/topology.h"
#include "stdx/near_miss.h"
#include "stdx/text.h"
#include "stdx/utf8.h"

namespace zrms {

using stdx::Code;

namespace {

std::string time_text(std::uint64_t seconds) {
  return stdx::format_rfc3339(stdx::WallTime(std::chrono::seconds(seconds)));
}

}  // namespace

wire::AccessToken token_of(const v1::TokenRecord& record) {
  return {record.id(), wire::role_named(record.role()).value_or(wire::Role::none),
          record.topology(), record.expires()};
}

stdx::Result<v1::TokenRecord> TokenBook::record_of(const v1::TokenRequest& request,
                                                   const std::string& id,
                                                   const std::string& by) const {
  TRY_ASSIGN(const auto role, wire::role_named(request.role()));
  const auto& topology = request.topology();
  if ((role == wire::Role::ingress) == topology.empty())
    return stdx::fail(
        Code::invalid,
        topology.empty()
            ? "a token of the role ingress is for one topology: name it with --topology NAME"
            : "only a token of the role ingress is for one topology");
  if (!topology.empty() && records_.by_name(topology) == nullptr) {
    stdx::NearMiss miss(topology);
    for (const auto& [key, row] : records_.topologies())
      if (row.record.desired() != v1::DESIRED_DELETED) miss.consider(row.spec().name);
    return stdx::fail(Code::not_found,
                      stdx::format("there is no topology '{}'; `topo` lists them{}",
                                   stdx::printable(topology, 80), miss.hint()));
  }
  const auto ttl = request.ttl_seconds() == 0 ? ttl_seconds : request.ttl_seconds();
  if (ttl > ttl_seconds_max)
    return stdx::fail(Code::invalid,
                      stdx::format("a token lasts at most {} days", ttl_seconds_max / 86'400));
  if (request.note().size() > note_bytes_max || !stdx::is_utf8(request.note()))
    return stdx::fail(
        Code::invalid,
        stdx::format("the note of a token has at most {} bytes of UTF-8", note_bytes_max));
  v1::TokenRecord record;
  record.set_id(id);
  record.set_role(std::string(wire::to_string(role)));
  record.set_topology(topology);
  record.set_note(request.note());
  record.set_made(stdx::format_rfc3339(now_));
  record.set_made_by(by);
  record.set_expires(wire::seconds_of(now_) + ttl);
  return record;
}

stdx::Result<std::vector<RowChange>> TokenBook::make(const v1::TokenRecord& record) const {
  std::vector<RowChange> changes;
  for (const auto& [id, row] : records_.tokens())
    if (row.record.expires() + shown_after_seconds <= wire::seconds_of(now_) &&
        changes.size() < tidied_max)
      changes.push_back(removal_of(row));
  if (records_.tokens().size() - changes.size() >= tokens_max)
    return stdx::fail(Code::full,
                      stdx::format("the cluster keeps {} access tokens, and a revoked one until it "
                                   "expires; make them with a shorter --ttl",
                                   tokens_max));
  changes.push_back(change_of(TokenRow(), record));
  return changes;
}

stdx::Result<std::string> TokenBook::find(const std::string& id) const {
  const auto none =
      stdx::fail(Code::not_found,
                 stdx::format("there is no access token '{}'; `cluster token list` lists them",
                              stdx::printable(id, 40)));
  if (records_.tokens().contains(id)) return id;
  if (id.size() < id_given_min)
    return stdx::fail(Code::invalid, stdx::format("'{}' is too short: say {} characters of the "
                                                  "token's id at least",
                                                  stdx::printable(id, 40), id_given_min));
  std::vector<std::string> found;
  for (auto at = records_.tokens().lower_bound(id);
       at != records_.tokens().end() && at->first.starts_with(id) && found.size() < 5; ++at)
    found.push_back(at->first);
  if (found.size() > 1)
    return stdx::fail(Code::invalid,
                      stdx::format("several ids begin with '{}': {}", id, fmt::join(found, ", ")));
  if (found.size() == 1) return found[0];
  if (!wire::is_token_id(id) || id == wire::operator_token_id) return none;
  return id;
}

stdx::Result<std::vector<RowChange>> TokenBook::revoke(const std::string& id,
                                                       const std::string& by) const {
  TRY_ASSIGN(const auto found, find(id));
  const auto known = records_.tokens().find(found);
  TokenRow row;
  if (known != records_.tokens().end()) {
    row = known->second;
    if (!row.record.revoked().empty()) return std::vector<RowChange>();
  } else {
    row.record.set_id(found);
    row.record.set_expires(wire::seconds_of(now_) + ttl_seconds_max);
    if (records_.tokens().size() >= tokens_max)
      return stdx::fail(Code::full, stdx::format("the cluster keeps {} access tokens", tokens_max));
  }
  auto next = row.record;
  next.set_revoked(stdx::format_rfc3339(now_));
  next.set_revoked_by(by);
  return std::vector{change_of(row, std::move(next))};
}

v1::TokenView TokenBook::view_of(const v1::TokenRecord& record) const {
  v1::TokenView view;
  view.set_id(record.id());
  view.set_role(record.role());
  view.set_topology(record.topology());
  view.set_note(record.note());
  view.set_made(record.made());
  view.set_made_by(record.made_by());
  view.set_expires(time_text(record.expires()));
  view.set_expires_seconds(record.expires());
  view.set_state(!record.revoked().empty()                    ? "revoked"
                 : record.expires() <= wire::seconds_of(now_) ? "expired"
                                                              : "valid");
  view.set_revoked(record.revoked());
  view.set_revoked_by(record.revoked_by());
  return view;
}

v1::TokenList TokenBook::list() const {
  v1::TokenList list;
  for (const auto& [id, row] : records_.tokens()) *list.add_tokens() = view_of(row.record);
  return list;
}

}  // namespace zrms
