// Tells a service manager how we are, as sd_notify(3) describes: a datagram to the socket that
// NOTIFY_SOCKET names. Without one nothing happens.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace sallyport {

void notify_manager(std::string_view state);  // "READY=1"
// How often it wants to hear "WATCHDOG=1" (WATCHDOG_USEC); nothing: never.
std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace sallyport
