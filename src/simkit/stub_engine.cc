// SPDX-License-Identifier: Apache-2.0
#include "simkit/stub_engine.h"

#include <algorithm>
#include <cstring>

#include "guest_abi/table.h"
#include "stdx/assert.h"

namespace simkit {
namespace {

constexpr std::size_t args_max = 9;
constexpr std::size_t path_at = 0, text_at = 1024, info_at = 512, buffer_at = 4096;

// (module (memory (export "memory") 1) (func (export "on_process") (result i32) i32.const 0))
const stdx::Bytes module_head(
    "\0asm\1\0\0\0"
    "\x01\x05\x01\x60\x00\x01\x7f"
    "\x03\x02\x01\x00"
    "\x05\x03\x01\x00\x01"
    "\x07\x17\x02\x0aon_process\x00\x00\x06memory\x02\x00"
    "\x0a\x06\x01\x04\x00\x41\x00\x0b",
    8 + 7 + 4 + 5 + 25 + 8);

class StubInstance final : public ports::Instance {
 public:
  StubInstance(const std::map<std::string, ports::HostHandler>& functions, void* context,
               std::unique_ptr<StubGuest> guest, std::uint64_t memory_bytes_max)
      : functions_(functions),
        context_(context),
        guest_(std::move(guest)),
        memory_bytes_max_(memory_bytes_max) {}

  stdx::Status begin(const std::string& function) override {
    if (!has(function)) return stdx::fail(stdx::Code::not_found, function);
    result_ = 0;
    call_.reset();
    guest_->begin(function);
    return {};
  }
  bool has(const std::string& function) const override { return guest_->has(function); }
  Progress resume(stdx::Duration) override {
    for (int i = 0; i < StubEngine::slice_calls; ++i) {
      const bool again = call_.has_value();
      if (!again) call_ = guest_->next(result_);
      if (!call_) {
        value_ = guest_->value();
        return Progress::returned;
      }
      if (const auto end = step(again)) return *end;
    }
    return Progress::pending;
  }
  std::int32_t value() const override { return value_; }
  const std::string& error() const override { return error_; }
  std::size_t memory_bytes() const override { return guest_->memory.size(); }

 private:
  // How the resume ends; none: it goes on.
  std::optional<Progress> step(bool again) {
    if (call_->function.starts_with("guest.")) return by_itself();
    const auto at = functions_.find(call_->function);
    if (at == functions_.end()) return fail("not linked: " + call_->function);
    auto* base = reinterpret_cast<std::uint8_t*>(guest_->memory.data());
    // As many as any function has: the host side reads those of its type.
    ports::HostValue args[args_max];
    for (std::size_t i = 0; i < std::min(call_->args.size(), args_max); ++i)
      args[i].bits = call_->args[i];
    const auto answer = at->second(context_, {args, {base, guest_->memory.size()}, again});
    switch (answer.kind) {
      case ports::HostResult::Kind::done:
        result_ = answer.value;
        call_.reset();
        return std::nullopt;
      case ports::HostResult::Kind::wait:
        return Progress::pending;
      case ports::HostResult::Kind::trap:
        return fail("host function " + call_->function + " ended the instance");
      case ports::HostResult::Kind::exit:
        value_ = answer.value;
        return Progress::exited;
    }
    return std::nullopt;
  }
  std::optional<Progress> by_itself() {
    if (call_->function == "guest.trap") return fail("trap");
    if (call_->function == "guest.compute") return Progress::pending;
    const auto bytes = guest_->memory.size() + call_->args.at(0) * StubGuest::memory_bytes;
    result_ = bytes <= memory_bytes_max_ ? 0 : -1;
    if (result_ == 0) guest_->memory.resize(bytes);
    call_.reset();
    return std::nullopt;
  }
  Progress fail(std::string why) {
    error_ = std::move(why);
    return Progress::failed;
  }

  const std::map<std::string, ports::HostHandler>& functions_;
  void* context_;
  std::unique_ptr<StubGuest> guest_;
  std::uint64_t memory_bytes_max_;
  std::optional<GuestCall> call_;
  std::int32_t result_ = 0, value_ = 0;
  std::string error_;
};

class StubModule final : public ports::Module {
 public:
  StubModule(const std::vector<ports::HostFunction>& functions, StubEngine::Make make,
             std::string role)
      : make_(std::move(make)), role_(std::move(role)) {
    for (const auto& f : functions) functions_[f.module + "." + f.name] = f.handler;
  }
  std::unique_ptr<ports::Instance> instantiate(void* context,
                                               std::uint64_t memory_bytes_max) override {
    return std::make_unique<StubInstance>(functions_, context, make_(role_), memory_bytes_max);
  }

 private:
  std::map<std::string, ports::HostHandler> functions_;
  StubEngine::Make make_;
  std::string role_;
};

class MemoryData final : public ports::SpaceData {
 public:
  MemoryData(Process& process, const DiskState& disk, std::shared_ptr<MemoryDataStore::Shelf> shelf,
             model::InstanceId self, std::uint64_t bytes_max)
      : process_(process),
        disk_(disk),
        shelf_(std::move(shelf)),
        self_(std::move(self)),
        bytes_max_(bytes_max) {}

  // On disk after a while, answered after another: a process may die between the two.
  void commit(ports::DataBatch batch, Done<std::size_t> done) override {
    later([&process = process_, &disk = disk_, shelf = shelf_, self = self_, bytes_max = bytes_max_,
           batch = std::move(batch), done] {
      if (self < shelf->newest)
        return done(stdx::fail(stdx::Code::stale, "a newer instance opened this store"));
      if (!disk.takes_writes())
        return done(stdx::fail(stdx::Code::unavailable, "the disk of the zhost has no room"));
      if (disk.fails() && process.next() % 2 == 0)
        return done(stdx::fail(stdx::Code::unknown, "the disk failed"));
      if (bytes_max != 0 && bytes_after(*shelf, batch) > bytes_max)
        return done(stdx::fail(stdx::Code::full, "its bound of stored bytes is reached"));
      std::size_t before = 0;
      for (const auto& write : batch.writes) before += shelf->values.contains(write.key);
      for (const auto& write : batch.writes) put(shelf->values, write);
      for (const auto& record : batch.records) put(shelf->records, record);
      if (disk.fails()) return done(stdx::fail(stdx::Code::unknown, "the disk failed"));
      disk.run(process, while_writing(process), [done, before] { done(before); });
    });
  }
  void records(Done<std::vector<ports::DataRecord>> done) override {
    read(done, [shelf = shelf_, done] {
      std::vector<ports::DataRecord> all;
      for (const auto& [key, value] : shelf->records) all.push_back({key, value});
      done(std::move(all));
    });
  }
  void get(stdx::Bytes key, Done<std::optional<stdx::Bytes>> done) override {
    read(done, [shelf = shelf_, key, done] {
      const auto at = shelf->values.find(key);
      done(at == shelf->values.end() ? std::nullopt : std::optional(at->second));
    });
  }
  void list(stdx::Bytes prefix, stdx::Bytes after, std::size_t bytes_max,
            Done<std::vector<stdx::Bytes>> done) override {
    read(done, [shelf = shelf_, prefix, after, bytes_max, done] {
      std::vector<stdx::Bytes> keys;
      std::size_t bytes = 0;
      for (const auto& [key, value] : shelf->values) {
        if (!key.starts_with(prefix) || (!after.empty() && key <= after)) continue;
        bytes += key.size() + 4;
        if (bytes > bytes_max && !keys.empty()) break;
        keys.push_back(key);
      }
      done(std::move(keys));
    });
  }

 private:
  static stdx::Duration while_writing(Process& process) {
    return std::chrono::microseconds(50 + process.next() % 1000);
  }
  void later(ports::Task task) { disk_.run(process_, while_writing(process_), std::move(task)); }
  template <typename T>
  void read(const Done<T>& done, ports::Task task) {
    disk_.run(process_, {}, [&disk = disk_, done, task = std::move(task)]() mutable {
      if (disk.fails()) return done(stdx::fail(stdx::Code::unknown, "the disk failed"));
      task();
    });
  }
  static std::size_t bytes_of(const std::map<stdx::Bytes, stdx::Bytes>& area) {
    std::size_t bytes = 0;
    for (const auto& [key, value] : area) bytes += key.size() + value.size();
    return bytes;
  }
  // What it would hold; only looked at where there is a bound.
  static std::size_t bytes_after(MemoryDataStore::Shelf shelf, const ports::DataBatch& batch) {
    for (const auto& write : batch.writes) put(shelf.values, write);
    for (const auto& record : batch.records) put(shelf.records, record);
    return bytes_of(shelf.values) + bytes_of(shelf.records);
  }
  static void put(std::map<stdx::Bytes, stdx::Bytes>& area, const ports::DataWrite& write) {
    if (write.value)
      area[write.key] = *write.value;
    else
      area.erase(write.key);
  }

  Process& process_;
  const DiskState& disk_;
  std::shared_ptr<MemoryDataStore::Shelf> shelf_;
  model::InstanceId self_;
  std::uint64_t bytes_max_;
};

}  // namespace

stdx::Bytes stub_module(const std::string& role) {
  ASSERT(!role.empty() && role.size() < 64, "a role fits a section of one length byte");
  return module_head + std::string(1, '\0') + static_cast<char>(role.size() + 1) +
         static_cast<char>(role.size()) + role;
}

void StubEngine::compile(std::shared_ptr<const stdx::Bytes> module,
                         std::vector<ports::HostFunction> functions, Compiled done) {
  process_.after(compile_takes, [this, module, functions, done = std::move(done)] {
    if (!module->starts_with(module_head) || module->size() < module_head.size() + 4)
      return done(stdx::fail(stdx::Code::invalid, "not a module of stub_module()"));
    done(std::make_shared<StubModule>(functions, make_, module->substr(module_head.size() + 3)));
  });
}

GuestCall StubGuest::emit(const std::string& path, const std::string& text) {
  memory.replace(path_at, path.size(), path);
  memory.replace(text_at, text.size(), text);
  return {"net.emit_to", {path_at, path.size(), text_at, text.size(), 0xffffffffu}};
}

GuestCall StubGuest::receive() {
  return {"net.recv_next", {buffer_at, memory_bytes - buffer_at, info_at, 0xffffffffu}};
}

StubGuest::Received StubGuest::received(std::int32_t result) const {
  ASSERT(result >= 0, "a receive that waits for ever gives a message");
  guest_abi::MessageInfo info;
  std::memcpy(&info, memory.data() + info_at, sizeof info);
  return {memory.substr(buffer_at, static_cast<std::size_t>(result)),
          (info.flags & guest_abi::flag_redelivered) != 0,
          info.seq,
          info.sender_epoch,
          info.path,
          info.sender};
}

std::optional<GuestCall> SourceGuest::next(std::int32_t result) {
  if (emitted_) {
    ASSERT(result == 0, "an emit that waits for ever is taken");
    ++taken_;
    emitted_ = false;
    return sleep(pause_ms_);
  }
  if (taken_ >= last_) return sleep(1000);
  emitted_ = true;
  return emit(path_, std::to_string(taken_ + 1));
}

std::optional<GuestCall> RelayGuest::next(std::int32_t result) {
  switch (step_++) {
    case 0:
      return receive();
    case 1: {
      auto message = received(result);
      if (message.redelivered && !message.text.ends_with("r")) message.text += "r";
      return emit(path_, message.text);
    }
    default:
      step_ = 0;
      return std::nullopt;
  }
}

std::optional<GuestCall> SinkGuest::next(std::int32_t result) {
  switch (step_++) {
    case 0:
      return receive();
    case 1: {
      const auto message = received(result);
      log_.push_back({std::stoi(message.text), message.redelivered || message.text.ends_with("r"),
                      message.seq, message.sender_epoch});
      if (busy_ms_ > 0) return sleep(busy_ms_);
      [[fallthrough]];
    }
    default:
      step_ = 0;
      return std::nullopt;
  }
}

void MemoryDataStore::open(const model::InstanceId& instance, Expect expect,
                           std::uint64_t bytes_max,
                           ports::SpaceData::Done<std::shared_ptr<ports::SpaceData>> done) {
  state_.run(process_, {}, [this, instance, expect, bytes_max, done] {
    if (state_.fails() || !state_.takes_writes())
      return done(stdx::fail(stdx::Code::unavailable, "the disk of the zhost takes nothing"));
    if (expect == Expect::there && !spaces_.contains(instance.key))
      return done(stdx::fail(stdx::Code::not_found, "its store is not there any more"));
    auto& shelf = spaces_[instance.key];
    if (!shelf) shelf = std::make_shared<Shelf>(Shelf{instance, {}, {}});
    if (instance < shelf->newest)
      return done(stdx::fail(stdx::Code::stale, "a newer instance opened this store"));
    shelf->newest = instance;
    done(std::make_shared<MemoryData>(process_, state_, shelf, instance, bytes_max));
  });
}

}  // namespace simkit
