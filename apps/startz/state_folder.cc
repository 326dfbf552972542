// SPDX-License-Identifier: Apache-2.0
#include "state_folder.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "adapters/posix/files.h"
#include "common/app.h"
#include "stdx/text.h"

namespace startz_app {

namespace fs = std::filesystem;

void note_state_folder(ports::Log& log, const config::ZhostConfig& config) {
  const auto note = config::last_state_file(config, app::sources());
  if (note.empty()) return;
  std::error_code error;
  const auto now = fs::weakly_canonical(config.state_dir, error).string();
  constexpr std::size_t path_bytes_max = 4096;
  const auto last = adapters::posix::read_file(note, path_bytes_max);
  if (error || (last && *last == now)) return;
  // What a start leaves there first of all.
  if (last && fs::exists(*last + "/incarnation", error)) {
    log.warn("state_folder_changed", {{"was", stdx::printable(*last, 400)}, {"is", now}});
    if (isatty(STDERR_FILENO) != 0)
      std::fprintf(stderr,
                   "startz: zhost %s had its state in %s, which is still there; now it is %s. If "
                   "that is not meant, "
                   "set state_dir to the former folder\n",
                   config.zhost_id.c_str(), stdx::printable(*last, 400).c_str(), now.c_str());
  }
  if (adapters::posix::make_private_folder(fs::path(note).parent_path().string()))
    (void)adapters::posix::replace_file(note, now);
}

}  // namespace startz_app
