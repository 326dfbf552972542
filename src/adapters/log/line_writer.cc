// SPDX-License-Identifier: Apache-2.0
#include "adapters/log/line_writer.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

namespace adapters::log {
namespace {

constexpr std::size_t file_bytes_max = 16u << 20;
constexpr std::size_t files_kept = 4;

// Where the lines go.
class Output {
 public:
  explicit Output(const LineWriter::Options& options) : descriptor_(options.descriptor) {
    if (options.file.empty()) return;
    file_ = std::make_unique<spdlog::logger>(
        "file", std::make_shared<spdlog::sinks::rotating_file_sink_st>(options.file, file_bytes_max,
                                                                       files_kept));
    file_->set_pattern("%v");
    // Such an error (a full disk) would go to stderr, once a second at most, and lose its line.
    file_->set_error_handler([this](const std::string&) { failed_ = true; });
  }
  // False: the line is lost.
  bool write(const std::string& line) {
    if (!file_) return write_all(line + "\n");
    failed_ = false;
    file_->log(spdlog::level::info, "{}", line);
    return !failed_;
  }
  void flush() {
    if (file_) file_->flush();
  }

 private:
  bool write_all(std::string_view text) {
    while (!text.empty()) {
      const auto n = ::write(descriptor_, text.data(), text.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  int descriptor_;
  std::unique_ptr<spdlog::logger> file_;
  bool failed_ = false;
};

}  // namespace

// Outlives the writer where its thread is left behind.
struct LineWriter::State {
  explicit State(Options o) : options(std::move(o)), output(options) {}
  Options options;
  Output output;  // the thread's
  std::mutex mutex;
  std::condition_variable has_lines, is_empty;
  std::deque<std::string> lines;
  std::size_t bytes = 0;
  std::uint64_t dropped = 0;  // since the last line about it
  bool writing = false, stop = false;
  bool idle() const { return lines.empty() && !writing; }
};

LineWriter::LineWriter(Options options) : state_(std::make_shared<State>(std::move(options))) {
  std::thread([state = state_] { run(*state); }).detach();
}

LineWriter::~LineWriter() {
  flush(last_words);
  const std::lock_guard lock(state_->mutex);
  state_->stop = true;
  // They belong to an owner that ends now.
  state_->options.dropped_line = nullptr;
  state_->options.on_dropped = nullptr;
  state_->has_lines.notify_one();
}

void LineWriter::write(std::string line) {
  std::lock_guard lock(state_->mutex);
  auto& state = *state_;
  if (state.bytes + line.size() > bytes_max) {
    ++state.dropped;
    if (state.options.on_dropped) state.options.on_dropped(1);
    return;
  }
  state.bytes += line.size();
  state.lines.push_back(std::move(line));
  state.has_lines.notify_one();
}

bool LineWriter::flush(stdx::Duration at_most) {
  std::unique_lock lock(state_->mutex);
  return state_->is_empty.wait_for(lock, at_most, [&] { return state_->idle(); });
}

void LineWriter::run(State& state) {
  std::unique_lock lock(state.mutex);
  for (;;) {
    state.has_lines.wait(lock, [&] { return state.stop || !state.lines.empty(); });
    if (state.stop) return;
    auto lines = std::exchange(state.lines, {});
    state.writing = true;
    std::uint64_t lost = 0;
    while (!lines.empty()) {
      const auto line = std::move(lines.front());
      lines.pop_front();
      lock.unlock();
      const bool written = state.output.write(line);
      lock.lock();
      if (state.stop) return;
      // Only now: a line that waits for a reader is one that waits.
      state.bytes -= line.size();
      if (!written) ++lost;
    }
    lock.unlock();
    state.output.flush();
    lock.lock();
    if (lost > 0 && state.options.on_dropped) state.options.on_dropped(lost);
    state.dropped += lost;
    // Behind the lines that were there before; where nothing can be written it is kept.
    if (state.dropped > 0 && lost == 0 && state.options.dropped_line) {
      const auto line = state.options.dropped_line(std::exchange(state.dropped, 0));
      state.bytes += line.size();
      state.lines.push_back(line);
    }
    state.writing = false;
    if (state.lines.empty()) state.is_empty.notify_all();
  }
}

}  // namespace adapters::log
