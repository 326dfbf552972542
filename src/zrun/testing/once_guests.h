// SPDX-License-Identifier: Apache-2.0
#pragma once

// Guests of transactional spaces for tests: what they count is in their data, so that a transaction
// that is done twice, or half, shows.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "simkit/stub_engine.h"

namespace zrun {

// A program with calls of data.*; `work` gives the next call from the result of the one before.
class Program : public simkit::StubGuest {
 protected:
  using Call = simkit::GuestCall;
  static constexpr std::size_t key_at = 256, value_at = 2048, got_at = 40000, got_bytes = 4096;

  Call put(const std::string& key, const std::string& value) {
    memory.replace(key_at, key.size(), key);
    memory.replace(value_at, value.size(), value);
    return {"data.put", {key_at, key.size(), value_at, value.size()}};
  }
  Call get(const std::string& key) {
    memory.replace(key_at, key.size(), key);
    return {"data.get", {key_at, key.size(), got_at, got_bytes}};
  }
  int got(std::int32_t result) const {
    return result <= 0 ? 0 : std::stoi(memory.substr(got_at, static_cast<std::size_t>(result)));
  }
  // receive() with a time to wait.
  Call receive_within(std::uint32_t ms) {
    auto call = receive();
    call.args[3] = ms;
    return call;
  }
  static Call trap() { return {"no.such_function", {}}; }
};

// Sends "1", "2", … up to `last`; what it sent is in its data. Style B: never returns.
class OnceSource final : public Program {
 public:
  OnceSource(int last, std::uint32_t pause_ms) : last_(last), pause_ms_(pause_ms) {}
  std::optional<Call> next(std::int32_t result) override {
    switch (step_++) {
      case 0:
        return receive_within(pause_ms_);
      case 1:
        return get("n");
      case 2:
        n_ = got(result) + 1;
        if (n_ <= last_) return emit("up", std::to_string(n_));
        step_ = 0;
        return sleep(1000);
      default:
        step_ = 0;
        return put("n", std::to_string(n_));
    }
  }

 private:
  int last_;
  std::uint32_t pause_ms_;
  int step_ = 0, n_ = 0;
};

// Adds up what it takes and sends it on; traps in the middle where `traps` says so.
class OnceRelay final : public Program {
 public:
  explicit OnceRelay(std::function<bool(int)> traps) : traps_(std::move(traps)) {}
  std::optional<Call> next(std::int32_t result) override {
    switch (step_++) {
      case 0:
        return receive();
      case 1:
        text_ = received(result).text;
        marked_ = received(result).redelivered;
        return get("sum");
      case 2:
        return put("sum", std::to_string(got(result) + std::stoi(text_)));
      case 3:
        return get("sum");  // its own write
      case 4:
        return put("sum after " + text_, std::to_string(got(result)));
      case 5:
        return emit("down", text_ + (marked_ ? "r" : ""));
      case 6:
        if (traps_(std::stoi(text_))) return trap();
        [[fallthrough]];
      default:
        step_ = 0;
        return std::nullopt;
    }
  }

 private:
  std::function<bool(int)> traps_;
  int step_ = 0;
  std::string text_;
  bool marked_ = false;
};

// Writes down what came, in order, in its data; and in `log`, which no transaction covers.
class OnceSink final : public Program {
 public:
  OnceSink(std::vector<simkit::SinkEntry>& log, std::uint32_t busy_ms, int large = 0)
      : log_(log), busy_ms_(busy_ms), large_(std::to_string(large)) {}
  std::optional<Call> next(std::int32_t result) override {
    switch (step_++) {
      case 0:
        return receive();
      case 1: {
        const auto message = received(result);
        text_ = message.text;
        log_.push_back({std::stoi(text_), message.redelivered || text_.ends_with("r"), message.seq,
                        message.sender_epoch});
        return get("count");
      }
      case 2:
        count_ = got(result) + 1;
        return put("count", std::to_string(count_));
      case 3:
        return put(stdx::format("{:06}", count_), text_ == large_ ? std::string(4000, 'x') : text_);
      case 4:
        if (busy_ms_ > 0) return sleep(busy_ms_);
        [[fallthrough]];
      default:
        step_ = 0;
        return std::nullopt;
    }
  }

 private:
  std::vector<simkit::SinkEntry>& log_;
  std::uint32_t busy_ms_;
  std::string large_;  // of this message it writes much
  int step_ = 0, count_ = 0;
  std::string text_;
};

// Sends `burst` messages in one turn, once; `results` is what net.emit_to said.
class Burst final : public Program {
 public:
  Burst(int burst, std::vector<std::int32_t>& results) : burst_(burst), results_(results) {}
  std::optional<Call> next(std::int32_t result) override {
    if (asked_ > 0 && results_.size() < static_cast<std::size_t>(asked_))
      results_.push_back(result);
    if (results_.size() < static_cast<std::size_t>(burst_))
      return emit("up", std::to_string(++asked_));
    if (asked_ == 0) return sleep(1000);
    asked_ = 0;
    return std::nullopt;
  }

 private:
  int burst_, asked_ = 0;
  std::vector<std::int32_t>& results_;
};

}  // namespace zrun
