// A state file of an earlier run: whatever its records say, what is put back is a firewall that
// goes on judging packets, and can be written down again.
//
// Trusted: nothing; a file may be of another machine, or rotten.
#include <cstdlib>
#include <memory>
#include <string>

#include "conntrack/flow_record.h"
#include "control/kept_state.h"
#include "packet/parse.h"
#include "sets/set_store.h"

using namespace sallyport;

namespace {

constexpr Tick kNow = 1000;
const Instant kTime{std::chrono::milliseconds(4 * kNow)};

void send(Engine& engine, Way::Path path) {
  std::array<uint8_t, 28> bytes{0x45, 0, 0,  28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0,
                                0,    9, 10, 0,  0, 1, 0, 9, 0,  53, 0, 8, 0,  0};
  Packet packet;
  packet.arrive(bytes.data(), bytes.size(), bytes.size(), kTime);
  parse(packet);
  packet.malformed = Reason::kNone;
  static const InterfaceName kEth0("eth0");
  const Way way{.path = path, .in = &kEth0, .routed = true};
  Outcome outcome;
  engine.process({&packet, 1}, {&way, 1}, {&outcome, 1});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Engine engine({.descriptors = builtin_descriptors()},
                std::make_unique<SetStore>(make_hash_key(1),
                                           SetStore::Limits{.elements = 4096, .expanded = 4096}));
  Managed firewall(engine, std::nullopt, std::nullopt, std::nullopt, [] { return kTime; });
  auto rules =
      firewall.read(Family::kIpv4, "*filter\n-A INPUT -m state --state NEW -j DROP\nCOMMIT\n");
  if (!rules) std::abort();
  firewall.put(std::move(*rules), Managed::Counters::kOfText);

  KeptState state;
  state.add({reinterpret_cast<const char*>(data), size});
  for (const std::string& text : state.sets(kNow)) {
    Diagnostics diagnostics;
    engine.sets().restore(text, kNow, diagnostics);
  }
  state.restore(firewall, kNow);
  send(engine, Way::Path::kInput);
  send(engine, Way::Path::kOutput);
  Conntrack& conntrack = engine.conntrack();
  conntrack.look_through(0, conntrack.places(), [&](uint32_t place, const Flow* flow) {
    if (!flow) return;
    std::string bytes;
    append_record(conntrack.record(place), bytes);
    if (!parse_flow_record(bytes)) std::abort();
  });
  expectations_record(engine);
  windows_record(engine);
  sets_record(engine.sets(), kNow);
  engine.pass_time(kTime + std::chrono::hours(1000));
  return 0;
}
