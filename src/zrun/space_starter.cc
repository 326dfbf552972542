// SPDX-License-Identifier: Apache-2.0
#include "zrun/space_starter.h"

#include <utility>

#include "stdx/text.h"
#include "wire/data_frame.h"

namespace zrun {

using namespace std::chrono_literals;
using stdx::Code;

namespace {
constexpr stdx::Duration recent_for = 5s;
// A start that takes longer says why.
constexpr stdx::Duration slow_after = 1s;
}  // namespace

SpaceStarter::SpaceStarter(ports::Runtime& runtime, LocalSpaces& spaces, Loader& loader,
                           ports::DataStore& data, std::string zhost)
    : runtime_(runtime),
      spaces_(spaces),
      loader_(loader),
      data_(data),
      zhost_(std::move(zhost)),
      recent_timer_(runtime.executor) {}

void SpaceStarter::start(const Key& key, const v1::PlaceCommand& command) {
  const auto& space = *spaces_.find(key)->space;
  const std::string sha256 =
      space.spec().mex_sha256.empty() ? command.mex_sha256() : space.spec().mex_sha256;
  loader_.package(sha256, {command.blob_holders().begin(), command.blob_holders().end()},
                  [this, key, sha256, id = space.id(), alive = std::weak_ptr<bool>(alive_)](
                      stdx::Result<std::shared_ptr<const ports::Package>> package) {
                    if (!alive.expired()) package_ready(key, id, sha256, std::move(package));
                  });
}

void SpaceStarter::package_ready(const Key& key, model::InstanceId id, const std::string& sha256,
                                 stdx::Result<std::shared_ptr<const ports::Package>> package) {
  auto* placed = spaces_.find_starting(key, id);
  if (placed == nullptr) return;
  if (!package) return fail(key, id, package.error());
  if (recent_package_ != *package) recent_package_ = *package;
  recent_timer_.set(recent_for, [this] { recent_package_.reset(); });
  if (placed->space->is_ui()) return serve_pages(*placed, std::move(*package));
  placed->slow_start = std::make_unique<ports::Timer>(runtime_.executor);
  placed->slow_start->set(slow_after, [this, key, id] {
    if (auto* slow = spaces_.find_starting(key, id))
      slow->space->tell_slow_start(
          "its module is being compiled, or waits for that; once on each zhost");
  });
  loader_.module(sha256, *package, placed->space->spec(),
                 [this, key, id, alive = std::weak_ptr<bool>(alive_)](
                     stdx::Result<std::shared_ptr<ports::Module>> module) {
                   if (alive.expired() || spaces_.find_starting(key, id) == nullptr) return;
                   if (!module) return fail(key, id, module.error());
                   open_data(key, id, std::move(*module));
                 });
}

void SpaceStarter::open_data(const Key& key, model::InstanceId id,
                             std::shared_ptr<ports::Module> module) {
  auto* placed = spaces_.find_starting(key, id);
  placed->slow_start.reset();
  if (placed->space->spec().store == model::StoreKind::none)
    return placed->space->start(std::move(module), nullptr);
  using Expect = ports::DataStore::Expect;
  data_.open(id, placed->data_expected ? Expect::there : Expect::nothing,
             placed->space->spec().limits.data_bytes,
             [this, key, id, module = std::move(module), alive = std::weak_ptr<bool>(alive_)](
                 stdx::Result<std::shared_ptr<ports::SpaceData>> data) mutable {
               if (!alive.expired()) data_opened(key, id, std::move(module), std::move(data));
             });
}

void SpaceStarter::data_opened(const Key& key, const model::InstanceId& id,
                               std::shared_ptr<ports::Module> module,
                               stdx::Result<std::shared_ptr<ports::SpaceData>> data) {
  auto* placed = spaces_.find_starting(key, id);
  if (placed == nullptr) return;
  if (data) {
    placed->open_again.reset();
    placed->space->note_store({});
    return placed->space->start(std::move(module), std::move(*data));
  }
  const auto code = data.error().code;
  if (code != Code::unavailable && code != Code::unknown && code != Code::full)
    return fail(key, id, describe_data_error(id, data.error()));
  // The disk or the process has no room for it now: nothing that another zhost or an operator's
  // start would change for the better, so it waits here.
  placed->space->wait_for_store(data.error());
  if (!placed->open_again) placed->open_again = std::make_unique<ports::Timer>(runtime_.executor);
  placed->open_again->set(data_open_again, [this, key, id, module = std::move(module)]() mutable {
    if (spaces_.find_starting(key, id) != nullptr) open_data(key, id, std::move(module));
  });
}

void SpaceStarter::serve_pages(PlacedSpace& placed, std::shared_ptr<const ports::Package> package) {
  auto* space = placed.space.get();
  placed.pages = std::make_unique<UiPages>(
      runtime_, std::move(package), space->spec(),
      [space](const std::string& path_name, const std::string& payload) -> stdx::Status {
        auto* path = space->out_path(path_name);
        if (path == nullptr)
          return stdx::fail(Code::denied,
                            stdx::format("no path '{}' from space '{}'",
                                         stdx::printable(path_name, 80), space->spec().name));
        if (payload.size() > wire::message_bytes_max ||
            space->room_on(*path, payload.size()) != Space::Room::there)
          return stdx::fail(Code::full, stdx::format("path '{}' is full", path_name));
        space->emit(*path, payload);
        return {};
      });
  space->serve([pages = placed.pages.get(), space](const Message& message) {
    const auto& path = space->topology().spec().paths[message.path];
    pages->show(space->in_name(message.path), path.from, message.seq, message.payload);
  });
}

stdx::Error SpaceStarter::describe_data_error(const model::InstanceId& id,
                                              const stdx::Error& error) const {
  if (error.code != Code::not_found) return error;
  runtime_.log.error("data_gone", {{"topology", id.key.topology.value},
                                   {"space", id.key.space},
                                   {"epoch", id.epoch.value},
                                   {"why", error.message}});
  return {error.code,
          stdx::format("data of space {} is gone from zhost {}: {}; bring it back, or delete the "
                       "topology and submit it again to begin empty",
                       id.key.space, zhost_, error.message)};
}

void SpaceStarter::fail(const Key& key, const model::InstanceId& id, const stdx::Error& why) {
  if (auto* placed = spaces_.find_starting(key, id)) placed->space->fail_for_good(why.message);
}

}  // namespace zrun
