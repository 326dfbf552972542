// SPDX-License-Identifier: Apache-2.0
#pragma once

// ports::Processes in the simulator: a child is whatever `launch` builds; ending it destroys that,
// and the parent hears of it on its own loop. Children end with this object, as real ones end with
// their parent. Called from the parent's loop and from the simulation's driver.

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "ports/processes.h"
#include "simkit/process.h"

namespace simkit {

class SimProcesses final : public ports::Processes {
 public:
  // What a child is made of; destroying it kills the child. `end` is for a child that ends by
  // itself; it takes effect with the next event.
  using Launch = std::function<std::shared_ptr<void>(const ports::ProcessSpec& spec,
                                                     std::function<void()> end)>;

  SimProcesses(Process& parent, Launch launch) : parent_(parent), launch_(std::move(launch)) {}

  stdx::Result<ports::ProcessId> spawn(const ports::ProcessSpec& spec,
                                       std::function<void(ports::ProcessExit)> on_exit) override {
    const auto id = next_++;
    auto end = [this, id, alive = std::weak_ptr<bool>(alive_)] {
      parent_.world().schedule(stdx::Duration::zero(), "exit", [this, id, alive] {
        if (!alive.expired()) finish(id, {});
      });
    };
    children_[id] = {spec.name, std::move(on_exit), nullptr};
    children_[id].body = launch_(spec, std::move(end));
    return static_cast<ports::ProcessId>(id);
  }
  void terminate(ports::ProcessId id) override { later(id, 15); }
  void kill(ports::ProcessId id) override { later(id, 9); }

  // kill -9 from outside; false when no such child lives.
  bool crash(const std::string& name) {
    for (const auto& [id, child] : children_)
      if (child.name == name) {
        finish(id, {.code = 0, .signal = 9});
        return true;
      }
    return false;
  }
  // The body of a living child, or null.
  std::shared_ptr<void> body(const std::string& name) const {
    for (const auto& [id, child] : children_)
      if (child.name == name) return child.body;
    return nullptr;
  }

 private:
  struct Child {
    std::string name;
    std::function<void(ports::ProcessExit)> on_exit;
    std::shared_ptr<void> body;
  };

  void later(ports::ProcessId id, int signal) {
    parent_.world().schedule(
        stdx::Duration::zero(), "signal", [this, id, signal, alive = std::weak_ptr<bool>(alive_)] {
          if (!alive.expired())
            finish(static_cast<std::uint64_t>(id), {.code = 0, .signal = signal});
        });
  }
  void finish(std::uint64_t id, ports::ProcessExit exit) {
    auto node = children_.extract(id);
    if (node.empty()) return;
    node.mapped().body.reset();
    parent_.deliver(std::chrono::microseconds(100), "child_exit",
                    [on_exit = std::move(node.mapped().on_exit), exit] { on_exit(exit); });
  }

  Process& parent_;
  Launch launch_;
  std::map<std::uint64_t, Child> children_;
  std::uint64_t next_ = 1;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace simkit
