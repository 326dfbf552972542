// SPDX-License-Identifier: Apache-2.0
#include "zrun/space_view.h"

#include <algorithm>

namespace zrun {

v1::SpaceView space_view(const Space& space, const std::string& zhost, std::size_t log_lines) {
  v1::SpaceView view;
  view.set_zhost(zhost);
  const auto& limits = space.spec().limits;
  view.set_topology_id(space.id().key.topology.value);
  view.set_topology(space.topology().spec.name);
  view.set_space(space.spec().name);
  view.set_type(std::string(model::to_string(space.spec().type)));
  view.set_state(to_string(space.state()));
  view.set_detail(space.detail());
  view.set_epoch(space.id().epoch.value);
  view.set_run(space.id().run.value);
  view.set_memory_bytes(space.memory_bytes());
  view.set_memory_limit_bytes(limits.memory_bytes);
  view.set_mailbox_messages(space.mailbox_size());
  view.set_mailbox_messages_limit(limits.mailbox_messages);
  view.set_mailbox_bytes(space.mailbox_bytes());
  view.set_mailbox_bytes_limit(limits.mailbox_bytes);
  view.set_messages_finished(space.messages_finished());
  view.set_restarts(space.restarts());
  view.set_log_lines_dropped(space.log_lines_dropped());
  const auto& lines = space.log_lines();
  for (auto i = lines.size() - std::min(lines.size(), log_lines); i < lines.size(); ++i)
    view.add_last_log(lines[i]);
  return view;
}

v1::LogsReply space_logs(const Space& space) {
  v1::LogsReply logs;
  for (const auto& line : space.log_lines()) logs.add_lines(line);
  return logs;
}

}  // namespace zrun
