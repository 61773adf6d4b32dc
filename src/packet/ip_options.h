// The options of an IPv4 header (RFC 791, 3.1), which Linux reads of what it receives after
// PREROUTING, before it looks for a route.
#pragma once

#include <cstdint>
#include <span>

namespace sallyport {

// Whether Linux goes on with a packet that has these, the bytes behind the header's first 20. It
// does not with a source route, as net.ipv4.conf.*.accept_source_route is off unless turned on.
bool are_good_ip_options(std::span<const uint8_t> options);

}  // namespace sallyport
