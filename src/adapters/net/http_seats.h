// SPDX-License-Identifier: Apache-2.0
#pragma once

// Which connections an HTTP server keeps. It has room for so many in all, for fewer of one source,
// so that one source cannot have them all, and for few large uploads at a time. A connection that
// waits for bytes of its client makes room for a new one: the one that has been waiting for longest
// leaves. So connections that say nothing, half a header, or half a body never keep others out.
// Pure.

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>

namespace adapters::net {

class HttpSeats {
 public:
  struct Limits {
    std::size_t total = 256;
    std::size_t of_one_source = 192;
    std::size_t uploads = 8;
  };
  using Seat = std::uint64_t;

  explicit HttpSeats(Limits limits) : limits_(limits) {}

  struct Arrival {
    std::optional<Seat> seat;    // none: every one that could make room is at work
    std::optional<Seat> leaves;  // the connection to close; it has left already
  };
  Arrival arrive(const std::string& source);
  void leave(Seat seat);  // of one that has left: nothing

  // It waits for bytes of its client, of which some may just have come.
  void waits(Seat seat);
  // Its request is being handled or answered: it is not asked to leave.
  void works(Seat seat);

  // False: as many large uploads are under way as may be.
  bool begin_upload(Seat seat);
  void end_upload(Seat seat);

  std::size_t taken() const { return seats_.size(); }

 private:
  struct Taken {
    std::string source;
    std::list<Seat>::iterator place;  // in waiting_, or its end
    bool upload = false;
  };

  std::optional<Seat> make_room(const std::string* source);

  Limits limits_;
  Seat next_ = 1;
  std::map<Seat, Taken> seats_;
  std::map<std::string, std::size_t> of_source_;
  std::list<Seat> waiting_;  // the longest wait first
  std::size_t uploads_ = 0;
};

}  // namespace adapters::net
