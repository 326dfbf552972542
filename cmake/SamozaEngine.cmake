# The engine crate as an imported target `samoza_engine`, built by engine/build.sh when its inputs
# changed; it lies in the user's cache, outside the tree.
execute_process(
  COMMAND ${CMAKE_SOURCE_DIR}/engine/build.sh
  OUTPUT_VARIABLE SAMOZA_ENGINE_DIR
  OUTPUT_STRIP_TRAILING_WHITESPACE
  RESULT_VARIABLE SAMOZA_ENGINE_RESULT)
if(NOT SAMOZA_ENGINE_RESULT EQUAL 0)
  message(FATAL_ERROR "engine/build.sh failed; its output is above")
endif()
file(GLOB SAMOZA_ENGINE_INPUTS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/engine/src/*.rs
  ${CMAKE_SOURCE_DIR}/engine/include/*.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/engine/Cargo.toml ${CMAKE_SOURCE_DIR}/engine/Cargo.lock
  ${SAMOZA_ENGINE_INPUTS} ${CMAKE_SOURCE_DIR}/engine/build.sh)
add_library(samoza_engine STATIC IMPORTED GLOBAL)
set_target_properties(samoza_engine PROPERTIES
  IMPORTED_LOCATION ${SAMOZA_ENGINE_DIR}/lib/libsamoza_engine.a
  INTERFACE_INCLUDE_DIRECTORIES ${SAMOZA_ENGINE_DIR}/include
  INTERFACE_LINK_LIBRARIES "pthread;dl;m")
