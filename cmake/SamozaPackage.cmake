# `cpack --config build/CPackConfig.cmake` makes a Debian package of what `cmake --install` installs, in /usr, with the
# unit samoza-zhost.service (deploy/systemd) and the scripts of deploy/debian.
install(FILES deploy/debian/zhost.yaml DESTINATION ${samoza_share})
install(FILES deploy/systemd/samoza-zhost.service DESTINATION lib/systemd/system COMPONENT package)
install(FILES deploy/man/samoza.8 deploy/man/startz.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES deploy/man/zshell.1 deploy/man/mex.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

# What is installed must have been built; cpack does not build the tests first.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME samoza)
set(CPACK_PACKAGE_VERSION 0.1.0)
set(CPACK_PACKAGE_CONTACT "Samoza <samoza@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Distributed runtime for WebAssembly spaces on a mesh of machines")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  "${CMAKE_SOURCE_DIR}/deploy/debian/postinst;${CMAKE_SOURCE_DIR}/deploy/debian/prerm;${CMAKE_SOURCE_DIR}/deploy/debian/postrm")
# The scripts of the install step name the place where it ends up, not the one where the package is put together.
set(CPACK_SET_DESTDIR ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
include(CPack)
