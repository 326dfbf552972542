// SPDX-License-Identifier: Apache-2.0
// The base that messages between zhosts are held against: two processes and one TCP connection on
// loopback, blocking sockets, TCP_NODELAY, 128 bytes there and back. Prints one JSON line.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr int warm = 2000;
constexpr int trips = 20000;
using Message = std::array<char, 128>;

void check(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::exit(1);
}

void whole(int socket, Message& message, bool send) {
  std::size_t done = 0;
  while (done < message.size()) {
    const auto n = send ? ::write(socket, message.data() + done, message.size() - done)
                        : ::read(socket, message.data() + done, message.size() - done);
    check(n > 0, send ? "write" : "read");
    done += static_cast<std::size_t>(n);
  }
}

void no_delay(int socket) {
  const int on = 1;
  check(::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
}

void echo(int listener) {
  const int socket = ::accept(listener, nullptr, nullptr);
  check(socket >= 0, "accept");
  no_delay(socket);
  Message message{};
  for (int i = 0; i < warm + trips; ++i) {
    whole(socket, message, false);
    whole(socket, message, true);
  }
  std::exit(0);
}

}  // namespace

int main() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  check(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  check(::listen(listener, 1) == 0, "listen");
  check(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
  const auto child = ::fork();
  check(child >= 0, "fork");
  if (child == 0) echo(listener);
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  check(::connect(socket, reinterpret_cast<sockaddr*>(&address), size) == 0, "connect");
  no_delay(socket);
  std::vector<long> took;
  Message message{};
  for (int i = 0; i < warm + trips; ++i) {
    const auto from = std::chrono::steady_clock::now();
    whole(socket, message, true);
    whole(socket, message, false);
    const auto time = std::chrono::steady_clock::now() - from;
    if (i >= warm) took.push_back(std::chrono::nanoseconds(time).count());
  }
  ::waitpid(child, nullptr, 0);
  std::sort(took.begin(), took.end());
  std::printf("{\"p50_ns\": %ld, \"p99_ns\": %ld, \"n\": %d}\n", took[took.size() / 2],
              took[took.size() * 99 / 100], trips);
}
