// Scripts of packets: any text must be read without harm, and each packet of one that is taken is
// a packet: it parses, it names the flow that it would be found under, and what is expected of it
// reads back as itself.
//
// Trusted: nothing; `ask` and `--expect` read what users were sent.
#include <cstdlib>

#include "attach/observation.h"
#include "attach/script_run.h"

using namespace sallyport;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Diagnostics diagnostics;
  std::optional<Script> script = parse_script(text, diagnostics);
  if (script.has_value() != diagnostics.empty()) std::abort();
  if (!script) {
    diagnostics.render("script", text);
    return 0;
  }
  Duration before{};
  for (ScriptPacket& packet : script->packets) {
    if (packet.time < before) std::abort();
    before = packet.time;
    packet_of(packet, packet.packet.bytes, Instant{});
    tuple_of(packet.packet);
    if (!packet.expected) continue;
    std::string expected = packet.expected->text();
    std::optional<ScriptPacket> again = parse_script_line(
        "in udp 1.1.1.1:1 > 2.2.2.2:2 => " + expected, 1, std::nullopt, diagnostics);
    if (!again || again->expected->text() != expected) std::abort();
  }
  return 0;
}
