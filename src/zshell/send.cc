// SPDX-License-Identifier: Apache-2.0
// A message to a space: from outside, or along a path of a space.
#include <nlohmann/json.hpp>

#include "stdx/encoding.h"
#include "stdx/text.h"
#include "zshell/render.h"
#include "zshell/shell.h"

namespace zshell {

namespace {

constexpr const char* usage_line =
    "send TOPOLOGY/SPACE [PATH] [--data TEXT|--base64 TEXT|--file FILE|-] [--wait] [--timeout 30s] "
    "[--id ID]";

struct Wanted {
  std::string target, path;
  std::optional<stdx::Bytes> payload;
  std::string file;  // "-": standard input
  bool wait = false;
  stdx::Duration timeout{};
  std::string id;
};

// What is wrong with the words, or nothing.
stdx::Result<Wanted> read_words(const std::vector<std::string>& words) {
  Wanted wanted;
  const auto wrong = [](std::string why) {
    return stdx::fail(stdx::Code::invalid, std::move(why));
  };
  std::size_t sources = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& word = words[i];
    const bool takes_value = word == "--data" || word == "--base64" || word == "--file" ||
                             word == "--timeout" || word == "--id";
    if (takes_value && i + 1 == words.size()) return wrong(stdx::format("{} needs a value", word));
    sources += word == "--data" || word == "--base64" || word == "--file" || word == "-";
    if (word == "--wait") {
      wanted.wait = true;
    } else if (word == "-") {
      wanted.file = word;
    } else if (word == "--data") {
      wanted.payload = words[++i];
    } else if (word == "--file") {
      wanted.file = words[++i];
    } else if (word == "--id") {
      wanted.id = words[++i];
    } else if (word == "--base64") {
      const auto bytes = stdx::base64_decode(words[++i]);
      if (!bytes) return wrong("what follows --base64 is not base64");
      wanted.payload = *bytes;
    } else if (word == "--timeout") {
      TRY_ASSIGN(wanted.timeout, stdx::parse_duration(words[++i]));
      wanted.wait = true;
    } else if (word.starts_with("--")) {
      return wrong(stdx::format("{} is no option", stdx::printable(word, 40)));
    } else if (wanted.target.empty()) {
      wanted.target = word;
    } else if (wanted.path.empty()) {
      wanted.path = word;
    } else {
      return wrong(stdx::format("'{}' is one word too many; a text of several stands in quotes",
                                stdx::printable(word, 40)));
    }
  }
  if (sources > 1) return wrong("the message is given twice");
  if (wanted.target.find('/') == std::string::npos) return wrong("which space: TOPOLOGY/SPACE");
  return wanted;
}

}  // namespace

int Shell::send_message(const std::vector<std::string>& words) {
  auto wanted = read_words(words);
  if (!wanted) {
    say_error(wanted.error().code, wanted.error().message);
    return usage(usage_line);
  }
  if (!wanted->file.empty()) {
    auto read = outside_.read_file(wanted->file);
    if (!read) {
      say_error(read.error().code, read.error().message);
      return failed;
    }
    wanted->payload = std::move(*read);
  }
  const auto slash = wanted->target.find('/');
  nlohmann::json body;
  body["topology"] = wanted->target.substr(0, slash);
  body[wanted->path.empty() ? "to" : "from"] = wanted->target.substr(slash + 1);
  if (!wanted->path.empty()) body["path"] = wanted->path;
  body["payload"] = stdx::base64_encode(wanted->payload.value_or(""));
  if (!wanted->id.empty()) body["id"] = wanted->id;
  if (wanted->wait) body["wait"] = true;
  if (wanted->timeout > stdx::Duration::zero()) body["timeout_ms"] = stdx::to_ms(wanted->timeout);
  // As JSON it would be a third longer than it is.
  constexpr std::size_t as_json_max = 512u << 10;
  const bool as_it_is = wanted->payload && wanted->payload->size() > as_json_max &&
                        wanted->path.empty() && wanted->id.empty();
  if (as_it_is) {
    ports::HttpRequest request;
    request.method = "POST";
    request.path = "/v1/spaces/send";
    request.query["to"] = wanted->target;
    if (wanted->wait) request.query["wait"] = "1";
    if (wanted->timeout > stdx::Duration::zero())
      request.query["timeout_ms"] = std::to_string(stdx::to_ms(wanted->timeout));
    request.body = std::move(*wanted->payload);
    return show(ask("zmesh", std::move(request)),
                [](const std::string& text) { return text + "\n"; });
  }
  const auto answer = send("zmesh", "POST", "/v1/spaces/send",
                           body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!wanted->payload && answer.exit == done && !json_ && !wanted->wait)
    outside_.print("an empty message was sent: --data TEXT, --file FILE or - give it one\n");
  return show(answer, [](const std::string& text) {
    const auto reply = render::parse(text);
    auto shown = render::field(reply, "outcome");
    if (shown == "answered")
      shown = stdx::base64_decode(render::field(reply, "answer")).value_or("");
    shown.push_back('\n');
    return shown;
  });
}

}  // namespace zshell
