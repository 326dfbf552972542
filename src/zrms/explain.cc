// SPDX-License-Identifier: Apache-2.0
#include "zrms/explain.h"

#include <algorithm>

#include "stdx/text.h"
#include "wire/states.h"
#include "zrms/placed_on.h"

namespace zrms {

using stdx::format;

namespace {

constexpr std::size_t why_max = 1000;

// The zhost that is the least away from taking it, and what would have to change there.
std::string nearest_of(const std::vector<ZhostFit>& fits) {
  if (fits.empty()) return "the cluster has no zhost";
  const auto& first = fits.front();
  if (first.broken.empty()) return "";
  std::string changes;
  for (const auto& broken : first.broken) changes += (changes.empty() ? "" : "; ") + broken.change;
  return format("zhost {}: {}", first.zhost, changes);
}

// Of a space in the records that has no zhost, or waits on one.
std::string why_nowhere(const TopologyRow& topology, const SpaceRow* row,
                        const std::vector<ZhostFit>& fits) {
  if (topology.record.desired() == v1::DESIRED_STOPPED)
    return "the topology was stopped; `topo start` starts it";
  if (row != nullptr && wire::state_of(row->record) == wire::SpaceRowState::waiting)
    return format("it waits: {}", row->record.reason());
  if (!fits.empty() && fits.front().broken.empty())
    return format("it is about to be placed on zhost {}", fits.front().zhost);
  if (placed_on(row) != nullptr)
    return format("it was on zhost {}, which is lost, and no other fits", row->record.zhost());
  return "no zhost fits";
}

// Of a space that is on `zhost`, against those that would be taken now.
std::string why_there(const v1::SpaceRecord& record, const std::vector<ZhostFit>& fits) {
  auto why = !record.reason().empty() ? format("it was placed there: {}", record.reason())
             : record.epoch() <= 1
                 ? std::string("it fitted best when it was placed")
                 : format("it was placed there as epoch {} (`topo events` says when and why)",
                          record.epoch());
  const auto here = std::find_if(fits.begin(), fits.end(),
                                 [&](const ZhostFit& fit) { return fit.zhost == record.zhost(); });
  if (here == fits.end()) return why + "; that zhost is not known any more";
  if (!here->broken.empty())
    return why + format(
                     "; by now that zhost would not take it ({}), and what runs is not moved "
                     "for that",
                     here->broken.front().rule);
  if (here != fits.begin())
    return why + format("; by now zhost {} would be taken, and what runs is not moved for that",
                        fits.front().zhost);
  return why + "; it would be taken now, too";
}

void tell(const std::vector<ZhostFit>& fits, v1::SpaceExplained& out) {
  for (const auto& fit : fits) {
    if (static_cast<std::size_t>(out.zhosts_size()) == Explanation::zhosts_each) return;
    auto& zhost = *out.add_zhosts();
    zhost.set_zhost(fit.zhost);
    zhost.set_fits(fit.broken.empty());
    for (const auto& broken : fit.broken) zhost.add_refusals(broken.rule);
    if (!fit.broken.empty()) continue;
    zhost.set_score(static_cast<double>(-fit.points));
    for (const auto& preference : fit.preferences) zhost.add_preferences(preference);
  }
}

}  // namespace

Explanation::Explanation(std::string topology_id, std::string space, Candidates candidates)
    : id_(std::move(topology_id)), only_(std::move(space)), candidates_(std::move(candidates)) {}

Explanation::Explanation(std::shared_ptr<const model::Topology> spec, std::string space,
                         Candidates candidates)
    : only_(std::move(space)),
      spec_(std::move(spec)),
      index_(*spec_),
      new_places_(spec_->spaces.size()),
      candidates_(std::move(candidates)),
      name_(spec_->name) {}

bool Explanation::go_on(const Records& records) {
  const auto* topology = spec_ ? nullptr : records.topology(id_);
  if (!spec_ && topology == nullptr) return false;  // it was deleted meanwhile
  const auto& spec = spec_ ? *spec_ : topology->spec();
  name_ = spec.name;
  for (pairs_ = 0; next_ < spec.spaces.size() && pairs_ < pairs_a_slice; ++next_) {
    ++pairs_;
    const auto& space = spec.spaces[next_];
    // Where the others of a new one go decides about it.
    if (space.removed || (!spec_ && !only_.empty() && space.name != only_)) continue;
    if (spec_)
      look_at_new(next_);
    else
      look_at(records, *topology, next_);
  }
  return next_ < spec.spaces.size();
}

bool Explanation::room_for(bool has_zhost) const {
  return kept_[has_zhost].size() < spaces_max;
}

void Explanation::keep(v1::SpaceExplained space, bool has_zhost) {
  auto& zhosts = zhosts_kept_[has_zhost];
  zhosts += static_cast<std::size_t>(space.zhosts_size());
  if (zhosts > zhosts_max && only_.empty()) space.clear_zhosts();
  kept_[has_zhost].push_back(std::move(space));
}

void Explanation::look_at(const Records& records, const TopologyRow& topology,
                          std::uint32_t index) {
  const auto& space = topology.spec().spaces[index];
  const auto row_of = [&](std::uint32_t other) {
    return records.space(id_, topology.spec().spaces[other].name);
  };
  const auto* row = row_of(index);
  const auto* zhost = placed_on(row);
  const auto* candidate = zhost == nullptr ? nullptr : candidates_.find(*zhost);
  const bool lost = zhost != nullptr && (candidate == nullptr || candidate->lost);
  const bool there =
      zhost != nullptr && !lost && wire::state_of(row->record) != wire::SpaceRowState::waiting;
  ++counts_[there];
  if (!room_for(there)) return;
  // Asked as if it were to be placed now: what it takes where it is counts for nothing.
  if (zhost != nullptr) candidates_.give_back(*zhost, space);
  const auto fits = candidates_.explain({
      .topology = topology.spec(),
      .index = topology.index(),
      .space = index,
      .where = [&](std::uint32_t other) { return placed_on(row_of(other)); },
      .only_on = data_zhost(row, space),
      .avoid = "",
  });
  if (zhost != nullptr) candidates_.promise(*zhost, space);
  pairs_ += fits.size();
  v1::SpaceExplained out;
  out.set_space(space.name);
  out.set_state(row == nullptr ? "pending" : lost ? "lost" : row->record.state());
  if (there) out.set_zhost(*zhost);
  out.set_why(stdx::shortened(
      there ? why_there(row->record, fits) : why_nowhere(topology, row, fits), why_max));
  if (!there) out.set_nearest(stdx::shortened(nearest_of(fits), why_max));
  tell(fits, out);
  keep(std::move(out), there);
}

void Explanation::look_at_new(std::uint32_t index) {
  const auto& space = spec_->spaces[index];
  const PlacementRequest request{
      .topology = *spec_,
      .index = index_,
      .space = index,
      .where =
          [this](std::uint32_t other) {
            return new_places_[other].empty() ? nullptr : &new_places_[other];
          },
      .only_on = "",
      .avoid = "",
  };
  const auto choice = candidates_.choose(request);
  const bool fits_somewhere = choice.zhost.has_value();
  pairs_ += 1 + choice.refusals.size();
  if (only_.empty() || only_ == space.name) {
    ++counts_[fits_somewhere];
    if (room_for(fits_somewhere)) {
      const auto fits = candidates_.explain(request);
      pairs_ += fits.size();
      v1::SpaceExplained out;
      out.set_space(space.name);
      out.set_state("not submitted");
      out.set_zhost(choice.zhost.value_or(""));
      out.set_why(fits_somewhere ? "it would be placed there" : "no zhost fits");
      if (!fits_somewhere) out.set_nearest(stdx::shortened(nearest_of(fits), why_max));
      tell(fits, out);
      keep(std::move(out), fits_somewhere);
    }
  }
  if (!fits_somewhere) return;
  candidates_.promise(*choice.zhost, space);
  new_places_[index] = *choice.zhost;
}

v1::ExplainReply Explanation::take() {
  v1::ExplainReply reply;
  reply.set_topology(name_);
  std::size_t zhosts = 0;
  for (auto& list : kept_)
    for (auto& space : list) {
      if (static_cast<std::size_t>(reply.spaces_size()) == spaces_max) break;
      zhosts += static_cast<std::size_t>(space.zhosts_size());
      if (zhosts > zhosts_max && only_.empty()) space.clear_zhosts();
      *reply.add_spaces() = std::move(space);
    }
  const auto all = counts_[0] + counts_[1];
  if (all > static_cast<std::size_t>(reply.spaces_size()))
    reply.set_detail(
        format("{} of {} spaces are shown, {} of the {} that have no zhost; "
               "`topo explain {} SPACE` shows one",
               reply.spaces_size(), all, std::min(counts_[0], kept_[0].size()), counts_[0], name_));
  return reply;
}

}  // namespace zrms
