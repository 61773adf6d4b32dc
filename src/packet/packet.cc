#include "packet/packet.h"

#include <cstring>

namespace sallyport {

InterfaceName::InterfaceName(std::string_view name) {
  name.substr(0, bytes.size() - 1).copy(bytes.data(), bytes.size() - 1);
}

std::string_view InterfaceName::text() const {
  return {bytes.data(), strnlen(bytes.data(), bytes.size())};
}

}  // namespace sallyport
