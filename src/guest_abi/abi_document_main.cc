// SPDX-License-Identifier: Apache-2.0
// abi_document DIR: writes DIR/docs/abi.md and DIR/sdk/c/samoza.h from the table.
#include <cstdio>
#include <fstream>

#include "guest_abi/document.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: abi_document SOURCE_DIR\n");
    return 2;
  }
  const std::string root = argv[1];
  std::ofstream(root + "/docs/abi.md") << guest_abi::markdown();
  std::ofstream(root + "/sdk/c/samoza.h") << guest_abi::c_header();
  return 0;
}
