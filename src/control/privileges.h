// What a daemon keeps of root's rights once all is open.
#pragma once

#include <expected>
#include <string>

namespace sallyport {

// CAP_NET_ADMIN alone, for verdicts and queues. Programs that it starts, to take its own rules out
// of the kernel, may have CAP_NET_RAW besides, as iptables-legacy asks for it; no others, ever.
std::expected<void, std::string> drop_privileges();

}  // namespace sallyport
