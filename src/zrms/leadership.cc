// SPDX-License-Identifier: Apache-2.0
#include "zrms/leadership.h"

#include <algorithm>
#include <utility>

#include "stdx/text.h"
#include "zrms/leader.h"

namespace zrms {

using stdx::Code;

bool Leadership::can_answer() const {
  return leads() && leader_.ready();
}

bool Leadership::is_super() const {
  return std::find(members_.supers().begin(), members_.supers().end(), zhost_) !=
         members_.supers().end();
}

std::string Leadership::other_leader() const {
  return leads() || members_.leader() == zhost_ ? "" : members_.leader();
}

v1::MembersChanged Leadership::set_members(v1::MembersChanged members) {
  std::swap(members_, members);
  return members;
}

void Leadership::set_control_plane_trouble(std::string trouble) {
  control_plane_trouble_ = std::move(trouble);
  away_.control_plane_is(control_plane_trouble_, clock_.wall());
}

bool Leadership::records_behind() const {
  return control_plane_trouble_.starts_with("the records are ");
}

void Leadership::note_time() {
  away_.leader_is(lease_.someone_leads(clock_.now()), clock_.wall());
}

stdx::Error Leadership::not_leading() const {
  if (leads()) return {Code::unavailable, leader_.why_not_ready()};
  if (zmesh_away_)
    return {Code::unavailable,
            stdx::format("zhost {} cannot ask the cluster: its zmesh is away, startz starts it "
                         "again; try again in a moment, or ask another zhost",
                         zhost_)};
  // Behind, or damaged: the text says what to do.
  if (records_behind())
    return {Code::unavailable, "the cluster has no leader: " + control_plane_trouble_};
  if (!control_plane_trouble_.empty())
    return {Code::unavailable,
            stdx::format("the cluster has no leader: {}: until then nothing is placed or judged, "
                         "and what runs runs on",
                         with_advice(control_plane_trouble_))};
  if (members_.leader().empty() || members_.leader() == zhost_)
    return {Code::unavailable, "the cluster has no leader yet; try again in a moment"};
  return {Code::unavailable,
          stdx::format("zhost {} leads the cluster, not {}; try again in a moment",
                       members_.leader(), zhost_)};
}

std::string Leadership::away_sentence() const {
  const auto sentence = away_.sentence();
  return sentence.empty() ? not_leading().message : sentence;
}

}  // namespace zrms
