// Whom LOG and NFLOG tell of a packet: on the packet path, so that they keep what they need and
// write later.
#pragma once

#include <cstdint>
#include <string_view>

#include "program/context.h"

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
  virtual void log(const Context& context, const LogWish& wish) = 0;

 protected:
  ~LogSink() = default;
};

// What a rule of NFLOG wants to be kept.
struct NflogWish {
  std::string_view prefix;
  uint16_t group = 0;
  uint32_t bytes = 0xffff;  // of the packet, from its IP header on
};

class NflogSink {
 public:
  // As above.
  virtual void keep(const Context& context, const NflogWish& wish) = 0;

 protected:
  ~NflogSink() = default;
};

struct LogSinks {
  LogSink* log = nullptr;  // null: nobody listens
  NflogSink* nflog = nullptr;
};

}  // namespace sallyport
