// SPDX-License-Identifier: Apache-2.0
#include "sim/sim_zrun.h"

namespace sim {

namespace v1 = samoza::v1;
using namespace std::chrono_literals;

namespace {
v1::Hello hello(const std::string& zhost, std::uint64_t incarnation) {
  v1::Hello out;
  out.set_service("zrun");
  out.set_zhost(zhost);
  out.set_incarnation(incarnation);
  return out;
}
v1::CommandReply outcome(const char* what) {
  v1::CommandReply reply;
  reply.set_outcome(what);
  return reply;
}
}  // namespace

SimZrun::SimZrun(ports::Runtime& runtime, ports::Transport& transport, std::string zhost,
                 std::uint64_t incarnation, Checker& checker)
    : runtime_(runtime),
      zhost_(std::move(zhost)),
      incarnation_(incarnation),
      checker_(checker),
      startz_(runtime, transport, {"startz", hello(zhost_, incarnation)}) {
  startz_.on("zrun.place", rpc::typed<v1::PlaceCommand, v1::CommandReply>(
                               [this](const rpc::Caller&, v1::PlaceCommand command, auto done) {
                                 done(place(command));
                               }));
  startz_.on("zrun.stop", rpc::typed<v1::StopCommand, v1::CommandReply>(
                              [this](const rpc::Caller&, v1::StopCommand command, auto done) {
                                done(stop(command));
                              }));
  startz_.on("service.ping", [](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(stdx::Bytes());
  });
  startz_.on("service.stop", [this](const rpc::Caller&, stdx::BytesView, rpc::Response respond) {
    respond(stdx::Bytes());
    if (on_stop) on_stop();
  });
  startz_.start();
}

v1::CommandReply SimZrun::place(const v1::PlaceCommand& command) {
  const auto& header = command.header();
  const Key key{header.topology_id(), header.space()};
  const auto order = std::make_pair(header.epoch(), command.run());
  if (const auto at = spaces_.find(key); at != spaces_.end()) {
    const auto here = std::make_pair(at->second.instance.epoch, at->second.instance.run);
    if (order == here) return outcome("already");
    if (order < here) return outcome("refused");
  }
  auto& space = spaces_[key];
  space.instance = {zhost_,         incarnation_,   header.topology_id(),
                    header.space(), header.epoch(), command.run()};
  space.timer = std::make_unique<ports::Timer>(runtime_.executor);
  checker_.started(space.instance, runtime_.clock.now());
  say(space, "starting");
  // Mostly quick; one in four is slow (a large module), up to 4 s.
  const auto draw = runtime_.random.next();
  const stdx::Duration start =
      draw % 4 == 0 ? std::chrono::milliseconds(draw / 4 % 4000) : stdx::Duration(20ms);
  space.timer->set(start, [this, &space] {
    checker_.running(space.instance);
    say(space, "running");
  });
  return outcome("accepted");
}

v1::CommandReply SimZrun::stop(const v1::StopCommand& command) {
  const Key key{command.header().topology_id(), command.header().space()};
  const auto at = spaces_.find(key);
  if (at == spaces_.end()) return outcome("already");
  if (at->second.instance.epoch > command.header().epoch()) return outcome("refused");
  checker_.stopped_by_command(at->second.instance);
  spaces_.erase(at);
  return outcome("accepted");
}

void SimZrun::fail(const Key& key) {
  auto& space = spaces_.at(key);
  space.timer->cancel();
  say(space, "failed", "trap");
}

void SimZrun::say(Space& space, std::string state, std::string detail) {
  space.state = state;
  v1::SpaceReport report;
  report.set_topology_id(space.instance.topology);
  report.set_space(space.instance.space);
  report.set_epoch(space.instance.epoch);
  report.set_run(space.instance.run);
  report.set_state(std::move(state));
  report.set_detail(std::move(detail));
  startz_.notify(rpc::address("", "startz"), "zrun.space_state", report.SerializeAsString());
}

}  // namespace sim
