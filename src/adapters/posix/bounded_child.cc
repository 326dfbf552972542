// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/bounded_child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>

#include "stdx/text.h"

namespace adapters::posix {
namespace {

using stdx::Code;

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

bool write_all(int fd, stdx::BytesView bytes) {
  while (!bytes.empty()) {
    const auto n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return lseek(fd, 0, SEEK_SET) == 0;
}

stdx::Bytes read_whole(int fd, std::size_t bytes_max) {
  struct stat info{};
  if (fstat(fd, &info) != 0 || info.st_size <= 0) return {};
  stdx::Bytes bytes(std::min(static_cast<std::size_t>(info.st_size), bytes_max), '\0');
  std::size_t got = 0;
  while (got < bytes.size()) {
    const auto n = pread(fd, bytes.data() + got, bytes.size() - got, static_cast<off_t>(got));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  bytes.resize(got);
  return bytes;
}

// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(const std::vector<char*>& argv, int in, int out, int errors,
                         const ChildBounds& bounds, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  setpgid(0, 0);
  setpriority(PRIO_PROCESS, 0, 10);
  const rlimit no_core{0, 0}, memory{bounds.memory_bytes, bounds.memory_bytes};
  setrlimit(RLIMIT_CORE, &no_core);
  setrlimit(RLIMIT_AS, &memory);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  // 3 may be one of them: the others are moved away from it first.
  const int a = fcntl(in, F_DUPFD, 10), b = fcntl(out, F_DUPFD, 10), c = fcntl(errors, F_DUPFD, 10);
  if (dup2(a, 0) < 0 || dup2(c, 1) < 0 || dup2(c, 2) < 0 || dup2(b, 3) < 0) _exit(127);
  // Nothing else of the parent: its sockets would stay open as long as this runs.
  close_range(4, ~0u, 0);
  execv(argv[0], argv.data());
  _exit(127);
}

// What it has used of the processors; nothing where that is not known any more.
std::optional<stdx::Duration> processor_time(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0) return {};
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

// Whether it ended within the time.
bool wait_until(pid_t pid, int pidfd, stdx::Duration time) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + time * clock_per_time;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    pollfd ended{pidfd, POLLIN, 0};
    const int n = poll(&ended, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 20)));
    if (n > 0) return true;
    if (n < 0 && errno != EINTR) return false;
    const auto used = processor_time(pid);
    if (Clock::now() >= end || (used && *used >= time)) return false;
  }
}

}  // namespace

stdx::Result<ChildOutcome> run_bounded(const std::vector<std::string>& argv, stdx::BytesView input,
                                       const ChildBounds& bounds) {
  const auto failed = [&](const char* what) {
    return stdx::fail(Code::failed,
                      stdx::format("{}: {}: {}", argv.at(0), what, std::strerror(errno)));
  };
  const Descriptor in(memfd_create("input", MFD_CLOEXEC)), out(memfd_create("output", MFD_CLOEXEC)),
      errors(memfd_create("errors", MFD_CLOEXEC));
  if (in.get() < 0 || out.get() < 0 || errors.get() < 0) return failed("no memory file");
  if (!write_all(in.get(), input)) return failed("its input can't be written");
  if (access(argv[0].c_str(), X_OK) != 0) return failed("it can't be run");
  std::vector<std::string> texts = argv;
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);

  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(pointers, in.get(), out.get(), errors.get(), bounds, parent);
  if (pid < 0) return failed("no process");
  const Descriptor pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  ChildOutcome outcome;
  outcome.timed_out = pidfd.get() < 0 || !wait_until(pid, pidfd.get(), bounds.time);
  if (outcome.timed_out) kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
  outcome.errors = read_whole(errors.get(), 4096);
  if (!outcome.timed_out && outcome.signal == 0 && outcome.code == 0)
    outcome.output = read_whole(out.get(), bounds.output_bytes_max);
  return outcome;
}

}  // namespace adapters::posix
