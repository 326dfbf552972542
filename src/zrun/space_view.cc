// SPDX-License-Identifier: Apache-2.0
#include "zrun/space_view.h"

#include <algorithm>
#include <map>

#include "stdx/rfc3339.h"

namespace zrun {
namespace {

const char* level_name(std::int32_t level) {
  constexpr const char* names[] = {"debug", "info", "warn", "error"};
  return names[std::clamp(level, 0, 3)];
}

}  // namespace

std::vector<std::string> texts_of(const SpaceLog& log) {
  std::vector<std::string> lines;
  for (const auto& line : log.lines()) lines.push_back(text_of(line));
  return lines;
}

v1::SpaceReport report_of(const Space& space) {
  v1::SpaceReport report;
  report.set_topology_id(space.id().key.topology.value);
  report.set_space(space.id().key.space);
  report.set_epoch(space.id().epoch.value);
  report.set_run(space.id().run.value);
  report.set_state(to_string(space.state()));
  report.set_detail(space.detail());
  report.set_restarts(static_cast<std::uint32_t>(space.restarts()));
  report.set_last_failure(space.own_last_failure());
  return report;
}

v1::SpaceView space_view(const Space& space, const std::string& zhost, std::size_t log_lines) {
  v1::SpaceView view;
  view.set_zhost(zhost);
  const auto& limits = space.spec().limits;
  view.set_topology_id(space.id().key.topology.value);
  view.set_topology(space.topology().spec().name);
  view.set_space(space.spec().name);
  view.set_type(std::string(model::to_string(space.spec().type)));
  view.set_state(to_string(space.state()));
  view.set_detail(space.detail());
  view.set_epoch(space.id().epoch.value);
  view.set_run(space.id().run.value);
  view.set_memory_bytes(space.memory_bytes());
  view.set_memory_limit_bytes(limits.memory_bytes);
  // The one that is being handled is counted, and its place may be taken already.
  view.set_mailbox_messages(std::min<std::uint64_t>(space.mailbox_size(), limits.mailbox_messages));
  view.set_mailbox_messages_limit(limits.mailbox_messages);
  view.set_mailbox_bytes(space.mailbox_bytes());
  view.set_mailbox_bytes_limit(limits.mailbox_bytes);
  view.set_messages_finished(space.messages_finished());
  view.set_restarts(space.all_restarts());
  view.set_last_failure(space.last_failure());
  view.set_mex_version(space.spec().mex_version);
  view.set_version(space.version());
  view.set_log_lines_dropped(space.log().dropped());
  const auto& lines = space.log().lines();
  for (auto i = lines.size() - std::min(lines.size(), log_lines); i < lines.size(); ++i)
    view.add_last_log(text_of(lines[i]));
  return view;
}

std::string text_of(const ports::LogLine& line) {
  return stdx::format("{} {}", stdx::format_rfc3339(line.at), line.text);
}

v1::LogsReply space_logs(const Space* space, const std::vector<ports::LogLine>& kept,
                         const LogQuery& query, const std::string& zhost) {
  v1::LogsReply logs;
  logs.set_zhost(zhost);
  std::map<std::tuple<std::uint64_t, std::uint32_t, std::uint64_t>, const ports::LogLine*> lines;
  for (const auto& line : kept) lines[line.place()] = &line;
  if (space != nullptr) {
    logs.set_epoch(space->id().epoch.value);
    logs.set_run(space->id().run.value);
    logs.set_restarts(space->restarts());
    for (const auto& line : space->log().lines()) lines[line.place()] = &line;
  }
  for (auto at = lines.upper_bound({query.epoch, query.run, query.seq}); at != lines.end(); ++at) {
    const auto& line = *at->second;
    logs.add_lines(text_of(line));
    auto& record = *logs.add_records();
    record.set_time(stdx::format_rfc3339_ms(line.at));
    record.set_level(level_name(line.level));
    record.set_epoch(line.epoch);
    record.set_run(line.run);
    record.set_restarts(line.restarts);
    record.set_seq(line.seq);
    record.set_text(line.text);
    record.set_mex_version(line.mex_version);
  }
  return logs;
}

}  // namespace zrun
