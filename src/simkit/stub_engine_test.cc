// SPDX-License-Identifier: Apache-2.0
#include "simkit/stub_engine.h"

#include "simkit/testing/engine_contract.h"

namespace simkit {
namespace {

// sdk/c/test_guests/contract.c as a program.
class ContractGuest final : public StubGuest {
 public:
  void begin(const std::string&) override {
    last_ = ++calls_;
    asked_ = false;
    step_ = 0;
  }
  std::int32_t value() const override { return last_; }
  std::optional<GuestCall> next(std::int32_t result) override {
    if (asked_) {
      asked_ = false;
      step_ = result;
      switch (step_) {
        case 'w':
          return GuestCall{"test.wait", {static_cast<std::uint64_t>(last_)}};
        case 't':
          return GuestCall{"guest.trap", {}};
        case 'c':
          return GuestCall{"guest.compute", {}};
        case 'g':
          return GuestCall{"guest.grow", {1}};
        case 'r':
          return std::nullopt;
        default:
          break;
      }
    } else if (step_ == 'w' || step_ == 'g') {
      last_ = result;
    }
    asked_ = true;
    return GuestCall{"test.next", {static_cast<std::uint64_t>(last_)}};
  }

 private:
  std::int32_t calls_ = 0, last_ = 0, step_ = 0;
  bool asked_ = false;
};

struct Stub {
  World world{1};
  Process process{world, "z", "zrun"};
  StubEngine engine{process, [](const std::string&) { return std::make_unique<ContractGuest>(); }};

  std::shared_ptr<ports::Module> compile(std::vector<ports::HostFunction> functions) {
    std::shared_ptr<ports::Module> module;
    engine.compile(std::make_shared<const stdx::Bytes>(stub_module("contract")),
                   std::move(functions), [&](auto compiled) { module = *compiled; });
    EXPECT_TRUE(world.run_until_true([&] { return module != nullptr; }, std::chrono::seconds(1)));
    return module;
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Stub, EngineContract, Stub);

}  // namespace
}  // namespace simkit
