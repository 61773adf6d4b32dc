#include <gtest/gtest.h>

#include "conntrack/test_conntrack.h"
#include "packet/headers.h"

namespace sallyport {
namespace {

using testing::Firewall;
using testing::spec;

// What Linux makes of the first four bytes of a header of eight, the call id being 5.
struct HeaderCase {
  const char* name;
  uint16_t flags_version;
  uint16_t protocol;
  const char* state;
  uint16_t key;
};

class GreHeaders : public ::testing::TestWithParam<HeaderCase> {};

TEST_P(GreHeaders, AreReadAsLinuxDoes) {
  Firewall firewall;
  PacketSpec tunnel = spec(protocol::kGre, "10.0.0.1", 0, "10.0.0.2", 0);
  tunnel.gre.call_id = 5;
  Packet packet = firewall.arrive(tunnel);
  auto& header = *reinterpret_cast<GreHeader*>(firewall.bytes.data() + sizeof(Ipv4Header));
  header = {.flags_version = GetParam().flags_version, .protocol = GetParam().protocol};
  EXPECT_EQ(firewall.pass(0, packet), GetParam().state);
  const Flow* flow = firewall.conntrack.find(firewall.tracked.flow);
  EXPECT_EQ(flow ? flow->tuple().destination_port : 0, GetParam().key);
}

INSTANTIATE_TEST_SUITE_P(
    , GreHeaders,
    ::testing::Values(HeaderCase{"Pptp", 0x2001, 0x880b, "NEW original", 5},
                      HeaderCase{"WithNumbers", 0x3081, 0x880b, "NEW original", 5},
                      HeaderCase{"WithoutKey", 0x0001, 0x880b, "NEW original", 5},
                      HeaderCase{"OtherProtocol", 0x2001, 0x0800, "INVALID invalid-gre", 0},
                      HeaderCase{"Version2", 0x2002, 0x880b, "NEW original", 0},
                      HeaderCase{"Version0", 0x2000, 0x880b, "NEW original", 0}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace sallyport
