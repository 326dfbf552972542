// SPDX-License-Identifier: Apache-2.0
#pragma once

// What the files of this folder share of Loop. Not for others: it shows Asio.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>

#include "adapters/loop/loop.h"
#include "adapters/loop/meter.h"
#include "stdx/result.h"

namespace adapters::loop {

struct Loop::Impl {
  boost::asio::io_context io{1};
  std::map<std::uint64_t, std::unique_ptr<boost::asio::steady_timer>> timers;
  std::uint64_t next_timer = 1;
  std::unique_ptr<boost::asio::signal_set> signals;
  std::unique_ptr<Meter> meter;
};

inline boost::asio::io_context& io_of(Loop& loop) {
  return loop.impl().io;
}

}  // namespace adapters::loop
