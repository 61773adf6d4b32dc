// Texts of `ipset save`, line by line.
#pragma once

#include <string>
#include <string_view>

namespace sallyport {

// As if -exist stood in each line: what is there already is no error. Lines stay where they are.
std::string with_exist(std::string_view text);

}  // namespace sallyport
