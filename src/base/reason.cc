#include "base/reason.h"

#include <algorithm>
#include <array>

namespace sallyport {
namespace {

struct Words {
  std::string_view name;
  std::string_view sentence;
};

constexpr std::array<Words, static_cast<size_t>(Reason::kCount)> kWords{{
#define X(enumerator, name, sentence) {name, sentence},
    SALLYPORT_REASONS(X)
#undef X
}};

}  // namespace

std::string_view reason_name(Reason reason) {
  return kWords[static_cast<size_t>(reason)].name;
}
std::optional<Reason> find_reason(std::string_view name) {
  auto found = std::ranges::find(kWords, name, &Words::name);
  if (name.empty() || found == kWords.end()) return std::nullopt;
  return static_cast<Reason>(found - kWords.begin());
}
std::string_view reason_sentence(Reason reason) {
  return kWords[static_cast<size_t>(reason)].sentence;
}

}  // namespace sallyport
