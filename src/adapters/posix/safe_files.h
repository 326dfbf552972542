// SPDX-License-Identifier: Apache-2.0
#pragma once

// Files that root writes for another user, in folders that this user may change meanwhile. Paths
// are opened part by part: a link on the way counts only where root made it. New files are created
// under a name of their own (O_EXCL, O_NOFOLLOW), belong to `owner` before they have any content,
// and are put in their place whole.

#include <optional>
#include <string>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace adapters::posix {

struct Owner {
  unsigned uid = 0, gid = 0;
};

// Code::denied: a folder on the way, or `path` itself, is a link of a user.
stdx::Status write_file_safely(const std::string& path, stdx::BytesView content, unsigned mode,
                               std::optional<Owner> owner);
// One that is there must belong to `owner` or to root (then it is given to `owner`). Missing ones
// on the way have the mode 0755 and belong to this process.
stdx::Status make_folder_safely(const std::string& path, unsigned mode, std::optional<Owner> owner);

}  // namespace adapters::posix
