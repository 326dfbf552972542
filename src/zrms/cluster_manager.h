// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who lives: takes in beats and resource reports, keeps lastHeartbeat for each zhost, and finds
// those that fell silent (R-COMP-1, R-FAIL-1..12).
//
//   alive --suspect_after silence--> suspect --timeout silence--> dead      any --newer word-->
//   alive
//
// Rules: a word with a counter not above the last one of its kind, or of an older incarnation,
// changes nothing (P9, R-HB-5). Silence counts from the last word heard, also while nobody led
// (P14); a new leader gives everybody one full timeout (P5, take_over). That is no word of theirs:
// who has not been heard in this leadership session is not judged yet, and takes nothing new.
// Evidence acts at once: a goodbye; `down` of zrun. Brake: when more than half of at least three
// zhosts would be dead within brake_window, nobody is declared dead for brake_pause; verdicts that
// still stand then proceed.
//
// Pure. Bound: zhosts_max; words of more zhosts are refused.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "samoza/v1/cluster.pb.h"
#include "stdx/time.h"
#include "zrms/change_log.h"

namespace zrms {

namespace v1 = samoza::v1;

class ClusterManager {
 public:
  static constexpr std::size_t zhosts_max = 10'000;

  struct Options {
    stdx::Duration suspect_after = std::chrono::seconds(1);
    stdx::Duration timeout = std::chrono::milliseconds(3400);  // R-FAIL-2 in profile `seed`: 30 s
    stdx::Duration refused_window = std::chrono::milliseconds(500);
    int refusals_needed = 3;
    stdx::Duration brake_window = std::chrono::seconds(5);
    stdx::Duration brake_pause = std::chrono::seconds(15);
  };
  enum class Life { unknown, alive, suspect, dead };

  struct Zhost {
    std::uint64_t incarnation = 0;
    std::uint64_t beat_counter = 0, report_counter = 0;
    stdx::Instant last_heartbeat{};
    Life life = Life::unknown;
    bool heard = false;  // a word of this incarnation came in this leadership session
    std::vector<stdx::Instant> refusals;  // since the last word
    std::map<std::string, v1::ChildState> children;
    std::string zrun_cause;  // of its last end, where that is known
    std::uint32_t zrun_starts = 0;
    bool said_goodbye = false;  // with its last beat
    // Since when its beats come over the mesh alone: no datagram of it came meanwhile.
    std::optional<stdx::Instant> over_mesh_since;
    bool reported = false;
    std::uint64_t known_upto = 0;  // counter of the report that `spaces` and `floors` are as of
    bool whole_wanted = false;     // a report was built on one that did not come here
    v1::ResourceReport report;     // the newest, without its spaces and floors
    std::map<std::pair<std::string, std::string>, v1::SpaceReport> spaces;
    std::map<std::pair<std::string, std::string>, std::uint64_t> floors;
  };
  struct Event {
    enum class Kind { suspect, dead, alive };
    Kind kind;
    std::string zhost;
    stdx::Duration silence{};
    std::string evidence;  // "silence", "goodbye", "refused"
  };

  // A zrun that ended since the last call, as its zhost's beats tell; at most zrun_ends_max.
  struct ZrunEnd {
    std::string zhost, cause;
    std::size_t spaces = 0;  // that were in it
  };
  static constexpr std::size_t zrun_ends_max = 100;
  std::vector<ZrunEnd> take_zrun_ends() { return std::exchange(zrun_ends_, {}); }

  explicit ClusterManager(Options options) : options_(options) {}

  // Called once for each zhost declared dead (R-FAIL-4).
  std::function<void(const Event&)> failure_callback;

  bool beat(const v1::Beat& beat, stdx::Instant now);
  // What changed in it is noted in changes(). One that names only changes since a report that is
  // not known here is a sign of life and no more: then whole_wanted says so.
  bool report(const v1::ResourceReport& report, stdx::Instant now);
  bool whole_wanted(const std::string& zhost) const;
  const ChangeLog& changes() const { return changes_; }
  // The zhosts whose reports name that space, whatever its epoch there.
  const std::set<std::string>& reporters(const ChangeLog::Key& space) const;
  // Nothing listens where the startz of that incarnation should.
  void refused(const std::string& zhost, std::uint64_t incarnation, stdx::Instant now);
  // A member that registered: known from now on, silent since now if it never said a word.
  void expect(const std::string& zhost, std::uint64_t incarnation, stdx::Instant now);
  void forget(const std::string& zhost);

  // Everybody is heard now, as far as silence goes (P5).
  void take_over(stdx::Instant now);
  // New states since the last call, in order of zhost.
  std::vector<Event> check(stdx::Instant now);

  // Those that may live and said nothing for so long, in order: a datagram to one that is gone, on
  // a machine that is not, comes back refused.
  std::vector<std::string> silent(stdx::Instant now, stdx::Duration longer_than) const;

  const Zhost* find(const std::string& zhost) const;
  const std::map<std::string, Zhost>& zhosts() const { return zhosts_; }
  Life life(const std::string& zhost) const;
  bool heard(const std::string& zhost) const;
  // zrun of that zhost said `down`: what ran there will not come back by itself (P3).
  bool zrun_down(const std::string& zhost) const;
  // Why zrun there ended last, as " (out of memory: limit 512 MiB)"; empty where nobody knows.
  std::string zrun_cause(const std::string& zhost) const;
  bool braking(stdx::Instant now) const { return now < brake_until_; }

 private:
  // The zhost to change for a word, or null when the word is old.
  Zhost* listen(const std::string& zhost, std::uint64_t incarnation, std::uint64_t counter,
                std::uint64_t Zhost::* last, stdx::Instant now);
  void note_zrun(const std::string& name, Zhost& zhost, const v1::ChildStatus& zrun);
  void take_whole(const std::string& name, Zhost& zhost, const v1::ResourceReport& report);
  void take_changes(const std::string& name, Zhost& zhost, const v1::ResourceReport& report);
  // A new life of it, or none any more.
  void clear_spaces(const std::string& name, Zhost& zhost);
  void not_there(const std::string& name, const ChangeLog::Key& space);
  void declare_dead(const std::string& name, Zhost& zhost, std::string evidence, stdx::Instant now);
  bool brake_bites(std::size_t would_die, stdx::Instant now);

  Options options_;
  std::map<std::string, Zhost> zhosts_;
  ChangeLog changes_;  // of what zhosts report
  std::map<ChangeLog::Key, std::set<std::string>> reporters_;
  std::vector<Event> events_;
  std::vector<ZrunEnd> zrun_ends_;
  std::vector<stdx::Instant> deaths_;  // within brake_window
  stdx::Instant brake_until_{};
};

}  // namespace zrms
