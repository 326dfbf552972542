// SPDX-License-Identifier: Apache-2.0
// `logs`: which lines it asks for, and how it shows them.
#include <gtest/gtest.h>

#include <deque>

#include "stdx/text.h"
#include "wire/json.h"
#include "zshell/shell.h"

namespace zshell {
namespace {

using stdx::format;

std::string record(int epoch, int run, int seq, const std::string& text, int restarts = 0,
                   const std::string& level = "info", int second = 11) {
  return format(
      R"({{"time":"2026-11-24T08:26:{:02}.042Z","level":"{}","epoch":"{}","run":{},"restarts":"{}","seq":"{}","text":"{}"}})",
      second, level, epoch, run, restarts, seq, text);
}
std::string reply(int epoch, int run, const std::vector<std::string>& records,
                  const std::string& more = "", int restarts = 0) {
  return format(R"({{"epoch":"{}","run":{},"restarts":"{}","zhost":"a"{},"records":[{}]}})", epoch,
                run, restarts, more, fmt::join(records, ","));
}

struct Logs {
  // What zmesh answers, one after the other; "": it is not reached. Ctrl-C comes after the last.
  std::deque<std::string> answers;
  std::vector<std::map<std::string, std::string>> asked;
  std::string printed;
  bool json = false, colours = false;

  int run(const std::string& line) {
    Outside o;
    o.ask = [this](const std::string& service,
                   ports::HttpRequest request) -> stdx::Result<ports::HttpResponse> {
      if (service == "zrms") return wire::json_response(R"({"id":"1-2"})");
      if (service != "zmesh") return stdx::fail(stdx::Code::unavailable, "refused");
      EXPECT_EQ(request.path, "/v1/mesh/spaces/x/logs");
      asked.push_back(request.query);
      if (answers.empty()) return stdx::fail(stdx::Code::unavailable, "refused");
      const auto text = answers.front();
      answers.pop_front();
      if (text.empty()) return stdx::fail(stdx::Code::unavailable, "refused");
      return wire::json_response(text);
    };
    o.wait = [](stdx::Duration) {};
    o.if_slow = [](stdx::Duration, const std::string&) {};
    o.interrupted = [this] { return answers.empty(); };
    o.print = [this](const std::string& text) { printed += text; };
    // 2026-11-24T08:26:20Z
    o.wall = [] { return stdx::WallTime(std::chrono::milliseconds(1'795'508'780'000)); };
    o.colours = colours;
    printed.clear();
    return Shell(std::move(o), json).run(split_words(line));
  }
};

TEST(LogsTest, ALineShowsItsTimeItsLevelAndTheInstanceThatSaidIt) {
  Logs l;
  l.answers = {reply(3, 2, {record(3, 2, 1, "hello"), record(3, 2, 2, "trap", 1, "error")})};
  EXPECT_EQ(l.run("logs app/x"), done);
  EXPECT_EQ(l.printed,
            "2026-11-24T08:26:11.042Z INFO  3.2 hello\n"
            "2026-11-24T08:26:11.042Z ERROR 3.2+1 trap\n");
  EXPECT_EQ(l.asked.at(0).at("topology"), "1-2");
  EXPECT_FALSE(l.asked.at(0).contains("all"));
}

TEST(LogsTest, ColoursAreForATerminalAndControlBytesOfAGuestNeverReachIt) {
  Logs l;
  l.colours = true;
  l.answers = {reply(1, 1, {record(1, 1, 1, "\\u001b[2Jgone", 0, "error")})};
  l.run("logs x");
  EXPECT_EQ(l.printed,
            "2026-11-24T08:26:11.042Z \033[31mERROR\033[0m \033[2m1.1\033[0m ?[2Jgone\n");
}

TEST(LogsTest, PreviousIsTheNewestLifeBeforeTheOneThatIsThere) {
  const auto lives = {record(1, 1, 1, "first"), record(1, 2, 1, "second"),
                      record(1, 2, 2, "second, started again", 1), record(2, 1, 1, "now")};
  Logs l;
  l.answers = {reply(2, 1, lives)};
  EXPECT_EQ(l.run("logs --previous x"), done);
  EXPECT_EQ(l.printed, "2026-11-24T08:26:11.042Z INFO  1.2+1 second, started again\n");
  EXPECT_EQ(l.asked.at(0).at("all"), "1");
  l.answers = {reply(1, 2, lives, "", 1)};
  l.run("logs --previous x");
  EXPECT_NE(l.printed.find(" 1.2 second\n"), std::string::npos) << l.printed;
  l.answers = {reply(0, 0, lives)};
  l.run("logs --previous x");
  EXPECT_NE(l.printed.find(" 2.1 now\n"), std::string::npos) << "nothing is there: its last life";
  l.answers = {reply(1, 1, {record(1, 1, 1, "now")}, R"(,"silent":["b"])")};
  l.run("logs --previous x");
  EXPECT_EQ(l.printed,
            "-- zhost b does not answer; what it keeps of former lives is not here\n"
            "-- no lines of a former life of space 'x' are kept\n");
}

TEST(LogsTest, AllShowsEveryLifeAndNAndSinceTheirEnd) {
  const auto lives = {record(1, 1, 1, "one", 0, "info", 5), record(1, 1, 2, "two", 0, "info", 9),
                      record(1, 1, 3, "three", 0, "info", 18)};
  const auto shown = [&](const std::string& line) {
    Logs l;
    l.answers = {reply(1, 1, lives)};
    EXPECT_EQ(l.run(line), done) << l.printed;
    return std::count(l.printed.begin(), l.printed.end(), '\n');
  };
  EXPECT_EQ(shown("logs --all x"), 3);
  EXPECT_EQ(shown("logs -n 2 x"), 2);
  EXPECT_EQ(shown("logs x -n 0"), 0);
  EXPECT_EQ(shown("logs --since 12s x"), 2);
  EXPECT_EQ(shown("logs --since 2026-11-24T08:26:09Z x"), 2);
  EXPECT_EQ(shown("logs --since 2026-11-24T08:26:09.5Z x"), 1);
}

TEST(LogsTest, WhatIsWrittenWrongIsRefusedWithTheReason) {
  for (const auto& [line, why] : {std::pair{"logs -n", "needs a value"},
                                  {"logs x -n many", "is no number"},
                                  {"logs x --since yesterday", "neither a duration"},
                                  {"logs x --since 2026-11-24T08:26:09+01:00", "UTC"},
                                  {"logs x y", "y is one name too many"},
                                  {"logs --what x", "has no option --what"},
                                  {"logs -f --previous x", "a life that is over"}}) {
    Logs l;
    EXPECT_EQ(l.run(line), wrong_use) << line;
    EXPECT_NE(l.printed.find(why), std::string::npos) << line << ": " << l.printed;
  }
}

TEST(LogsTest, FollowingGoesOnOverTheDeathOfZrunWithWhatBothInstancesSaid) {
  Logs l;
  l.answers = {reply(1, 1, {record(1, 1, 1, "one")}),
               reply(1, 1, {record(1, 1, 2, "two")}),
               "",
               "",
               reply(1, 2, {record(1, 2, 1, "four")}),
               reply(1, 2, {record(1, 1, 3, "three, its last"), record(1, 2, 1, "four")}),
               reply(1, 2, {record(1, 2, 2, "five")})};
  EXPECT_EQ(l.run("logs -f x"), done);
  EXPECT_EQ(l.printed,
            "2026-11-24T08:26:11.042Z INFO  1.1 one\n"
            "2026-11-24T08:26:11.042Z INFO  1.1 two\n"
            "-- no instance answers (refused); the next one is waited for\n"
            "2026-11-24T08:26:11.042Z INFO  1.1 three, its last\n"
            "-- instance 1.2 begins on zhost a\n"
            "2026-11-24T08:26:11.042Z INFO  1.2 four\n"
            "2026-11-24T08:26:11.042Z INFO  1.2 five\n\n");
  EXPECT_EQ(l.asked.at(1).at("after"), "1.1.1");
  EXPECT_EQ(l.asked.at(5).at("after"), "1.1.2");
  EXPECT_EQ(l.asked.at(5).at("all"), "1");
}

TEST(LogsTest, AnInstanceThatSaysNothingYetIsNamedAndSoIsARestartInPlace) {
  Logs l;
  l.answers = {reply(1, 1, {}), reply(2, 1, {}), reply(2, 1, {}),
               reply(2, 1, {record(2, 1, 1, "again", 1)}, "", 1),
               reply(2, 1, {record(2, 1, 1, "again", 1)}, "", 1)};
  l.run("logs -f x");
  EXPECT_EQ(l.printed,
            "-- instance 2.1 begins on zhost a\n"
            "-- instance 2.1+1 was started again in place on zhost a\n"
            "2026-11-24T08:26:11.042Z INFO  2.1+1 again\n\n");
}

TEST(LogsTest, LinesOfMoreThanOneVersionSayWhichOneAndThoseOfOneOnlyWhereAsked) {
  const auto of = [](int epoch, const char* version, const char* text) {
    auto out = record(epoch, 1, 1, text);
    out.insert(out.size() - 1, format(R"(,"mex_version":"{}")", version));
    return out;
  };
  Logs l;
  l.answers = {reply(2, 1, {of(1, "1.4.0", "old"), of(2, "1.5.0", "new")})};
  EXPECT_EQ(l.run("logs --all x"), done);
  EXPECT_EQ(l.printed,
            "2026-11-24T08:26:11.042Z INFO  1.1 1.4.0 old\n"
            "2026-11-24T08:26:11.042Z INFO  2.1 1.5.0 new\n");
  l.answers = {reply(2, 1, {of(2, "1.5.0", "new")})};
  l.run("logs x");
  EXPECT_EQ(l.printed, "2026-11-24T08:26:11.042Z INFO  2.1 new\n");
  l.answers = {reply(2, 1, {of(2, "1.5.0", "new"), record(2, 1, 2, "of an older zrun")})};
  l.run("logs -v x");
  EXPECT_EQ(l.printed,
            "2026-11-24T08:26:11.042Z INFO  2.1 1.5.0 new\n"
            "2026-11-24T08:26:11.042Z INFO  2.1 - of an older zrun\n");
}

TEST(LogsTest, AsJsonEachLineIsAnObject) {
  Logs l;
  l.json = true;
  l.answers = {reply(1, 1, {record(1, 1, 1, "one")}, R"(,"silent":["b"])")};
  EXPECT_EQ(l.run("logs x"), done);
  EXPECT_EQ(
      l.printed,
      R"({"epoch":1,"level":"info","mex_version":"","restarts":0,"run":1,"seq":1,"text":"one",)"
      R"("time":"2026-11-24T08:26:11.042Z"})"
      "\n"
      R"({"notice":"zhost b does not answer; what it keeps of former lives is not here"})"
      "\n");
}

// --- events ---

struct Events {
  std::deque<std::string> answers;  // "": not reached
  std::vector<std::map<std::string, std::string>> asked;
  std::string printed;
  int run(const std::string& line) {
    Outside o;
    o.ask = [this](const std::string& service,
                   ports::HttpRequest request) -> stdx::Result<ports::HttpResponse> {
      if (request.path == "/v1/status") return wire::json_response(std::string("{}"));
      EXPECT_EQ(service + request.path, "zrms/v1/events");
      asked.push_back(request.query);
      const auto text = answers.front();
      answers.pop_front();
      if (text.empty()) return stdx::fail(stdx::Code::unavailable, "refused");
      return wire::json_response(text);
    };
    o.wait = [](stdx::Duration) {};
    o.interrupted = [this] { return answers.empty(); };
    o.print = [this](const std::string& text) { printed += text; };
    return Shell(std::move(o), false).run(split_words(line));
  }
};

TEST(EventsTest, EachSaysWhatHappenedToWhichSpacesWhereAndWhy) {
  Events e;
  e.answers = {
      R"({"events":[{"number":"7","at":"T1","what":"moved","topology_id":"1-2","topology":"app","count":9,)"
      R"("spaces":["x","y"],"zhost":"b","from_zhost":"a","why":"zhost a failed","term":"3","epoch":"0"},)"
      R"({"number":"8","at":"T2","what":"running","topology":"app","count":1,"spaces":["x"],"zhost":"b",)"
      R"("term":"3","epoch":"2"},{"number":"9","at":"T3","what":"degraded","topology":"app","term":"3",)"
      R"("why":"1 space waits"}]})"};
  EXPECT_EQ(e.run("topo events app"), done);
  EXPECT_EQ(e.printed,
            "T1  app  moved 9 spaces (x, y, ...) from a to b: zhost a failed  (term 3)\n"
            "T2  app  running x on b  (term 3, epoch 2)\n"
            "T3  app  degraded: 1 space waits  (term 3)\n");
  EXPECT_EQ(e.asked.at(0).at("topology"), "app");
}

TEST(EventsTest, FollowingAsksForWhatIsNewAndWaitsWhileNobodyAnswersAndSaysWhoDoes) {
  Events e;
  e.answers = {
      R"({"events":[{"number":"7","at":"T1","what":"zhost suspect","zhost":"a","term":"3"}]})", "",
      R"({"detail":"no leader; what b heard","events":[]})",
      R"({"events":[{"number":"9","at":"T2","what":"zhost dead","zhost":"a","term":"3"}]})"};
  EXPECT_EQ(e.run("cluster events --follow"), done);
  EXPECT_EQ(
      e.printed,
      "T1  zhost suspect a  (term 3)\n-- no leader; what b heard\nT2  zhost dead a  (term 3)\n\n");
  EXPECT_EQ(e.asked.at(0).at("topology"), "cluster");
  EXPECT_EQ(e.asked.back().at("after"), "7");
}

}  // namespace
}  // namespace zshell
