// TFTP (RFC 1350): a read or write request goes to port 69, and the answer comes from a port that
// the server chooses.
//
// Seen on Linux 6.18: opcodes 1 and 2 are all that counts, in either direction, and two bytes are
// enough; what is expected is always the server, from any port, to the port that asked.
#include "conntrack/helpers/helper.h"

namespace sallyport {
namespace {

constexpr uint8_t kReadRequest = 1, kWriteRequest = 2;

HelperAnswer read(const HelperPacket& packet, HelperMemory&) {
  std::string_view payload = packet.payload;
  if (payload.size() < 2) {
    return {.kind = packet.whole ? HelperAnswer::Kind::kNothing : HelperAnswer::Kind::kUnknown};
  }
  bool is_request = payload[0] == 0 && (payload[1] == kReadRequest || payload[1] == kWriteRequest);
  if (!is_request) return {};
  HelperAnswer answer{.kind = HelperAnswer::Kind::kExpect};
  answer.expected.tuple = invert(packet.tuple);
  answer.expected.tuple.source_port = 0;
  return answer;
}

}  // namespace

constinit const Helper kTftpHelper{
    .name = "tftp", .protocol = protocol::kUdp, .ipv6 = true, .drops_refused = true, .read = read};

}  // namespace sallyport
