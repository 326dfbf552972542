// SPDX-License-Identifier: Apache-2.0
// An explicit-state model of docs/protocol.md, P15: the records (a database that may go back to an
// older copy or be emptied), a control plane that starts anew each time that happens, a leader with
// its term row, and zhosts that hear of the records' counter now and then, run one autonomous space
// and crash. Leases and terms themselves are taken as given (P5, P6): here a leader only ends,
// or takes the term while the control plane is open.
//
// Every action may happen whenever its guard holds, so any delay and any loss is covered. The
// search is breadth first and exhaustive within the budgets of `Budget`, so the first trace found
// is a shortest one. Two properties:
//
//   S1    an epoch of the space is started on one zhost only
//   told  a control plane that commits has admitted no zhost that knows of a batch its records lack
//
// records_model [RULE...]: without arguments all variants are run: with every rule on nothing may
// be found, and with one off its trace must be. With arguments those rules are off, and the trace
// is printed.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "records_world.h"
#include "search.h"

namespace {

using namespace records_model;
using model_search::Found;

using Action = std::function<bool(State&)>;
std::vector<Action> all_actions() {
  std::vector<Action> list = {
      start_control_plane, stop_control_plane, open_with_all, open_with_most, lead, lapse, renew,
      copy_records,        put_back,           empty,         recover};
  for (int z = 0; z < zhosts; ++z) {
    list.push_back([z](State& s) { return register_zhost(s, z); });
    list.push_back([z](State& s) { return answer_registered(s, z); });
    list.push_back([z](State& s) { return move(s, z); });
    list.push_back([z](State& s) { return tell(s, z); });
    list.push_back([z](State& s) { return crash(s, z); });
    list.push_back([z](State& s) { return come_back(s, z); });
  }
  for (int c = 0; c < 2; ++c) {
    list.push_back([c](State& s) { return deliver(s, c); });
    list.push_back([c](State& s) { return lose_command(s, c); });
  }
  return list;
}

State begin() {
  State s;
  std::memset(static_cast<void*>(&s), 0, sizeof s);
  s.left = budget;
  s.next_lineage = s.next_region = 1;
  s.phase = Phase::open;
  // A cluster that runs: all have registered, the space is on zhost 0.
  for (int z = 0; z < zhosts; ++z) {
    s.z[z].up = s.z[z].knows = true;
    s.z[z].newest = 1;
    s.z[z].counter = 1;
    s.z[z].term = 1;
  }
  s.now.members = s.registered = all_zhosts;
  s.now.counter = s.now.term = s.now.term_version = s.now.epoch = 1;
  s.now.batches = 1;
  s.next_batch = 1;
  s.z[0].runs = s.z[0].floor = 1;
  s.started_on[1] = 1;
  s.leader = {true, true, 1, 1, 0, 1};
  s.copy = s.now;
  s.has_copy = budget.copies == 0;
  return s;
}

Found search(std::size_t states_max) {
  return model_search::search<State>(begin(), all_actions(), check, said, states_max);
}

bool switch_off(const std::string& name) {
  if (name == "counters")
    rules.counters = false;
  else if (name == "quorum")
    rules.quorum = false;
  else if (name == "step")
    rules.step = false;
  else if (name == "lineages")
    rules.lineages = false;
  else if (name == "promise")
    rules.promise = false;
  else
    return name == "none";
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::size_t states_max = 3'000'000;
  if (argc > 1) {
    budget = deep;
    for (int i = 1; i < argc; ++i)
      if (!switch_off(argv[i])) return std::fprintf(stderr, "no rule %s\n", argv[i]), 2;
    const auto found = search(states_max);
    for (std::size_t i = 0; i < found.trace.size(); ++i)
      std::printf("%3zu  %s\n", i + 1, found.trace[i].c_str());
    std::printf("%s, %zu states\n", found.wrong.empty() ? "nothing found" : found.wrong.c_str(),
                found.states);
    return 0;
  }
  struct Variant {
    const char *what, *off;
    Budget budget;
    std::size_t states;
  };
  int bad = 0;
  for (const auto& [what, off, wanted, most] : {
           Variant{"all rules, every kind of fault", "", wide, 300'000},
           {"all rules, a copy or nothing put in place", "", narrow, 300'000},
           {"all rules, a copy put back", "", deep, states_max},
           {"without counters", "counters", narrow, states_max},
           {"without quorum", "quorum", narrow, states_max},
           {"without step", "step", deep, states_max},
           {"without lineages", "lineages", deep, states_max},
           {"without promise", "promise", deep, states_max},
       }) {
    rules = {};
    budget = wanted;
    const std::string rule = off;
    if (!rule.empty()) switch_off(rule);
    const auto found = search(most);
    const bool good = rule.empty() == found.wrong.empty();
    bad += !good;
    std::printf("%s: %s: %s, %zu states%s\n", good ? "good" : "WRONG", what,
                found.wrong.empty() ? "nothing found" : (found.wrong + " broken").c_str(),
                found.states, found.exhausted ? ", exhausted" : "");
    std::fflush(stdout);
  }
  return bad == 0 ? 0 : 1;
}
