#include "packet/fields.h"

namespace sallyport {
namespace {

constexpr std::array<std::string_view, static_cast<size_t>(Field::kCount)> kNames{{
#define X(enumerator, name) name,
    SALLYPORT_FIELDS(X)
#undef X
}};

}  // namespace

std::string_view field_name(Field field) {
  return kNames[static_cast<size_t>(field)];
}

}  // namespace sallyport
