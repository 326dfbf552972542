// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Engine without WebAssembly: guests are small C++ programs that make host calls, one after
// the other, through a fake guest memory; the host functions are the real ones. A program is chosen
// by the role that stub_module() writes into a (valid, empty) module.
//
// Loop of the process it is given; owned by the test; programs may do slice_calls calls in one
// resume.

#include <functional>
#include <map>
#include <optional>

#include "ports/data_store.h"
#include "ports/engine.h"
#include "simkit/disk.h"
#include "simkit/process.h"

namespace simkit {

// A module that exports memory and on_process, with a custom section named `role` (1 to 63 bytes).
stdx::Bytes stub_module(const std::string& role);

// A host call, or what a guest does by itself: guest.trap, guest.compute (for ever, so its slice is
// over), guest.grow (its memory, by args[0] pages; gives 0, or -1 at its limit).
struct GuestCall {
  std::string function;  // "net.emit_to"
  std::vector<std::uint64_t> args;
};

// One instance of a program. Its memory begins with one page; what it keeps beside it dies with it.
class StubGuest {
 public:
  static constexpr std::size_t memory_bytes = 64u << 10;
  virtual ~StubGuest() = default;
  // The hooks it exports, and the beginning of a call of one.
  virtual bool has(const std::string& function) const { return function == "on_process"; }
  virtual void begin(const std::string& function) { (void)function; }
  // The next call of the hook, given the result of the one before (0 at the beginning); none: the
  // hook returns value().
  virtual std::optional<GuestCall> next(std::int32_t result) = 0;
  virtual std::int32_t value() const { return 0; }

  stdx::Bytes memory = stdx::Bytes(memory_bytes, '\0');

 protected:
  GuestCall emit(const std::string& path, const std::string& text);  // waits for ever
  GuestCall receive();                                               // waits for ever
  static GuestCall sleep(std::uint32_t ms) { return {"sys.sleep", {ms}}; }
  struct Received {
    std::string text;
    bool redelivered;
    std::uint64_t seq, sender_epoch;
    std::string path, sender;
  };
  Received received(std::int32_t result) const;
};

class StubEngine final : public ports::Engine {
 public:
  static constexpr int slice_calls = 64;
  using Make = std::function<std::unique_ptr<StubGuest>(const std::string& role)>;
  StubEngine(Process& process, Make make) : process_(process), make_(std::move(make)) {}
  void compile(std::shared_ptr<const stdx::Bytes> module,
               std::vector<ports::HostFunction> functions, Compiled done) override;

  stdx::Duration compile_takes = std::chrono::milliseconds(1);

 private:
  Process& process_;
  Make make_;
};

// Numbers messages along `path`: "1", "2", … up to `last`, `pause_ms` apart; counts what the host
// took. `taken` outlives it.
class SourceGuest final : public StubGuest {
 public:
  SourceGuest(std::string path, int last, std::uint32_t pause_ms, int& taken)
      : path_(std::move(path)), last_(last), pause_ms_(pause_ms), taken_(taken) {}
  std::optional<GuestCall> next(std::int32_t result) override;

 private:
  std::string path_;
  int last_;
  std::uint32_t pause_ms_;
  int& taken_;
  bool emitted_ = false;
};

// Sends on what it takes, then returns. What came redelivered goes on with an "r" behind it: for
// the next space it is a new message, yet may be a repeat.
class RelayGuest final : public StubGuest {
 public:
  explicit RelayGuest(std::string path) : path_(std::move(path)) {}
  std::optional<GuestCall> next(std::int32_t result) override;

 private:
  std::string path_;
  int step_ = 0;
};

struct SinkEntry {
  int number;
  bool marked;  // it said that it may be a repeat
  std::uint64_t seq, sender_epoch;
};

// Records what it takes; works `busy_ms` on each.
class SinkGuest final : public StubGuest {
 public:
  SinkGuest(std::vector<SinkEntry>& log, std::uint32_t busy_ms) : log_(log), busy_ms_(busy_ms) {}
  std::optional<GuestCall> next(std::int32_t result) override;

 private:
  std::vector<SinkEntry>& log_;
  std::uint32_t busy_ms_;
  int step_ = 0;
};

// Data of spaces in memory; `disk` is what outlives the process on a simulated zhost.
class MemoryDataStore final : public ports::DataStore {
 public:
  struct Shelf {
    model::InstanceId newest;
    std::map<stdx::Bytes, stdx::Bytes> values;
    std::map<stdx::Bytes, stdx::Bytes> records;
  };
  using Disk = std::map<model::SpaceKey, std::shared_ptr<Shelf>>;

  explicit MemoryDataStore(Process& process) : process_(process), spaces_(own_), state_(good_) {}
  MemoryDataStore(Process& process, Disk& disk) : process_(process), spaces_(disk), state_(good_) {}
  MemoryDataStore(Process& process, Disk& disk, const DiskState& state)
      : process_(process), spaces_(disk), state_(state) {}
  void open(const model::InstanceId& instance, Expect expect, std::uint64_t bytes_max,
            ports::SpaceData::Done<std::shared_ptr<ports::SpaceData>> done) override;
  void remove(const model::SpaceKey& key) override { spaces_.erase(key); }

 private:
  Process& process_;
  Disk own_;
  Disk& spaces_;
  const DiskState good_{};
  const DiskState& state_;
};

}  // namespace simkit
