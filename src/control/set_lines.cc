#include "control/set_lines.h"

#include <algorithm>

namespace sallyport {

std::string with_exist(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    out += line;
    for (std::string_view command : {"create ", "add ", "del ", "-N ", "-A ", "-D "}) {
      if (line.starts_with(command)) out += " -exist";
    }
    out += '\n';
    at = end + 1;
  }
  return out;
}

}  // namespace sallyport
