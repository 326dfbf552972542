// SPDX-License-Identifier: Apache-2.0
#pragma once

// Data frames between this zrun and others: over the data link of a zhost, or without one through
// zmesh. What comes in is checked (S9: a zhost speaks only for the spaces that it has) and goes to
// the router of its topology.
//
// Not thread-safe: it belongs to the loop of its zrun.

#include <string>

#include "ports/log.h"
#include "rpc/service_bus.h"
#include "zrun/courier.h"
#include "zrun/data_links.h"
#include "zrun/local_spaces.h"

namespace zrun {

class DataFrames {
 public:
  // All outlive it.
  DataFrames(ports::Log& log, LocalSpaces& spaces, Courier& courier, DataLinks& links,
             rpc::ServiceBus& zmesh)
      : log_(log), spaces_(spaces), courier_(courier), links_(links), zmesh_(zmesh) {}

  // `from_zhost`: empty where it came through zmesh, which has checked whose it is.
  void arrived(const std::string& from_zhost, const stdx::Bytes& frame);
  // False: there is no room; Courier::room_again is called when there is.
  bool send(const std::string& zhost, stdx::Bytes frame);
  // A data link to that zhost came or went.
  void link_changed(const std::string& zhost);

 private:
  ports::Log& log_;
  LocalSpaces& spaces_;
  Courier& courier_;
  DataLinks& links_;
  rpc::ServiceBus& zmesh_;
};

}  // namespace zrun
