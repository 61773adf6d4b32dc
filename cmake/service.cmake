# The service of a host: its unit, which names the program where it is installed, and files to begin
# with, for /etc/sallyport.
install(CODE "set(source [[${PROJECT_SOURCE_DIR}/share/host/sallyport.service.in]])
  set(unit [[${PROJECT_BINARY_DIR}/sallyport.service]])
  set(CMAKE_INSTALL_BINDIR [[${CMAKE_INSTALL_BINDIR}]])
  set(CMAKE_INSTALL_DATADIR [[${CMAKE_INSTALL_DATADIR}]])")
install(CODE [[
  foreach(dir BINDIR DATADIR)
    file(REAL_PATH "${CMAKE_INSTALL_${dir}}" CMAKE_INSTALL_FULL_${dir}
      BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}")
  endforeach()
  configure_file("${source}" "${unit}" @ONLY)
  file(INSTALL "${unit}" DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/systemd/system")]])
install(FILES share/host/sallyport.toml share/host/rules.v4 share/host/rules.v6
  DESTINATION ${CMAKE_INSTALL_DATADIR}/sallyport/host)
