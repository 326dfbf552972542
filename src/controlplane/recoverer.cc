// SPDX-License-Identifier: Apache-2.0
#include "controlplane/recoverer.h"

#include <set>

#include "stdx/encoding.h"
#include "stdx/text.h"

namespace controlplane {

using stdx::Code;

namespace {

constexpr std::uint64_t step_min = 1000, step_max = 1'000'000;

}  // namespace

void Recoverer::run(std::vector<std::string> linked, Done done) {
  if (under_way_)
    return done(stdx::fail(Code::conflict, "the records are being recovered already"));
  if (gate_.is_open() && gate_.refused_members().empty())
    return done(stdx::fail(Code::conflict,
                           "the records are not behind, and no zhost was refused because of them: "
                           "there is nothing to recover"));
  under_way_ = std::make_shared<Job>();
  under_way_->done = std::move(done);
  under_way_->to_ask = std::move(linked);
  ask_next(under_way_);
}

void Recoverer::ask_next(const JobPtr& job) {
  while (!job->to_ask.empty() && job->asked < asked_max) {
    auto zhost = std::make_shared<HeldByZhost>();
    zhost->zhost = std::move(job->to_ask.back());
    job->to_ask.pop_back();
    ++job->asked;
    ask_page(job, zhost, {});
  }
  if (job->asked == 0) read(job);
}

// First the places, page by page, then the floors.
void Recoverer::ask_page(const JobPtr& job, const std::shared_ptr<HeldByZhost>& zhost,
                         const v1::HoldingsRequest& request) {
  endpoint_.request(
      rpc::address(zhost->zhost, "startz"), "startz.holdings", request.SerializeAsString(),
      page_timeout,
      rpc::expect<v1::Holdings>(
          [this, job, zhost, floors = request.floors()](stdx::Result<v1::Holdings> page) {
            if (page && page->more() && (floors ? page->floors_size() : page->places_size()) == 0)
              page = stdx::fail(Code::invalid, "it says there is more and sends nothing");
            if (!page) return silent(job, zhost->zhost, page.error());
            take_page(job, zhost, floors, std::move(*page));
          }));
}

void Recoverer::take_page(const JobPtr& job, const std::shared_ptr<HeldByZhost>& zhost, bool floors,
                          v1::Holdings page) {
  zhost->incarnation = page.incarnation();
  zhost->known = page.known();
  for (auto& place : *page.mutable_places()) zhost->places.push_back(std::move(place));
  for (auto& floor : *page.mutable_floors()) zhost->floors.push_back(std::move(floor));
  v1::HoldingsRequest next;
  next.set_floors(floors || !page.more());
  if (page.more() && floors) {
    next.set_after_topology(zhost->floors.back().topology_id());
    next.set_after_space(zhost->floors.back().space());
  } else if (page.more()) {
    next.set_after_topology(zhost->places.back().header().topology_id());
    next.set_after_space(zhost->places.back().header().space());
  } else if (floors) {
    job->held.push_back(std::move(*zhost));
    return zhost_done(job);
  }
  ask_page(job, zhost, next);
}

// What came of it until then is not taken over either: a part of what it runs would make the rest
// look forgotten.
void Recoverer::silent(const JobPtr& job, const std::string& zhost, const stdx::Error& why) {
  runtime_.log.warn("holdings_not_told", {{"zhost", zhost}, {"why", why.message}});
  auto& entry = *job->reply.add_silent();
  entry.set_zhost(zhost);
  entry.set_why(why.message);
  zhost_done(job);
}

void Recoverer::zhost_done(const JobPtr& job) {
  --job->asked;
  ask_next(job);
}

void Recoverer::read(const JobPtr& job) {
  store_.read_since(0, [this, job](stdx::Result<ports::Store::Snapshot> records) {
    if (!records) return end(job, std::unexpected(records.error()));
    write(job, *records);
  });
}

void Recoverer::write(const JobPtr& job, const ports::Store::Snapshot& records) {
  const Recovery::Names names{stdx::uuid_from(runtime_.random.next(), runtime_.random.next()),
                              step_min + runtime_.random.next() % (step_max - step_min),
                              stdx::format_rfc3339(runtime_.clock.wall())};
  auto recovery = std::make_shared<Recovery>(records, job->held, gate_.refused_members(), names);
  auto& reply = job->reply;
  reply.set_lineage(recovery->lineage().id());
  reply.set_term(recovery->term());
  reply.set_epoch_floor(recovery->lineage().epoch_floor());
  for (const auto& held : job->held) reply.add_zhosts(held.zhost);
  std::set<std::string> here(reply.zhosts().begin(), reply.zhosts().end());
  for (const auto& silent : reply.silent()) here.insert(silent.zhost());
  for (const auto& record : records.records)
    if (record.kind == "zhost" && !here.contains(record.key)) reply.add_not_there(record.key);
  reply.set_topologies_taken_over(recovery->topologies_taken_over());
  reply.set_spaces_taken_over(recovery->spaces_taken_over());
  reply.set_topologies(recovery->topologies());
  // First: from here on no former leader writes anything.
  store_.cas_term(records.term.version, recovery->term(), "",
                  [this, job, recovery](stdx::Result<ports::TermRow> row) {
                    if (!row) return end(job, std::unexpected(row.error()));
                    write_batch(job, recovery, *row, 0);
                  });
}

void Recoverer::write_batch(const JobPtr& job, const std::shared_ptr<Recovery>& recovery,
                            const ports::TermRow& term, std::size_t batch) {
  store_.commit(
      {}, recovery->batches()[batch],
      [this, job, recovery, term, batch](stdx::Result<ports::Store::Committed> committed) {
        if (!committed) return end(job, std::unexpected(committed.error()));
        if (batch + 1 < recovery->batches().size())
          return write_batch(job, recovery, term, batch + 1);
        gate_.recovered(recovery->lineage(), recovery->lineage_version(), committed->revision,
                        term);
        end(job, std::move(job->reply));
      });
}

void Recoverer::end(const JobPtr& job, stdx::Result<v1::RecoverReply> result) {
  under_way_.reset();
  job->done(std::move(result));
}

}  // namespace controlplane
