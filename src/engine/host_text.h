// What a host is, as text: "[IFNAME=]ADDR[/LEN],…", the form of --host.
#pragma once

#include <string>
#include <string_view>

#include "base/diagnostic.h"
#include "packet/host.h"

namespace sallyport {

// Adds the addresses to `host`; an address without a name goes to the unnamed interface. Without
// LEN it is /32 or /128: nothing is on-link. Columns in errors count within `text`.
Result<void> add_host_text(std::string_view text, Host& host);

}  // namespace sallyport
