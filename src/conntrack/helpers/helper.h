// Helpers: what reads the packets of a flow to learn which flow will come next.
//
// A helper is one file and one row: its name, whom it reads, how many flows it may expect at a
// time, and read(), which looks at one packet and says what it means. It knows neither table nor
// expectations: it is a function of the packet and of what the helper remembers of the flow,
// so that any bytes can be thrown at it. A flow has a helper only by `-j CT --helper`
// (kernel-facts 39).
//
// A helper runs when the rules have accepted the packet on its last hook, and may still drop it
// (kernel-facts 40).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "conntrack/flow.h"
#include "conntrack/flow_extension.h"
#include "packet/host.h"
#include "packet/packet.h"

namespace sallyport {

// A packet of the flow, with a whole transport header.
struct HelperPacket {
  const Packet& packet;
  std::string_view payload;  // what the capture has of it
  bool whole = true;         // it has all of it
  uint32_t sequence = 0;     // TCP: of the payload's first byte
  const Tuple& tuple;        // of the flow's original direction
  Direction direction = Direction::kOriginal;
  bool established = false;    // ESTABLISHED, either way
  const Host* host = nullptr;  // null: it is not known what this host is
};

// The flow that is to come: its tuple, of which only what the masks say is compared.
struct Expected {
  Tuple tuple;
  Address source_mask{{~0u, ~0u, ~0u, ~0u}};
  uint16_t source_port_mask = 0;
};

struct HelperAnswer {
  enum class Kind : uint8_t {
    kNothing,
    kExpect,
    kDrop,     // the packet: half a command
    kUnknown,  // the capture has too little of it
  } kind = Kind::kNothing;
  Expected expected;
};

struct Helper {
  std::string_view name;
  uint8_t protocol = 0;
  bool ipv6 = false;            // it reads IPv6 too
  uint32_t most_expected = 1;   // at a time, of one master: then the oldest gives way
  uint32_t seconds = 300;       // that an expectation waits
  bool permanent = false;       // ... and all that time, however many flows have come
  bool drops_refused = false;   // the packet goes where its expectation has no place
  uint32_t master_seconds = 0;  // an expectation sets its master's timer; 0: leaves it
  HelperAnswer (*read)(const HelperPacket& packet, HelperMemory& memory) = nullptr;
};

extern const Helper kFtpHelper;
extern const Helper kNetbiosNsHelper;
extern const Helper kTftpHelper;

std::span<const Helper* const> all_helpers();
// Null: Sallyport has none of this name for this protocol and family.
const Helper* find_helper(std::string_view name, uint8_t protocol, Family family);

}  // namespace sallyport
