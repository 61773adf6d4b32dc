// The element that a packet is, for a set of a given type.
#pragma once

#include <optional>

#include "packet/packet.h"
#include "sets/element.h"
#include "sets/query.h"

namespace sallyport {

// Nothing where the packet has no such element: too few dimensions asked, another
// family, no port. `not_captured` is set if that is because the bytes are not in
// the capture. A network's element is the whole address: the length is the lookup's.
std::optional<Element> element_of(const Packet& packet, const SetOptions& options,
                                  const SetQuery& query, bool& not_captured);

}  // namespace sallyport
