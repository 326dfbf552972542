// SPDX-License-Identifier: Apache-2.0
// The events of the cluster: noted as rows are committed and zhosts judged, written apart from
// both.
#include <utility>

#include "stdx/rfc3339.h"
#include "stdx/text.h"
#include "zrms/leader.h"

namespace zrms {

using namespace std::chrono_literals;

namespace {
// What happens at once goes in one batch; what was not written is tried again.
constexpr stdx::Duration write_delay = 500ms, write_again = 2s, write_timeout = 5s;
// Placements go first, but events are not held up for ever by a cluster that is always busy.
constexpr int waits_max = 10;
constexpr std::size_t why_max = 300;
}  // namespace

void Leader::note(v1::Event event) {
  if (!reigning_) return;
  if (event.at().empty()) event.set_at(stdx::format_rfc3339_ms(runtime_.clock.wall()));
  event.set_term(term_);
  const auto dropped = events_.dropped();
  events_.note(std::move(event));
  events_dropped_.add(events_.dropped() - dropped);
  write_events();
}

void Leader::note_zhost(const char* what, const std::string& zhost, const std::string& why) {
  v1::Event event;
  event.set_what(stdx::format("zhost {}", what));
  event.set_zhost(zhost);
  event.set_why(why);
  note(std::move(event));
}

void Leader::note_reign() {
  if (events_.wants_to_write()) write_events();
  note_records();
  if (noted_term_ == term_) return;
  noted_term_ = term_;
  v1::Event event;
  event.set_what("leader changed");
  event.set_zhost(facts.zhost);
  note(std::move(event));
}

// The records were put back or recovered: what is in them ended with another leader's word. Another
// one that has led since has told it.
void Leader::note_records() {
  const auto since = std::exchange(behind_since_, "");
  const auto& lineage = records_.lineage();
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

void Leader::write_events() {
  if (!events_timer_.pending() && !events_.writing())
    events_timer_.set(write_delay, [this] { send_events(); });
}

// A batch of its own, that no plan waits for.
void Leader::send_events() {
  if (!ready() || events_.writing() || !events_.wants_to_write()) return;
  if (busy_ && ++events_waited_ < waits_max) return write_events();
  events_waited_ = 0;
  auto request = events_.next_write();
  request.set_term(term_);
  *request.mutable_known() = known();
  zmesh_.request(rpc::address("", "controlplane"), "controlplane.commit",
                 request.SerializeAsString(), write_timeout,
                 rpc::expect<v1::CommitReply>([this, reign = reign_, batch = events_.batch()](
                                                  stdx::Result<v1::CommitReply> reply) {
                   // While the records are read they say what became of it: a counter ahead of
                   // them would look as if they had gone back (P15).
                   if (reign == reign_ && ready() && batch == events_.batch())
                     events_answered(reply);
                 }));
}

void Leader::events_answered(const stdx::Result<v1::CommitReply>& reply) {
  const auto dropped = events_.dropped();
  const auto written =
      events_.answered(reply ? stdx::Status() : stdx::Status(std::unexpected(reply.error())));
  events_dropped_.add(events_.dropped() - dropped);
  if (reply) {
    records_.set_counter(reply->revision());
  } else {
    runtime_.log.warn("events_not_written", {{"why", reply.error().message}});
    events_timer_.set(write_again, [this] { send_events(); });
  }
  if (!written.empty() && supers) {
    v1::EventsTold news;
    news.set_term(term_);
    news.mutable_events()->Assign(written.begin(), written.end());
    for (const auto& super : supers())
      if (super != facts.zhost)
        zmesh_.notify(rpc::address(super, "zrms"), "zrms.events", news.SerializeAsString());
  }
  if (reply && events_.wants_to_write()) write_events();
}

}  // namespace zrms
