#include "cli/terminal.h"

#include <cstdlib>
#include <unistd.h>

namespace sallyport {

bool stdout_is_terminal() {
  return isatty(STDOUT_FILENO) != 0;
}
bool stderr_is_terminal() {
  return isatty(STDERR_FILENO) != 0;
}

Style stdout_style() {
  const char* no_colour = std::getenv("NO_COLOR");
  return {.colour = stdout_is_terminal() && !(no_colour && *no_colour)};
}

}  // namespace sallyport
