// SPDX-License-Identifier: Apache-2.0
#include "adapters/net/socket_handoff.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "stdx/text.h"

namespace adapters::net {

using stdx::Code;

namespace {

stdx::Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return stdx::fail(
        Code::invalid,
        stdx::format("'{}' is too long for a socket; choose a shorter run_dir", path));
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

stdx::Error system_error(const std::string& what) {
  return {Code::failed, what + ": " + std::strerror(errno)};
}

}  // namespace

stdx::Result<int> open_handoff(const std::string& socket_path) {
  TRY_ASSIGN(const auto address, address_of(socket_path));
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return std::unexpected(system_error("socket"));
  unlink(socket_path.c_str());
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chmod(socket_path.c_str(), 0600) != 0) {
    const auto error = system_error(socket_path);
    close(fd);
    return std::unexpected(error);
  }
  return fd;
}

stdx::Status hand_over(const std::string& socket_path, int fd) {
  TRY_ASSIGN(const auto address, address_of(socket_path));
  const int out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (out < 0) return std::unexpected(system_error("socket"));
  char byte = 1;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_name = const_cast<sockaddr_un*>(&address);
  message.msg_namelen = sizeof address;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  const bool sent = sendmsg(out, &message, MSG_NOSIGNAL) == 1;
  const auto error = system_error(socket_path);
  close(out);
  if (!sent) return std::unexpected(error);
  return {};
}

int receive_handed_over(int handoff_fd) {
  char byte = 0;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (recvmsg(handoff_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0) return -1;
  const auto* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
    return -1;
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

}  // namespace adapters::net
