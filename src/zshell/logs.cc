// SPDX-License-Identifier: Apache-2.0
// `logs`: what a space says and said, over restarts, moves and the death of the zrun it was in.
#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "stdx/rfc3339.h"
#include "stdx/text.h"
#include "wire/json.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {

using namespace std::chrono_literals;
using nlohmann::json;
using stdx::format;

namespace {

constexpr stdx::Duration look_interval = 500ms;
constexpr const char* usage_line =
    "logs [-f|--follow] [-n N] [--since TIME|DURATION] [--previous|--all] [-v] [TOPOLOGY/]NAME";

struct Wanted {
  std::string name;
  bool follow = false, previous = false, all = false, versions = false;
  std::optional<std::uint64_t> last;
  std::string since;  // as records write a time
};

using Life = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>;  // epoch, run, restarts

struct Line {
  std::string time, level, text;
  std::uint64_t epoch = 0, run = 0, restarts = 0, seq = 0;
  std::string version{};  // of its MEX; empty: not known
  Life life() const { return {epoch, run, restarts}; }
};

std::uint64_t number(const json& value, const char* name) {
  if (!value.is_object() || !value.contains(name)) return 0;
  const auto& field = value[name];
  if (field.is_number_unsigned()) return field.get<std::uint64_t>();
  // As protobuf writes 64 bits into JSON.
  return field.is_string() ? stdx::parse_u64(field.get<std::string>()).value_or(0) : 0;
}

std::vector<Line> lines_of(const json& reply) {
  std::vector<Line> lines;
  const auto records = reply.find("records");
  if (records == reply.end() || !records->is_array()) return lines;
  for (const auto& record : *records) {
    if (!record.is_object()) continue;
    Line line{
        render::field(record, "time"), render::field(record, "level"), "",
        number(record, "epoch"),       number(record, "run"),          number(record, "restarts"),
        number(record, "seq")};
    if (const auto text = record.find("text"); text != record.end() && text->is_string())
      line.text = stdx::printable(text->get<std::string>(), 8192);
    line.version = render::field(record, "mex_version");
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string name_of(const Life& life) {
  const auto [epoch, run, restarts] = life;
  return restarts == 0 ? format("{}.{}", epoch, run) : format("{}.{}+{}", epoch, run, restarts);
}

// TIME as RFC 3339 in UTC, or a duration back from now; as records write it.
stdx::Result<std::string> since_of(const std::string& text, stdx::WallTime now) {
  if (const auto back = stdx::parse_duration(text))
    return stdx::format_rfc3339_ms(now -
                                   std::chrono::duration_cast<std::chrono::milliseconds>(*back));
  if (!stdx::is_rfc3339(text) || !text.ends_with('Z'))
    return stdx::fail(stdx::Code::invalid,
                      format("--since {} is neither a duration (10m) nor a time in UTC "
                             "(2026-11-24T08:26:11Z)",
                             stdx::printable(text, 60)));
  constexpr std::size_t seconds = 19;
  auto fraction =
      text.size() > seconds + 2 ? text.substr(seconds + 1, text.size() - seconds - 2) : "";
  fraction.resize(3, '0');
  return text.substr(0, seconds) + "." + fraction + "Z";
}

stdx::Result<Wanted> wanted_of(const std::vector<std::string>& words, stdx::WallTime now) {
  Wanted wanted;
  const auto bad = [](const std::string& why) { return stdx::fail(stdx::Code::invalid, why); };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    const bool with_value = word == "-n" || word == "--since";
    if (with_value && i + 1 == words.size()) return bad(format("{} needs a value", word));
    if (word == "-f" || word == "--follow") {
      wanted.follow = true;
    } else if (word == "--previous") {
      wanted.previous = true;
    } else if (word == "--all") {
      wanted.all = true;
    } else if (word == "-v" || word == "--verbose") {
      wanted.versions = true;
    } else if (word == "-n") {
      wanted.last = stdx::parse_u64(words[++i]);
      if (!wanted.last) return bad(format("-n {} is no number", stdx::printable(words[i], 40)));
    } else if (word == "--since") {
      TRY_ASSIGN(wanted.since, since_of(words[++i], now));
    } else if (word.starts_with("-n") && stdx::parse_u64(word.substr(2))) {
      wanted.last = stdx::parse_u64(word.substr(2));
    } else if (word.starts_with("-")) {
      return bad(format("there is no option {}; usage: {}", stdx::printable(word, 40), usage_line));
    } else if (!wanted.name.empty()) {
      return bad(
          format("{} is one name too many; usage: {}", stdx::printable(word, 80), usage_line));
    } else {
      wanted.name = word;
    }
  }
  if (wanted.name.empty()) return bad(format("usage: {}", usage_line));
  if (wanted.previous && (wanted.follow || wanted.all))
    return bad("--previous shows a life that is over; it goes with neither -f nor --all");
  return wanted;
}

}  // namespace

class LogReader {
 public:
  LogReader(Shell& shell, Wanted wanted) : shell_(shell), wanted_(std::move(wanted)) {
    const auto slash = wanted_.name.find('/');
    space_ = slash == std::string::npos ? wanted_.name : wanted_.name.substr(slash + 1);
  }

  int run() {
    if (const auto slash = wanted_.name.find('/'); slash != std::string::npos) {
      const auto id = shell_.topology_id(wanted_.name.substr(0, slash));
      if (!id) {
        shell_.say_error(id.error().code, id.error().message);
        return failed;
      }
      topology_ = *id;
    }
    const auto answer = shell_.answer_of(
        "zmesh",
        ask(wanted_.all || wanted_.previous ? Shell::Query{{"all", "1"}} : Shell::Query{}));
    if (answer.exit != done) return answer.exit;
    const auto reply = render::parse(answer.body);
    instance_ = instance_of(reply);
    auto lines = lines_of(reply);
    if (wanted_.previous) keep_former(lines);
    if (!wanted_.since.empty())
      std::erase_if(lines, [&](const Line& line) { return line.time < wanted_.since; });
    if (wanted_.last && lines.size() > *wanted_.last)
      lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(*wanted_.last));
    if (!lines_of(reply).empty()) last_ = lines_of(reply).back();
    show_versions_ = wanted_.versions;
    for (const auto& line : lines) note_version(line);
    for (const auto& line : lines) print(line);
    say_silent(reply);
    if (wanted_.previous && lines.empty())
      notice(format("no lines of a former life of space '{}' are kept", space_));
    if (!wanted_.follow) return done;
    shown_ = instance_;
    follow();
    return done;
  }

 private:
  stdx::Result<ports::HttpResponse> ask(Shell::Query query) {
    return shell_.ask_space(topology_, space_ + "/logs", std::move(query));
  }
  static Life instance_of(const json& reply) {
    return {number(reply, "epoch"), number(reply, "run"), number(reply, "restarts")};
  }
  // The newest life before the one that is there now.
  void keep_former(std::vector<Line>& lines) const {
    std::optional<Life> former;
    for (const auto& line : lines)
      if ((std::get<0>(instance_) == 0 || line.life() < instance_) &&
          (!former || *former < line.life()))
        former = line.life();
    std::erase_if(lines, [&](const Line& line) { return !former || line.life() != *former; });
  }

  void follow() {
    bool lost = false;
    while (!shell_.outside_.interrupted()) {
      shell_.outside_.wait(look_interval);
      if (shell_.outside_.interrupted()) break;
      auto response = ask({{"after", place()}});
      if (!response || response->status != 200) {
        const auto why =
            response ? wire::error_from_response(*response).message : response.error().message;
        if (!std::exchange(lost, true))
          notice(format("no instance answers ({}); the next one is waited for",
                        stdx::printable(why, 300)));
        continue;
      }
      lost = false;
      auto reply = render::parse(response->body);
      // What the former instance said last, wherever that is kept.
      if (instance_of(reply) != shown_) {
        if (auto whole = ask({{"all", "1"}, {"after", place()}}); whole && whole->status == 200) {
          reply = render::parse(whole->body);
          say_silent(reply);
        }
      }
      for (const auto& line : lines_of(reply)) {
        if (line.life() > shown_) show_life(line.life(), reply);
        note_version(line);
        print(line);
        last_ = line;
      }
      if (const auto now = instance_of(reply); now > shown_) show_life(now, reply);
    }
    if (!shell_.json_) shell_.outside_.print("\n");  // behind the terminal's ^C
  }
  std::string place() const { return format("{}.{}.{}", last_.epoch, last_.run, last_.seq); }

  // Lines of more than one version say which one each is of.
  void note_version(const Line& line) {
    if (line.version.empty()) return;
    if (!version_.empty() && version_ != line.version) show_versions_ = true;
    version_ = line.version;
  }
  void show_life(const Life& life, const json& reply) {
    const auto zhost = render::field(reply, "zhost");
    const bool in_place =
        std::get<0>(life) == std::get<0>(shown_) && std::get<1>(life) == std::get<1>(shown_);
    notice(format("instance {} {}{}", name_of(life),
                  in_place ? "was started again in place" : "begins",
                  zhost.empty() || life != instance_of(reply) ? "" : " on zhost " + zhost));
    shown_ = life;
  }
  void say_silent(const json& reply) {
    const auto silent = reply.find("silent");
    if (silent == reply.end() || !silent->is_array()) return;
    for (const auto& zhost : *silent)
      if (zhost.is_string())
        notice(format("zhost {} does not answer; what it keeps of former lives is not here",
                      stdx::printable(zhost.get<std::string>(), 100)));
  }
  void notice(const std::string& text) {
    if (shell_.json_)
      shell_.outside_.print(json{{"notice", text}}.dump() + "\n");
    else
      shell_.outside_.print(paint("2", "-- " + text) + "\n");
  }
  std::string paint(const char* code, const std::string& text) const {
    return shell_.outside_.colours && *code != 0 ? format("\033[{}m{}\033[0m", code, text) : text;
  }
  void print(const Line& line) {
    if (shell_.json_) {
      const json object = {{"time", line.time}, {"level", line.level},        {"epoch", line.epoch},
                           {"run", line.run},   {"restarts", line.restarts},  {"seq", line.seq},
                           {"text", line.text}, {"mex_version", line.version}};
      shell_.outside_.print(object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
      return;
    }
    auto level = line.level;
    std::transform(level.begin(), level.end(), level.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const char* colour = line.level == "error"  ? "31"
                         : line.level == "warn" ? "33"
                         : line.level == "info" ? "32"
                                                : "2";
    auto instance = name_of(line.life());
    if (show_versions_) instance += format(" {}", line.version.empty() ? "-" : line.version);
    shell_.outside_.print(format("{} {} {} {}\n", line.time, paint(colour, format("{:<5}", level)),
                                 paint("2", instance), line.text));
  }

  Shell& shell_;
  Wanted wanted_;
  std::string topology_, space_;
  Life instance_{}, shown_{};
  bool show_versions_ = false;
  std::string version_;  // of the last line
  Line last_;
};

int Shell::logs(const std::vector<std::string>& words) {
  auto wanted = wanted_of(words, outside_.wall ? outside_.wall() : stdx::WallTime());
  if (!wanted) {
    say_error(wanted.error().code, wanted.error().message);
    return wrong_use;
  }
  return LogReader(*this, std::move(*wanted)).run();
}

}  // namespace zshell
