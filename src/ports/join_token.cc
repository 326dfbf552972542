// SPDX-License-Identifier: Apache-2.0
#include "ports/join_token.h"

#include "stdx/text.h"

namespace ports {

stdx::Result<std::string> read_join_token(const JoinToken& token) {
  return token ? token() : stdx::Result<std::string>("");
}

stdx::Status check_join_token(const JoinToken& token, std::string_view said) {
  TRY_ASSIGN(const auto ours, read_join_token(token));
  if (stdx::equal_in_constant_time(said, ours)) return {};
  return stdx::fail(stdx::Code::denied, said.empty() ? "it shows no join token"
                                                     : "its join token is not this cluster's");
}

}  // namespace ports
