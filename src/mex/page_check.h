// SPDX-License-Identifier: Apache-2.0
#pragma once

// What of a UI space the content policy of pages blocks (docs/how-to/pages.md): inline scripts,
// styles and event handlers, other origins, frames, media. A page with it is packed all the same;
// its author is told where it is. Pure: reads one asset as text, not as a browser does, so what a
// script makes at run time is not seen.

#include <string>
#include <string_view>
#include <vector>

namespace mex {

// `file` says by its ending what it is: .html, .css or .js. Findings are "FILE:LINE: …", at most
// findings_max of a file.
std::vector<std::string> check_page(const std::string& file, std::string_view content);

}  // namespace mex
