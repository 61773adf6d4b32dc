// What is typed at a running firewall: any commands, one after the other, must do no harm. After
// each, what iptables-save and ipset save print must be what they read back.
//
// Trusted: nothing; whoever is in the socket's group may send anything. A text is a command a line,
// its words apart by blanks, "iptables -A INPUT -j DROP"; behind a '|' stands what it would read
// from standard input, with ';' for the ends of lines.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "control/managed.h"
#include "control/personality.h"
#include "packet/parse.h"
#include "rules/print.h"
#include "sets/set_store.h"

using namespace sallyport;

namespace {

constexpr size_t kMostCommands = 32;

void check(Managed& firewall) {
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    const std::string printed = print_rules(firewall.rules(family), {.counters = true});
    const auto again = firewall.read(family, printed);
    if (!again || print_rules(*again, {.counters = true}) != printed) std::abort();
  }
}

// A datagram through the rules as they are now.
void send(Engine& engine) {
  std::array<uint8_t, 28> bytes{0x45, 0, 0,  28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
                                0,    9, 10, 0,  0, 1, 0, 9, 0,  53, 0, 8, 0,  0};
  Packet packet;
  packet.arrive(bytes.data(), bytes.size(), bytes.size(), Instant{});
  parse(packet);
  packet.malformed = Reason::kNone;
  static const InterfaceName kEth0("eth0");
  const Way way{.path = Way::Path::kInput, .in = &kEth0, .routed = true};
  Outcome outcome;
  engine.process({&packet, 1}, {&way, 1}, {&outcome, 1});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Engine engine({}, std::make_unique<SetStore>(
                        make_hash_key(1), SetStore::Limits{.elements = 4096, .expanded = 4096}));
  Managed firewall(engine, std::nullopt, std::nullopt, std::nullopt, [] { return Instant{}; });
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (size_t commands = 0; !text.empty() && commands < kMostCommands; commands++) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    Request request;
    if (size_t bar = line.find('|'); bar != std::string_view::npos) {
      request.input = line.substr(bar + 1);
      std::ranges::replace(request.input, ';', '\n');
      line = line.substr(0, bar);
    }
    while (!line.empty()) {
      const std::string_view word = line.substr(0, line.find(' '));
      line.remove_prefix(std::min(word.size() + 1, line.size()));
      if (!word.empty()) request.arguments.emplace_back(word);
    }
    if (request.arguments.empty()) continue;
    const Personality* personality = find_personality(request.arguments.front());
    if (!personality) continue;
    request.arguments.erase(request.arguments.begin());
    Reply reply = personality->run(firewall, request);
    for (int turns = 0; reply.more && turns < 4; turns++) {
      std::string piece;
      if (reply.more(piece) == Rest::kNone) break;
    }
    check(firewall);
    send(engine);
  }
  return 0;
}
