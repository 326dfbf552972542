# Flags, caches and the two functions every folder uses: samoza_library and samoza_test.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
# Asserts stay on: a broken own invariant aborts in every build but Release benchmarks too.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O3")

set(SAMOZA_SANITIZE "" CACHE STRING "Sanitizers for the whole build, as for -fsanitize=")
if(SAMOZA_SANITIZE)
  # Measured with GCC 12: a file of zrms takes 67 s with all checks at -O2, 13 s so, and eight files
  # read as one take as long as two. What is left out are null, alignment and vptr: a null pointer
  # ends the program under AddressSanitizer too.
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)
  # Beside what tools/read_alone finds: a name that is another file's own hides what they mean by it.
  set(SAMOZA_READ_ALONE
      mex/reader.cc zip/zip.cc zmesh/peer_links.cc zrms/leader_events.cc abi/wasi.cc
      abi/wasi_descriptors.cc zshell/explain.cc zshell/logs.cc net/http_test.cc net/transport_test.cc
      mex/layout_test.cc mex/package_test.cc startz/records_seen_test.cc zrms/records_reader_test.cc
      zrun/data_links_test.cc zrun/stale_sender_test.cc abi/sys.cc zrun/tracer_test.cc)
  add_compile_options(-fsanitize=${SAMOZA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if(SAMOZA_SANITIZE MATCHES undefined)
    add_compile_options(-fno-sanitize=null,alignment,vptr)
  endif()
  add_link_options(-fsanitize=${SAMOZA_SANITIZE})
endif()

option(SAMOZA_FUZZ "Instrument everything for libFuzzer (clang); build only fuzz_targets" OFF)
if(SAMOZA_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # Base dir and no hashed directory: worktrees and clones of the same commit share one cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE_PROGRAM})
endif()

find_program(LLD_PROGRAM NAMES ld.lld-19 ld.lld)
if(LLD_PROGRAM)
  get_filename_component(LLD_DIR ${LLD_PROGRAM} REALPATH)
  get_filename_component(LLD_DIR ${LLD_DIR} DIRECTORY)
  add_link_options(-fuse-ld=lld -B${LLD_DIR})
endif()

add_library(samoza_warnings INTERFACE)
target_compile_options(samoza_warnings INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
                       -Woverloaded-virtual -Wno-missing-field-initializers -Werror)
# Warnings are judged by GCC; clang, used for fuzzing only, has others.
if(SAMOZA_FUZZ OR SAMOZA_SANITIZE)
  target_compile_options(samoza_warnings INTERFACE -Wno-error)
endif()
# GCC documents that instrumented code sets the first one off falsely (here: Boost.Optional); TSan does
# not know fences, of which Asio has some beside its atomics.
if(SAMOZA_SANITIZE)
  target_compile_options(samoza_warnings INTERFACE -Wno-maybe-uninitialized -Wno-tsan)
endif()
# At -O3 GCC 12 sees overlaps in std::string's operator+ (its bug 105651) and writes past ends inside
# fmt's buffers where there are none.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  target_compile_options(samoza_warnings INTERFACE -Wno-restrict -Wno-stringop-overflow)
endif()

# Where files are read several as one: those that cannot be.
function(samoza_read_alone)
  if(NOT SAMOZA_SANITIZE)
    return()
  endif()
  set(together)
  foreach(source ${ARGN})
    cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
    set(listed OFF)
    foreach(alone ${SAMOZA_READ_ALONE})
      if(source MATCHES "/${alone}$")
        set_source_files_properties(${source} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
        set(listed ON)
      endif()
    endforeach()
    if(NOT listed AND source MATCHES "[.]cc$" AND EXISTS ${source})
      list(APPEND together ${source})
    endif()
  endforeach()
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/tools/read_alone ${together}
                  OUTPUT_VARIABLE alone COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "\n" ";" alone "${alone}")
  if(alone)
    set_source_files_properties(${alone} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()

# samoza_library(name SOURCES a.cc … DEPS lib …): one folder, one namespace, one target.
# What is in DEPS is all that the folder may include.
function(samoza_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  samoza_read_alone(${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE samoza_warnings)
endfunction()

# samoza_test(name SOURCES a_test.cc … DEPS lib …): one GoogleTest program, known to ctest test by
# test. Environment for all of them comes from the caller.
function(samoza_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(SAMOZA_SANITIZE) # instrumented code takes several times as long
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 5")
  endif()
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  samoza_read_alone(${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest GTest::gtest_main samoza_warnings)
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
  if(SAMOZA_SANITIZE)
    set_property(TEST ${name} APPEND PROPERTY
                 ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp")
  endif()
  set_property(GLOBAL APPEND PROPERTY SAMOZA_TESTS ${name})
endfunction()
