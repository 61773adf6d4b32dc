// Discovery seen from connection tracking: what `--ctstate` says of each packet.
#include <gtest/gtest.h>

#include "conntrack/discovery/discovery.h"
#include "conntrack/test_conntrack.h"

namespace sallyport {
namespace {

using testing::Firewall;
using testing::spec;

constexpr const char* kHost = "192.168.1.2";
constexpr const char* kGroup = "239.255.255.250";

PacketSpec with(PacketSpec packet, std::string_view payload) {
  packet.payload.assign(payload.begin(), payload.end());
  return packet;
}

PacketSpec search() {
  return with(spec(protocol::kUdp, kHost, 43210, kGroup, 1900),
              "M-SEARCH * HTTP/1.1\r\nMX: 5\r\nST: ssdp:all\r\n\r\n");
}
PacketSpec answer(const char* from, uint16_t port) {
  return with(spec(protocol::kUdp, from, port, kHost, 43210), "HTTP/1.1 200 OK\r\n\r\n");
}

class Scene {
 public:
  explicit Scene(bool discovers = true) : firewall_({}, discovers ? &discovery_ : nullptr) {
    host_.add(firewall_.interface, *Prefix::parse("192.168.1.2/24"));
    host_.join(Family::kIpv4, *Address::parse(Family::kIpv4, kGroup));
  }

  std::string out(double seconds, const PacketSpec& what, uint32_t cut_off = 0) {
    Packet packet = firewall_.arrive(what);
    packet.captured -= cut_off;
    packet.in = nullptr;
    packet.out = &firewall_.interface;
    return firewall_.pass(seconds, packet);
  }
  std::string in(double seconds, const PacketSpec& what) { return firewall_.pass(seconds, what); }

  // The host's rules drop the packet that it wants to send.
  void dropped_out(double seconds, const PacketSpec& what) {
    Packet packet = firewall_.arrive(what);
    packet.in = nullptr;
    packet.out = &firewall_.interface;
    firewall_.conntrack.reserve(1, Firewall::at(seconds));
    firewall_.conntrack.release(firewall_.conntrack.track(packet, {}, Firewall::at(seconds)));
  }

 private:
  Host host_;
  Discovery discovery_{builtin_descriptors(), host_, make_hash_key(1)};
  Firewall firewall_;
};

// The scene of share/demo/discovery.pcap. What Linux says was seen on Linux 6.18
// (share/demo/README.md).
TEST(DiscoveryTracked, AnswersAreRelatedWhereLinuxHasThemNew) {
  struct Row {
    double at;  // seconds after the search
    PacketSpec packet;
    const char* linux_says;
    const char* we_say;
  };
  const PacketSpec notify = with(spec(protocol::kUdp, "192.168.1.8", 41900, kGroup, 1900),
                                 "NOTIFY * HTTP/1.1\r\nNTS: ssdp:alive\r\n\r\n");
  const Row kRows[] = {
      {0.3, answer("192.168.1.7", 1900), "NEW original", "RELATED original"},
      {1.1, answer("192.168.1.9", 49152), "NEW original", "RELATED original"},
      {1.6, answer("203.0.113.66", 1900), "NEW original", "NEW original discovery-off-link"},
      {2.2, notify, "NEW original", "RELATED original"},
      {2.9, answer("192.168.1.8", 1900), "NEW original", "RELATED original"},
      {4.6, answer("192.168.1.10", 1900), "NEW original", "RELATED original"},
      {6.0, answer("192.168.1.11", 1900), "NEW original", "NEW original discovery-late"},
  };
  Scene with_discovery, compat_linux(false);
  EXPECT_EQ(with_discovery.out(0, search()), "NEW original");
  EXPECT_EQ(compat_linux.out(0, search()), "NEW original");
  for (const Row& row : kRows) {
    EXPECT_EQ(with_discovery.in(row.at, row.packet), row.we_say) << row.at;
    EXPECT_EQ(compat_linux.in(row.at, row.packet), row.linux_says) << row.at;
  }
}

TEST(DiscoveryTracked, AQuestionThatWasDroppedOpensNothing) {
  Scene scene;
  scene.dropped_out(0, search());
  EXPECT_EQ(scene.in(0.3, answer("192.168.1.7", 1900)), "NEW original");
}

TEST(DiscoveryTracked, WhoHasAnsweredCannotKeepThePortOpenByTalkingOn) {
  Scene scene;
  scene.out(0, search());
  for (double at : {0.3, 1.0, 3.0, 5.0, 5.996}) {
    EXPECT_EQ(scene.in(at, answer("192.168.1.7", 1900)), "RELATED original") << at;
  }
  EXPECT_EQ(scene.in(6.0, answer("192.168.1.7", 1900)), "NEW original discovery-late");
}

TEST(DiscoveryTracked, WhereTheCaptureCutTheQuestionOffTheAnswerSaysSo) {
  Scene scene;
  scene.out(0, search(), static_cast<uint32_t>(search().payload.size()));
  EXPECT_EQ(scene.in(0.3, answer("192.168.1.7", 1900)), "RELATED original not-in-the-capture");
}

TEST(DiscoveryTracked, ARepeatedSearchLetsTheSameDeviceAnswerAgain) {
  Scene scene;
  scene.out(0, search());
  scene.in(0.3, answer("192.168.1.7", 1900));
  EXPECT_EQ(scene.out(5, search()), "NEW original");
  EXPECT_EQ(scene.in(10.9, answer("192.168.1.7", 1900)), "RELATED original");
}

TEST(DiscoveryTracked, AConversationThatFollowsIsEstablished) {
  Scene scene;
  scene.out(0, search());
  scene.in(0.3, answer("192.168.1.7", 1900));
  const PacketSpec more = spec(protocol::kUdp, kHost, 43210, "192.168.1.7", 1900);
  EXPECT_EQ(scene.out(1, more), "ESTABLISHED reply");
  EXPECT_EQ(scene.in(2, answer("192.168.1.7", 1900)), "ESTABLISHED original");
  // The window is over, and with it the answer's flow; the host's next packet begins another.
  EXPECT_EQ(scene.out(7, more), "NEW original");
  EXPECT_EQ(scene.in(8, answer("192.168.1.7", 1900)), "ESTABLISHED reply");
}

}  // namespace
}  // namespace sallyport
