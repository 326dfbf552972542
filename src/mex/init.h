// SPDX-License-Identifier: Apache-2.0
#pragma once

// New projects from the SDK's templates (sdk/templates): `common`, and over it the folder of the
// language. "@NAME@" in a file becomes the name.

#include <string>

#include "stdx/result.h"

namespace mex {

// `language`: an option of mex/languages.h. `templates`: the folder sdk/templates.
// Code::already_exists: the folder is there and not empty.
stdx::Status init_project(const std::string& folder, const std::string& name,
                          const std::string& language, const std::string& templates);

}  // namespace mex
