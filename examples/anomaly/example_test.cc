// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "mex/package.h"
#include "mex/source_tree.h"

namespace {

TEST(AnomalyExampleTest, RDec29ItCompilesFromItsSourcesAndPassesEveryRuleOfAMex) {
  namespace fs = std::filesystem;
  const fs::path here = ANOMALY_FOLDER;
  const fs::path copy =
      fs::temp_directory_path() / ("samoza-anomaly-" + std::to_string(::getpid()));
  fs::create_directories(copy);
  fs::copy(here, copy, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  const auto compiled =
      mex::compile_sources(copy.string(), (here / "../../sdk/c").lexically_normal().string());
  ASSERT_TRUE(compiled) << compiled.error().message;
  auto tree = mex::read_source_tree(copy.string());
  fs::remove_all(copy);
  ASSERT_TRUE(tree) << tree.error().message;
  auto archive = mex::build_archive(tree->files, tree->manifest, {});
  ASSERT_TRUE(archive) << archive.error().message;
  const auto opened = mex::open_archive(*archive, {});
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->topology.spaces.size(), 5u);
  EXPECT_EQ(opened->topology.paths.size(), 11u);
}

}  // namespace
