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

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

void Loop::run() {
  const auto guard = asio::make_work_guard(impl_->io);
  impl_->io.run();
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

void Loop::post(ports::Task task) {
  asio::post(impl_->io, std::move(task));
}

ports::TimerId Loop::after(stdx::Duration delay, ports::Task task) {
  if (delay <= stdx::Duration::zero()) delay = stdx::Duration::zero();
  const auto id = impl_->next_timer++;
  auto& timer = impl_->timers[id];
  timer = std::make_unique<asio::steady_timer>(impl_->io, delay);
  timer->async_wait(
      [this, id, task = std::move(task)](const boost::system::error_code& error) mutable {
        // Cancelled, perhaps after it was due and before it ran.
        if (error || impl_->timers.erase(id) == 0) return;
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
