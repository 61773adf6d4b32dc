# Flags that every target has. The program runs on any x86-64-v2 or arm64
# machine: wider code is chosen at run time, never with -march=native.
add_library(sallyport_flags INTERFACE)
target_compile_options(sallyport_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-missing-field-initializers
  -Wnon-virtual-dtor -Woverloaded-virtual)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
  target_compile_options(sallyport_flags INTERFACE -march=x86-64-v2)
  # Packets and outcomes are cleared and copied by the burst: GCC's own choice for 64 bytes and more,
  # rep stos and rep movs, takes some 30 cycles to begin.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(sallyport_flags INTERFACE
      -mmemset-strategy=unrolled_loop:256:noalign,libcall:-1:noalign
      -mmemcpy-strategy=unrolled_loop:256:noalign,libcall:-1:noalign)
  endif()
endif()
set(SALLYPORT_SANITIZE "" CACHE STRING "Sanitizers: address,undefined or thread")
if(SALLYPORT_SANITIZE)
  target_compile_options(sallyport_flags INTERFACE
    -fsanitize=${SALLYPORT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sallyport_flags INTERFACE -fsanitize=${SALLYPORT_SANITIZE})
  target_compile_definitions(sallyport_flags INTERFACE SALLYPORT_SANITIZED)
endif()
option(SALLYPORT_COVERAGE "Measure coverage" OFF)
if(SALLYPORT_COVERAGE)
  target_compile_options(sallyport_flags INTERFACE --coverage)
  target_link_options(sallyport_flags INTERFACE --coverage)
endif()
option(SALLYPORT_WERROR "Warnings are errors" ON)
if(SALLYPORT_WERROR)
  target_compile_options(sallyport_flags INTERFACE -Werror)
endif()

# Code that no packet waits for: much of a clean build's time would go into optimizing it.
function(sallyport_cold target)
  if(SALLYPORT_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  else()
    target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
  endif()
endfunction()
