// From a frame to its network layer: what lies at the front, for each link type.
#pragma once

#include "attach/capture.h"

namespace sallyport {

bool is_known_link_type(uint16_t type);

// Fills the record's members of the link layer from its frame. Never reads beyond it.
void read_link_layer(Record& record);

}  // namespace sallyport
