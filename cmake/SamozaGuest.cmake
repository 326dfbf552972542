# samoza_guest(name source.c): compiles a guest in C with nothing but samoza.h and lists the module in
# the global property SAMOZA_GUESTS; it lands in ${CMAKE_BINARY_DIR}/guests/<name>.wasm.
find_program(CLANG_WASM NAMES clang-19 REQUIRED)
function(samoza_guest name source)
  set(out ${CMAKE_BINARY_DIR}/guests/${name}.wasm)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/guests
    COMMAND ${CLANG_WASM} --target=wasm32 -O2 -mbulk-memory -nostdlib -Wl,--no-entry -Wl,--stack-first
            -Wl,-z,stack-size=8192
            -I ${CMAKE_SOURCE_DIR}/sdk/c -o ${out} ${CMAKE_CURRENT_SOURCE_DIR}/${source}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source} ${CMAKE_SOURCE_DIR}/sdk/c/samoza.h)
  add_custom_target(guest_${name} ALL DEPENDS ${out})
endfunction()
