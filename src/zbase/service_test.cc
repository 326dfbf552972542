// SPDX-License-Identifier: Apache-2.0
#include "zbase/service.h"

#include <gtest/gtest.h>

#include "simkit/network.h"
#include "simkit/process.h"
#include "wire/access_table.h"

namespace zbase {
namespace {

struct NoCopies final : ports::CopyStore {
  void check_room(std::uint64_t, Stored done) override { done({}); }
  void put(ports::RecordsCopy, stdx::Bytes, Stored done) override { done({}); }
  void get(const std::string& sha256, Done<stdx::Bytes> done) override {
    done(stdx::fail(stdx::Code::not_found, sha256));
  }
  std::vector<ports::RecordsCopy> list() const override { return {}; }
};

TEST(ZbaseTest, EachRouteHasARowInTheTableOfRights) {
  simkit::World world{1};
  simkit::Network network{world};
  simkit::Process process{world, "a", "zbase"};
  auto runtime = process.runtime();
  const auto transport = network.transport(process, "127.0.0.1");
  NoCopies copies;
  const Service service(runtime, *transport, copies, {.zhost = "a"});
  EXPECT_EQ(wire::access_findings("zbase", service.routes()), std::vector<std::string>());
}

}  // namespace
}  // namespace zbase
