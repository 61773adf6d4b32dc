// A packet as the kernel's log has it: "IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=…".
//
// The form is that which Linux has written since 2.4 and which logwatch, fwlogwatch, psad and
// fail2ban read. Where it prints the frame's header (MAC=) we have the source's address at most,
// so MAC= is empty, and --log-macdecode tells MACSRC.
#pragma once

#include <string>

#include "program/log_sink.h"

namespace sallyport {

// The packet has been parsed; `packet.data` may hold less than all of it. Without a line end.
std::string log_text(const Packet& packet, const BridgePorts& ports, const LogWish& wish);

}  // namespace sallyport
