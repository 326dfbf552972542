// SPDX-License-Identifier: Apache-2.0
// The database goes back (P15). Only while nothing else is broken, so that the zhosts do know of
// what is taken from it, and for a while: an operator has the newest one and puts it in its place
// again. Until then nobody may be placed, moved or admitted.
#include "sim/faults.h"
#include "stdx/text.h"

namespace sim {

using namespace std::chrono_literals;

void Faults::records_back() {
  // A copy of which something is missing, and not only a renewal of the term.
  const bool emptied = prng_.chance(1, 3);
  if (newest_ || cluster_.database.emptied || cluster_.database.fault ||
      !cluster_.control_plane_up() || !cluster_.settled() ||
      (!emptied && older_.revision >= cluster_.database.revision()))
    return;
  tell(emptied ? std::string("records emptied")
               : stdx::format("records go back from change {} to {}", cluster_.database.revision(),
                              older_.revision));
  newest_ = cluster_.database.copy();
  cluster_.kill_control_plane();
  cluster_.database.put(emptied ? Content{} : older_);
  later(ms(200, 2000), [this] { cluster_.start_control_plane(); });
  later(ms(6000, 12000), [this] {
    records_put_right();
    later(500ms, [this] { cluster_.start_control_plane(); });
  });
}

void Faults::records_put_right() {
  if (!newest_) return;
  // Where somebody leads with it, its changes were told to operators: it is the newest one now, and
  // the checkers say what came of that.
  if (!cluster_.records_open() || cluster_.leader() < 0) {
    cluster_.kill_control_plane();
    cluster_.database.put(*newest_);
  }
  newest_.reset();
}

}  // namespace sim
