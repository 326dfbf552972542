// SPDX-License-Identifier: Apache-2.0
// An explicit-state model of docs/protocol.md, P16: updates, rollbacks and moves of one space. The
// leader writes a row (epoch, version, zhost) and sends place commands, which may be lost, delayed
// and doubled. startz keeps the newest command that it let pass (P4) and hands it again to a zrun
// that starts anew. A zrun runs at most one instance of the space, and a newer one waits until the
// older one has closed. P8, which orders instances of two zhosts, is taken as given.
//
// The search is exhaustive within the budgets. Three properties:
//
//   one version   all instances of an epoch are of one version
//   one instance  a zrun never runs two instances of the space at once
//   forward       a later epoch is never of an earlier version
//
// versions_model: with every rule on nothing may be found, and with one off it must be.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "search.h"

namespace {

using model_search::Found;

constexpr int zhosts = 2, commands_max = 3, epochs_max = 16;

struct Rules {
  bool new_epoch = true;    // another version means the next epoch
  bool own_text = true;     // an instance has the text of its command, not the newest one known
  bool after_close = true;  // the newer instance begins when the older one has closed
  bool next_number = true;  // a rollback is a version of its own, with the next number
};
Rules rules;
std::string said;

struct Zhost {
  std::uint8_t floor = 0, kept_epoch = 0, kept_version = 0;  // startz
  std::uint8_t text = 0;                          // the newest version that its zrun read
  std::uint8_t epoch = 0, version = 0;            // running; epoch 0: nothing
  std::uint8_t next_epoch = 0, next_version = 0;  // waits until it has closed
  std::uint8_t second = 0;                        // runs beside it: must not be
};
struct Command {
  std::uint8_t epoch = 0, version = 0, to = 0;  // epoch 0: none
};
struct State {
  std::uint8_t row_epoch = 1, row_version = 1, row_zhost = 0;
  std::uint8_t newest = 1;  // version number given out
  Zhost z[zhosts];
  Command command[commands_max];
  std::uint8_t started[epochs_max] = {};  // version of each epoch that was started; 0: none
  std::uint8_t updates = 0, rollbacks = 0, moves = 0, crashes = 0, losses = 0, repeats = 0;
  std::uint8_t unused[2] = {};
  const char* wrong = nullptr;
};

bool say(std::string text) {
  said = std::move(text);
  return true;
}

bool send(State& s) {
  for (auto& command : s.command) {
    if (command.epoch != 0) continue;
    command = {s.row_epoch, s.row_version, s.row_zhost};
    return true;
  }
  return false;
}

bool write_version(State& s, std::uint8_t version) {
  if (s.row_epoch + 1 >= epochs_max) return false;
  if (rules.new_epoch) ++s.row_epoch;
  s.row_version = version;
  return send(s);
}

bool update(State& s) {
  if (s.updates == 0) return false;
  --s.updates;
  return write_version(s, ++s.newest) && say("update to version " + std::to_string(s.newest));
}

bool roll_back(State& s) {
  if (s.rollbacks == 0 || s.row_version < 2) return false;
  --s.rollbacks;
  const auto to = rules.next_number ? ++s.newest : static_cast<std::uint8_t>(s.row_version - 1);
  return write_version(s, to) && say("rollback as version " + std::to_string(to));
}

bool move(State& s) {
  if (s.moves == 0 || s.row_epoch + 1 >= epochs_max) return false;
  --s.moves;
  ++s.row_epoch;
  s.row_zhost = static_cast<std::uint8_t>(1 - s.row_zhost);
  return send(s) && say("moved with epoch " + std::to_string(s.row_epoch));
}

bool repeat(State& s) {
  if (s.repeats == 0) return false;
  --s.repeats;
  return send(s) && say("the command of the row is sent again");
}

bool lose(State& s, int c) {
  if (s.losses == 0 || s.command[c].epoch == 0) return false;
  --s.losses;
  s.command[c] = {};
  return say("a command is lost");
}

void start(State& s, Zhost& z, std::uint8_t epoch, std::uint8_t version) {
  z.epoch = epoch;
  z.version = rules.own_text ? version : z.text;
  auto& started = s.started[epoch];
  if (started != 0 && started != z.version) s.wrong = "one version";
  started = z.version;
  for (int e = 1; e < epoch; ++e)
    if (s.started[e] > z.version) s.wrong = "forward";
  for (int e = epoch + 1; e < epochs_max; ++e)
    if (s.started[e] != 0 && s.started[e] < z.version) s.wrong = "forward";
}

bool deliver(State& s, int c) {
  const auto command = s.command[c];
  if (command.epoch == 0) return false;
  s.command[c] = {};
  auto& z = s.z[command.to];
  said = "zhost " + std::to_string(command.to) + " gets epoch " + std::to_string(command.epoch) +
         " of version " + std::to_string(command.version);
  if (command.epoch < z.floor) return true;  // P4
  z.floor = command.epoch;
  z.kept_epoch = command.epoch;
  z.kept_version = command.version;
  if (command.version > z.text) z.text = command.version;
  if (z.epoch == 0) {
    start(s, z, command.epoch, command.version);
  } else if (command.epoch > z.epoch && !rules.after_close) {
    z.second = z.epoch;
    start(s, z, command.epoch, command.version);
  } else if (command.epoch > z.epoch) {
    z.next_epoch = command.epoch;
    z.next_version = command.version;
  }
  return true;
}

bool close(State& s, int at) {
  auto& z = s.z[at];
  if (z.next_epoch == 0) return false;
  z.epoch = 0;
  start(s, z, z.next_epoch, z.next_version);
  z.next_epoch = z.next_version = 0;
  return say("zhost " + std::to_string(at) + ": the older instance has closed");
}

// P3: the command that was let pass last is handed to the next zrun.
bool crash(State& s, int at) {
  auto& z = s.z[at];
  if (s.crashes == 0 || z.epoch == 0) return false;
  --s.crashes;
  z.epoch = z.version = z.next_epoch = z.next_version = z.second = 0;
  start(s, z, z.kept_epoch, z.kept_version);
  return say("zhost " + std::to_string(at) + ": zrun starts anew");
}

// Another space of the topology brings the newest text to this zhost.
bool hear(State& s, int at) {
  auto& z = s.z[at];
  if (z.text >= s.newest) return false;
  z.text = s.newest;
  return say("zhost " + std::to_string(at) + " reads version " + std::to_string(z.text));
}

void check(State& s) {
  for (const auto& z : s.z)
    if (z.second != 0) s.wrong = "one instance";
}

Found search() {
  State begin;
  std::memset(static_cast<void*>(&begin), 0, sizeof begin);
  begin.row_epoch = begin.row_version = begin.newest = 1;
  begin.updates = 2;
  begin.rollbacks = 1;
  begin.moves = begin.crashes = begin.losses = begin.repeats = 1;
  begin.z[0] = {1, 1, 1, 1, 1, 1, 0, 0, 0};
  begin.started[1] = 1;
  std::vector<std::function<bool(State&)>> actions = {update, roll_back, move, repeat};
  for (int c = 0; c < commands_max; ++c) {
    actions.push_back([c](State& s) { return deliver(s, c); });
    actions.push_back([c](State& s) { return lose(s, c); });
  }
  for (int z = 0; z < zhosts; ++z) {
    actions.push_back([z](State& s) { return close(s, z); });
    actions.push_back([z](State& s) { return crash(s, z); });
    actions.push_back([z](State& s) { return hear(s, z); });
  }
  return model_search::search<State>(begin, actions, check, said, 3'000'000);
}

}  // namespace

int main() {
  struct Variant {
    const char* what;
    bool Rules::* off;
    const char* broken;
  };
  int bad = 0;
  for (const auto& [what, off, broken] :
       {Variant{"all rules", nullptr, ""},
        {"another version in the same epoch", &Rules::new_epoch, "one version"},
        {"the newest text for a command of before", &Rules::own_text, "one version"},
        {"the newer one begins beside the older", &Rules::after_close, "one instance"},
        {"a rollback takes the number of the former version", &Rules::next_number, "forward"}}) {
    rules = {};
    if (off != nullptr) rules.*off = false;
    const auto found = search();
    const bool good =
        off == nullptr ? found.wrong.empty() && found.exhausted : found.wrong == broken;
    bad += !good;
    std::printf("%s: %s: %s, %zu states%s\n", good ? "good" : "WRONG", what,
                found.wrong.empty() ? "nothing found" : (found.wrong + " broken").c_str(),
                found.states, found.exhausted ? ", exhausted" : "");
    if (!good)
      for (std::size_t i = 0; i < found.trace.size(); ++i)
        std::printf("%3zu  %s\n", i + 1, found.trace[i].c_str());
  }
  return bad == 0 ? 0 : 1;
}
