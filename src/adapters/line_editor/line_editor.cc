// SPDX-License-Identifier: Apache-2.0
#include "adapters/line_editor/line_editor.h"

#include <histedit.h>
#include <sys/stat.h>

#include <cstdio>

namespace adapters::line_editor {

struct LineEditor::Impl {
  Options options;
  EditLine* edit = nullptr;
  History* history = nullptr;
  HistEvent event{};
  std::string prompt;

  static Impl* of(EditLine* edit) {
    void* self = nullptr;
    el_get(edit, EL_CLIENTDATA, &self);
    return static_cast<Impl*>(self);
  }
  static char* make_prompt(EditLine* edit) {
    auto* self = of(edit);
    self->prompt = self->options.prompt();
    return self->prompt.data();
  }
  static unsigned char complete(EditLine* edit, int) {
    const auto* line = el_line(edit);
    const std::string text(line->buffer, line->cursor);
    const auto list = of(edit)->options.completions(text);
    if (list.empty()) return CC_ERROR;
    // As far as all of them agree.
    std::string common = list[0];
    for (const auto& item : list) {
      std::size_t n = 0;
      while (n < common.size() && n < item.size() && common[n] == item[n]) ++n;
      common.resize(n);
    }
    if (common.size() > text.size()) {
      el_insertstr(edit, common.c_str() + text.size());
      return CC_REFRESH;
    }
    std::printf("\n");
    for (const auto& item : list) std::printf("%s  ", item.c_str());
    std::printf("\n");
    return CC_REDISPLAY;
  }
};

LineEditor::LineEditor(Options options) : impl_(std::make_unique<Impl>()) {
  auto& i = *impl_;
  i.options = std::move(options);
  i.edit = el_init("zshell", stdin, stdout, stderr);
  i.history = history_init();
  history(i.history, &i.event, H_SETSIZE, history_lines);
  history(i.history, &i.event, H_SETUNIQUE, 1);
  if (!i.options.history_file.empty())
    history(i.history, &i.event, H_LOAD, i.options.history_file.c_str());
  el_set(i.edit, EL_CLIENTDATA, impl_.get());
  el_set(i.edit, EL_PROMPT, Impl::make_prompt);
  el_set(i.edit, EL_EDITOR, "emacs");
  el_set(i.edit, EL_HIST, history, i.history);
  el_set(i.edit, EL_ADDFN, "complete", "completes a command", Impl::complete);
  el_set(i.edit, EL_BIND, "^I", "complete", nullptr);
}

LineEditor::~LineEditor() {
  auto& i = *impl_;
  if (!i.options.history_file.empty()) {
    const auto before = ::umask(0077);
    history(i.history, &i.event, H_SAVE, i.options.history_file.c_str());
    ::umask(before);
  }
  history_end(i.history);
  el_end(i.edit);
}

std::optional<std::string> LineEditor::next() {
  auto& i = *impl_;
  int count = 0;
  while (const char* line = el_gets(i.edit, &count)) {
    if (count <= 0) break;
    std::string text(line, static_cast<std::size_t>(count));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (text.find_first_not_of(" \t") == std::string::npos) continue;
    history(i.history, &i.event, H_ENTER, text.c_str());
    return text;
  }
  return std::nullopt;
}

}  // namespace adapters::line_editor
