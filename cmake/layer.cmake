# A layer is a folder of src/: an object library sallyport_NAME, and the tests
# that stand beside its sources in one program NAME_test.
#
#   sallyport_layer(packet USES base SOURCES parse.cc ... TESTS parse_test.cc ...)
#   sallyport_layer(cli COLD ...): no packet waits for it
function(sallyport_layer name)
  cmake_parse_arguments(arg COLD "" "USES;SOURCES;TESTS;LIBRARIES" ${ARGN})
  add_library(sallyport_${name} OBJECT ${arg_SOURCES})
  target_include_directories(sallyport_${name} PUBLIC
    ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  list(TRANSFORM arg_USES PREPEND sallyport_ OUTPUT_VARIABLE uses)
  target_link_libraries(sallyport_${name} PUBLIC sallyport_flags ${uses} ${arg_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY SALLYPORT_LAYERS sallyport_${name})
  if(arg_COLD)
    sallyport_cold(sallyport_${name})
  elseif(SALLYPORT_FUZZ)  # reports its branches to the fuzzer
    target_compile_options(sallyport_${name} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(SALLYPORT_TESTS AND arg_TESTS)
    add_executable(${name}_test ${arg_TESTS})
    target_link_libraries(${name}_test PRIVATE GTest::gtest GTest::gtest_main)
    # The code under test is optimized, the tests themselves are not, and what they all include is
    # compiled once: half the time to build them.
    target_compile_options(${name}_test PRIVATE -O0)
    if(TARGET base_test AND NOT name STREQUAL base)
      target_precompile_headers(${name}_test REUSE_FROM base_test)
    else()
      target_precompile_headers(${name}_test PRIVATE
        <algorithm> <array> <map> <optional> <span> <string> <vector> <gtest/gtest.h>)
    endif()
    sallyport_link_layers(${name}_test ${name})
    gtest_discover_tests(${name}_test TEST_PREFIX ${name}/ DISCOVERY_TIMEOUT 60)
  endif()
endfunction()

# Object libraries do not hand their objects on: link a layer with all it uses.
function(sallyport_link_layers target)
  set(todo ${ARGN})
  set(seen)
  while(todo)
    list(POP_FRONT todo name)
    if(name IN_LIST seen)
      continue()
    endif()
    list(APPEND seen ${name})
    get_target_property(libraries sallyport_${name} LINK_LIBRARIES)
    foreach(library IN LISTS libraries)
      if(library MATCHES "^sallyport_(.+)$" AND NOT library STREQUAL "sallyport_flags")
        list(APPEND todo ${CMAKE_MATCH_1})
      endif()
    endforeach()
  endwhile()
  list(TRANSFORM seen PREPEND sallyport_)
  target_link_libraries(${target} PRIVATE ${seen})
endfunction()
