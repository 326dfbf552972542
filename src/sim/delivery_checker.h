// SPDX-License-Identifier: Apache-2.0
#pragma once

// Invariants over messages, from what the guests themselves do and see; it includes nothing of the
// product. Every message carries who sent it and its number, written by the guest that sent it.
//
//   S1  a receiver takes nothing of an older placement of a sender after it, or a receiver it
//       replaced, took something of a newer one
//   S6  per sender placement and path in order; along an at-least-once path without a gap: what
//       comes before was finished by some receiver
//   S7  what an at-least-once path brings a second time says so (a replaced receiver that wakes up
//       may still take its own copy: its effects are refused); and, at the end, nothing is lost
//       unless sender and receiver were lost while they had it (docs/delivery.md)
//   S8  an at-most-once path never brings a message twice
//   S9  path, sender, epoch and number that the host tells are those of the guest that sent it
//   data what data.put confirmed is there for the next life of the space
//   flow after healing, every path brings new messages again
//
// The first violation is given to `violate`; owned by the Cluster.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace sim {

// One placement of a space: what zrun calls an instance id. A guest that trapped starts again
// inside its placement.
struct Placement {
  std::string topology, space;
  std::uint64_t epoch = 0;
  std::uint32_t run = 0;
  auto operator<=>(const Placement&) const = default;
};

// The message `number` (from 1) of a placement along a path.
struct Stamp {
  Placement sender;
  std::string path;
  std::uint64_t number = 0;
  bool operator==(const Stamp&) const = default;
};

struct Arrival {
  Stamp stamp;
  Stamp origin;                // the source's message that made this one
  bool marked = false;         // flagged redelivered by the host
  bool origin_marked = false;  // a space on the way had it flagged
  // What the host says of it.
  std::string path, sender;
  std::uint64_t epoch = 0, number = 0;
};

struct Way {
  std::string topology, path, from, to;
  bool once = false;  // OnceChecker looks at it
};

class DeliveryChecker {
 public:
  explicit DeliveryChecker(std::function<void(std::string)> violate)
      : violate_(std::move(violate)) {}

  // --- told by guests ---
  // A guest is about to send; `cause` is the message it works on, empty number for a source.
  void sending(const Stamp& stamp, const std::string& to, const Stamp& cause, bool at_most_once);
  void sent(const Stamp& stamp);
  // `guest` tells the lives of the guest inside the placement apart.
  void received(const Placement& receiver, std::uint64_t guest, const Arrival& arrival);
  void finished(const Placement& receiver, const Stamp& stamp);
  void data_found(const Placement& owner, std::uint64_t count);
  void putting(const Placement& owner, std::uint64_t count);
  void put(const Placement& owner, std::uint64_t count);

  // --- told by the cluster ---
  // The placement will not run again (its process died, it was stopped or has failed for good).
  void gone(const Placement& placement);
  // An operator asked for it: nothing is promised of the data any more.
  void data_removed(const std::string& topology, const std::string& space);

  // The newest epoch of its sender that anything was taken of, by whatever receiver.
  std::uint64_t newest_taken(const Way& way) const;

  // --- after healing ---
  // Everything sent so far is to arrive; and something sent from now on.
  void mark();
  // True once that is so for every way; senders are the placements that live. `why` begins with the
  // invariant.
  bool flowing(const std::vector<Way>& ways, std::string* why) const;
  std::uint64_t messages() const { return messages_; }

 private:
  using Age = std::pair<std::uint64_t, std::uint32_t>;  // epoch, run of a placement
  struct Effect {
    std::size_t stream;
    std::uint64_t number;
  };
  struct Fate {
    std::uint64_t sent_at = 0;  // moments count what happened
    std::vector<Age> taken_by;
    std::vector<Placement> finished_by;
    std::vector<Effect> effects;  // sent in turns that worked on it
  };
  struct Stream {
    Placement sender;
    std::string path, to;
    bool at_most_once = false;
    std::uint64_t sent = 0, marked = 0, newest_received = 0;
    std::vector<Fate> fates;  // number 1 first
  };
  using Space = std::pair<std::string, std::string>;

  Stream* find(const Stamp& stamp);
  const Fate* fate_of(const Effect& effect) const;
  bool arrived(const Stream& stream, std::uint64_t number) const;
  bool excused(const Stream& stream, const Fate& fate) const;
  void check_order(const Placement& receiver, std::uint64_t guest, std::size_t index,
                   const Arrival& arrival);

  std::function<void(std::string)> violate_;
  std::map<std::pair<Placement, std::string>, std::size_t> index_;
  std::vector<Stream> streams_;
  // (receiver, guest life, stream) -> last number taken.
  std::map<std::tuple<Placement, std::uint64_t, std::size_t>, std::uint64_t> last_;
  // (topology, path, receiver placement) -> newest (epoch, run) of senders taken from.
  std::map<std::tuple<std::string, std::string, Age>, Age> newest_;
  // (receiving space's path, origin) -> who took it before.
  std::map<std::pair<std::string, std::string>, std::vector<Age>> origins_;
  std::map<Space, std::vector<std::uint64_t>> deaths_;  // moments
  std::map<Placement, std::uint64_t> gone_;
  struct Data {
    std::uint64_t confirmed = 0, tried = 0;
    bool removed = false;
  };
  std::map<Space, Data> data_;
  std::uint64_t moment_ = 0, messages_ = 0;
};

}  // namespace sim
