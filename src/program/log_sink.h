// Whom LOG tells of a packet: on the packet path, so it keeps what it needs and writes later.
#pragma once

#include <cstdint>
#include <string_view>

#include "packet/packet.h"

namespace sallyport {

// What a rule of LOG wants to see.
struct LogWish {
  std::string_view prefix;
  uint8_t level = 4;  // syslog's severity (RFC 5424)
  bool tcp_sequence = false, tcp_options = false, ip_options = false, uid = false,
       macdecode = false;
};

class LogSink {
 public:
  // The packet is as the rule sees it, its interfaces being those of the hook.
  virtual void log(const Packet& packet, const LogWish& wish) = 0;

 protected:
  ~LogSink() = default;
};

}  // namespace sallyport
