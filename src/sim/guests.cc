// SPDX-License-Identifier: Apache-2.0
#include "sim/guests.h"

#include "sim/once_guest.h"
#include "sim/outside_callers.h"
#include "stdx/assert.h"
#include "stdx/text.h"
#include "zrun/space.h"

namespace sim {

using simkit::GuestCall;

namespace {

constexpr std::size_t key_at = 2048, value_at = 2112, read_at = 2176;
const GuestCall trap{"guest.trap", {}};  // not linked: ends the instance

std::string write(const Stamp& s) {
  return stdx::format("{} {} {} {} {} {}", s.sender.topology, s.sender.space, s.sender.epoch,
                      s.sender.run, s.path, s.number);
}

class Reader {
 public:
  explicit Reader(const std::string& text) : text_(text) {}
  std::string word() {
    const auto end = std::min(text_.find(' ', at_), text_.size());
    const auto word = text_.substr(at_, end - at_);
    at_ = std::min(end + 1, text_.size());
    return word;
  }
  std::uint64_t number() { return stdx::parse_u64(word()).value_or(0); }
  Stamp stamp() {
    Stamp s;
    s.sender.topology = word();
    s.sender.space = word();
    s.sender.epoch = number();
    s.sender.run = static_cast<std::uint32_t>(number());
    s.path = word();
    s.number = number();
    return s;
  }

 private:
  const std::string& text_;
  std::size_t at_ = 0;
};

class FlowModule final : public ports::Module {
 public:
  FlowModule(std::shared_ptr<ports::Module> stub, const void*& making)
      : stub_(std::move(stub)), making_(making) {}
  std::unique_ptr<ports::Instance> instantiate(void* context, std::uint64_t memory) override {
    making_ = context;
    return stub_->instantiate(context, memory);
  }

 private:
  std::shared_ptr<ports::Module> stub_;
  const void*& making_;
};

}  // namespace

FlowGuest::FlowGuest(Stage& stage, const zrun::Space& space, const std::string& zhost,
                     std::uint64_t incarnation, std::string pace)
    : stage_(stage),
      instance_{zhost,
                incarnation,
                space.id().key.topology.value,
                space.id().key.space,
                space.id().epoch.value,
                space.id().run.value},
      self_{instance_.topology, instance_.space, instance_.epoch, instance_.run},
      guest_(++stage.guests),
      pace_(std::move(pace)) {
  for (const auto& path : space.text().paths) {
    if (path.removed) continue;
    takes_ |= path.to == self_.space;
    if (path.from == self_.space)
      outs_.push_back({path.name, path.to, path.delivery == model::Delivery::at_most_once});
  }
  has_data_ = space.spec().store != model::StoreKind::none;
  loops_ = stage_.prng.chance(1, 2);
  step_ = has_data_ ? Step::look : Step::begin;
}

std::optional<GuestCall> FlowGuest::next(std::int32_t result) {
  if (!dispatched_) {
    dispatched_ = true;
    stage_.checker.dispatches(instance_);
    if (stage_.misbehave && stage_.prng.chance(1, 30)) stage_.cursed.insert(self_);
    if (traps()) return trap;
  }
  switch (step_) {
    case Step::look:
      step_ = Step::found;
      memory.replace(key_at, 5, "count");
      return GuestCall{"data.get", {key_at, 5, read_at, 32}};
    case Step::found:
      if (result < 0 && result != guest_abi::e_not_found) {  // its disk answers nothing now
        step_ = Step::look;
        return sleep(200);
      }
      count_ = read_number(result);
      stage_.delivery.data_found(self_, count_);
      [[fallthrough]];
    case Step::begin:
      return take();
    case Step::got: {
      const auto message = received(result);
      if (message.text.starts_with("outside")) {
        stage_.outside.push_back({self_.space, message.text, message.sender});
        step_ = Step::begin;
        return std::nullopt;
      }
      Reader reader(message.text);
      current_.stamp = reader.stamp();
      current_.origin = reader.stamp();
      current_.origin_marked = reader.word() == "r";
      current_.marked = message.redelivered;
      current_.path = message.path;
      current_.sender = message.sender;
      current_.epoch = message.sender_epoch;
      current_.number = message.seq;
      stage_.trace(stdx::format("{} {}/{} takes {}{}", self_.space, self_.epoch, self_.run,
                                message.text, message.redelivered ? " redelivered" : ""));
      stage_.delivery.received(self_, guest_, current_);
      if (traps()) return trap;
      step_ = Step::worked;
      if (stage_.prng.chance(1, 16)) return sleep(pause());
      [[fallthrough]];
    }
    case Step::worked:
      if (has_data_) {
        const auto value = std::to_string(count_ + 1);
        memory.replace(key_at, 5, "count");
        memory.replace(value_at, value.size(), value);
        stage_.delivery.putting(self_, count_ + 1);
        step_ = Step::put;
        return GuestCall{"data.put", {key_at, 5, value_at, value.size()}};
      }
      return send(0);
    case Step::put:
      // A store that a newer placement opened refuses; this one is at its end.
      if (result == 0) stage_.delivery.put(self_, ++count_);
      return send(0);
    case Step::sent: {
      ASSERT(result == 0, "an emit that waits for ever is taken");
      const Stamp stamp{self_, outs_[out_].path, stage_.numbers[{self_, outs_[out_].path}]};
      stage_.delivery.sent(stamp);
      if (traps()) return trap;
      return send(out_ + 1);
    }
  }
  return std::nullopt;
}

std::uint64_t FlowGuest::read_number(std::int32_t bytes) const {
  if (bytes <= 0) return 0;
  return stdx::parse_u64(memory.substr(read_at, static_cast<std::size_t>(bytes))).value_or(0);
}

std::optional<GuestCall> FlowGuest::take() {
  if (takes_) {
    step_ = Step::got;
    return receive();
  }
  step_ = Step::worked;
  return sleep(pause());
}

std::optional<GuestCall> FlowGuest::send(std::size_t out) {
  if (out == outs_.size()) return end_turn();
  out_ = out;
  const auto& way = outs_[out];
  const Stamp stamp{self_, way.path, ++stage_.numbers[{self_, way.path}]};
  stage_.delivery.sending(stamp, way.to, current_.stamp, way.at_most_once);
  stage_.trace(stdx::format("{} {}/{} sends {} on {}", self_.space, self_.epoch, self_.run,
                            stamp.number, way.path));
  step_ = Step::sent;
  const bool repeat = current_.marked || current_.origin_marked;
  return emit(way.path, stdx::format("{} {} {}", write(stamp),
                                     write(takes_ ? current_.origin : stamp), repeat ? "r" : "-"));
}

std::optional<GuestCall> FlowGuest::end_turn() {
  if (takes_) stage_.delivery.finished(self_, current_.stamp);
  step_ = Step::begin;
  if (loops_) return take();
  return std::nullopt;
}

std::uint32_t FlowGuest::pause() {
  if (takes_) return static_cast<std::uint32_t>(stage_.prng.between(1, 300));
  if (pace_ == "quiet") return 3'600'000;
  if (pace_ == "rare") return static_cast<std::uint32_t>(stage_.prng.between(1500, 4000));
  if (pace_ == "brisk") return static_cast<std::uint32_t>(stage_.prng.between(5, 120));
  return static_cast<std::uint32_t>(stage_.prng.between(50, 600));
}

bool FlowGuest::traps() {
  if (!stage_.misbehave) return false;
  return stage_.cursed.contains(self_) || stage_.prng.chance(1, 400);
}

FlowEngine::FlowEngine(simkit::Process& process, Stage& stage, std::uint64_t incarnation)
    : process_(process),
      stub_(process,
            [this, &stage,
             incarnation](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
              return make_guest(stage, role, incarnation);
            }) {}

std::unique_ptr<simkit::StubGuest> FlowEngine::make_guest(Stage& stage, const std::string& role,
                                                          std::uint64_t incarnation) const {
  const auto& space = *static_cast<const zrun::Space*>(making_);
  const auto& id = space.id();
  if (model::is_transactional(space.text(), space.index()))
    return std::make_unique<OnceGuest>(
        stage, space,
        Instance{process_.zhost(), incarnation, id.key.topology.value, id.key.space, id.epoch.value,
                 id.run.value});
  if (space.spec().ingress)
    return std::make_unique<DoorGuest>(
        stage, Instance{process_.zhost(), incarnation, id.key.topology.value, id.key.space,
                        id.epoch.value, id.run.value});
  return std::make_unique<FlowGuest>(stage, space, process_.zhost(), incarnation, role);
}

void FlowEngine::compile(std::shared_ptr<const stdx::Bytes> module,
                         std::vector<ports::HostFunction> functions, Compiled done) {
  const auto draw = process_.next();
  const stdx::Duration slow = draw % 4 == 0 ? std::chrono::milliseconds(draw / 4 % 4000)
                                            : stdx::Duration(std::chrono::milliseconds(20));
  process_.after(slow, [this, module = std::move(module), functions = std::move(functions),
                        done = std::move(done)] {
    stub_.compile(module, functions,
                  [this, done](stdx::Result<std::shared_ptr<ports::Module>> made) {
                    if (made) made = std::make_shared<FlowModule>(std::move(*made), making_);
                    done(std::move(made));
                  });
  });
}

}  // namespace sim
