#include "engine/outcome.h"

#include <array>

namespace sallyport {

std::string_view verdict_word(Outcome::Fate fate) {
  constexpr std::array<std::string_view, 5> kWords{"NONE", "ACCEPT", "DROP", "QUEUE", "STOLEN"};
  return kWords[static_cast<size_t>(fate)];
}

}  // namespace sallyport
