// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests: a simulated cluster that leads, with one topology "t" of the spaces x and y running.
// When the test ends no invariant may have been broken.

#include <gtest/gtest.h>

#include <optional>

#include "sim/cluster.h"

namespace sim {

using namespace std::chrono_literals;

struct Running {
  Cluster cluster;
  std::string topology;
  explicit Running(ClusterOptions options = {}, const std::string& pace = "calm")
      : cluster(std::move(options)) {
    EXPECT_TRUE(cluster.world.run_until_true([&] { return cluster.leader() >= 0; }, 30s));
    int status = 0;
    std::string body;
    cluster.submit(0, call_topology("t", {"x", "y"}, pace), [&](ports::HttpResponse r) {
      status = r.status;
      body = r.body;
    });
    EXPECT_TRUE(cluster.world.run_until_true([&] { return status != 0; }, 30s));
    EXPECT_LT(status, 300) << body;
    const auto mark = body.find("\"topology_id\":\"");
    if (mark != std::string::npos) topology = body.substr(mark + 15, 36);
    EXPECT_TRUE(settle(60s));
  }
  ~Running() { EXPECT_EQ(cluster.checker.violation(), ""); }
  bool settle(stdx::Duration bound) {
    for (const auto end = cluster.world.now() + bound; cluster.world.now() < end;) {
      if (cluster.settled()) return true;
      cluster.world.run_for(50ms);
    }
    std::string why;
    if (cluster.settled(&why)) return true;
    for (const auto& line : cluster.log) {
      std::string fields;
      for (const auto& [name, value] : line.fields) fields += " " + name + "=" + value;
      printf("%lld %s %s%s\n", static_cast<long long>(stdx::to_ms(line.at.time_since_epoch())),
             line.process.c_str(), line.event.c_str(), fields.c_str());
    }
    ADD_FAILURE() << why;
    return false;
  }
  std::size_t home(const std::string& space) {
    const auto live = cluster.instances(space);
    EXPECT_EQ(live.size(), 1u);
    return live.empty() ? 99 : static_cast<std::size_t>(live[0][1] - '0');
  }
  // R-SEND: hands it to the zmesh of that zhost; the HTTP status.
  int send(std::size_t zhost, const std::string& path, const std::string& text) {
    int status = 0;
    cluster.send(zhost, "t", "x", path, text, [&](auto reply) { status = reply.status; });
    EXPECT_TRUE(cluster.world.run_until_true([&] { return status != 0; }, 60s));
    return status;
  }
  ports::HttpResponse get(std::size_t zhost, const std::string& path) {
    return ask(zhost, "GET", path);
  }
  ports::HttpResponse ask(std::size_t zhost, const std::string& method, const std::string& path) {
    std::optional<ports::HttpResponse> answer;
    cluster.http(zhost, method, path, [&](auto response) { answer = std::move(response); });
    EXPECT_TRUE(cluster.world.run_until_true([&] { return answer.has_value(); }, 60s));
    return answer.value_or(ports::HttpResponse{});
  }
  ports::HttpResponse submit(std::size_t zhost, const std::string& name) {
    std::optional<ports::HttpResponse> answer;
    cluster.submit(zhost, call_topology(name, {"u"}, "quiet"),
                   [&](auto response) { answer = std::move(response); });
    EXPECT_TRUE(cluster.world.run_until_true([&] { return answer.has_value(); }, 60s));
    return answer.value_or(ports::HttpResponse{});
  }
  bool came_to_y(std::size_t messages, stdx::Duration bound) {
    return cluster.world.run_until_true([&] { return cluster.stage.outside.size() >= messages; },
                                        bound);
  }
  const LogLine* logged(const std::string& event, stdx::Instant since) {
    for (const auto& line : cluster.log)
      if (line.event == event && line.at >= since) return &line;
    return nullptr;
  }
};

}  // namespace sim
