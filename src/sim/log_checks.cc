// SPDX-License-Identifier: Apache-2.0
#include "sim/log_checks.h"

#include <variant>

#include "stdx/text.h"

namespace sim {
namespace {

std::string text_of(const ports::Field& field) {
  return std::visit(
      [](const auto& value) -> std::string {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>)
          return value;
        else
          return stdx::format("{}", value);
      },
      field.value);
}
std::uint64_t number(const LogLine& line, const char* name) {
  return stdx::parse_u64(line.fields.at(name)).value_or(0);
}
// "z3" -> 3
std::size_t index_of(const std::string& zhost) {
  return stdx::parse_u64(zhost.substr(1)).value();
}

}  // namespace

LogLine line_of(stdx::Instant at, const simkit::Process& process, std::string_view event,
                ports::Fields fields) {
  LogLine line{at, process.zhost() + "/" + process.name(), std::string(event), {}};
  for (const auto& field : fields) line.fields[std::string(field.name)] = text_of(field);
  return line;
}

// The control plane's machine is no zhost.
LogChecks::Starts LogChecks::starts_of(const std::string& zhost) const {
  const auto index = zhost.starts_with('z') ? stdx::parse_u64(zhost.substr(1)) : std::nullopt;
  return index && *index < placed_.size() ? starts_(*index) : Starts{};
}

void LogChecks::check(const LogLine& line) {
  const auto zhost = line.process.substr(0, line.process.find('/'));
  const auto starts = starts_of(zhost);
  const auto& f = line.fields;
  if (line.event == "dead_letter")
    to_.once.buried(line.fields.at("topology"), line.fields.at("to"), number(line, "seq"));
  if (line.event == "records_open" || line.event == "records_recovered")
    to_.placements.records_opened();
  if (line.event == "space_placed_here" || line.event == "space_state") check_space(line);
  if (line.event == "zrun_down") to_.checker.zrun_given_up(zhost, starts.incarnation);
  if (line.event == "term_taken") {
    to_.checker.term_taken(number(line, "term"), stdx::format("{}/{}", zhost, starts.incarnation));
    if (on_term_taken) on_term_taken(index_of(zhost));
  }
  if (line.event == "space_placed") {
    to_.checker.space_placed(f.at("topology"), f.at("space"), number(line, "epoch"), f.at("on"));
    to_.placements.written({f.at("topology"), f.at("space"), f.at("on"), number(line, "epoch")});
  }
  if (line.event == "command_taken")
    to_.checker.command_taken(stdx::format("{}/{}", zhost, starts.incarnation),
                              number(line, "term"));
  if (line.event == "beat_taken") {
    to_.checker.beat_taken(stdx::format("{}/{}", zhost, starts.zrms_runs), f.at("from"),
                           number(line, "incarnation"), number(line, "counter"));
  }
  if (line.event == "registered") to_.checker.registered(zhost, line.at);
  if (line.event == "zhost_dead")
    to_.checker.zhost_dead(line.process, f.at("dead"),
                           static_cast<std::int64_t>(number(line, "silence_ms")), f.at("evidence"),
                           line.at);
}

// What zrun holds. That a guest runs and what it takes is told by the guest itself.
void LogChecks::check_space(const LogLine& line) {
  const auto& f = line.fields;
  const auto zhost = line.process.substr(0, line.process.find('/'));
  const Placement placement{f.at("topology"), f.at("space"), number(line, "epoch"),
                            static_cast<std::uint32_t>(number(line, "run"))};
  const Instance instance{zhost,
                          starts_of(zhost).incarnation,
                          placement.topology,
                          placement.space,
                          placement.epoch,
                          placement.run};
  auto& held = placed_[index_of(zhost)][{placement.topology, placement.space}];
  if (line.event == "space_placed_here") {
    if (held.epoch != 0) to_.delivery.gone(held);
    held = placement;
    to_.checker.started(instance);
    to_.activations.began({placement.topology, placement.space}, placement.epoch, zhost,
                          number(line, "version"));
    return;
  }
  const auto& state = f.at("state");
  if (state == "stopped" || state == "failed") {
    to_.delivery.gone(placement);
    to_.activations.ended({placement.topology, placement.space}, placement.epoch, zhost);
  }
  // P16: in one zrun the newer one begins when the older has ended.
  if (state == "stopped" && f.at("detail") != "zrun is stopping" &&
      f.at("detail") != "a newer version of it takes its place")
    to_.checker.stopped_by_command(instance);
}

void LogChecks::zrun_ended(std::size_t zhost) {
  for (const auto& [key, placement] : std::exchange(placed_[zhost], {}))
    to_.delivery.gone(placement);
  to_.activations.zhost_gone("z" + std::to_string(zhost));
}

}  // namespace sim
