// SPDX-License-Identifier: Apache-2.0
#pragma once

// The contract of ports::Engine as tests, the same for the stub and for Wasmtime. A backend gives
// `compile(functions)`, a module of the guest "contract" (sdk/c/test_guests/contract.c), and
// instantiates EngineContract with it.
//
// The guest asks test.next(last) what to do, where `last` is what the step before gave (at first,
// how often on_process was called in this instance):
//   n  nothing                       t  traps
//   w  last = test.wait(last)        c  computes for ever
//   g  grows its memory by a page    r  returns last
// test.next answers at once; test.wait may wait.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ports/engine.h"

namespace simkit {

// The host side of one instance.
struct ContractHost {
  using Result = ports::HostResult;
  std::string steps;            // the last one is repeated for ever
  std::vector<Result> answers;  // of test.wait; the last one is repeated for ever
  std::vector<std::int32_t> nexts;
  struct Ask {
    std::int32_t argument;
    bool again;
    bool operator==(const Ask&) const = default;
  };
  std::vector<Ask> asks;
  std::size_t step = 0;
  Result next_answers = Result::done(0);  // instead of a step, unless `done`

  static Result next(void* context, const ports::HostCall& call) {
    auto& host = *static_cast<ContractHost*>(context);
    host.nexts.push_back(call.args[0].as<std::int32_t>());
    if (host.next_answers.kind != Result::Kind::done) return host.next_answers;
    const auto at = std::min(host.step++, host.steps.size() - 1);
    return Result::done(host.steps[at]);
  }
  static Result wait(void* context, const ports::HostCall& call) {
    auto& host = *static_cast<ContractHost*>(context);
    host.asks.push_back({call.args[0].as<std::int32_t>(), call.again});
    return host.answers[std::min(host.asks.size(), host.answers.size()) - 1];
  }
  static std::vector<ports::HostFunction> functions() {
    return {{"test", "next", "i>i", false, next}, {"test", "wait", "i>i", true, wait}};
  }
};

template <typename Backend>
class EngineContract : public testing::Test {
 protected:
  using Progress = ports::Instance::Progress;
  using Result = ports::HostResult;
  static constexpr auto slice = std::chrono::milliseconds(10);
  static constexpr std::uint64_t memory_max = 1u << 20;

  Backend backend_;
  ContractHost host_;
  std::shared_ptr<ports::Module> module_ = backend_.compile(ContractHost::functions());
  std::unique_ptr<ports::Instance> instance_ = module_->instantiate(&host_, memory_max);

  Progress resume() { return instance_->resume(slice); }
  // Begins a call with these steps, and resumes it once.
  Progress run(std::string steps, std::vector<Result> answers = {Result::done(0)}) {
    host_.steps = std::move(steps);
    host_.step = 0;
    host_.answers = std::move(answers);
    host_.asks.clear();
    EXPECT_TRUE(instance_->begin("on_process"));
    return resume();
  }
};

TYPED_TEST_SUITE_P(EngineContract);

TYPED_TEST_P(EngineContract, AnExportThatIsNotThereStartsNothing) {
  EXPECT_TRUE(this->instance_->has("on_process"));
  EXPECT_FALSE(this->instance_->has("nothing"));
  EXPECT_EQ(this->instance_->begin("nothing").error().code, stdx::Code::not_found);
  EXPECT_EQ(this->run("r"), TestFixture::Progress::returned);
}

// R-SEND-6, R-SPACE-8: an instance has its memory to itself.
TYPED_TEST_P(EngineContract, ACallReturnsItsValueAndTheNextOneFindsTheSameMemory) {
  for (int call = 1; call <= 3; ++call) {
    ASSERT_EQ(this->run("nnr"), TestFixture::Progress::returned);
    EXPECT_EQ(this->instance_->value(), call);
  }
  const auto other = this->module_->instantiate(&this->host_, this->memory_max);
  this->instance_ = this->module_->instantiate(&this->host_, this->memory_max);
  ASSERT_EQ(this->run("r"), TestFixture::Progress::returned);
  EXPECT_EQ(this->instance_->value(), 1) << "an instance shares nothing with another one";
}

TYPED_TEST_P(EngineContract, ACallThatWaitsIsAskedAgainOnceInEachResumeWithItsArguments) {
  ASSERT_EQ(this->run("wr", {ports::HostResult::wait(), ports::HostResult::wait(),
                             ports::HostResult::wait(), ports::HostResult::done(9)}),
            TestFixture::Progress::pending);
  EXPECT_EQ(this->host_.asks, (std::vector<ContractHost::Ask>{{1, false}}));
  EXPECT_EQ(this->resume(), TestFixture::Progress::pending);
  EXPECT_EQ(this->resume(), TestFixture::Progress::pending);
  EXPECT_EQ(this->host_.asks, (std::vector<ContractHost::Ask>{{1, false}, {1, true}, {1, true}}));
  EXPECT_EQ(this->resume(), TestFixture::Progress::returned);
  EXPECT_EQ(this->instance_->value(), 9);
  EXPECT_EQ(this->host_.asks.size(), 4u);
}

TYPED_TEST_P(EngineContract, RAbi26AGuestThatYieldsInALoopGivesWayOnceInEachResume) {
  std::vector<ports::HostResult> answers;
  for (int i = 0; i < 100; ++i) {
    answers.push_back(ports::HostResult::wait());
    answers.push_back(ports::HostResult::done(0));
  }
  ASSERT_EQ(this->run("w", answers), TestFixture::Progress::pending);
  for (std::size_t i = 1; i < 100; ++i) {
    ASSERT_EQ(this->host_.asks.size(), 2 * i - 1);
    ASSERT_EQ(this->resume(), TestFixture::Progress::pending);
  }
}

TYPED_TEST_P(EngineContract, ACallThatCanBeAnsweredAtOnceDoesNotGiveWay) {
  ASSERT_EQ(this->run("wwr", {ports::HostResult::done(5), ports::HostResult::done(6)}),
            TestFixture::Progress::returned);
  EXPECT_EQ(this->instance_->value(), 6);
  EXPECT_EQ(this->host_.asks, (std::vector<ContractHost::Ask>{{1, false}, {5, false}}));
}

TYPED_TEST_P(EngineContract, RAbi26AGuestThatComputesGivesWayWhenItsSliceIsOver) {
  ASSERT_EQ(this->run("c"), TestFixture::Progress::pending);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(this->resume(), TestFixture::Progress::pending);
  EXPECT_TRUE(this->host_.asks.empty());
}

TYPED_TEST_P(EngineContract, HostCallsInALoopAreInterruptedAsComputingIs) {
  ASSERT_EQ(this->run("n"), TestFixture::Progress::pending);
  const auto calls = this->host_.nexts.size();
  EXPECT_GT(calls, 0u);
  ASSERT_EQ(this->resume(), TestFixture::Progress::pending);
  EXPECT_GT(this->host_.nexts.size(), calls) << "it went on where it was";
  this->instance_ = this->module_->instantiate(&this->host_, this->memory_max);
  ASSERT_EQ(this->run("w", {ports::HostResult::done(0)}), TestFixture::Progress::pending);
  ASSERT_EQ(this->resume(), TestFixture::Progress::pending);
  for (const auto& ask : this->host_.asks) EXPECT_FALSE(ask.again);
}

TYPED_TEST_P(EngineContract, AnInstanceMayBeDestroyedWhereverItsCallIs) {
  for (const auto* steps : {"c", "n", "w", "g"}) {
    this->instance_ = this->module_->instantiate(&this->host_, this->memory_max);
    EXPECT_EQ(this->run(steps, {ports::HostResult::wait()}), TestFixture::Progress::pending)
        << steps;
  }
  this->instance_ = this->module_->instantiate(&this->host_, this->memory_max);
  EXPECT_TRUE(this->instance_->begin("on_process"));
  this->instance_ = this->module_->instantiate(&this->host_, this->memory_max);
  EXPECT_EQ(this->run("r"), TestFixture::Progress::returned);
}

TYPED_TEST_P(EngineContract, ATrapOfTheGuestOrOfAHostCallFailsTheInstanceWithAReason) {
  const auto fails = [&](const char* where) {
    EXPECT_FALSE(this->instance_->error().empty()) << where;
    EXPECT_EQ(this->instance_->error().find('\n'), std::string::npos) << where;
    this->instance_ = this->module_->instantiate(&this->host_, this->memory_max);
    this->host_.next_answers = ports::HostResult::done(0);
  };
  EXPECT_EQ(this->run("nt"), TestFixture::Progress::failed);
  fails("the guest");
  EXPECT_EQ(this->run("w", {ports::HostResult::trap()}), TestFixture::Progress::failed);
  fails("a call that may wait");
  ASSERT_EQ(this->run("w", {ports::HostResult::wait(), ports::HostResult::trap()}),
            TestFixture::Progress::pending);
  EXPECT_EQ(this->resume(), TestFixture::Progress::failed);
  fails("a call that waited");
  this->host_.next_answers = ports::HostResult::trap();
  EXPECT_EQ(this->run("n"), TestFixture::Progress::failed);
  fails("a call that may not wait");
  EXPECT_EQ(this->run("r"), TestFixture::Progress::returned);
}

TYPED_TEST_P(EngineContract, AGuestThatEndsItselfGivesItsCode) {
  ASSERT_EQ(this->run("w", {ports::HostResult::wait(), ports::HostResult::exit(3)}),
            TestFixture::Progress::pending);
  EXPECT_EQ(this->resume(), TestFixture::Progress::exited);
  EXPECT_EQ(this->instance_->value(), 3);
  this->instance_ = this->module_->instantiate(&this->host_, this->memory_max);
  this->host_.next_answers = ports::HostResult::exit(4);
  EXPECT_EQ(this->run("n"), TestFixture::Progress::exited);
  EXPECT_EQ(this->instance_->value(), 4);
}

TYPED_TEST_P(EngineContract, MemoryGrowsToItsLimitAndNoFurther) {
  const auto pages = this->memory_max >> 16;
  ASSERT_EQ(this->run(std::string(pages, 'g') + "r"), TestFixture::Progress::returned);
  EXPECT_EQ(this->instance_->value(), -1) << "the guest had a page at its start";
  EXPECT_EQ(this->instance_->memory_bytes(), this->memory_max);
}

REGISTER_TYPED_TEST_SUITE_P(EngineContract, AnExportThatIsNotThereStartsNothing,
                            ACallReturnsItsValueAndTheNextOneFindsTheSameMemory,
                            ACallThatWaitsIsAskedAgainOnceInEachResumeWithItsArguments,
                            RAbi26AGuestThatYieldsInALoopGivesWayOnceInEachResume,
                            ACallThatCanBeAnsweredAtOnceDoesNotGiveWay,
                            RAbi26AGuestThatComputesGivesWayWhenItsSliceIsOver,
                            HostCallsInALoopAreInterruptedAsComputingIs,
                            AnInstanceMayBeDestroyedWhereverItsCallIs,
                            ATrapOfTheGuestOrOfAHostCallFailsTheInstanceWithAReason,
                            AGuestThatEndsItselfGivesItsCode, MemoryGrowsToItsLimitAndNoFurther);

}  // namespace simkit
