// SPDX-License-Identifier: Apache-2.0
#include "mex/source_tree.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "mex/command.h"
#include "mex/init.h"
#include "mex/languages.h"
#include "stdx/text.h"
#include "wasm/interface.h"

namespace mex {
namespace {

namespace fs = std::filesystem;

const std::string sdk = SAMOZA_SDK_FOLDER "/c";
constexpr const char* guest =
    "#include \"samoza.h\"\nSAMOZA_EXPORT(\"on_process\") int32_t on_process(void) { return 0; }\n";

// A project with a UI space and one of a module, in a folder of its own.
struct Project {
  TemporaryFolder folder = std::move(*TemporaryFolder::make_in("/tmp"));
  explicit Project(const std::string& space = "worker", const std::string& source = guest) {
    write("manifest.yaml",
          "apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: p, version: 1.0.0, publisher: me}\n");
    write("topology.yaml", stdx::format("apiVersion: samoza/v1\nkind: Topology\nmetadata: {{name: "
                                        "p}}\nspaces:\n  - {{name: {}, type: CALL}}\n  - {{name: "
                                        "page, type: UI}}\n",
                                        space));
    write("spaces/" + space + "/space.yaml", "type: CALL\n");
    if (!source.empty()) write("spaces/" + space + "/src/main.c", source);
    write("spaces/page/space.yaml", "type: UI\n");
    write("spaces/page/index.html", "<p>");
  }
  void write(const std::string& path, const std::string& text) const {
    const auto target = fs::path(folder.path()) / path;
    fs::create_directories(target.parent_path());
    std::ofstream(target, std::ios::binary) << text;
  }
  void link(const std::string& path, const std::string& to) const {
    fs::create_symlink(to, fs::path(folder.path()) / path);
  }
  std::string find_all() const {
    std::set<std::string> names;
    for (const auto& at : fs::recursive_directory_iterator(folder.path()))
      names.insert(at.path().lexically_relative(folder.path()).string());
    return stdx::format("{}", fmt::join(names, " "));
  }
  stdx::Result<SourceTree> read() const { return read_source_tree(folder.path(), {.sdk = sdk}); }
  std::string error() const {
    const auto tree = read();
    return tree ? "" : tree.error().message;
  }
};

TEST(SourceTreeTest, RMex13AModuleIsBuiltAndNothingIsWrittenIntoTheProject) {
  const Project project;
  const auto before = project.find_all();
  const auto tree = project.read();
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_TRUE(wasm::read_interface(tree->files.at("spaces/worker/core.wasm")));
  EXPECT_EQ(project.find_all(), before);
  EXPECT_TRUE(tree->left_out.empty()) << "its sources are in the module";
  EXPECT_EQ(project.read()->files, tree->files) << "R-MEX-24: the same source, the same bytes";
}

TEST(SourceTreeTest, OfASpaceWithoutItsFileNothingIsBuiltAndNoFileHasAnEmptyName) {
  const Project project;
  fs::remove(fs::path(project.folder.path()) / "spaces/worker/space.yaml");
  const auto tree = project.read();
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_FALSE(tree->files.contains(""));
  EXPECT_EQ(tree->left_out, std::vector<std::string>{"spaces/worker/src/"});
}

TEST(SourceTreeTest, AModuleThatIsThereIsPackedAsItIsAndThatIsSaid) {
  const Project project;
  project.write("spaces/worker/core.wasm", "mine");
  const auto tree = project.read();
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->files.at("spaces/worker/core.wasm"), "mine");
  ASSERT_EQ(tree->notes.size(), 1u);
  EXPECT_NE(tree->notes[0].find("spaces/worker/core.wasm is packed as it is"), std::string::npos);
}

TEST(SourceTreeTest, RMex10AUiFolderIsPackedWholeItsFolderSrcToo) {
  const Project project;
  project.write("spaces/page/src/app.js", "a");
  project.write("spaces/page/assets/deep/logo.png", "b");
  const auto tree = project.read();
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_TRUE(tree->files.contains("spaces/page/src/app.js"));
  EXPECT_TRUE(tree->files.contains("spaces/page/assets/deep/logo.png"));
}

TEST(SourceTreeTest, WhatIsNotPackedIsListedAndAFolderOnce) {
  const Project project;
  project.write("README.md", "");
  project.write("build/p.mex", "");
  project.write("spaces/page/index.html.bak", "");
  project.write("spaces/page/.cache/x", "");
  project.write("spaces/page/index.html~", "");
  project.write("spaces/worker/notes.txt", "");
  const auto tree = project.read();
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->left_out,
            (std::vector<std::string>{"README.md", "build/", "spaces/page/.cache/",
                                      "spaces/page/index.html.bak", "spaces/page/index.html~",
                                      "spaces/worker/notes.txt"}));
  EXPECT_EQ(tree->files.size(), 5u);
}

TEST(SourceTreeTest, ASpaceMayBeCalledSrc) {
  const Project project("src");
  const auto tree = project.read();
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_TRUE(tree->files.contains("spaces/src/core.wasm"));
  std::vector<std::string> findings;
  validate_files(tree->files, findings);
  EXPECT_EQ(findings, std::vector<std::string>{});
}

TEST(SourceTreeTest, ALinkIsRefusedByItsOwnNameWhereverItLeads) {
  for (const char* target : {"/etc/hostname", "index.html", "../..", "nowhere"}) {
    const Project project;
    project.link("spaces/page/link", target);
    EXPECT_EQ(project.error().find("spaces/page/link is a link"), 0u) << project.error();
  }
  const Project project;
  fs::remove_all(project.folder.path() + "/spaces/page");
  project.link("spaces/page", "worker");
  EXPECT_EQ(project.error().find("spaces/page is a link"), 0u) << project.error();
}

TEST(SourceTreeTest, NamesThatDifferOnlyInTheCaseOfLettersAreSaidAsSuch) {
  const Project project;
  project.write("spaces/page/Logo.png", "a");
  project.write("spaces/page/logo.png", "b");
  EXPECT_EQ(project.error().find("spaces/page/Logo.png and spaces/page/logo.png differ only in "
                                 "the case of letters"),
            0u)
      << project.error();
}

// Builds `source` as file `name` with the C library (and that of C++) and without; gives what the
// modules export.
void build_both(const std::string& name, const std::string& source,
                const std::function<void(const wasm::Interface&)>& look) {
  const Project project("worker", "");
  project.write("spaces/worker/src/" + name, source);
  for (const auto& libraries : {CLibraries{}, installed_c_libraries()}) {
    const auto scratch = std::move(*TemporaryFolder::make_in("/tmp"));
    const BuildRequest request{.project = project.folder.path(),
                               .source = project.folder.path() + "/spaces/worker/src",
                               .output = scratch.path() + "/core.wasm",
                               .scratch = scratch.path(),
                               .cache = "",
                               .sdk = sdk};
    const auto built = build_c(request, libraries);
    ASSERT_TRUE(built) << built.error().message << ", with a C library: " << libraries.c;
    std::ifstream file(request.output, std::ios::binary);
    const auto interface =
        wasm::read_interface(stdx::Bytes{std::istreambuf_iterator<char>(file), {}});
    ASSERT_TRUE(interface) << interface.error().message;
    look(*interface);
  }
}

TEST(SourceTreeTest, AStructThatIsClearedOrCopiedNeedsNoLibraryAndImportsNothing) {
  build_both("main.c",
             "#include \"samoza.h\"\n#include <string.h>\n"
             "struct big { char a[600]; };\nstatic struct big x, y;\n"
             "SAMOZA_EXPORT(\"on_process\") int32_t on_process(void) {\n"
             "  struct samoza_message m = {0};\n"
             "  int32_t n = net_recv_next(x.a, sizeof x.a, &m, 0);\n  y = x;\n"
             "  memmove(x.a + 1, x.a, (unsigned)n);\n"
             "  return memcmp(x.a, y.a, (unsigned)n) + (int)strlen(m.path);\n}\n",
             [](const wasm::Interface& interface) {
               for (const auto& import : interface.imports) EXPECT_EQ(import.name, "recv_next");
             });
}

TEST(SourceTreeTest, CxxSourcesAreCompiledAndTheirConstructorsRunBeforeOnInit) {
  build_both("main.cpp",
             "extern \"C\" {\n#include \"samoza.h\"\n}\n"
             "struct Base { virtual int n() = 0; virtual ~Base() {} };\n"
             "struct One : Base { int k; One(int v) : k(v) {} int n() override { return k; } };\n"
             "volatile int seed = 7;\nstatic One one(seed);\nBase *base = &one;\n"
             "extern \"C\" SAMOZA_EXPORT(\"on_process\") int32_t on_process() "
             "{ return base->n(); }\n",
             [](const wasm::Interface& interface) {
               EXPECT_NE(interface.find_export("_initialize"), nullptr);
               EXPECT_NE(interface.find_export("on_process"), nullptr);
             });
}

TEST(SourceTreeTest, TheStackIsOf64KiBUnlessSpaceYamlSaysOtherwise) {
  // The first address behind the stack: data begins there.
  const std::string source =
      "#include \"samoza.h\"\nextern char __stack_high;\n"
      "SAMOZA_EXPORT(\"on_process\") int32_t on_process(void) { return (int32_t)&__stack_high; }\n";
  const auto has = [](const Project& project, std::string_view constant) {
    const auto tree = project.read();
    EXPECT_TRUE(tree) << tree.error().message;
    return tree->files.at("spaces/worker/core.wasm").find(constant) != std::string::npos;
  };
  const Project project("worker", source);
  EXPECT_TRUE(has(project, "\x41\x80\x80\x04\x0b")) << "i32.const 65536, end";
  project.write("spaces/worker/space.yaml", "type: CALL\nbuild: {stack: 256KiB}\n");
  EXPECT_TRUE(has(project, "\x41\x80\x80\x10\x0b")) << "i32.const 262144, end";
  project.write("spaces/worker/space.yaml", "type: CALL\nbuild: {stack: 1KiB}\n");
  std::vector<std::string> findings;
  validate_files(project.read()->files, findings);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_NE(findings[0].find("space.yaml:2: build.stack is 1024 bytes"), std::string::npos)
      << findings[0];
}

TEST(SourceTreeTest, WhatCompilersKeepBetweenBuildsIsBounded) {
  const auto home = std::move(*TemporaryFolder::make_in("/tmp"));
  BuildRequest request{
      .project = "", .source = "", .output = "", .scratch = "x", .cache = "", .sdk = ""};
  EXPECT_EQ(use_build_cache(request), "x");
  const auto count = [&] {
    return std::distance(fs::directory_iterator(home.path()), fs::directory_iterator());
  };
  for (std::size_t i = 0; i < build_caches_max + 5; ++i) {
    request.cache = home.path() + "/" + std::to_string(i);
    EXPECT_EQ(use_build_cache(request), request.cache);
    EXPECT_TRUE(fs::exists(request.cache));
    EXPECT_EQ(count(), static_cast<std::ptrdiff_t>(std::min(i + 1, build_caches_max)));
  }
  const Project project;
  ASSERT_TRUE(read_source_tree(project.folder.path(), {.sdk = sdk, .cache = home.path() + "/c"}));
  EXPECT_FALSE(fs::exists(home.path() + "/c")) << "C has no use for one";
}

TEST(SourceTreeTest, SourcesOfTwoLanguagesAreNamed) {
  const Project project;
  project.write("spaces/worker/src/go.mod", "module x\n");
  EXPECT_NE(project.error().find("C or C++ and in Go"), std::string::npos) << project.error();
}

TEST(InitTest, EachLanguageHasATemplateThatIsRecognisedAsThatLanguage) {
  for (const auto& language : languages()) {
    const auto folder = std::move(*TemporaryFolder::make_in("/tmp"));
    const auto project = folder.path() + "/hello";
    const auto made =
        init_project(project, "hello", language.option, SAMOZA_SDK_FOLDER "/templates");
    ASSERT_TRUE(made) << made.error().message;
    const auto found = language_of(project + "/spaces/hello/src");
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(*found, &language);
    EXPECT_EQ(init_project(project, "hello", language.option, SAMOZA_SDK_FOLDER "/templates")
                  .error()
                  .code,
              stdx::Code::already_exists);
  }
  EXPECT_NE(init_project("x", "x", "cobol", "")
                .error()
                .message.find("--lang is one of c, rust, go, zig, assemblyscript"),
            std::string::npos);
}

TEST(InitTest, TheTemplateInCBuilds) {
  const auto folder = std::move(*TemporaryFolder::make_in("/tmp"));
  const auto project = folder.path() + "/hello";
  ASSERT_TRUE(init_project(project, "hello", "c", SAMOZA_SDK_FOLDER "/templates"));
  const auto tree = read_source_tree(project, {.sdk = sdk});
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_TRUE(build_archive(tree->files, tree->manifest, std::nullopt));
}

}  // namespace
}  // namespace mex
