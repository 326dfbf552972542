// SPDX-License-Identifier: Apache-2.0
#pragma once

// The text of an Ed25519 key as people keep it: 32 bytes in base64, one line. Blanks and line ends
// around it are taken. Any other text is an error that names `where` (a file or an option), the
// form that was found if it is a known one (PEM, OpenSSH), and the form that is needed.

#include <string>
#include <string_view>

#include "stdx/bytes.h"
#include "stdx/result.h"

namespace config {

// 32 bytes: the seed that `mex keygen` writes. Code::invalid; messages never repeat the text.
stdx::Result<stdx::Bytes> parse_private_key(std::string_view text, std::string_view where);
// 32 bytes: what `mex keygen` prints.
stdx::Result<stdx::Bytes> parse_public_key(std::string_view text, std::string_view where);

}  // namespace config
