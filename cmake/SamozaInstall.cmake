# `cmake --install build --prefix X`: programs in X/bin, what `mex` and people need in X/share/samoza. The programs
# find the rest relative to themselves, so the tree may be moved. `DESTDIR` works as usual.
include(GNUInstallDirs)
set(samoza_share ${CMAKE_INSTALL_DATADIR}/samoza)

foreach(program samoza startz zmesh-controlplane zmesh zrms zrun zrun-compile zbase mex zshell)
  install(TARGETS ${program}_app RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endforeach()
install(TARGETS zsim RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

install(DIRECTORY sdk/c sdk/templates DESTINATION ${samoza_share}/sdk PATTERN test_guests EXCLUDE)
install(DIRECTORY configs examples DESTINATION ${samoza_share}
        PATTERN CMakeLists.txt EXCLUDE PATTERN core.wasm EXCLUDE PATTERN node_modules EXCLUDE)
install(DIRECTORY deploy/prometheus deploy/grafana DESTINATION ${samoza_share}/deploy)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md ARCHITECTURE.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# Made by the program itself, from its table of commands.
install(CODE "
  foreach(file \"bash ${CMAKE_INSTALL_DATADIR}/bash-completion/completions/zshell\"
               \"zsh ${CMAKE_INSTALL_DATADIR}/zsh/site-functions/_zshell\")
    separate_arguments(file)
    list(GET file 0 shell)
    list(GET file 1 path)
    set(path \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/\${path}\")
    execute_process(COMMAND $<TARGET_FILE:zshell_app> completion \${shell} OUTPUT_VARIABLE script
                    COMMAND_ERROR_IS_FATAL ANY)
    file(WRITE \"\${path}\" \"\${script}\")
    message(STATUS \"Installing: \${path}\")
  endforeach()
")

# The unit names the prefix, which is known when `cmake --install` runs.
install(CODE "
  file(READ \"${CMAKE_SOURCE_DIR}/deploy/systemd/samoza@.service\" unit)
  string(REPLACE /opt/samoza/bin \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\" unit \"\${unit}\")
  string(REPLACE /opt/samoza/docs \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DOCDIR}/docs\" unit \"\${unit}\")
  file(WRITE \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/samoza@.service\" \"\${unit}\")
  message(STATUS \"Installing: \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/samoza@.service\")
")
