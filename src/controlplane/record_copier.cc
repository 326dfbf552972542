// SPDX-License-Identifier: Apache-2.0
#include "controlplane/record_copier.h"

#include <algorithm>

#include "stdx/text.h"

namespace controlplane {

using namespace std::chrono_literals;
using stdx::Code;

RecordCopier::RecordCopier(ports::Runtime& runtime, rpc::RpcEndpoint& endpoint, ports::Store& store,
                           RecordsGate& gate, Options options)
    : runtime_(runtime),
      endpoint_(endpoint),
      store_(store),
      gate_(gate),
      options_(std::move(options)),
      plan_(options_.interval, options_.zhosts),
      timer_(runtime.executor),
      kept_(runtime.metrics.counter("samoza_controlplane_copies_total",
                                    "Copies of the records that a zhost has on its disk")),
      refused_(runtime.metrics.counter("samoza_controlplane_copies_refused_total",
                                       "Copies of the records that a zhost did not take")),
      bytes_sent_(runtime.metrics.counter("samoza_controlplane_copy_bytes_total",
                                          "Bytes of copies of the records sent to zhosts")),
      age_(runtime.metrics.gauge("samoza_controlplane_newest_copy_age_seconds",
                                 "Since the newest copy of the records was made that another zhost "
                                 "keeps; -1: none since this start")),
      overdue_(runtime.metrics.gauge("samoza_controlplane_copy_overdue",
                                     "1 while the newest records have had no copy on another "
                                     "zhost for three intervals")) {
  age_.set(-1);
}

void RecordCopier::start() {
  if (options_.interval > 0s)
    timer_.set(std::min(options_.interval, soon), [this] { begin_round(); });
}

std::set<std::string> RecordCopier::others() const {
  auto zhosts = linked();
  zhosts.erase(options_.own_zhost);
  return zhosts;
}

void RecordCopier::look() {
  if (options_.interval <= 0s || unsupported_) return;
  const auto now = runtime_.clock.now();
  if (plan_.newest())
    age_.set(std::chrono::duration_cast<std::chrono::seconds>(now - plan_.newest()->now).count());
  if (!gate_.is_open()) return;
  plan_.records_are(gate_.known(), time());
  const auto since = plan_.overdue(now);
  if (since && has_other_members())
    detail_ = stdx::format("no other zhost has a copy of the newest records since {}: {}",
                           stdx::format_rfc3339(*since), why_not_);
  else
    detail_.clear();
  overdue_.set(!detail_.empty());
}

std::string RecordCopier::newest() const {
  return plan_.newest() ? stdx::format_rfc3339(plan_.newest()->wall) : "";
}

// --- a round ---

void RecordCopier::begin_round() {
  const auto zhosts = others();
  look();
  plan_.begin_round(zhosts);
  if (!gate_.is_open()) {
    why_not_ = "the records are not open";
    return end_round();
  }
  if (zhosts.empty()) why_not_ = "no other zhost is linked to the control plane";
  if (plan_.next(zhosts).empty()) return end_round();
  auto round = std::make_shared<Round>();
  round->of = gate_.known();
  round->taken = time();
  store_.copy([this, round, alive = std::weak_ptr<bool>(alive_)](auto copy) {
    if (!alive.expired()) made(round, std::move(copy));
  });
}

void RecordCopier::made(const RoundPtr& round, stdx::Result<ports::Store::Copy> copy) {
  if (!copy) {
    if (copy.error().code == Code::unsupported) {
      // The database has tools of its own; nothing is overdue here.
      unsupported_ = true;
      runtime_.log.info("records_copy_unsupported", {{"why", copy.error().message}});
      return;
    }
    refused_.add();
    runtime_.log.warn("records_copy_not_made", {{"why", copy.error().message}});
    why_not_ = "a copy cannot be made: " + copy.error().message;
    return end_round();
  }
  round->copy = std::move(*copy);
  round->info.set_lineage(round->of.lineage());
  round->info.set_counter(round->of.counter());
  round->info.set_term(round->of.term());
  round->info.set_sha256(round->copy.sha256);
  round->info.set_bytes(round->copy.bytes.size());
  round->info.set_made(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(round->taken.wall.time_since_epoch())
          .count()));
  send_next(round);
}

void RecordCopier::send_next(const RoundPtr& round) {
  const auto zhost = plan_.next(others());
  if (zhost.empty()) return end_round();
  // Without data it asks: what the zhost has already, or has no room for, is not sent.
  send_part(round, zhost, 0, 0);
}

void RecordCopier::send_part(const RoundPtr& round, const std::string& zhost, std::uint64_t offset,
                             std::size_t bytes) {
  v1::CopyPut part;
  *part.mutable_info() = round->info;
  part.set_offset(offset);
  part.set_data(round->copy.bytes.substr(offset, bytes));
  bytes_sent_.add(part.data().size());
  endpoint_.request(
      rpc::address(zhost, "zbase"), "zbase.copy_put", part.SerializeAsString(), part_timeout,
      rpc::expect<v1::CopyPutReply>(
          [this, round, zhost, end = offset + bytes,
           alive = std::weak_ptr<bool>(alive_)](stdx::Result<v1::CopyPutReply> reply) {
            if (!alive.expired()) answered(round, zhost, end, std::move(reply));
          }));
}

void RecordCopier::answered(const RoundPtr& round, const std::string& zhost, std::uint64_t end,
                            stdx::Result<v1::CopyPutReply> reply) {
  if (!reply) return refused(round, zhost, reply.error());
  if (reply->kept()) {
    plan_.kept(zhost, round->of, round->taken);
    kept_.add();
    runtime_.log.info("records_copy_kept", {{"zhost", zhost},
                                            {"counter", round->of.counter()},
                                            {"lineage", round->of.lineage()},
                                            {"bytes", round->info.bytes()}});
    return send_next(round);
  }
  // Each answer says that everything so far has arrived, or the part was not the next one.
  if (end >= round->info.bytes())
    return refused(round, zhost,
                   {Code::failed, "it took all of it and does not say that it is kept"});
  send_part(round, zhost, end, part_bytes);
}

void RecordCopier::refused(const RoundPtr& round, const std::string& zhost,
                           const stdx::Error& why) {
  plan_.refused(zhost);
  refused_.add();
  why_not_ = stdx::format("zhost {} did not take one: {}", zhost, why.message);
  runtime_.log.warn("records_copy_refused", {{"zhost", zhost}, {"why", why.message}});
  send_next(round);
}

void RecordCopier::end_round() {
  look();
  const auto next = plan_.has_newest_copy() ? options_.interval : std::min(options_.interval, soon);
  timer_.set(next, [this] { begin_round(); });
}

}  // namespace controlplane
