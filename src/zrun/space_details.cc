// SPDX-License-Identifier: Apache-2.0
#include "zrun/space_details.h"

#include <vector>

#include "stdx/encoding.h"
#include "stdx/text.h"
#include "zrun/space_view.h"

namespace zrun {

using stdx::Code;

void SpaceDetails::detail(const v1::SpaceDetailRequest& request,
                          std::function<void(stdx::Result<v1::SpaceDetail>)> done) const {
  const auto* space = spaces_.space(request.topology(), request.space());
  const LogQuery query{request.after_epoch(), request.after_seq(), request.after_run()};
  const auto answer = [this, query, done](const Space* there,
                                          const std::vector<ports::LogLine>& kept) {
    v1::SpaceDetail out;
    if (there != nullptr) *out.mutable_view() = space_view(*there, zhost_, 10);
    *out.mutable_logs() = space_logs(there, kept, query, zhost_);
    done(std::move(out));
  };
  const auto topology = space != nullptr ? space->id().key.topology.value : request.topology();
  const bool on_disk = request.all_lives() && logs_ != nullptr && stdx::is_uuid(topology) &&
                       model::is_name(request.space());
  if (space == nullptr && !on_disk)
    return done(stdx::fail(
        Code::not_found,
        stdx::format("space '{}' does not run on zhost '{}' any more; `zshell logs --previous` "
                     "shows what it said last",
                     stdx::printable(request.space(), 80), zhost_)));
  if (!on_disk) return answer(space, {});
  logs_->read(
      {model::TopologyId(topology), request.space()},
      [this, topology, name = request.space(), answer, done,
       alive = std::weak_ptr<bool>(alive_)](stdx::Result<std::vector<ports::LogLine>> kept) {
        if (alive.expired()) return done(stdx::fail(Code::unavailable, "zrun is stopping"));
        // A disk that gives nothing back: what is in memory is there all the same.
        answer(spaces_.space(topology, name), kept.value_or(std::vector<ports::LogLine>()));
      });
}

}  // namespace zrun
