#include "cli/terminal.h"

#include <algorithm>
#include <cstdlib>
#include <unistd.h>

namespace sallyport {

bool stdout_is_terminal() {
  return isatty(STDOUT_FILENO) != 0;
}
bool stderr_is_terminal() {
  return isatty(STDERR_FILENO) != 0;
}

std::string wrapped(std::string_view text, size_t indent, size_t at, size_t width) {
  std::string out;
  for (bool first = true; !text.empty(); first = false) {
    size_t end = std::min(text.find(' '), text.size());
    if (!first && at + 1 + end > width) {
      out += '\n' + std::string(indent, ' ');
      at = indent;
    } else if (!first) {
      out += ' ';
      at++;
    }
    out += text.substr(0, end);
    at += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Style stdout_style() {
  const char* no_colour = std::getenv("NO_COLOR");
  return {.colour = stdout_is_terminal() && !(no_colour && *no_colour)};
}

}  // namespace sallyport
