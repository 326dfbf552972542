// SPDX-License-Identifier: Apache-2.0
#include "adapters/posix/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace adapters::posix {

stdx::Status notify_service_manager(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto size = std::strlen(path);
  if (size >= sizeof address.sun_path)
    return stdx::fail(stdx::Code::invalid, "NOTIFY_SOCKET is too long");
  std::memcpy(address.sun_path, path, size);
  if (*path == '@') address.sun_path[0] = '\0';  // of the abstract name space
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  const bool sent = fd >= 0 && sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                                      reinterpret_cast<const sockaddr*>(&address), length) >= 0;
  const std::string why = std::strerror(errno);
  if (fd >= 0) close(fd);
  if (sent) return {};
  return stdx::fail(stdx::Code::failed, "NOTIFY_SOCKET: " + why);
}

}  // namespace adapters::posix
