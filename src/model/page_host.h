// SPDX-License-Identifier: Apache-2.0
#pragma once

// The host name of a UI space's page: <space>.<topology>.localhost. So each page is an origin of
// its own in a browser, which keeps its storage, its cookies and its sockets from the others (RFC
// 6761: names below localhost are this machine). Pure.

#include <string>
#include <string_view>

namespace model {

// "<space>.<topology>": two labels of DNS. A name that is no label as it stands (upper case, '_',
// '.', more than 63 bytes) becomes the letters of it that fit, "--" and a hash of it.
std::string page_labels(std::string_view topology, std::string_view space);

inline constexpr std::string_view page_domain = ".localhost";

// The labels of such a host, lower case, with or without a port; empty: it is none.
std::string page_labels_of_host(std::string_view host);

}  // namespace model
