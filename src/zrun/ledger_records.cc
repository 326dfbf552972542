// SPDX-License-Identifier: Apache-2.0
#include "zrun/ledger_records.h"

#include <optional>
#include <utility>

#include "stdx/text.h"

namespace zrun::ledger {
namespace {

constexpr std::string_view stream_key = "stream", cursor_prefix = "cursor/", last_prefix = "last/",
                           outbox_prefix = "outbox/", dead_prefix = "dead/",
                           trace_prefix = "trace/";

stdx::Bytes number(std::uint64_t value, int bytes = 8) {
  stdx::Bytes out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift & 0xff);
  return out;
}

std::uint64_t take(stdx::BytesView& from, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(from[i]);
  from.remove_prefix(bytes);
  return value;
}

stdx::Bytes entry_key(const std::string& path, std::uint64_t seq) {
  return stdx::Bytes(outbox_prefix) + path + "/" + number(seq);
}

stdx::Bytes trace_key(const std::string& path, std::uint64_t seq) {
  return stdx::Bytes(trace_prefix) + path + "/" + number(seq);
}

stdx::Bytes dead_key(std::uint64_t id) {
  return stdx::Bytes(dead_prefix) + number(id);
}

std::unexpected<stdx::Error> bad(stdx::BytesView key) {
  return stdx::fail(stdx::Code::corrupt,
                    stdx::format("the store has a bad record '{}'", stdx::printable(key, 80)));
}

stdx::Status parse_entry(const ports::DataRecord& record, stdx::BytesView rest,
                         std::map<std::string, std::pair<std::uint64_t, Contents::Outbox>>& found) {
  const auto slash = rest.find('/');
  if (slash == rest.npos || rest.size() != slash + 9) return bad(record.key);
  auto& [last_entry, outbox] = found[std::string(rest.substr(0, slash))];
  rest.remove_prefix(slash + 1);
  const auto seq = take(rest, 8);
  if (seq == 0) return bad(record.key);  // numbers begin with 1
  if (!outbox.entries.empty() && seq != last_entry + 1) return bad(record.key);
  last_entry = seq;
  outbox.entries.push_back(record.value);
  return {};
}

stdx::Status parse_trace(const ports::DataRecord& record,
                         std::map<std::string, std::pair<std::uint64_t, Contents::Outbox>>& found) {
  stdx::BytesView rest = stdx::BytesView(record.key).substr(trace_prefix.size()),
                  value = record.value;
  const auto slash = rest.find('/');
  if (slash == rest.npos || rest.size() != slash + 9 || value.size() != 25) return bad(record.key);
  auto& outbox = found[std::string(rest.substr(0, slash))].second;
  rest.remove_prefix(slash + 1);
  auto& trace = outbox.traces[take(rest, 8)];
  trace.trace_high = take(value, 8);
  trace.trace_low = take(value, 8);
  trace.span = take(value, 8);
  trace.flags = static_cast<std::uint8_t>(take(value, 1));
  if ((trace.trace_high | trace.trace_low) == 0 || trace.flags > 1) return bad(record.key);
  return {};
}

// A length of `bytes` bytes, and so many bytes behind it.
std::optional<stdx::Bytes> take_text(stdx::BytesView& from, std::size_t bytes) {
  if (from.size() < bytes) return std::nullopt;
  const auto size = take(from, bytes);
  if (from.size() < size) return std::nullopt;
  stdx::Bytes text(from.substr(0, size));
  from.remove_prefix(size);
  return text;
}

stdx::Result<DeadLetter> parse_dead_letter(const ports::DataRecord& record) {
  stdx::BytesView key = record.key, value = record.value;
  key.remove_prefix(dead_prefix.size());
  constexpr std::size_t numbers = 8 + 8 + 4 + 8;
  if (key.size() != 8 || value.size() < numbers) return bad(record.key);
  DeadLetter letter;
  letter.id = take(key, 8);
  letter.seq = take(value, 8);
  letter.sender_epoch = take(value, 8);
  letter.deliveries = static_cast<std::uint32_t>(take(value, 4));
  letter.at = stdx::WallTime(std::chrono::milliseconds(take(value, 8)));
  auto path = take_text(value, 1);
  if (!path || letter.id == 0) return bad(record.key);
  auto reason = take_text(value, 2);
  if (!reason) return bad(record.key);
  letter.path = std::move(*path);
  letter.reason = std::move(*reason);
  letter.payload = value;
  letter.stored = true;
  return letter;
}

}  // namespace

ports::DataWrite put_dead_letter(const DeadLetter& letter) {
  const auto reason = letter.reason.substr(0, 0xffff);
  return {dead_key(letter.id),
          number(letter.seq) + number(letter.sender_epoch) + number(letter.deliveries, 4) +
              number(static_cast<std::uint64_t>(letter.at.time_since_epoch().count())) +
              number(letter.path.size(), 1) + letter.path + number(reason.size(), 2) + reason +
              letter.payload};
}

ports::DataWrite remove_dead_letter(std::uint64_t id) {
  return {dead_key(id), std::nullopt};
}

ports::DataWrite put_stream(std::uint64_t stream) {
  return {stdx::Bytes(stream_key), number(stream)};
}

ports::DataWrite put_cursor(const std::string& path, const Cursor& cursor) {
  return {stdx::Bytes(cursor_prefix) + path, number(cursor.sender.epoch) +
                                                 number(cursor.sender.run, 4) +
                                                 number(cursor.stream) + number(cursor.seq)};
}

ports::DataWrite put_last(const std::string& path, std::uint64_t last) {
  return {stdx::Bytes(last_prefix) + path, number(last)};
}

ports::DataWrite put_entry(const std::string& path, std::uint64_t seq, stdx::Bytes payload) {
  return {entry_key(path, seq), std::move(payload)};
}

ports::DataWrite put_trace(const std::string& path, std::uint64_t seq,
                           const model::TraceContext& trace) {
  return {trace_key(path, seq), number(trace.trace_high) + number(trace.trace_low) +
                                    number(trace.span) + number(trace.flags, 1)};
}

ports::DataWrite remove_trace(const std::string& path, std::uint64_t seq) {
  return {trace_key(path, seq), std::nullopt};
}

ports::DataWrite remove_entry(const std::string& path, std::uint64_t seq) {
  return {entry_key(path, seq), std::nullopt};
}

stdx::Result<Contents> parse(const std::vector<ports::DataRecord>& records) {
  Contents contents;
  std::map<std::string, std::pair<std::uint64_t, Contents::Outbox>> found;
  for (const auto& record : records) {
    stdx::BytesView key = record.key, value = record.value;
    if (key == stream_key) {
      if (value.size() != 8) return bad(key);
      contents.stream = take(value, 8);
    } else if (key.starts_with(cursor_prefix)) {
      if (value.size() != 28) return bad(key);
      auto& cursor = contents.cursors[std::string(key.substr(cursor_prefix.size()))];
      cursor.sender.epoch = take(value, 8);
      cursor.sender.run = static_cast<std::uint32_t>(take(value, 4));
      cursor.stream = take(value, 8);
      cursor.seq = take(value, 8);
    } else if (key.starts_with(last_prefix)) {
      if (value.size() != 8) return bad(key);
      found[std::string(key.substr(last_prefix.size()))].second.last = take(value, 8);
    } else if (key.starts_with(outbox_prefix)) {
      TRY(parse_entry(record, key.substr(outbox_prefix.size()), found));
    } else if (key.starts_with(trace_prefix)) {
      TRY(parse_trace(record, found));
    } else if (key.starts_with(dead_prefix)) {
      TRY_ASSIGN(auto letter, parse_dead_letter(record));
      contents.dead_letters.push_back(std::move(letter));
    } else {
      return bad(key);
    }
  }
  for (auto& [path, entry] : found) {
    auto& [last_entry, outbox] = entry;
    // Entries are removed from the front only, so the last one there is the last one given.
    if (!outbox.entries.empty() && last_entry != outbox.last) return bad("outbox/" + path);
    contents.outboxes[path] = std::move(outbox);
  }
  if (!contents.outboxes.empty() && contents.stream == 0) return bad(stream_key);
  return contents;
}

}  // namespace zrun::ledger
