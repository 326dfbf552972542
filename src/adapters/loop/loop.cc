// SPDX-License-Identifier: Apache-2.0
#include "adapters/loop/loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <ctime>

#include "adapters/loop/loop_impl.h"

namespace adapters::loop {

namespace asio = boost::asio;

namespace {

thread_local Meter* running_here = nullptr;

}  // namespace

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

void Loop::measure(ports::Log& log, ports::Metrics& metrics) {
  impl_->meter = std::make_unique<Meter>(*this, log, metrics);
}

void Loop::run() {
  const auto guard = asio::make_work_guard(impl_->io);
  if (!impl_->meter) {
    impl_->io.run();
    return;
  }
  auto& meter = *impl_->meter;
  running_here = &meter;
  auto last = now();
  while (!impl_->io.stopped()) {
    // What is ready runs under this name, or under its own where it has one.
    meter.begin(last, std::source_location::current());
    if (impl_->io.poll_one() > 0) {
      last = meter.end();
      continue;
    }
    meter.idle();
    // Waits first, so only what says that it begins is measured.
    impl_->io.run_one();
    last = meter.end();
  }
  running_here = nullptr;
}

void name_task(ports::CallSite name) {
  if (running_here != nullptr) running_here->name(name);
}

void Loop::stop() {
  impl_->io.stop();
}

void Loop::restart() {
  impl_->io.restart();
}

void Loop::on_terminate(std::function<void()> handler) {
  if (!impl_->signals)
    impl_->signals = std::make_unique<asio::signal_set>(impl_->io, SIGTERM, SIGINT);
  impl_->signals->async_wait([this, handler](const boost::system::error_code& error, int) {
    if (error) return;
    handler();
    on_terminate(handler);
  });
}

namespace {

struct Descriptor final : Loop::Watch {
  asio::posix::stream_descriptor descriptor;
  Descriptor(asio::io_context& io, int fd) : descriptor(io, fd) {}
};

}  // namespace

std::unique_ptr<Loop::Watch> Loop::watch(int fd, ports::Task task) {
  auto watch = std::make_unique<Descriptor>(impl_->io, fd);
  watch->descriptor.async_wait(
      asio::posix::stream_descriptor::wait_read,
      [task = std::move(task)](const boost::system::error_code& error) mutable {
        if (!error) task();
      });
  return watch;
}

void Loop::post(ports::Task task, ports::CallSite from) {
  asio::post(impl_->io, [from, task = std::move(task)]() mutable {
    name_task(from);
    task();
  });
}

ports::TimerId Loop::after(stdx::Duration delay, ports::Task task, ports::CallSite from) {
  if (delay <= stdx::Duration::zero()) delay = stdx::Duration::zero();
  const auto id = impl_->next_timer++;
  auto& timer = impl_->timers[id];
  timer = std::make_unique<asio::steady_timer>(impl_->io, delay);
  timer->async_wait([this, id, from, task = std::move(task),
                     due = timer->expiry()](const boost::system::error_code& error) mutable {
    // Cancelled, perhaps after it was due and before it ran.
    if (error || impl_->timers.erase(id) == 0) return;
    name_task(from);
    if (impl_->meter) impl_->meter->late_by(std::chrono::steady_clock::now() - due);
    task();
  });
  return static_cast<ports::TimerId>(id);
}

void Loop::cancel(ports::TimerId id) {
  impl_->timers.erase(static_cast<std::uint64_t>(id));
}

stdx::Instant Loop::now() const {
  // BOOTTIME goes on while the machine sleeps: a lease must not outlive a suspend unseen.
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return stdx::Instant(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

stdx::WallTime Loop::wall() const {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace adapters::loop
