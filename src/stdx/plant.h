// SPDX-License-Identifier: Apache-2.0
#pragma once

// Planted bugs: each switches one rule of docs/protocol.md off in one line of product code, to show
// that the simulator's checkers find it. In the product every PLANTED(x) is the constant false;
// only the libraries of zsim_planted are built with SAMOZA_PLANTED and ask the switch.

#ifdef SAMOZA_PLANTED
#include <string_view>
namespace stdx {
// The bug that this process has, empty for none. Set once, before the simulation starts.
inline std::string_view planted_bug;
}  // namespace stdx
#define PLANTED(name) (::stdx::planted_bug == #name)
#else
#define PLANTED(name) false
#endif
