// SPDX-License-Identifier: Apache-2.0
#include "zrms/event_writer.h"

#include <utility>

#include "stdx/rfc3339.h"
#include "stdx/text.h"

namespace zrms {

using namespace std::chrono_literals;

namespace {
// What happens at once goes in one batch; what was not written is tried again.
constexpr stdx::Duration write_delay = 500ms, write_again = 2s, write_timeout = 5s;
// Placements go first, but events are not held up for ever by a cluster that is always busy.
constexpr int waits_max = 10;
constexpr std::size_t why_max = 300;
}  // namespace

EventWriter::EventWriter(ports::Runtime& runtime, rpc::ServiceBus& zmesh, Leader& leader)
    : runtime_(runtime),
      zmesh_(zmesh),
      leader_(leader),
      timer_(runtime.executor),
      dropped_(runtime.metrics.counter(
          "samoza_zrms_events_dropped_total",
          "Events that were not kept: too many at once, or rows that another one wrote")) {}

void EventWriter::end() {
  timer_.cancel();
  events_.given_up();
}

void EventWriter::note(v1::Event event) {
  if (!leader_.leads()) return;
  if (event.at().empty()) event.set_at(stdx::format_rfc3339_ms(runtime_.clock.wall()));
  event.set_term(leader_.term());
  const auto dropped = events_.dropped();
  events_.note(std::move(event));
  dropped_.add(events_.dropped() - dropped);
  write_soon();
}

void EventWriter::note_zhost(const char* what, const std::string& zhost, const std::string& why) {
  v1::Event event;
  event.set_what(stdx::format("zhost {}", what));
  event.set_zhost(zhost);
  event.set_why(why);
  note(std::move(event));
}

void EventWriter::session_began() {
  if (events_.wants_to_write()) write_soon();
  note_records();
  if (noted_term_ == leader_.term()) return;
  noted_term_ = leader_.term();
  v1::Event event;
  event.set_what("leader changed");
  event.set_zhost(leader_.zhost());
  note(std::move(event));
}

// The records were put back or recovered: what is in them ended with another leader's word. Another
// one that has led since has told it.
void EventWriter::note_records() {
  const auto since = std::exchange(behind_since_, "");
  const auto& lineage = leader_.lineage();
  bool behind_told = since.empty(), recovered_told = lineage.former_size() == 0;
  for (const auto& known : events_.list(EventLog::of_cluster, 0, ~std::size_t{0})) {
    behind_told |= known.what().starts_with("records ") && known.at() >= since;
    recovered_told |= known.what() == "records recovered" && known.why().starts_with(lineage.id());
  }
  const auto tell = [this](const char* what, const std::string& at, const std::string& why) {
    v1::Event event;
    event.set_what(what);
    event.set_at(at);
    event.set_why(stdx::shortened(why, why_max));
    note(std::move(event));
  };
  if (!behind_told) tell("records behind", since, behind_why_);
  if (!recovered_told)
    tell("records recovered", "", stdx::format("{}: {}", lineage.id(), lineage.why()));
  else if (!behind_told)
    tell("records current", "", "the control plane has the newest ones again");
}

void EventWriter::write_soon() {
  if (!timer_.pending() && !events_.writing()) timer_.set(write_delay, [this] { send(); });
}

// A batch of its own, that no plan waits for.
void EventWriter::send() {
  if (!leader_.ready() || events_.writing() || !events_.wants_to_write()) return;
  if (leader_.busy() && ++waited_ < waits_max) return write_soon();
  waited_ = 0;
  auto request = events_.next_write();
  request.set_term(leader_.term());
  *request.mutable_known() = leader_.known();
  zmesh_.request(
      rpc::address("", "controlplane"), "controlplane.commit", request.SerializeAsString(),
      write_timeout,
      rpc::expect<v1::CommitReply>([this, session = leader_.session(),
                                    batch = events_.batch()](stdx::Result<v1::CommitReply> reply) {
        // While the records are read they say what became of it: a counter ahead of
        // them would look as if they had gone back (P15).
        if (session == leader_.session() && leader_.ready() && batch == events_.batch())
          answered(reply);
      }));
}

void EventWriter::answered(const stdx::Result<v1::CommitReply>& reply) {
  const auto dropped = events_.dropped();
  const auto written =
      events_.answered(reply ? stdx::Status() : stdx::Status(std::unexpected(reply.error())));
  dropped_.add(events_.dropped() - dropped);
  if (reply) {
    leader_.set_counter(reply->revision());
  } else {
    runtime_.log.warn("events_not_written", {{"why", reply.error().message}});
    timer_.set(write_again, [this] { send(); });
  }
  if (!written.empty() && supers) {
    v1::EventsTold news;
    news.set_term(leader_.term());
    news.mutable_events()->Assign(written.begin(), written.end());
    for (const auto& super : supers())
      if (super != leader_.zhost())
        zmesh_.notify(rpc::address(super, "zrms"), "zrms.events", news.SerializeAsString());
  }
  if (reply && events_.wants_to_write()) write_soon();
}

}  // namespace zrms
