// SPDX-License-Identifier: Apache-2.0
#include "zrun/otlp.h"

#include "model/path_names.h"
#include "stdx/text.h"
#include "stdx/utf8.h"
#include "zrun/message.h"

namespace zrun {
namespace {

// Values of the protocol's enums.
constexpr int kind_server = 2, kind_consumer = 5, status_ok = 1, status_error = 2;
constexpr std::size_t span_bytes_about = 700;

void add_text(stdx::Bytes& out, std::string_view text) {
  constexpr const char* digits = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += digits[c >> 4];
      out += digits[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

class AttributeList {
 public:
  explicit AttributeList(stdx::Bytes& out) : out_(out) { out_ += "\"attributes\":["; }
  ~AttributeList() { out_ += ']'; }
  void text(std::string_view key, std::string_view value) {
    begin(key);
    out_ += "\"stringValue\":";
    add_text(out_, value);
    out_ += "}}";
  }
  // 64 bits are text in the JSON of protocol buffers.
  void number(std::string_view key, std::uint64_t value) {
    begin(key);
    out_ += "\"intValue\":\"";
    out_ += std::to_string(value);
    out_ += "\"}}";
  }
  void flag(std::string_view key, bool value) {
    begin(key);
    out_ += value ? "\"boolValue\":true}}" : "\"boolValue\":false}}";
  }

 private:
  void begin(std::string_view key) {
    out_ += first_ ? "{\"key\":" : ",{\"key\":";
    first_ = false;
    add_text(out_, key);
    out_ += ",\"value\":{";
  }
  stdx::Bytes& out_;
  bool first_ = true;
};

void add_span(stdx::Bytes& out, const Span& span, const SpanOrigin& origin, const Tracer& tracer) {
  out += "{\"traceId\":\"" + model::trace_id_text(span.context) + "\",\"spanId\":\"" +
         model::span_id_text(span.context.span) + "\",";
  if (span.parent != 0) out += "\"parentSpanId\":\"" + model::span_id_text(span.parent) + "\",";
  out += "\"flags\":1,\"name\":";
  add_text(out, span_name(span));
  out += stdx::format(",\"kind\":{},\"startTimeUnixNano\":\"{}\",\"endTimeUnixNano\":\"{}\",",
                      span.http ? kind_server : kind_consumer, tracer.wall_ns(span.began),
                      tracer.wall_ns(span.ended));
  {
    const auto& space = span.source->text->spaces[span.source->index];
    AttributeList list(out);
    list.text("samoza.topology", span.source->text->name);
    list.text("samoza.space", space.name);
    list.text("samoza.zhost", origin.zhost);
    list.number("samoza.epoch", span.source->epoch);
    list.number("samoza.run", span.source->run);
    if (!space.mex_version.empty()) list.text("samoza.mex_version", space.mex_version);
    list.number("samoza.delivery", span.delivery);
    list.flag("samoza.redelivered", span.redelivered);
    list.text("samoza.result", to_string(span.end));
    if (span.attributes)
      for (const auto& [key, value] : *span.attributes) list.text(key, value);
  }
  out += ",\"status\":{";
  if (span.end == SpanEnd::failed || span.end == SpanEnd::dead_letter) {
    out += stdx::format("\"code\":{},\"message\":", status_error);
    add_text(out, stdx::printable(span.why, 400));
  } else if (span.end == SpanEnd::finished) {
    out += stdx::format("\"code\":{}", status_ok);
  }
  out += "}}";
}

}  // namespace

std::string span_name(const Span& span) {
  const auto& text = *span.source->text;
  const auto path = span.path == outside_path ? std::string(span.http ? "(http)" : "(outside)")
                    : span.path < text.paths.size() ? text.paths[span.path].name
                                                    : std::string("(self)");
  return stdx::format("{}/{} {}", text.name, text.spaces[span.source->index].name, path);
}

stdx::Bytes otlp_json(const std::vector<Span>& spans, const SpanOrigin& origin,
                      const Tracer& tracer) {
  stdx::Bytes out;
  out.reserve(512 + spans.size() * span_bytes_about);
  out += "{\"resourceSpans\":[{\"resource\":{";
  {
    AttributeList list(out);
    list.text("service.name", "samoza");
    list.text("service.version", origin.version);
    list.text("service.instance.id", origin.zhost);
    list.text("samoza.cluster", origin.cluster_id);
  }
  out += "},\"scopeSpans\":[{\"scope\":{\"name\":\"samoza.zrun\",\"version\":";
  add_text(out, origin.version);
  out += "},\"spans\":[";
  bool first = true;
  for (const auto& span : spans) {
    if (!std::exchange(first, false)) out += ',';
    add_span(out, span, origin, tracer);
  }
  out += "]}]}]}";
  return out;
}

}  // namespace zrun
