// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests: a shell whose services answer what the test says, and what it printed.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "zshell/shell.h"

namespace zshell {

struct ShellFixture {
  std::map<std::string, ports::HttpResponse> answers;  // "zrms GET /v1/topologies"
  std::string printed;
  model::Topology standalone;  // what every topology.yaml says
  std::vector<ports::HttpRequest> asked;
  std::function<void()> on_wait;
  bool interrupted = false, slow = false;

  Outside outside() {
    Outside o;
    o.ask = [this](const std::string& service,
                   ports::HttpRequest request) -> stdx::Result<ports::HttpResponse> {
      // Every command that reads asks whether there is a leader; away_test.cc has that.
      if (request.path != "/v1/status") asked.push_back(request);
      const auto at = answers.find(service + " " + request.method + " " + request.path);
      if (at == answers.end()) return stdx::fail(stdx::Code::unavailable, "refused");
      return at->second;
    };
    o.read_file = [](const std::string& path) -> stdx::Result<stdx::Bytes> {
      if (path == "app.mex" || path == "dir/a.mex") return stdx::Bytes("archive");
      if (path.ends_with(".yaml")) return stdx::Bytes("text");
      if (path == "dir/")
        return stdx::fail(stdx::Code::invalid, "dir/: it is a folder, and no file");
      return stdx::fail(stdx::Code::not_found, path + ": No such file or directory");
    };
    o.read_topology = [this](const std::string&, const std::string& file) {
      return file == "bad.yaml"
                 ? stdx::Result<model::Topology>(stdx::fail(stdx::Code::invalid, "bad.yaml:1: why"))
                 : standalone;
    };
    o.wait = [this](stdx::Duration) {
      if (on_wait) on_wait();
    };
    o.if_slow = [this](stdx::Duration, const std::string& text) {
      if (slow) printed += text;
    };
    o.interrupted = [this] { return interrupted; };
    o.print = [this](const std::string& text) { printed += text; };
    o.ask_within = [this](const std::string& service, ports::HttpRequest request, stdx::Duration) {
      auto answer = answers.find(service + " GET " + request.path);
      return answer == answers.end()
                 ? stdx::Result<ports::HttpResponse>(stdx::fail(stdx::Code::timeout, "late"))
                 : answer->second;
    };
    return o;
  }
  int run(const std::string& line, bool json = false) {
    printed.clear();
    return Shell(outside(), json).run(split_words(line));
  }
};

}  // namespace zshell
