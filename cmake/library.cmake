# The library that others link: the layers up to the engine in one archive, the public headers, and
# the package that find_package(sallyport) finds.
include(CMakePackageConfigHelpers)

configure_file(${PROJECT_SOURCE_DIR}/include/sallyport/version.h.in
  ${PROJECT_BINARY_DIR}/include/sallyport/version.h @ONLY)

set(objects)
foreach(layer base lang packet sets conntrack program extensions rules engine)
  list(APPEND objects $<TARGET_OBJECTS:sallyport_${layer}>)
endforeach()
add_library(sallyport STATIC ${objects})
add_library(sallyport::sallyport ALIAS sallyport)
set_target_properties(sallyport PROPERTIES LINKER_LANGUAGE CXX)
target_compile_features(sallyport PUBLIC cxx_std_23)
target_link_libraries(sallyport PUBLIC fmt::fmt)
target_sources(sallyport PUBLIC
  FILE_SET HEADERS
  BASE_DIRS include ${PROJECT_BINARY_DIR}/include
  FILES include/sallyport/firewall.h ${PROJECT_BINARY_DIR}/include/sallyport/version.h)
# Each public header stands alone: `all_verify_interface_header_sets` compiles it by itself.
set_target_properties(sallyport PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)

install(TARGETS sallyport EXPORT sallyport_targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT sallyport_targets NAMESPACE sallyport::
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sallyport)
configure_package_config_file(cmake/sallyport-config.cmake.in
  ${PROJECT_BINARY_DIR}/sallyport-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sallyport)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sallyport-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES include/sallyport/firewall.h ${PROJECT_BINARY_DIR}/sallyport-config.cmake
  ${PROJECT_BINARY_DIR}/sallyport-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sallyport)
install(DIRECTORY share/discovery DESTINATION ${CMAKE_INSTALL_DATADIR}/sallyport)
