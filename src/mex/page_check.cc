// SPDX-License-Identifier: Apache-2.0
#include "mex/page_check.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <span>

#include "stdx/text.h"

namespace mex {

namespace {

constexpr std::size_t findings_max = 50;

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// With a host that is written there: what a script puts together, as "ws://" + location.host, is
// not.
bool is_foreign(std::string_view url) {
  const auto text = lower(url.substr(0, 16));
  for (const std::string_view scheme : {"http://", "https://", "ws://", "wss://", "//"})
    if (text.starts_with(scheme) && text.size() > scheme.size() &&
        (std::isalnum(static_cast<unsigned char>(text[scheme.size()])) != 0 ||
         text[scheme.size()] == '['))
      return true;
  return false;
}

class Findings {
 public:
  explicit Findings(const std::string& file) : file_(file) {}
  void add(std::size_t line, const std::string& what) {
    if (list_.size() < findings_max)
      list_.push_back(stdx::format("{}:{}: {}", file_, line, what));
    else if (list_.size() == findings_max)
      list_.push_back(file_ + ": and more of that kind");
  }
  std::vector<std::string> take() { return std::move(list_); }

 private:
  const std::string& file_;
  std::vector<std::string> list_;
};

// Scripts and style sheets, by what they ask for in so many words.
void check_text(std::string_view text, std::span<const std::string_view> calls,
                Findings& findings) {
  for (const auto call : calls)
    for (auto at = text.find(call); at != std::string_view::npos; at = text.find(call, at + 1)) {
      auto rest = text.substr(at + call.size());
      const auto first = rest.find_first_not_of(" \t\r\n(\"'`");
      if (first == std::string_view::npos || first > 8 || !is_foreign(rest.substr(first))) continue;
      const auto line = 1 + static_cast<std::size_t>(std::count(
                                text.begin(), text.begin() + static_cast<long>(at), '\n'));
      findings.add(line, stdx::format("another origin is asked by `{}`; pages reach their own "
                                      "origin alone, so pack it with the space",
                                      call));
    }
}

void check_script(std::string_view text, Findings& findings) {
  static constexpr std::array<std::string_view, 7> calls = {
      "fetch", "WebSocket", "EventSource", "importScripts", "from ", "import", "sendBeacon"};
  check_text(text, calls, findings);
  for (const std::string_view code : {"eval(", "new Function("})
    for (auto at = text.find(code); at != std::string_view::npos; at = text.find(code, at + 1)) {
      const bool other_word = at > 0 && (std::isalnum(static_cast<unsigned char>(text[at - 1])) ||
                                         text[at - 1] == '_' || text[at - 1] == '.');
      if (other_word && code.starts_with("eval")) continue;
      findings.add(1 + static_cast<std::size_t>(
                           std::count(text.begin(), text.begin() + static_cast<long>(at), '\n')),
                   stdx::format("`{}` makes code of text, which pages may not", code));
    }
}

void check_style(std::string_view text, Findings& findings) {
  static constexpr std::array<std::string_view, 2> calls = {"url", "@import"};
  check_text(text, calls, findings);
}

// Tags and their attributes, comments left out; the insides of <script> and <style> are skipped.
class Html {
 public:
  Html(std::string_view text, Findings& findings) : text_(text), findings_(findings) {}
  void check() {
    while (skip_to('<')) {
      if (text_.substr(at_).starts_with("<!--")) {
        skip_past("-->");
      } else if (at_ + 1 < text_.size() &&
                 std::isalpha(static_cast<unsigned char>(text_[at_ + 1]))) {
        tag();
      } else {
        step();
      }
    }
  }

 private:
  void step() {
    line_ += text_[at_] == '\n';
    ++at_;
  }
  bool skip_to(char c) {
    while (at_ < text_.size() && text_[at_] != c) step();
    return at_ < text_.size();
  }
  void skip_past(std::string_view end) {
    while (at_ < text_.size() && lower(text_.substr(at_, end.size())) != end) step();
    for (std::size_t i = 0; i < end.size() && at_ < text_.size(); ++i) step();
  }
  bool blank() const { return std::isspace(static_cast<unsigned char>(text_[at_])) != 0; }
  std::string word() {
    const auto begin = at_;
    while (at_ < text_.size() && !blank() && text_[at_] != '=' && text_[at_] != '>' &&
           text_[at_] != '/')
      step();
    return lower(text_.substr(begin, at_ - begin));
  }
  std::string value() {
    while (at_ < text_.size() && blank()) step();
    if (at_ >= text_.size()) return "";
    const char quote = text_[at_];
    if (quote == '"' || quote == '\'') step();
    const auto begin = at_;
    while (at_ < text_.size() &&
           (quote == '"' || quote == '\'' ? text_[at_] != quote : !blank() && text_[at_] != '>'))
      step();
    std::string found(text_.substr(begin, at_ - begin));
    if ((quote == '"' || quote == '\'') && at_ < text_.size()) step();
    return found;
  }
  void tag() {
    step();
    const auto line = line_;
    const auto name = word();
    std::map<std::string, std::string> attributes;
    while (at_ < text_.size() && text_[at_] != '>') {
      if (blank() || text_[at_] == '/') {
        step();
        continue;
      }
      const auto here = line_;
      const auto attribute = word();
      while (at_ < text_.size() && blank()) step();
      std::string given;
      if (at_ < text_.size() && text_[at_] == '=') {
        step();
        given = value();
      } else if (attribute.empty() && at_ < text_.size()) {
        step();
      }
      check_attribute(name, attribute, given, here);
      attributes[attribute] = given;
    }
    check_tag(name, attributes, line);
    if (name == "script" || name == "style") skip_past("</" + name);
  }
  void check_attribute(const std::string& tag, const std::string& name, const std::string& given,
                       std::size_t line) {
    if (name.size() > 2 && name.starts_with("on"))
      findings_.add(line, stdx::format("the inline event handler `{}` is blocked; use "
                                       "addEventListener in a script file",
                                       stdx::printable(name, 40)));
    if (name == "style")
      findings_.add(line, "the inline style is blocked; put it into a style sheet");
    const bool loads = name == "src" || name == "srcset" || name == "poster" ||
                       (name == "href" && tag != "a" && tag != "area") || name == "data";
    if (loads && is_foreign(given))
      findings_.add(line, stdx::format("`{}` is of another origin, which is blocked; pack it with "
                                       "the space",
                                       stdx::printable(given, 100)));
    if (lower(given).starts_with("javascript:"))
      findings_.add(line, "a javascript: address is blocked; use a script file");
  }
  void check_tag(const std::string& name, const std::map<std::string, std::string>& attributes,
                 std::size_t line) {
    if (name == "script" && !attributes.contains("src")) {
      const auto type = attributes.find("type");
      const bool data = type != attributes.end() && lower(type->second).ends_with("json");
      if (!data)
        findings_.add(line,
                      "the inline script is blocked; put it into a file and name that in src");
    }
    if (name == "style")
      findings_.add(line, "the inline style sheet is blocked; put it into a file and link that");
    for (const std::string_view blocked : {"iframe", "object", "embed", "base", "audio", "video"})
      if (name == blocked) findings_.add(line, stdx::format("<{}> is blocked in pages", name));
  }

  std::string_view text_;
  Findings& findings_;
  std::size_t at_ = 0, line_ = 1;
};

}  // namespace

std::vector<std::string> check_page(const std::string& file, std::string_view content) {
  Findings findings(file);
  const auto name = lower(file);
  if (name.ends_with(".html") || name.ends_with(".htm")) Html(content, findings).check();
  if (name.ends_with(".js") || name.ends_with(".mjs")) check_script(content, findings);
  if (name.ends_with(".css")) check_style(content, findings);
  return findings.take();
}

}  // namespace mex
