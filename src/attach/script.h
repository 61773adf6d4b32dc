// Scripts: packets as text with what should happen to each (docs/flow.md).
//
// Parsing is all: who runs a script (the engine, the kernel judge, `ask`) finds
// here the bytes of each packet, its time and way, and the expectations as data.
// A script is refused whole, with all of its errors, or taken whole.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attach/packet_text.h"
#include "base/address.h"
#include "base/diagnostic.h"
#include "base/reason.h"
#include "base/time.h"
#include "conntrack/flow.h"
#include "engine/outcome.h"
#include "packet/packet.h"

namespace sallyport {

// What a script says should become of a packet. What is not said is not asked.
struct ExpectedOutcome {
  Outcome::Fate fate = Outcome::Fate::kAccept;
  std::optional<CtInfo> state;  // kNone: conntrack has not seen it (`-`)
  std::optional<Direction> direction;
  std::optional<uint32_t> timeout;  // seconds
  std::optional<TcpState> tcp;
  std::optional<SctpState> sctp;
  std::optional<uint32_t> status;  // exactly these of kReportedStatus
  bool gone = false;
  struct Rule {
    std::string table, chain;
    uint32_t number = 0;  // 0: the policy
    friend bool operator==(const Rule&, const Rule&) = default;
  };
  std::optional<Rule> rule;
  std::optional<Reason> reason;
  // What REJECT sends back, without the sending host's choices (observation.h); empty: nothing.
  std::optional<std::vector<uint8_t>> answer;

  static constexpr uint32_t kReportedStatus =
      ct_status::kExpected | ct_status::kSeenReply | ct_status::kAssured;
  std::string text() const;  // as it stands after `=>`
};

// Two ports under one name: what comes in at one goes out by the other.
struct ScriptBridge {
  InterfaceName name;
  std::array<InterfaceName, 2> ports;
};

struct ScriptPacket {
  enum class Path : uint8_t { kIn, kOut, kForward, kBridged };
  Path path = Path::kIn;
  InterfaceName in, out;  // as rules see them: of a port its bridge; empty: none
  BridgePorts ports;      // empty: it comes in at no port
  Duration time{};        // since the start of the script
  PacketText packet;
  std::optional<ExpectedOutcome> expected;
  uint32_t line = 0;
  uint32_t end_column = 0;      // of the packet's text: `=>` comes after it
  uint32_t comment_column = 0;  // 0: no comment on this line
};

struct Script {
  struct HostAddress {
    InterfaceName interface;
    Prefix address;
  };
  struct Group {
    Family family;
    Address address;
  };
  // A text within the script, and where its first line stands.
  struct Block {
    std::string text;
    uint32_t line = 0;
  };

  std::vector<HostAddress> host;
  std::vector<ScriptBridge> bridges;
  bool forwards = false;  // a router; `inside` is what it protects
  std::vector<Prefix> inside;
  std::vector<Group> groups;
  std::vector<std::pair<std::string, std::string>> sysctls;  // in order
  bool compat_linux = true;
  std::string
      differs;  // why the engine is known to differ from the kernel here; empty: it must not
  std::optional<Block> sets, rules, rules6;
  std::vector<ScriptPacket> packets;
};

// Nothing, if `diagnostics` is not empty afterwards. Bytes of all packets together are bounded.
std::optional<Script> parse_script(std::string_view text, Diagnostics& diagnostics);

// A single line, as `ask` takes it: [TIME] WAY PACKET [=> EXPECTED]. `previous` is the time of
// the packet before it, if there was one.
std::optional<ScriptPacket> parse_script_line(std::string_view line, uint32_t number,
                                              std::optional<Duration> previous,
                                              Diagnostics& diagnostics);

}  // namespace sallyport
