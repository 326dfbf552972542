// SPDX-License-Identifier: Apache-2.0
// Which messages are traced, the spans that wait, and how they reach an OTLP endpoint.
#include "zrun/tracer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "simkit/http.h"
#include "simkit/process.h"
#include "zrun/message.h"
#include "zrun/trace_exporter.h"

namespace zrun {
namespace {

using namespace std::chrono_literals;

struct Collector final : ports::HttpHandler {
  int status = 200;
  std::vector<nlohmann::json> batches;
  std::vector<ports::HttpRequest> requests;
  void handle(ports::HttpRequest request, ports::HttpReply reply) override {
    requests.push_back(request);
    if (status == 200) batches.push_back(nlohmann::json::parse(request.body));
    reply({.status = status, .body = "{}", .headers = {}});
  }
};

struct Bench {
  simkit::World world{3};
  simkit::Network network{world};
  simkit::HttpNetwork web{world, network};
  int warned = 0;
  simkit::Process process{world, "z1", "zrun",
                          [this](const simkit::Process&, ports::Level, std::string_view event,
                                 ports::Fields) { warned += event == "traces_not_exported"; }};
  simkit::Process there{world, "z2", "collector"};
  ports::Runtime runtime = process.runtime();
  Collector collector;
  std::unique_ptr<ports::HttpClient> http = web.client(process);
  Tracer tracer{runtime, 1};
  TraceExporter exporter{runtime,
                         *http,
                         tracer,
                         {ports::Endpoint::tcp("127.0.0.2", 4318), "/v1/traces"},
                         {"test", "z1", "1.0"}};
  std::shared_ptr<const SpanSource> source;

  Bench() {
    network.add_address("127.0.0.1", "z1");
    network.add_address("127.0.0.2", "z2");
    web.serve("127.0.0.2", 4318, there, collector);
    model::Topology topology;
    topology.name = "shop";
    auto& space = topology.spaces.emplace_back();
    space.name = "desk";
    space.mex_version = "1.2.0";
    topology.paths = {{"orders", "desk", "desk"}};
    source = std::make_shared<const SpanSource>(
        SpanSource{std::make_shared<const model::Topology>(topology), 0, 7, 2});
  }
  Span span(std::uint64_t parent = 0) {
    Span span;
    span.context = *tracer.begin_trace();
    span.context.span = tracer.next_span_id();
    span.parent = parent;
    span.source = source;
    span.began = tracer.now();
    span.ended = span.began + 5ms;
    return span;
  }
  std::uint64_t metric(const std::string& name) {
    return process.metrics().counter(name, "").value();
  }
};

TEST(TracerTest, TheRatioDecidesHowManyMessagesBeginATrace) {
  Bench b;
  for (const auto& [ratio, low, high] :
       {std::tuple{0.0, 0, 0}, {0.25, 2200, 2800}, {1.0, 10'000, 10'000}}) {
    Tracer tracer(b.runtime, ratio);
    int traced = 0;
    for (int i = 0; i < 10'000; ++i) {
      const auto trace = tracer.begin_trace();
      if (!trace) continue;
      ++traced;
      EXPECT_TRUE(trace->is_sampled());
      EXPECT_EQ(trace->span, 0u) << "it has no parent";
      EXPECT_NE(trace->trace_high | trace->trace_low, 0u);
    }
    EXPECT_GE(traced, low) << ratio;
    EXPECT_LE(traced, high) << ratio;
  }
}

TEST(TracerTest, PastItsBoundsASpanIsDroppedAndCounted) {
  Bench b;
  Tracer tracer(b.runtime, 1);
  for (std::size_t i = 0; i < Tracer::queue_max + 3; ++i) tracer.finished(b.span());
  EXPECT_EQ(tracer.waiting(), Tracer::queue_max);
  EXPECT_EQ(b.metric("samoza_zrun_spans_dropped_total"), 3u);
  tracer.take(Tracer::queue_max);
  for (int i = 0; i < 10; ++i) {
    auto large = b.span();
    large.attributes = std::make_unique<Span::Attributes>();
    large.attributes->emplace_back("k", std::string(1u << 20, 'x'));
    tracer.finished(std::move(large));
  }
  EXPECT_EQ(tracer.waiting(), 3u) << "4 MiB of attributes wait at most";
}

TEST(TracerTest, ASpanIsWrittenAsOtlpHasItInJson) {
  Bench b;
  auto span = b.span(0xabc);
  span.context = {0x11, 0x22, 0x33, 1};
  span.path = 0;
  span.redelivered = true;
  span.delivery = 2;
  span.end = SpanEnd::failed;
  span.why = "trap: \"out of bounds\"";
  span.attributes = std::make_unique<Span::Attributes>();
  span.attributes->emplace_back("order\n", "4\\2");
  std::vector<Span> spans;
  spans.push_back(std::move(span));
  const auto json = nlohmann::json::parse(otlp_json(spans, {"test", "z1", "1.0"}, b.tracer));
  const auto& group = json.at("resourceSpans").at(0);
  EXPECT_EQ(group.at("resource").at("attributes").at(0).at("value").at("stringValue"), "samoza");
  const auto& out = group.at("scopeSpans").at(0).at("spans").at(0);
  EXPECT_EQ(out.at("traceId"), "00000000000000110000000000000022");
  EXPECT_EQ(out.at("spanId"), "0000000000000033");
  EXPECT_EQ(out.at("parentSpanId"), "0000000000000abc");
  EXPECT_EQ(out.at("name"), "shop/desk orders");
  EXPECT_EQ(out.at("kind"), 5);
  EXPECT_EQ(out.at("status").at("code"), 2);
  EXPECT_EQ(out.at("status").at("message"), "trap: \"out of bounds\"");
  const auto began = std::stoull(out.at("startTimeUnixNano").get<std::string>());
  const auto ended = std::stoull(out.at("endTimeUnixNano").get<std::string>());
  EXPECT_EQ(ended - began, 5'000'000u);
  std::map<std::string, nlohmann::json> attributes;
  for (const auto& attribute : out.at("attributes"))
    attributes[attribute.at("key")] = attribute.at("value");
  EXPECT_EQ(attributes["samoza.zhost"].at("stringValue"), "z1");
  EXPECT_EQ(attributes["samoza.epoch"].at("intValue"), "7");
  EXPECT_EQ(attributes["samoza.delivery"].at("intValue"), "2");
  EXPECT_EQ(attributes["samoza.redelivered"].at("boolValue"), true);
  EXPECT_EQ(attributes["samoza.result"].at("stringValue"), "failed");
  EXPECT_EQ(attributes["samoza.mex_version"].at("stringValue"), "1.2.0");
  EXPECT_EQ(attributes["order\n"].at("stringValue"), "4\\2");
}

TEST(TraceExporterTest, SpansLeaveInBatchesOneRequestAtATime) {
  Bench b;
  for (int i = 0; i < 300; ++i) b.tracer.finished(b.span());
  b.world.run_for(20ms);
  ASSERT_EQ(b.collector.batches.size(), 1u) << "the first batch is full";
  EXPECT_EQ(b.collector.requests[0].path, "/v1/traces");
  EXPECT_EQ(b.collector.requests[0].headers.at("content-type"), "application/json");
  b.world.run_for(2s);
  ASSERT_EQ(b.collector.batches.size(), 2u);
  EXPECT_EQ(b.collector.batches[1]["resourceSpans"][0]["scopeSpans"][0]["spans"].size(), 44u);
  EXPECT_EQ(b.metric("samoza_zrun_spans_exported_total"), 300u);
}

TEST(TraceExporterTest, AnEndpointThatIsAwayGetsABatchAgainAndIsNamedOnceAMinute) {
  Bench b;
  b.collector.status = 503;
  b.tracer.finished(b.span());
  b.world.run_for(3s);
  EXPECT_GE(b.collector.requests.size(), 2u);
  EXPECT_EQ(b.warned, 1);
  b.collector.status = 200;
  b.world.run_for(10s);
  ASSERT_EQ(b.collector.batches.size(), 1u) << "the same span";
  EXPECT_EQ(b.metric("samoza_zrun_spans_dropped_total"), 0u);
  b.collector.status = 503;
  for (int i = 0; i < 30; ++i) {
    b.tracer.finished(b.span());
    b.world.run_for(10s);
  }
  EXPECT_GE(b.metric("samoza_zrun_spans_dropped_total"), 15u);
  EXPECT_LE(b.warned, 7) << "in five minutes";
}

TEST(TraceExporterTest, WhatTheEndpointRefusesIsNotSentAgain) {
  Bench b;
  b.collector.status = 400;
  b.tracer.finished(b.span());
  b.world.run_for(20s);
  EXPECT_EQ(b.collector.requests.size(), 1u);
  EXPECT_EQ(b.metric("samoza_zrun_spans_dropped_total"), 1u);
}

TEST(WallOffsetTest, TheLatestOfManyLooksIsNearestToTheTruth) {
  WallOffset offset;
  // The true wall clock is 1,000.9 ms ahead; each look cuts the fraction off.
  for (int us = 0; us < 5000; us += 137) {
    const stdx::Instant now{std::chrono::microseconds(us)};
    offset.note(now, stdx::WallTime(std::chrono::milliseconds((1'000'900 + us) / 1000)));
  }
  const auto error = 1'000'900'000 - offset.wall_ns(stdx::Instant{});
  EXPECT_GE(error, 0);
  EXPECT_LT(error, 150'000);
}

}  // namespace
}  // namespace zrun
