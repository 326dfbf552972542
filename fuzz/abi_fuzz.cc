// SPDX-License-Identifier: Apache-2.0
// Attacks the host side of the ABI as a guest does: every function of the table is called on a real
// Space with numbers and a memory of the guest's choosing - no engine, so ASan sees each byte past
// the memory's end. Then guest_abi::check over an import list of the same bytes.
//
// An input: calls (function, then one tag and its bytes for each argument) up to a 0xff, then the
// memory.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

#include "fuzz/require.h"
#include "guest_abi/check.h"
#include "simkit/process.h"
#include "zrun/abi/functions.h"
#include "zrun/abi/guest_span.h"
#include "zrun/space.h"

namespace {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
  std::uint64_t number(std::size_t n) {
    n = std::min(n, size_);
    std::uint64_t value = 0;
    std::memcpy(&value, data_, n);
    data_ += n;
    size_ -= n;
    return value;
  }
  stdx::Bytes text(std::size_t n) {
    n = std::min(n, size_);
    stdx::Bytes bytes(reinterpret_cast<const char*>(data_), n);
    number_skip(n);
    return bytes;
  }
  stdx::Bytes rest() { return text(size_); }

 private:
  void number_skip(std::size_t n) {
    data_ += n;
    size_ -= n;
  }
  const std::uint8_t* data_;
  std::size_t size_;
};

struct Owner final : zrun::SpaceOwner {
  zrun::MessagePool& pool;
  explicit Owner(zrun::MessagePool& p) : pool(p) {}
  void emit(zrun::Space&, zrun::PathState& path, stdx::BytesView payload) override {
    path.out.push(pool.make(payload));
  }
  void send(zrun::Space&, zrun::PathState& path, zrun::MessagePtr message) override {
    path.out.push(std::move(message));
  }
  void finished(zrun::Space&, const zrun::Message&) override {}
  void feed(zrun::Space&) override {}
  void record_dead_letter(zrun::Space&, zrun::DeadLetter) override {}
  void retried(zrun::Space&, std::uint64_t, const std::string&) override {}
  void letters_loaded(zrun::Space&, std::vector<zrun::DeadLetter>) override {}
  void state_changed(zrun::Space&) override {}
  void given_up(zrun::Space&, std::uint16_t, const zrun::Message&, const char*) override {}
  void ledger_loaded(zrun::Space&) override {}
};

struct Sensors final : ports::Sensors {
  std::vector<std::string> types() const override { return {"machine"}; }
  stdx::Result<std::unique_ptr<ports::Sensor>> open(
      const std::string& type, std::function<void(stdx::Bytes)> on_reading) override {
    if (type != "machine") return stdx::fail(stdx::Code::not_found, "no such sensor");
    on_reading("{\"load\": 1}");
    return std::make_unique<ports::Sensor>();
  }
};

// Answers at once.
struct Data final : ports::SpaceData {
  std::map<stdx::Bytes, stdx::Bytes> rows;
  void records(Done<std::vector<ports::DataRecord>> done) override {
    done(std::vector<ports::DataRecord>());
  }
  void commit(ports::DataBatch batch, Done<std::size_t> done) override {
    std::size_t present = 0;
    for (auto& write : batch.writes) {
      REQUIRE(!write.key.empty() && write.key.size() <= key_bytes_max);
      present += rows.count(write.key);
      if (write.value)
        rows[write.key] = *write.value;
      else
        rows.erase(write.key);
    }
    done(present);
  }
  void get(stdx::Bytes key, Done<std::optional<stdx::Bytes>> done) override {
    const auto at = rows.find(key);
    done(at == rows.end() ? std::nullopt : std::optional(at->second));
  }
  void list(stdx::Bytes prefix, stdx::Bytes after, std::size_t bytes_max,
            Done<std::vector<stdx::Bytes>> done) override {
    std::vector<stdx::Bytes> keys;
    std::size_t bytes = 0;
    for (const auto& [key, value] : rows) {
      if (!key.starts_with(prefix) || key <= after) continue;
      bytes += key.size() + 4;
      if (bytes > bytes_max) break;
      keys.push_back(key);
    }
    done(std::move(keys));
  }
};

// Never runs: the target makes the guest's calls itself.
struct Instance final : ports::Instance {
  std::string none;
  stdx::Status begin(const std::string&) override { return {}; }
  bool has(const std::string&) const override { return false; }
  Progress resume(stdx::Duration) override { return Progress::pending; }
  std::int32_t value() const override { return 0; }
  const std::string& error() const override { return none; }
  std::size_t memory_bytes() const override { return 0; }
};
struct Module final : ports::Module {
  std::unique_ptr<ports::Instance> instantiate(void*, std::uint64_t) override {
    return std::make_unique<Instance>();
  }
};

const std::vector<std::string> capabilities = {"data.read", "data.write", "sensors.subscribe",
                                               "sys.log"};

// With a `once` path the space is transactional: its calls go through a Turn and a Ledger.
model::Topology topology(model::Delivery delivery) {
  model::Topology t;
  t.name = "t";
  model::Space a, b;
  a.name = "a";
  a.capabilities = capabilities;
  a.config = {{"KEY", "value"}, {"LONG", std::string(40, 'x')}};
  b.name = "b";
  b.limits.mailbox_messages = 2;
  a.store = b.store = model::StoreKind::local;
  t.spaces = {a, b};
  t.paths = {{.name = "p", .from = "a", .to = "b", .delivery = delivery}};
  model::normalize(t);
  return t;
}

std::uint64_t argument(Input& input, std::size_t memory_bytes) {
  switch (input.byte() % 4) {
    case 0:
      return input.byte();
    case 1:  // around the end of the memory
      return static_cast<std::uint32_t>(memory_bytes + 8 - input.byte());
    case 2:
      return input.number(4);
    default:  // the engine promises nothing of the high half
      return input.number(8);
  }
}

void call(zrun::Space& space, const ports::HostFunction& function,
          const std::vector<ports::HostValue>& args, stdx::Bytes& memory) {
  // Its own allocation, of the exact size: a byte too far is seen. Made anew for the second asking,
  // as the memory moves.
  for (const bool again : {false, true}) {
    auto copy = std::make_unique<std::uint8_t[]>(memory.size());
    std::copy(memory.begin(), memory.end(), copy.get());
    const ports::HostCall host_call{args.data(), {copy.get(), memory.size()}, again};
    const auto result = function.handler(&space, host_call);
    std::copy_n(copy.get(), memory.size(), memory.begin());
    if (result.kind != ports::HostResult::Kind::wait) {
      REQUIRE(function.may_wait || !again);
      return;
    }
    REQUIRE(function.may_wait);
  }
  space.data_call.reset();
  space.unpark();
}

void calls(Input input) {
  static const auto functions = zrun::abi::granted(capabilities);
  struct Call {
    const ports::HostFunction* function;
    Input args;
  };
  std::vector<Call> list;
  while (!input.empty() && list.size() < 32) {
    const auto index = input.byte();
    if (index == 0xff) break;
    const auto& function = functions[index % functions.size()];
    list.push_back({&function, input});
    for (std::size_t i = 0; i < function.signature.find('>'); ++i) (void)argument(input, 0);
  }
  auto memory = input.rest();

  simkit::World world(1);
  simkit::Process process(world, "z", "zrun");
  zrun::MessagePool pool;
  Owner owner(pool);
  Sensors sensors;
  auto runtime = process.runtime();
  zrun::OutsideCalls outside(runtime.metrics);
  zrun::Scheduler scheduler(runtime);
  const auto delivery =
      memory.size() % 2 == 0 ? model::Delivery::at_least_once : model::Delivery::once;
  const auto local = *zrun::LocalTopology::make(
      model::TopologyId{"00000000-0000-4000-8000-000000000001"}, topology(delivery));
  zrun::Space space({runtime, scheduler, pool, owner, sensors, outside}, *local, 0,
                    {{local->id, "a"}, model::Epoch{1}, model::Run{1}});
  space.start(std::make_shared<Module>(), std::make_shared<Data>());
  space.deliver(pool.make("a message"));
  for (auto& next : list) {
    std::vector<ports::HostValue> args;
    for (std::size_t i = 0; i < next.function->signature.find('>'); ++i)
      args.push_back({argument(next.args, memory.size())});
    call(space, *next.function, args, memory);
  }
}

void spans(Input input) {
  std::uint8_t memory[64];
  const std::size_t bytes = input.byte() % 65u;
  const auto pointer = argument(input, bytes), length = argument(input, bytes);
  const auto max = input.number(4);
  const auto span = zrun::abi::GuestSpan::at({memory, bytes}, pointer, length, max);
  const bool inside =
      (pointer & 0xffffffffu) + (length & 0xffffffffu) <= bytes && (length & 0xffffffffu) <= max;
  REQUIRE(span.has_value() == inside);
  if (!span) return;
  const auto* begin = reinterpret_cast<const std::uint8_t*>(span->view().data());
  REQUIRE(begin >= memory && begin + span->size() <= memory + bytes);
}

void imports(Input input) {
  wasm::Interface interface;
  while (!input.empty()) {
    const auto kind = input.byte();
    auto module = input.text(kind % 16), name = input.text(kind / 16);
    auto signature = input.text(input.byte() % 8);
    if (kind % 2 == 0)
      interface.imports.push_back({std::move(module), std::move(name), std::move(signature)});
    else
      interface.exports.push_back({std::move(name), std::move(signature)});
    interface.memory_pages_min = kind;
  }
  model::Space space;
  space.name = "a";
  const auto all = guest_abi::check(space, interface);
  space.capabilities = capabilities;
  // More capabilities never make more findings.
  REQUIRE(guest_abi::check(space, interface).size() <= all.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Input input(data, size);
  calls(input);
  spans(input);
  imports(input);
  return 0;
}
