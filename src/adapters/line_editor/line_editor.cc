// SPDX-License-Identifier: Apache-2.0
#include "adapters/line_editor/line_editor.h"

#include <histedit.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cwchar>

namespace adapters::line_editor {
namespace {

volatile std::sig_atomic_t interrupted = 0;

// SIGINT as a flag while a line is being read; it comes in only where the reader waits for a key.
class WhileReading {
 public:
  WhileReading() {
    struct sigaction action{};
    action.sa_handler = [](int) { interrupted = 1; };
    sigaction(SIGINT, &action, &action_before_);
    sigset_t interrupt;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &mask_before_);
    current = this;
  }
  ~WhileReading() {
    current = nullptr;
    sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
    sigaction(SIGINT, &action_before_, nullptr);
  }
  WhileReading(const WhileReading&) = delete;
  WhileReading& operator=(const WhileReading&) = delete;

  static WhileReading* current;
  const sigset_t& waiting_mask() const { return mask_before_; }

 private:
  struct sigaction action_before_{};
  sigset_t mask_before_{};
};
WhileReading* WhileReading::current = nullptr;

constexpr wchar_t cancel_key = 3;  // ^C

// One character of the terminal or file; Ctrl-C is the key ^C.
int read_key(EditLine*, wchar_t* key) {
  std::mbstate_t state{};
  for (;;) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const auto* reading = WhileReading::current;
    const int ready =
        ::ppoll(&input, 1, nullptr, reading == nullptr ? nullptr : &reading->waiting_mask());
    if (interrupted != 0) {
      interrupted = 0;
      *key = cancel_key;
      return 1;
    }
    if (ready < 0 && errno == EINTR) continue;
    char byte = 0;
    const auto n = ::read(STDIN_FILENO, &byte, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return static_cast<int>(n);
    const auto length = std::mbrtowc(key, &byte, 1, &state);
    if (length == static_cast<std::size_t>(-2)) continue;  // the rest of it follows
    if (length == static_cast<std::size_t>(-1)) {
      *key = L'?';
      state = {};
    }
    return 1;
  }
}

}  // namespace

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
  // As a terminal user expects: the line goes, a new prompt comes.
  static unsigned char cancel(EditLine* edit, int) {
    const auto* line = el_line(edit);
    el_cursor(edit, static_cast<int>(line->lastchar - line->cursor));
    el_deletestr(edit, static_cast<int>(line->lastchar - line->buffer));
    std::printf("^C");
    std::fflush(stdout);
    el_insertstr(edit, "\n");  // an empty line; without its end it would be the end of input
    return CC_NEWLINE;
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
  el_set(i.edit, EL_ADDFN, "cancel", "drops the line", Impl::cancel);
  el_set(i.edit, EL_BIND, "^C", "cancel", nullptr);
  el_set(i.edit, EL_GETCFN, read_key);
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
  const WhileReading reading;
  while (const char* line = el_gets(i.edit, &count)) {
    if (count <= 0) break;
    std::string text(line, static_cast<std::size_t>(count));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    if (text.find_first_not_of(" \t") == std::string::npos) continue;
    history(i.history, &i.event, H_ENTER, text.c_str());
    return text;
  }
  if (isatty(STDIN_FILENO) != 0) std::printf("\n");  // Ctrl-D: what follows begins a line
  return std::nullopt;
}

}  // namespace adapters::line_editor
