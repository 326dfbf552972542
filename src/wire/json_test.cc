// SPDX-License-Identifier: Apache-2.0
#include "wire/json.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "samoza/v1/api.pb.h"
#include "samoza/v1/cluster.pb.h"

namespace wire {
namespace {

namespace v1 = samoza::v1;

TEST(JsonTest, IntegersAreNumbersWhereADoubleKeepsThem) {
  v1::ServiceStatus view;
  for (const std::uint64_t number : {0ull, 1ull, 4'294'967'296ull, (1ull << 53) - 1}) {
    view.set_uptime_ms(number);
    const auto tree = nlohmann::json::parse(to_json(view));
    ASSERT_TRUE(tree["uptime_ms"].is_number_unsigned()) << to_json(view);
    EXPECT_EQ(tree["uptime_ms"].get<std::uint64_t>(), number);
  }
  for (const std::uint64_t number : {1ull << 53, ~0ull}) {
    view.set_uptime_ms(number);
    const auto tree = nlohmann::json::parse(to_json(view));
    EXPECT_EQ(tree["uptime_ms"], std::to_string(number)) << "a reader with doubles would change it";
  }
}

TEST(JsonTest, BothFormsOfAnIntegerAreRead) {
  for (const char* body : {R"({"uptime_ms":7})", R"({"uptime_ms":"7"})"}) {
    v1::ServiceStatus view;
    ASSERT_TRUE(from_json(body, view)) << body;
    EXPECT_EQ(view.uptime_ms(), 7u);
  }
  v1::ServiceStatus view;
  view.set_uptime_ms(~0ull);
  v1::ServiceStatus back;
  ASSERT_TRUE(from_json(to_json(view), back));
  EXPECT_EQ(back.uptime_ms(), ~0ull);
}

// But for integers of 64 bits it is what protobuf itself writes.
TEST(JsonTest, EverythingElseIsAsProtobufWritesIt) {
  v1::ResourceReport report;
  report.set_memory_used_bytes(5);
  v1::SpaceView space;
  space.set_space("quote \" back \\ line \n tab \t bell \a umlaut \xc3\xa4 <b>");
  v1::SpaceList spaces;
  *spaces.add_spaces() = space;
  spaces.add_spaces();
  for (const google::protobuf::Message* message :
       std::initializer_list<const google::protobuf::Message*>{&report, &space, &spaces}) {
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    options.always_print_primitive_fields = true;
    std::string theirs;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(*message, &theirs, options).ok());
    auto expected = nlohmann::ordered_json::parse(theirs);
    const std::function<void(nlohmann::ordered_json&)> to_numbers =
        [&](nlohmann::ordered_json& at) {
          if (at.is_string() && !at.get<std::string>().empty() &&
              at.get<std::string>().find_first_not_of("0123456789") == std::string::npos)
            at = std::stoull(at.get<std::string>());
          if (at.is_structured())
            for (auto& item : at) to_numbers(item);
        };
    to_numbers(expected);
    EXPECT_EQ(nlohmann::ordered_json::parse(to_json(*message)), expected) << theirs;
  }
}

}  // namespace
}  // namespace wire
