#include "engine/way.h"

#include <gtest/gtest.h>
#include <vector>

#include "packet/build.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

struct Sent {
  std::vector<uint8_t> bytes;
  Packet packet;

  Sent(std::string_view source, std::string_view destination) {
    Family family = source.find(':') == std::string_view::npos ? Family::kIpv4 : Family::kIpv6;
    PacketSpec spec{.family = family,
                    .source = *Address::parse(family, source),
                    .destination = *Address::parse(family, destination)};
    bytes = build(spec);
    packet.data = bytes.data();
    packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
    parse(packet);
  }
};

Host home() {
  Host host;
  host.add(InterfaceName("eth0"), *Prefix::parse("192.168.1.2/24"));
  host.add(InterfaceName("eth0"), *Prefix::parse("fe80::2/64"));
  return host;
}

std::string describe(const Way& way) {
  auto name = [](const InterfaceName* interface) {
    return interface ? std::string(interface->text()) : "-";
  };
  switch (way.path) {
    case Way::Path::kNone: return "none " + std::string(reason_name(way.reason));
    case Way::Path::kInput: return "input " + name(way.in) + " " + name(way.out);
    case Way::Path::kOutput: return "output " + name(way.in) + " " + name(way.out);
    case Way::Path::kForward: return "forward " + name(way.in) + " " + name(way.out);
    case Way::Path::kBridged:
      return "bridged " + name(way.in) + " " + name(way.out) + " from " + name(&way.ports->in) +
             " to " + name(&way.ports->out);
    case Way::Path::kLoopback: return "loopback " + name(way.in) + " " + name(way.out);
    case Way::Path::kLooped: return "looped " + name(way.in);
  }
  return "";
}

TEST(Way, OfAHostsPackets) {
  Host host = home();
  Viewpoint viewpoint = Viewpoint::of_host(host, InterfaceName("eth9"));
  struct Case {
    std::string_view source, destination, way;
  };
  for (const Case& c : {
           Case{"192.168.1.2", "192.168.1.9", "output - eth0"},
           Case{"192.168.1.9", "192.168.1.2", "input eth0 -"},
           Case{"192.168.1.2", "192.168.1.2", "loopback lo lo"},
           Case{"127.0.0.1", "127.0.0.1", "loopback lo lo"},
           Case{"192.168.1.9", "192.168.1.7", "none other-host"},
           Case{"192.168.1.9", "192.168.1.255", "input eth0 -"},
           Case{"0.0.0.0", "255.255.255.255", "input eth0 -"},
           Case{"192.168.1.9", "224.0.0.1", "input eth0 -"},
           Case{"192.168.1.9", "239.255.255.250", "input eth0 -"},
           Case{"192.168.1.9", "224.0.0.251", "input eth0 -"},
           Case{"192.168.1.2", "224.0.0.251", "output - eth0"},
           Case{"fe80::9", "fe80::2", "input eth0 -"},
           Case{"fe80::9", "ff02::1:ff00:2", "input eth0 -"},
           Case{"fe80::9", "ff02::fb", "input eth0 -"},
       }) {
    Sent sent(c.source, c.destination);
    EXPECT_EQ(describe(viewpoint.way(sent.packet, nullptr)), c.way) << c.source << c.destination;
  }
}

TEST(Way, TheHostsOwnAddressTellsTheInterface) {
  Host host = home();
  host.add(InterfaceName("eth1"), *Prefix::parse("10.0.0.2/24"));
  host.add(InterfaceName("eth1"), *Prefix::parse("fd00::2/64"));
  Viewpoint viewpoint = Viewpoint::of_host(host, InterfaceName("eth9"));
  struct Case {
    std::string_view source, destination, way;
  };
  for (const Case& c : {
           Case{"10.0.0.2", "192.168.1.9", "output - eth1"},
           Case{"192.168.1.9", "10.0.0.2", "input eth1 -"},
           Case{"10.0.0.9", "192.168.1.2", "input eth0 -"},
           Case{"fd00::2", "fe80::9", "output - eth1"},
           Case{"fe80::9", "fd00::2", "input eth1 -"},
           Case{"fe80::9", "ff02::fb", "input eth9 -"},
       }) {
    Sent sent(c.source, c.destination);
    EXPECT_EQ(describe(viewpoint.way(sent.packet, nullptr)), c.way) << c.source << c.destination;
  }
}

TEST(Way, AnUnnamedInterfaceIsTheRecordedOneOrElseTheDefault) {
  Host host;
  host.add(InterfaceName(), *Prefix::parse("192.168.1.2/24"));
  Viewpoint viewpoint = Viewpoint::of_host(host, InterfaceName("eth9"));
  InterfaceName recorded("wlan0");
  Sent sent("192.168.1.9", "192.168.1.2");
  EXPECT_EQ(describe(viewpoint.way(sent.packet, &recorded)), "input wlan0 -");
  EXPECT_EQ(describe(viewpoint.way(sent.packet, nullptr)), "input eth9 -");
}

TEST(Way, OfSeveralInterfacesTheHostsOwnAddressTellsWhich) {
  Host host = home();
  host.add(InterfaceName("eth1"), *Prefix::parse("10.0.0.2/24"));
  Viewpoint viewpoint = Viewpoint::of_host(host, InterfaceName("eth9"));
  struct Case {
    std::string_view source, destination, way;
  };
  for (const Case& c : {
           Case{"192.168.1.9", "10.0.0.2", "input eth1 -"},
           Case{"10.0.0.2", "192.168.1.9", "output - eth1"},
           Case{"10.0.0.9", "224.0.0.1", "input eth9 -"},
           Case{"10.0.0.2", "224.0.0.1", "output - eth1"},
       }) {
    Sent sent(c.source, c.destination);
    EXPECT_EQ(describe(viewpoint.way(sent.packet, nullptr)), c.way) << c.source << c.destination;
  }
}

TEST(Way, ThePacketTypeIsToldFromTheAddress) {
  Host host = home();
  Viewpoint viewpoint = Viewpoint::of_host(host, InterfaceName("eth9"));
  struct Case {
    std::string_view destination;
    PacketType type;
  };
  for (const Case& c :
       {Case{"192.168.1.2", PacketType::kHost}, Case{"192.168.1.255", PacketType::kBroadcast},
        Case{"239.255.255.250", PacketType::kMulticast}}) {
    Sent sent("192.168.1.9", c.destination);
    viewpoint.way(sent.packet, nullptr);
    EXPECT_EQ(sent.packet.fields[Field::kPacketType], static_cast<uint32_t>(c.type));
  }
}

TEST(Way, ARouterForwardsBetweenInsideAndOutside) {
  Viewpoint viewpoint = Viewpoint::of_router({*Prefix::parse("10.0.0.0/24")}, InterfaceName("in0"),
                                             InterfaceName("out0"));
  Sent from_inside("10.0.0.7", "192.0.2.1");
  EXPECT_EQ(describe(viewpoint.way(from_inside.packet, nullptr)), "forward in0 out0");
  Sent from_outside("192.0.2.1", "10.0.0.7");
  EXPECT_EQ(describe(viewpoint.way(from_outside.packet, nullptr)), "forward out0 in0");
}

TEST(Way, ABridgeForwardsBetweenItsPorts) {
  Viewpoint viewpoint = Viewpoint::of_bridge({*Prefix::parse("10.0.0.7/32")}, InterfaceName("br0"),
                                             InterfaceName("in0"), InterfaceName("out0"));
  Sent from_inside("10.0.0.7", "10.0.0.8");
  EXPECT_EQ(describe(viewpoint.way(from_inside.packet, nullptr)),
            "bridged br0 br0 from in0 to out0");
  Sent from_outside("10.0.0.8", "10.0.0.7");
  EXPECT_EQ(describe(viewpoint.way(from_outside.packet, nullptr)),
            "bridged br0 br0 from out0 to in0");
}

TEST(Way, OnABridgeAnothersFrameIsLikeOnesOwn) {
  Viewpoint viewpoint =
      Viewpoint::of_bridge({}, InterfaceName("br0"), InterfaceName("in0"), InterfaceName("out0"));
  struct Case {
    std::string_view destination;
    PacketType captured, seen;
  };
  for (const Case& c : {
           Case{"10.0.0.8", PacketType::kOtherHost, PacketType::kHost},
           Case{"10.0.0.8", PacketType::kHost, PacketType::kHost},
           Case{"10.0.0.8", PacketType::kBroadcast, PacketType::kBroadcast},
           Case{"255.255.255.255", PacketType::kHost, PacketType::kBroadcast},
           Case{"224.0.0.251", PacketType::kHost, PacketType::kMulticast},
       }) {
    Sent sent("10.0.0.7", c.destination);
    sent.packet.fields[Field::kPacketType] = static_cast<uint32_t>(c.captured);
    viewpoint.way(sent.packet, nullptr);
    EXPECT_EQ(sent.packet.fields[Field::kPacketType], static_cast<uint32_t>(c.seen))
        << c.destination;
  }
}

TEST(Way, ABridgeHandsOnWhatAHostRefusesForItsAddresses) {
  Viewpoint bridge =
      Viewpoint::of_bridge({}, InterfaceName("br0"), InterfaceName("in0"), InterfaceName("out0"));
  Viewpoint router = Viewpoint::of_router({}, InterfaceName("in0"), InterfaceName("out0"));
  Sent sent("ff02::1", "fd00::2");
  EXPECT_EQ(describe(router.way(sent.packet, nullptr)), "none bad-header");
  EXPECT_EQ(describe(bridge.way(sent.packet, nullptr)), "bridged br0 br0 from out0 to in0");
}

TEST(Way, ABrokenPacketHasNone) {
  Host host = home();
  Viewpoint viewpoint = Viewpoint::of_host(host, InterfaceName("eth9"));
  Sent sent("192.168.1.9", "192.168.1.2");
  sent.bytes[8] = 1;  // the TTL, so that the header checksum is wrong
  parse(sent.packet);
  EXPECT_EQ(describe(viewpoint.way(sent.packet, nullptr)), "none bad-header-checksum");
}

}  // namespace
}  // namespace sallyport
