// What the system says of an error of its own, in words.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

namespace sallyport {

// "No space left on device"
inline std::string system_error(int number = errno) {
  return std::generic_category().message(number);
}

// "WHAT: No space left on device"
inline std::string system_error(std::string_view what, int number = errno) {
  return std::string(what) + ": " + system_error(number);
}

}  // namespace sallyport
