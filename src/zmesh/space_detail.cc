// SPDX-License-Identifier: Apache-2.0
#include "zmesh/space_detail.h"

#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "stdx/text.h"

namespace zmesh {

using namespace std::chrono_literals;
using stdx::Code;

namespace {

constexpr stdx::Duration detail_timeout = 5s;
// A zhost that is gone is not waited for as long as one that is asked alone.
constexpr stdx::Duration life_timeout = 3s;

struct Gathering {
  v1::SpaceDetail detail;
  std::map<std::tuple<std::uint64_t, std::uint32_t, std::uint64_t>, v1::LogRecord> records;
  std::map<std::tuple<std::uint64_t, std::uint32_t, std::uint64_t>, std::string> lines;
  std::size_t open = 0;

  void take(const std::string& zhost, stdx::Result<v1::SpaceDetail> answer) {
    if (!answer) {
      if (answer.error().code != Code::not_found) detail.mutable_logs()->add_silent(zhost);
      return;
    }
    const auto& logs = answer->logs();
    for (int i = 0; i < logs.records_size(); ++i) {
      const auto& record = logs.records(i);
      const std::tuple place(record.epoch(), record.run(), record.seq());
      if (i < logs.lines_size()) lines[place] = logs.lines(i);
      records[place] = record;
    }
    // A copy that was replaced may still be there.
    if (!answer->has_view() || logs.epoch() < detail.logs().epoch()) return;
    *detail.mutable_view() = std::move(*answer->mutable_view());
    auto* out = detail.mutable_logs();
    out->set_epoch(logs.epoch());
    out->set_run(logs.run());
    out->set_restarts(logs.restarts());
    out->set_zhost(logs.zhost());
  }
};

}  // namespace

void SpaceDetails::ask(v1::SpaceDetailRequest request, Done done) {
  const auto found = directory_.named(request.space(), request.topology());
  const auto name = stdx::printable(request.space(), 80);
  // One that is stopped is nowhere, and what it said may be.
  if (found.empty() && (!request.all_lives() || request.topology().empty()))
    return done(stdx::fail(
        Code::not_found,
        stdx::format("no space '{}' is placed in this cluster; `mesh spaces` lists them{}", name,
                     directory_.near_miss(request.space(), request.topology()))));
  if (found.size() > 1)
    return done(stdx::fail(
        Code::invalid,
        stdx::format("space '{}' is in {} topologies, among them {} and {}; say which "
                     "one by its name or id, as `topo` lists them: TOPOLOGY/{}",
                     name, found.size(), found[0].topology_id(), found[1].topology_id(), name)));
  if (!found.empty()) request.set_topology(found[0].topology_id());
  if (request.all_lives()) return ask_every_zhost(request, std::move(done));
  const auto zhost = found[0].zhost() == self_ ? "" : found[0].zhost();
  endpoint_.request(rpc::address(zhost, "zrun"), "zrun.space", request.SerializeAsString(),
                    detail_timeout, rpc::expect<v1::SpaceDetail>(std::move(done)));
}

// A message to each zhost: somebody asked for it, and nothing else tells where a space has been.
void SpaceDetails::ask_every_zhost(const v1::SpaceDetailRequest& request, Done done) {
  auto round = std::make_shared<Gathering>();
  std::vector<std::string> zhosts = {self_};
  for (const auto& member : members_.peers())
    if (member.zhost_id() != self_) zhosts.push_back(member.zhost_id());
  round->open = zhosts.size();
  const auto body = request.SerializeAsString();
  for (const auto& zhost : zhosts)
    endpoint_.request(
        rpc::address(zhost == self_ ? "" : zhost, "zrun"), "zrun.space", body, life_timeout,
        rpc::expect<v1::SpaceDetail>(
            [round, zhost, done, name = request.space()](stdx::Result<v1::SpaceDetail> answer) {
              round->take(zhost, std::move(answer));
              if (--round->open > 0) return;
              auto& logs = *round->detail.mutable_logs();
              for (auto& [place, line] : round->lines) logs.add_lines(std::move(line));
              for (auto& [place, record] : round->records) *logs.add_records() = std::move(record);
              done(std::move(round->detail));
            }));
}

}  // namespace zmesh
