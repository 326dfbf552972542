// SPDX-License-Identifier: Apache-2.0
#include "startz/zrun_commands.h"

#include <utility>

#include "stdx/result.h"
#include "wire/states.h"

namespace startz {

using namespace std::chrono_literals;
using stdx::Code;

ZrunCommands::ZrunCommands(ports::Runtime& runtime, rpc::Hub& hub, const Children& children,
                           Gatekeeper& gatekeeper)
    : runtime_(runtime),
      hub_(hub),
      children_(children),
      gatekeeper_(gatekeeper),
      repeat_timer_(runtime.executor) {}

void ZrunCommands::place(const Key& key) {
  removals_.erase(key);
  pass_later(key);
}

void ZrunCommands::zrun_connected() {
  bytes_ = 0;
  pass_removals();  // first: none comes after a placement of the same space
  for (const auto& [key, placed] : gatekeeper_.placed()) pass_later(key);
}

void ZrunCommands::pass_later(const Key& key) {
  to_place_.insert(key);
  if (pass_posted_) return;
  pass_posted_ = true;
  // Those of this round of the loop go together.
  runtime_.executor.post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    pass_posted_ = false;
    pass_places();
  });
}

// Spaces of one topology share its text, and a few batches are under way: the spaces of many, after
// a restart of zrun, would pass the bound of its link.
void ZrunCommands::pass_places() {
  if (!hub_.has("zrun")) return to_place_.clear();  // it gets everything when it connects
  while (!to_place_.empty() && bytes_ < bytes_max) {
    std::vector<Key> keys;
    const std::string* text = nullptr;
    std::size_t bytes = 0;
    while (!to_place_.empty() && keys.size() < batch_max) {
      const auto at = gatekeeper_.placed().find(*to_place_.begin());
      if (at != gatekeeper_.placed().end()) {
        const auto* own = at->second.topology.get();
        const auto more = at->second.command.ByteSizeLong();
        if (text != nullptr && (own != text || bytes + more > bytes_max / 4)) break;
        text = own;
        bytes += more;
        keys.push_back(at->first);
      }
      to_place_.erase(to_place_.begin());
    }
    if (!keys.empty()) pass_batch(keys);
  }
}

void ZrunCommands::pass_batch(const std::vector<Key>& keys) {
  const auto* zrun = children_.find("zrun");
  if (zrun == nullptr) return;
  v1::PlaceBatch batch;
  std::vector<std::uint64_t> epochs;
  for (const auto& key : keys) {
    auto& placed = gatekeeper_.placed().at(key);
    if (epochs.empty()) batch.set_topology(*placed.topology);
    epochs.push_back(placed.command.header().epoch());
    placed.command.set_run(zrun->starts);
    placed.command.set_restart_in_place(placed.sent_run != 0 && placed.sent_run != zrun->starts);
    placed.sent_run = zrun->starts;
    placed.report.set_run(zrun->starts);
    *batch.add_commands() = placed.command;
  }
  auto text = batch.SerializeAsString();
  const auto bytes = text.size();
  bytes_ += bytes;
  hub_.endpoint().request(
      rpc::address("", "zrun"), "zrun.place_many", std::move(text), 5s,
      rpc::expect<v1::PlaceBatchReply>([this, keys, epochs, bytes, run = zrun->starts](
                                           stdx::Result<v1::PlaceBatchReply> replies) {
        // Those to a former zrun are counted no more (zrun_connected).
        if (const auto* now = children_.find("zrun"); now != nullptr && now->starts == run)
          bytes_ -= bytes;
        for (std::size_t i = 0; i < keys.size(); ++i) {
          const int at = static_cast<int>(i);
          if (!replies)
            answered(keys[i], epochs[i], run, std::unexpected(replies.error()));
          else if (at < replies->replies_size())
            answered(keys[i], epochs[i], run, replies->replies(at));
        }
        pass_places();
      }));
}

void ZrunCommands::answered(const Key& key, std::uint64_t epoch, std::uint32_t run,
                            const stdx::Result<v1::CommandReply>& reply) {
  const auto placed = gatekeeper_.placed().find(key);
  if (placed == gatekeeper_.placed().end() || placed->second.sent_run != run ||
      placed->second.command.header().epoch() != epoch)
    return;
  if (!reply) {
    // zrun went away or does not answer: sent again when it is there, or at once.
    if (reply.error().code == Code::timeout && hub_.has("zrun")) pass_later(key);
    return;
  }
  if (wire::outcome_of(*reply) != wire::CommandOutcome::refused) return;
  wire::set_state(placed->second.report, wire::InstanceState::failed);
  placed->second.report.set_detail(reply->reason());
  on_refused(key);
}

void ZrunCommands::stop(const v1::StopCommand& command) {
  const Key key{command.header().topology_id(), command.header().space()};
  if (command.remove_data()) removals_[key] = command;
  hub_.endpoint().request(
      rpc::address("", "zrun"), "zrun.stop", command.SerializeAsString(), 5s,
      rpc::expect<v1::CommandReply>([this, key, command](stdx::Result<v1::CommandReply> reply) {
        // "accepted" is not yet gone: the data goes when the space has closed, and zrun may end
        // before. A second removal finds nothing to do.
        if (reply && wire::outcome_of(*reply) != wire::CommandOutcome::accepted)
          removals_.erase(key);
        if (reply && removals_.contains(key) && !repeat_timer_.pending())
          repeat_timer_.set(5s, [this] { pass_removals(); });
        // A zrun that starts anew runs only what the gatekeeper hands it.
        if (!reply && reply.error().code == Code::timeout && hub_.has("zrun")) stop(command);
      }));
}

void ZrunCommands::pass_removals() {
  for (const auto& [key, command] : std::map(removals_)) stop(command);  // it writes the list
}

}  // namespace startz
