// SPDX-License-Identifier: Apache-2.0
// Traces of messages between spaces on two zhosts, from a caller's traceparent to what a collector
// of OTLP gets, over redelivery and restarts, on virtual time.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "stdx/text.h"
#include "wire/json.h"
#include "zmesh/http_api.h"
#include "zrun/testing/fake_cluster.h"

namespace zrun {
namespace {

constexpr const char* caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// One span, by the names of OTLP.
struct Seen {
  std::string trace, id, parent, name, result;
  std::uint64_t delivery = 0;
  bool redelivered = false;
  std::map<std::string, std::string> attributes;
};

struct Collector final : ports::HttpHandler {
  std::vector<Seen> spans;
  void handle(ports::HttpRequest request, ports::HttpReply reply) override {
    const auto body = nlohmann::json::parse(request.body);
    for (const auto& span : body["resourceSpans"][0]["scopeSpans"][0]["spans"]) {
      Seen seen{span["traceId"], span["spanId"], span.value("parentSpanId", ""), span["name"], {}};
      for (const auto& attribute : span["attributes"]) {
        const auto& value = attribute["value"];
        seen.attributes[attribute["key"]] = value.value("stringValue", value.value("intValue", ""));
        if (attribute["key"] == "samoza.redelivered") seen.redelivered = value["boolValue"];
      }
      seen.result = seen.attributes["samoza.result"];
      seen.delivery = std::stoull(seen.attributes["samoza.delivery"]);
      spans.push_back(std::move(seen));
    }
    reply({.body = "{}", .headers = {}});
  }
};

// Takes a message, says what it takes as an attribute, sends it on, and answers where it may. Traps
// at the first "trap once" that it has not sent on.
class Step final : public simkit::StubGuest {
 public:
  Step(std::string path, std::shared_ptr<int> traps)
      : path_(std::move(path)), traps_(std::move(traps)) {}
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    switch (step_++) {
      case 0:
        return receive();
      case 1:
        text_ = received(result).text;
        memory.replace(2048, 5, "order");
        memory.replace(2100, text_.size(), text_);
        return simkit::GuestCall{"sys.trace", {2048, 5, 2100, text_.size()}};
      case 2:
        if (text_ == "trap once" && (*traps_)++ == 0)
          return simkit::GuestCall{"no.such_function", {}};
        if (!path_.empty()) return emit(path_, text_);
        ++step_;
        [[fallthrough]];
      case 3:
        return simkit::GuestCall{"net.reply", {2100, text_.size()}};
      default:
        step_ = 0;
        return std::nullopt;
    }
  }

 private:
  std::string path_, text_;
  std::shared_ptr<int> traps_;
  int step_ = 0;
};

// door (ingress) on a, middle on b, end on a.
struct Line : FakeCluster {
  simkit::Process there{world, "collector", "collector"};
  Collector collector;
  std::shared_ptr<int> traps = std::make_shared<int>(0);
  std::map<std::string, std::unique_ptr<zmesh::HttpApi>> apis;
  std::function<std::unique_ptr<simkit::StubGuest>()> annotate;  // in place of the door

  explicit Line(double ratio, bool tracing = true, bool once = false) : FakeCluster(9, {"a", "b"}) {
    network.add_address("127.0.0.9", "collector");
    web.serve("127.0.0.9", 4318, there, collector);
    if (tracing) traces = {ports::Endpoint::tcp("127.0.0.9", 4318), "/v1/traces"};
    trace_ratio = ratio;
    auto& topology = disk.topology;
    topology.name = "line";
    topology.owner = "test";
    for (const char* name : {"door", "end", "middle"}) {
      auto& space = topology.spaces.emplace_back();
      space.name = space.entry = name;
      space.ingress = space.name == "door";
      if (once) space.store = model::StoreKind::local;
    }
    const auto delivery = once ? model::Delivery::once : model::Delivery::at_least_once;
    topology.paths = {{"first", "door", "middle", delivery}, {"second", "middle", "end", delivery}};
    model::normalize(topology);
    guests = [this](const std::string& role) -> std::unique_ptr<simkit::StubGuest> {
      if (annotate && role == "door") return annotate();
      return std::make_unique<Step>(role == "door"     ? "first"
                                    : role == "middle" ? "second"
                                                       : "",
                                    role == "middle" ? traps : std::make_shared<int>(1));
    };
    for (const auto* zhost : {"a", "b"}) start_zrun(zhost);
    EXPECT_EQ(place("door", "a", 1), "accepted");
    EXPECT_EQ(place("middle", "b", 1), "accepted");
    EXPECT_EQ(place("end", "a", 1), "accepted");
    tell_directory();
    world.run_for(200ms);
  }
  ~Line() { apis.clear(); }
  ports::HttpResponse send(const std::string& text, const std::string& traceparent) {
    auto& node = *zmesh.at("b");
    if (!apis["b"]) apis["b"] = std::make_unique<zmesh::HttpApi>(node.runtime, *node.service, 9200);
    ports::HttpRequest request;
    request.method = "POST";
    request.path = "/v1/spaces/send";
    request.query = {{"to", "line/door"}, {"wait", "1"}};
    if (!traceparent.empty()) request.headers["traceparent"] = traceparent;
    request.body = text;
    std::optional<ports::HttpResponse> answer;
    apis["b"]->handle(std::move(request), [&](ports::HttpResponse r) { answer = std::move(r); });
    EXPECT_TRUE(world.run_until_true([&] { return answer.has_value(); }, 60s));
    world.run_for(5s);
    return answer.value_or(ports::HttpResponse{.status = 0});
  }
  const Seen* find(const std::string& name, std::uint64_t delivery = 1) const {
    for (const auto& span : collector.spans)
      if (span.name == name && span.delivery == delivery) return &span;
    return nullptr;
  }
};

TEST(TraceTest, TheSpacesThatAMessageGoesThroughAreOneTraceOfItsCaller) {
  Line line(0);
  const auto answer = line.send("7", caller);
  EXPECT_EQ(answer.status, 200) << answer.body;
  const auto *door = line.find("line/door (outside)"), *middle = line.find("line/middle first"),
             *end = line.find("line/end second");
  ASSERT_TRUE(door && middle && end) << line.collector.spans.size();
  for (const auto* span : {door, middle, end})
    EXPECT_EQ(span->trace, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(door->parent, "b7ad6b7169203331");
  EXPECT_EQ(middle->parent, door->id);
  EXPECT_EQ(end->parent, middle->id);
  EXPECT_EQ(middle->attributes.at("samoza.zhost"), "b");
  EXPECT_EQ(end->attributes.at("samoza.zhost"), "a");
  EXPECT_EQ(end->attributes.at("order"), "7") << "sys.trace";
  EXPECT_EQ(answer.headers.at("traceparent"),
            "00-0af7651916cd43dd8448eb211c80319c-" + door->id + "-01")
      << "the answer names the span that gave it";
}

TEST(TraceTest, AMessageThatIsDeliveredAgainIsASecondSpanOfTheSameParent) {
  Line line(0);
  line.send("trap once", caller);
  const auto* door = line.find("line/door (outside)");
  const auto *first = line.find("line/middle first"), *second = line.find("line/middle first", 2);
  const auto* end = line.find("line/end second");
  ASSERT_TRUE(door && first && second && end);
  EXPECT_EQ(first->parent, door->id);
  EXPECT_EQ(second->parent, door->id);
  EXPECT_EQ(first->result, "failed");
  EXPECT_FALSE(first->redelivered);
  EXPECT_EQ(second->result, "finished");
  EXPECT_TRUE(second->redelivered);
  EXPECT_EQ(end->parent, second->id);
}

TEST(TraceTest, AContextWaitsWithItsMessageWhileTheReceiverMovesToAnotherZhost) {
  Line line(0);
  line.zrun["b"].reset();
  line.send("9", caller);
  EXPECT_EQ(line.find("line/middle first"), nullptr);
  EXPECT_EQ(line.place("middle", "a", 2), "accepted");
  line.tell_directory();
  line.world.run_for(5s);
  const auto *door = line.find("line/door (outside)"), *middle = line.find("line/middle first");
  ASSERT_TRUE(door && middle);
  EXPECT_EQ(middle->parent, door->id);
  EXPECT_EQ(middle->attributes.at("samoza.epoch"), "2");
}

TEST(TraceTest, AContextIsInTheOutboxOfATransactionalSpaceAndLeavesItWithItsMessage) {
  Line line(0, true, /*once=*/true);
  line.zrun["b"].reset();
  line.send("9", caller);
  const auto stored = [&](const char* prefix) {
    int n = 0;
    for (const auto& [key, shelf] : line.stored["a"])
      for (const auto& [name, value] : shelf->records) n += name.starts_with(prefix);
    return n;
  };
  EXPECT_EQ(stored("outbox/first/"), 1);
  EXPECT_EQ(stored("trace/first/"), 1);
  line.zrun["a"].reset();
  line.world.run_for(1s);
  for (const auto* zhost : {"a", "b"}) line.start_zrun(zhost);
  for (const auto* space : {"door", "middle", "end"})
    EXPECT_EQ(line.place(space, space == std::string("middle") ? "b" : "a", 2), "accepted");
  line.tell_directory();
  line.world.run_for(5s);
  const auto *middle = line.find("line/middle first"), *end = line.find("line/end second");
  ASSERT_TRUE(middle && end);
  EXPECT_EQ(middle->trace, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(end->parent, middle->id);
  EXPECT_EQ(stored("outbox/first/"), 0);
  EXPECT_EQ(stored("trace/"), 0);
}

TEST(TraceTest, WithoutACallersContextTheRatioDecidesWhereTheMessageBegins) {
  Line all(1);
  const auto answer = all.send("1", "");
  const auto *door = all.find("line/door (outside)"), *end = all.find("line/end second");
  ASSERT_TRUE(door && end);
  EXPECT_EQ(door->parent, "") << "the trace begins with it";
  EXPECT_EQ(end->trace, door->trace);
  EXPECT_TRUE(answer.headers.contains("traceparent"));
  Line none(0);
  EXPECT_FALSE(none.send("1", "").headers.contains("traceparent"));
  EXPECT_TRUE(none.collector.spans.empty());
}

TEST(TraceTest, ADecisionOfTheCallerNotToTraceIsKept) {
  Line line(1);
  const std::string unsampled = std::string(caller).substr(0, 53) + "00";
  const auto answer = line.send("1", unsampled);
  EXPECT_TRUE(line.collector.spans.empty());
  EXPECT_EQ(answer.headers.at("traceparent"), unsampled) << "handed on as it came";
}

TEST(TraceTest, WhatIsNoTraceparentIsAsIfItWereNotThere) {
  Line line(0);
  EXPECT_EQ(line.send("1", "00-nonsense").status, 200);
  EXPECT_TRUE(line.collector.spans.empty());
}

TEST(TraceTest, WithoutAnEndpointNothingIsRecordedAndAGuestIsToldSo) {
  Line line(1, /*tracing=*/false);
  const auto answer = line.send("1", caller);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(line.collector.spans.empty());
  EXPECT_EQ(answer.headers.at("traceparent"), caller) << "handed on as it came";
}

// What sys.trace gives for keys and values of these lengths.
class Annotator final : public simkit::StubGuest {
 public:
  explicit Annotator(std::vector<std::int32_t>& results) : results_(results) {}
  std::optional<simkit::GuestCall> next(std::int32_t result) override {
    if (step_ > 1 && step_ < 42) results_.push_back(result);
    const int step = step_++;
    if (step == 0) return receive();
    if (step > 40) return std::nullopt;
    if (step == 1) return attribute("", "v");
    if (step == 2) return attribute(std::string(65, 'k'), "v");
    if (step == 3) return attribute("k", std::string(257, 'v'));
    if (step == 4) return attribute("samoza.zhost", "v");
    if (step == 5) return attribute("k", "\xff");
    if (step == 6) return simkit::GuestCall{"sys.trace", {0xfffffff0u, 4, 0, 4}};
    return attribute("key" + std::to_string(step == 40 ? 8 : step), std::string(256, 'v'));
  }

 private:
  simkit::GuestCall attribute(const std::string& key, const std::string& value) {
    memory.replace(2048, key.size(), key);
    memory.replace(4096, value.size(), value);
    return {"sys.trace", {2048, key.size(), 4096, value.size()}};
  }
  std::vector<std::int32_t>& results_;
  int step_ = 0;
};

TEST(TraceTest, AttributesOfAGuestAreBoundAndCheckedAndNeverThoseOfTheRuntime) {
  std::vector<std::int32_t> results;
  Line line(1);
  line.annotate = [&] { return std::make_unique<Annotator>(results); };
  EXPECT_EQ(line.place("door", "a", 2), "accepted");
  line.tell_directory();
  line.world.run_for(1s);
  line.send("1", caller);
  ASSERT_EQ(results.size(), 40u);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(results[static_cast<std::size_t>(i)], guest_abi::e_invalid) << i;
  for (int i = 6; i < 38; ++i) EXPECT_EQ(results[static_cast<std::size_t>(i)], 0) << i;
  EXPECT_EQ(results[38], guest_abi::e_full);
  EXPECT_EQ(results[39], 0) << "a key that is there gets the new value";
  ASSERT_EQ(line.collector.spans.size(), 1u);
  EXPECT_EQ(line.collector.spans[0].attributes.at("samoza.zhost"), "a");
}

}  // namespace
}  // namespace zrun
