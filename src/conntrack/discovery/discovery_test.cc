#include "conntrack/discovery/discovery.h"

#include <algorithm>
#include <charconv>
#include <gtest/gtest.h>

#include "packet/build.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

using namespace std::string_literals;

struct Endpoint {
  Family family = Family::kIpv4;
  Address address;
  uint16_t port = 0;
};

// "192.168.1.2:40000", "[fe80::2]:40000"
Endpoint endpoint(std::string_view text) {
  Endpoint out;
  size_t colon = text.rfind(':');
  std::string_view address = text.substr(0, colon);
  if (address.starts_with('[')) {
    out.family = Family::kIpv6;
    address = address.substr(1, address.size() - 2);
  }
  out.address = Address::parse(out.family, address).value();
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), out.port);
  return out;
}

const InterfaceName kEth0("eth0"), kEth1("eth1");

// A UDP packet on the wire, of which the capture kept all but the last `cut_off` bytes.
struct Datagram {
  std::vector<uint8_t> bytes;
  Packet packet;

  Datagram(std::string_view from, std::string_view to, std::string_view payload,
           size_t cut_off = 0) {
    Endpoint source = endpoint(from), destination = endpoint(to);
    PacketSpec spec;
    spec.family = source.family;
    spec.source = source.address;
    spec.source_port = source.port;
    spec.destination = destination.address;
    spec.destination_port = destination.port;
    spec.payload.assign(payload.begin(), payload.end());
    bytes = build(spec);
    packet.data = bytes.data();
    packet.wire_length = static_cast<uint32_t>(bytes.size());
    packet.captured = static_cast<uint32_t>(bytes.size() - cut_off);
    parse(packet);
    // From an IPv6 group Linux drops it before any chain; discovery must not need that.
    bool dropped = source.family == Family::kIpv6 && source.address.is_multicast(source.family);
    EXPECT_EQ(packet.malformed != Reason::kNone, dropped);
  }
  Datagram(const Datagram& other) : bytes(other.bytes), packet(other.packet) {
    packet.data = bytes.data();
  }
};

// A host of two links, and the discovery of all descriptors that there are.
class Scene {
 public:
  explicit Scene(std::span<const Descriptor> descriptors = builtin_descriptors(),
                 Discovery::Announcements announcements = Discovery::Announcements::kLetIn)
      : discovery(descriptors, host_, make_hash_key(1), announcements) {
    for (const char* own : {"192.168.1.2/24", "172.16.0.2/16", "fe80::2/64", "2001:db8::2/64"}) {
      host_.add(kEth0, *Prefix::parse(own));
    }
    host_.add(kEth1, *Prefix::parse("10.0.0.2/8"));
  }

  // At a number of milliseconds.
  bool sent(uint64_t at, Datagram datagram) {
    datagram.packet.out = &kEth0;
    return discovery.sent(datagram.packet, FlowId{7, 1}, tick(at));
  }
  Discovery::Answer received(uint64_t at, Datagram datagram, const InterfaceName& in = kEth0) {
    datagram.packet.in = &in;
    return discovery.received(datagram.packet, tick(at));
  }

  Host& host() { return host_; }

 private:
  static Tick tick(uint64_t milliseconds) { return 1'000'000 + milliseconds / 4; }
  Host host_;

 public:
  Discovery discovery;
};

std::string search(const char* mx = "MX: 5\r\n") {
  return "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n"s + mx +
         "ST: ssdp:all\r\n\r\n";
}
const std::string kFound = "HTTP/1.1 200 OK\r\n\r\n";
const std::string kNotify = "NOTIFY * HTTP/1.1\r\nNTS: ssdp:alive\r\n\r\n";

// A DNS message of one question, with these flags, and this top byte of the class.
std::string dns(char flags, char class_high = 0) {
  return "\0\1"s + flags + "\0\0\1\0\0\0\0\0\0\2tv\5local\0\0\1"s + class_high + "\1"s;
}

std::string probe(const char* action) {
  return "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/"s + action + "</a:Action>";
}

std::string lifx(char protocol_low = 0, char protocol_high = '\x34') {
  return "\x24\0"s + protocol_low + protocol_high + std::string(32, '\0');
}

// The specification: a question of each protocol, its answer, how long that may take, and
// how else neither would be one.
struct Protocol {
  const char* name;
  const char* asker;
  const char* asked;
  std::string question;
  const char* answers_from;
  const char* answers_to;
  uint64_t window;          // in milliseconds
  bool any_port;            // the answer may come from any
  std::string no_question;  // to the same place; empty: everything there is a question
};

const Protocol kProtocols[] = {
    {"ssdp", "192.168.1.2:40000", "239.255.255.250:1900", search(), "192.168.1.7:1900",
     "192.168.1.2:40000", 6000, true, kNotify},
    {"ssdp", "[fe80::2]:40000", "[ff02::c]:1900", search(), "[fe80::7]:1900", "[fe80::2]:40000",
     6000, true, kNotify},
    {"ssdp", "[2001:db8::2]:40000", "[ff05::c]:1900", search(), "[2001:db8::7]:1900",
     "[2001:db8::2]:40000", 6000, true, kNotify},
    {"ssdp", "192.168.1.2:40000", "255.255.255.255:1900", search(), "192.168.1.7:1900",
     "192.168.1.2:40000", 6000, true, kNotify},
    {"mdns", "192.168.1.2:40000", "224.0.0.251:5353", dns(0), "192.168.1.7:5353",
     "192.168.1.2:40000", 5000, false, dns('\x84')},
    {"mdns", "[fe80::2]:40000", "[ff02::fb]:5353", dns(0), "[fe80::7]:5353", "[fe80::2]:40000",
     5000, false, dns('\x84')},
    {"mdns-unicast", "192.168.1.2:5353", "224.0.0.251:5353", dns(0, '\x80'), "192.168.1.7:5353",
     "192.168.1.2:5353", 5000, false, dns(0)},
    {"llmnr", "192.168.1.2:40000", "224.0.0.252:5355", dns(0), "192.168.1.7:5355",
     "192.168.1.2:40000", 2000, false, dns('\x80')},
    {"llmnr", "[fe80::2]:40000", "[ff02::1:3]:5355", dns(0), "[fe80::7]:5355", "[fe80::2]:40000",
     2000, false, dns('\x80')},
    {"ws-discovery", "192.168.1.2:40000", "239.255.255.250:3702", probe("Probe"),
     "192.168.1.7:3702", "192.168.1.2:40000", 10000, true, probe("Hello")},
    {"ws-discovery", "[fe80::2]:40000", "[ff02::c]:3702", probe("Resolve"), "[fe80::7]:3702",
     "[fe80::2]:40000", 10000, true, probe("Bye")},
    {"slp", "192.168.1.2:40000", "239.255.255.253:427", "\2\1\0\0"s, "192.168.1.7:427",
     "192.168.1.2:40000", 16000, false, "\2\7\0\0"s},
    {"slp", "[fe80::2]:40000", "[ff02::116]:427", "\2\1\0\0"s, "[fe80::7]:427", "[fe80::2]:40000",
     16000, false, "\1\1\0\0"s},
    {"netbios-ns", "192.168.1.2:137", "192.168.1.255:137", dns('\1'), "192.168.1.7:137",
     "192.168.1.2:137", 2000, false, dns('\x85')},
    {"snmp-broadcast", "192.168.1.2:40000", "192.168.1.255:161", "\x30\x29\2\1\0"s,
     "192.168.1.7:161", "192.168.1.2:40000", 5000, false, "x"},
    {"coap", "192.168.1.2:40000", "224.0.1.187:5683", "\x51\1\0\1x"s, "192.168.1.7:5683",
     "192.168.1.2:40000", 6000, false, "\x51\x45\0\1x"s},
    {"coap", "[fe80::2]:40000", "[ff02::fd]:5683", "\x51\1\0\1x"s, "[fe80::7]:5683",
     "[fe80::2]:40000", 6000, false, "\x41\1\0\1x"s},
    {"bjnp", "192.168.1.2:8612", "192.168.1.255:8612", "BJNP\2\1", "192.168.1.7:8612",
     "192.168.1.2:8612", 5000, false, "XJNP\2\1"},
    {"bjnp", "[fe80::2]:40000", "[ff02::1]:8610", "MFNP\2\1", "[fe80::7]:8610", "[fe80::2]:40000",
     5000, false, "BJN"},
    {"knxnet-ip", "192.168.1.2:40000", "224.0.23.12:3671", "\x06\x10\x02\x01\0\x0e"s,
     "192.168.1.7:3671", "192.168.1.2:40000", 10000, true, "\x06\x10\x05\x30\0\x11"s},
    {"lifx", "192.168.1.2:56700", "255.255.255.255:56700", lifx(), "192.168.1.7:56700",
     "192.168.1.2:56700", 5000, false, lifx(1)},
    {"kasa", "192.168.1.2:40000", "255.255.255.255:9999", "\xd0\xf2", "192.168.1.7:9999",
     "192.168.1.2:40000", 5000, false, ""},
    {"kasa", "192.168.1.2:40000", "192.168.1.255:20002", "\2\0"s, "192.168.1.7:20002",
     "192.168.1.2:40000", 5000, false, ""},
    {"govee", "192.168.1.2:40000", "239.255.255.250:4001", R"({"msg":{"cmd":"scan"}})",
     "192.168.1.7:4003", "192.168.1.2:4002", 5000, true, R"({"msg":{"cmd":"turn"}})"},
};

// The same host at another port.
std::string other_port(std::string_view endpoint) {
  return std::string(endpoint.substr(0, endpoint.rfind(':'))) + ":4711";
}

// One host of each kind that must not answer.
std::string with_host(std::string_view endpoint, std::string_view v4, std::string_view v6) {
  bool is_v6 = endpoint.starts_with('[');
  std::string port(endpoint.substr(endpoint.rfind(':')));
  return is_v6 ? "[" + std::string(v6) + "]" + port : std::string(v4) + port;
}

class Protocols : public ::testing::TestWithParam<Protocol> {};

TEST_P(Protocols, LetTheAnswerInAndNothingElse) {
  const Protocol& p = GetParam();
  Scene scene;
  const std::string good = p.answers_from;
  ASSERT_EQ(scene.received(0, {good, p.answers_to, "x"}).descriptor, nullptr) << "not asked yet";
  ASSERT_TRUE(scene.sent(0, {p.asker, p.asked, p.question}));
  const auto reason = [&](const std::string& from, const std::string& to, uint64_t at = 300,
                          const InterfaceName& in = kEth0) {
    Discovery::Answer answer = scene.received(at, {from, to, "x"}, in);
    EXPECT_EQ(answer.related, answer.descriptor != nullptr && answer.refused == Reason::kNone);
    return answer.refused;
  };

  Discovery::Answer answer = scene.received(300, {good, p.answers_to, "x"});
  EXPECT_TRUE(answer.related);
  EXPECT_FALSE(answer.announcement);
  ASSERT_NE(answer.descriptor, nullptr);
  EXPECT_EQ(answer.descriptor->name, p.name);
  EXPECT_EQ(answer.master, (FlowId{7, 1}));
  EXPECT_EQ(answer.until, 1'000'000 + p.window / 4);

  EXPECT_EQ(reason(with_host(good, "203.0.113.66", "2001:db8:1::66"), p.answers_to),
            Reason::kDiscoveryOffLink);
  EXPECT_EQ(reason(good, p.answers_to, 300, kEth1), Reason::kDiscoveryOffLink);
  EXPECT_EQ(reason(with_host(good, "192.168.1.2", "fe80::2"), p.answers_to),
            Reason::kDiscoverySelf);
  EXPECT_EQ(reason(with_host(good, "192.168.1.255", "ff02::1"), p.answers_to),
            Reason::kDiscoverySelf);
  EXPECT_EQ(reason(with_host(good, "0.0.0.0", "::"), p.answers_to), Reason::kDiscoverySelf);
  EXPECT_EQ(reason(other_port(good), p.answers_to),
            p.any_port ? Reason::kNone : Reason::kDiscoveryPort);
  EXPECT_EQ(reason(good, p.answers_to, p.window - 4), Reason::kNone);
  EXPECT_EQ(reason(good, p.answers_to, p.window), Reason::kDiscoveryLate);
  EXPECT_EQ(scene.discovery.refused(Reason::kDiscoveryOffLink), 2u);
  EXPECT_EQ(scene.discovery.refused(Reason::kDiscoverySelf), 3u);
  EXPECT_EQ(scene.discovery.refused(Reason::kDiscoveryLate), 1u);
  EXPECT_EQ(scene.discovery.refused(Reason::kDiscoveryPort), p.any_port ? 0u : 1u);

  // Other sockets of the same host, and other addresses of it, have asked nothing.
  std::string other_socket = other_port(p.answers_to);
  EXPECT_EQ(scene.received(300, {good, other_socket, "x"}).descriptor, nullptr);
  std::string other_address = with_host(p.answers_to, "172.16.0.2", "fe80::22");
  EXPECT_EQ(scene.received(300, {good, other_address, "x"}).descriptor, nullptr);
}

TEST_P(Protocols, TellTheirQuestionsFromOtherTraffic) {
  const Protocol& p = GetParam();
  Scene scene;
  EXPECT_FALSE(scene.sent(0, {p.asker, p.answers_from, p.question})) << "unicast";
  EXPECT_FALSE(scene.sent(0, {p.asker, other_port(p.asked), p.question})) << "another port";
  std::string elsewhere = with_host(p.asked, "239.1.2.3", "ff02::77");
  EXPECT_FALSE(scene.sent(0, {p.asker, elsewhere, p.question})) << "another group";
  EXPECT_EQ(scene.sent(0, {p.asker, p.asked, p.no_question}), p.no_question.empty());
}

INSTANTIATE_TEST_SUITE_P(, Protocols, ::testing::ValuesIn(kProtocols), [](const auto& row) {
  std::string name = row.param.name + "_"s + std::to_string(row.index);
  std::ranges::replace(name, '-', '_');
  return name;
});

TEST(Discovery, CoversEveryBuiltInDescriptor) {
  for (const Descriptor& descriptor : builtin_descriptors()) {
    EXPECT_TRUE(std::ranges::any_of(kProtocols,
                                    [&](const Protocol& p) { return p.name == descriptor.name; }))
        << descriptor.name << " has no row in kProtocols";
  }
}

TEST(Discovery, TakesTheSsdpWindowFromMx) {
  struct Case {
    const char* mx;
    uint64_t window;  // 0: it is no question
  };
  const Case kCases[] = {
      {"MX: 1\r\n", 2000},
      {"MX: 5\r\n", 6000},
      {"MX: 0\r\n", 2000},
      {"MX: 120\r\n", 6000},
      {"mx:3\r\n", 4000},
      {"MX: 4294967297\r\n", 6000},
      {"", 0},
      {"MX: soon\r\n", 0},
      {"MX: -1\r\n", 0},
  };
  for (const Case& c : kCases) {
    Scene scene;
    bool asked = scene.sent(0, {"192.168.1.2:40000", "239.255.255.250:1900", search(c.mx)});
    EXPECT_EQ(asked, c.window != 0) << c.mx;
    if (!asked) continue;
    const Datagram answer("192.168.1.7:5000", "192.168.1.2:40000", kFound);
    EXPECT_TRUE(scene.received(c.window - 4, answer).related) << c.mx;
    EXPECT_EQ(scene.received(c.window, answer).refused, Reason::kDiscoveryLate) << c.mx;
  }
}

TEST(Discovery, MdnsFromItsOwnPortOpensAWindowOnlyIfItAsksForUnicast) {
  Scene scene;
  EXPECT_FALSE(scene.sent(0, {"192.168.1.2:5353", "224.0.0.251:5353", dns(0)}));
  EXPECT_TRUE(scene.sent(0, {"192.168.1.2:5353", "224.0.0.251:5353", dns(0, '\x80')}));
}

const Datagram kSearch("192.168.1.2:40000", "239.255.255.250:1900", search());
const Datagram kAnswer("192.168.1.7:1900", "192.168.1.2:40000", kFound);

TEST(Discovery, ARepeatedQuestionOpensTheWindowAnew) {
  Scene scene;
  scene.sent(0, kSearch);
  scene.sent(5000, kSearch);
  EXPECT_TRUE(scene.received(10996, kAnswer).related);
  EXPECT_EQ(scene.received(11000, kAnswer).refused, Reason::kDiscoveryLate);
  EXPECT_EQ(scene.discovery.windows().size(), 1u);
}

TEST(Discovery, AShorterQuestionDoesNotEndTheWindowOfTheOneBefore) {
  Scene scene;
  scene.sent(0, kSearch);
  scene.sent(1000, {"192.168.1.2:40000", "239.255.255.250:1900", search("MX: 1\r\n")});
  EXPECT_TRUE(scene.received(5996, kAnswer).related);
}

TEST(Discovery, AWindowThatIsOverOpensAgain) {
  Scene scene;
  scene.sent(0, kSearch);
  scene.sent(90'000, kSearch);
  EXPECT_TRUE(scene.received(95'996, kAnswer).related);
}

TEST(Discovery, OfOneQuestion256AnswersComeIn) {
  Scene scene;
  scene.sent(0, kSearch);
  for (uint32_t i = 0; i < Discovery::kMostAnswers; i++) {
    ASSERT_TRUE(scene.received(300, kAnswer).related) << i;
  }
  EXPECT_EQ(scene.received(300, kAnswer).refused, Reason::kDiscoveryTooMany);
  scene.sent(400, kSearch);
  EXPECT_TRUE(scene.received(500, kAnswer).related) << "the next question has its own";
}

TEST(Discovery, ALateAnswerIsKnownForAMinute) {
  Scene scene;
  scene.sent(0, kSearch);
  EXPECT_EQ(scene.received(65'996, kAnswer).refused, Reason::kDiscoveryLate);
  EXPECT_EQ(scene.received(66'000, kAnswer).descriptor, nullptr);
}

TEST(Discovery, ASocketThatAsksTwoGroupsHasTwoWindows) {
  Scene scene;
  scene.sent(0, kSearch);
  scene.sent(3000, {"192.168.1.2:40000", "255.255.255.255:1900", search("MX: 1\r\n")});
  scene.sent(3000, {"192.168.1.2:40000", "239.255.255.250:3702", probe("Probe")});
  ASSERT_EQ(scene.discovery.windows().size(), 3u);
  Discovery::Answer answer = scene.received(8000, kAnswer);
  ASSERT_TRUE(answer.related);
  EXPECT_EQ(answer.descriptor->name, "ws-discovery") << "the one that is still open";
}

TEST(Discovery, ASocketThatAsksTwoPortsHasTwoWindows) {
  Scene scene;
  scene.sent(0, {"192.168.1.2:40000", "255.255.255.255:9999", "x"});
  scene.sent(0, {"192.168.1.2:40000", "255.255.255.255:20002", "x"});
  EXPECT_TRUE(scene.received(300, {"192.168.1.7:9999", "192.168.1.2:40000", "x"}).related);
  EXPECT_TRUE(scene.received(300, {"192.168.1.8:20002", "192.168.1.2:40000", "x"}).related);
}

TEST(Discovery, AQuestionOfTwoProtocolsOpensAWindowOfEach) {
  std::vector<Descriptor> two;
  Diagnostics diagnostics;
  parse_descriptors(
      "protocol long\nquestion to 239.1.2.3 port 5\nanswer within 5 s\n"
      "protocol short\nquestion to 239.1.2.3 port 5\nanswer from any port\nanswer within 1 s\n",
      two, diagnostics);
  Scene scene(two);
  scene.sent(0, {"192.168.1.2:40000", "239.1.2.3:5", "x"});
  EXPECT_TRUE(scene.received(900, {"192.168.1.7:77", "192.168.1.2:40000", "x"}).related);
  EXPECT_TRUE(scene.received(4900, {"192.168.1.7:5", "192.168.1.2:40000", "x"}).related);
}

TEST(Discovery, NamesTheWindowThatTheAnswerCameNearestTo) {
  Scene scene;
  // From port 5353, late by a little for mDNS; of SNMP, asked too, the port is wrong.
  scene.sent(0, {"192.168.1.2:40000", "224.0.0.251:5353", dns(0)});
  scene.sent(0, {"192.168.1.2:40000", "192.168.1.255:161", "\x30"});
  Discovery::Answer answer =
      scene.received(5100, {"192.168.1.7:5353", "192.168.1.2:40000", dns('\x84')});
  EXPECT_EQ(answer.refused, Reason::kDiscoveryLate);
  ASSERT_NE(answer.descriptor, nullptr);
  EXPECT_EQ(answer.descriptor->name, "mdns");
}

TEST(Discovery, WithAPrefixOf32NothingIsOnLink) {
  Host host;
  host.add(kEth0, *Prefix::parse("192.168.1.2/32"));
  Discovery discovery(builtin_descriptors(), host, make_hash_key(1));
  Datagram question = kSearch, answer = kAnswer;
  EXPECT_TRUE(discovery.sent(question.packet, FlowId{}, 0));
  EXPECT_EQ(discovery.received(answer.packet, 1).refused, Reason::kDiscoveryOffLink);
}

TEST(Discovery, LeavesOtherProtocolsAlone) {
  Scene scene;
  scene.sent(0, kSearch);
  Datagram answer = kAnswer;
  answer.packet.in = &kEth0;
  answer.packet.fields[Field::kProtocol] = protocol::kTcp;
  EXPECT_EQ(scene.discovery.received(answer.packet, 1'000'001).descriptor, nullptr);
}

// Floods.

TEST(Discovery, OneAddressHasAtMost256WindowsOpenAndOthersStillHaveTheirs) {
  Scene scene;
  auto ask = [&](const std::string& host, size_t port, uint64_t at) {
    return scene.sent(at, {host + ":" + std::to_string(port), "239.255.255.250:1900", search()});
  };
  for (size_t i = 0; i < Discovery::kMostWindowsPerAddress; i++) {
    ASSERT_TRUE(ask("192.168.1.2", 40000 + i, 0)) << i;
  }
  EXPECT_FALSE(ask("192.168.1.2", 50000, 5996));
  EXPECT_EQ(scene.discovery.windows_refused(), 1u);
  EXPECT_TRUE(ask("192.168.1.2", 40000, 5996)) << "a window that is open may be opened anew";
  EXPECT_TRUE(ask("172.16.0.2", 50000, 5996)) << "another address";
  EXPECT_TRUE(ask("192.168.1.2", 50000, 6000)) << "the others are over";
}

TEST(Discovery, AFullTableForgetsTheWindowThatIsOverForLongestFirst) {
  Scene scene;
  auto ask = [&](size_t i, uint64_t at) {
    std::string host = "10." + std::to_string(i / 250) + ".0." + std::to_string(i % 250 + 2);
    return scene.sent(at, {host + ":40000", "239.255.255.250:1900", search("MX: 1\r\n")});
  };
  for (size_t i = 0; i < Discovery::kMostWindows; i++) ASSERT_TRUE(ask(i, i / 1000 * 4)) << i;
  EXPECT_FALSE(ask(9000, 1996)) << "all are open";
  EXPECT_EQ(scene.discovery.windows_refused(), 1u);
  EXPECT_TRUE(ask(9000, 2000));
  EXPECT_EQ(scene.discovery.windows().size(), Discovery::kMostWindows);
  EXPECT_EQ(scene.received(2000, {"192.168.1.7:1900", "10.0.0.2:40000", kFound}).descriptor,
            nullptr)
      << "the first one is forgotten";
  EXPECT_EQ(scene.received(2000, {"192.168.1.7:1900", "10.0.0.3:40000", kFound}).refused,
            Reason::kDiscoveryLate);
}

TEST(Discovery, FindsItsWindowsHoweverOftenTheirPlacesWereTaken) {
  Scene scene;
  auto asker = [](size_t i) {
    return "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + ":40000";
  };
  for (size_t i = 0; i < 3 * Discovery::kMostWindows; i++) {
    ASSERT_TRUE(scene.sent(i * 4, {asker(i), "239.255.255.250:1900", search("MX: 1\r\n")})) << i;
    ASSERT_TRUE(scene.received(i * 4, {"192.168.1.7:1900", asker(i), kFound}).related) << i;
  }
  EXPECT_EQ(scene.discovery.windows().size(), Discovery::kMostWindows);
}

// What the capture cut off is no property of the packet.

TEST(Discovery, AQuestionCutShortByTheCaptureIsAssumedToBeOneForAsLongAsItCouldBe) {
  const std::string question = search("MX: 1\r\n");
  Scene scene;
  EXPECT_TRUE(
      scene.sent(0, {"192.168.1.2:40000", "239.255.255.250:1900", question, question.size() - 4}));
  Discovery::Answer answer = scene.received(5996, kAnswer);
  EXPECT_TRUE(answer.related);
  EXPECT_TRUE(answer.assumed);
  EXPECT_FALSE(
      scene.sent(0, {"192.168.1.2:40001", "239.255.255.250:1900", kNotify, kNotify.size() - 4}))
      << "what is there says that it is none";
}

TEST(Discovery, AWholeQuestionIsNotAssumed) {
  Scene scene;
  scene.sent(0, kSearch);
  EXPECT_FALSE(scene.received(300, kAnswer).assumed);
}

// Announcements.

TEST(Discovery, AnnouncementsComeInFromOnLinkToAGroupThatTheHostHasJoined) {
  struct Case {
    const char* what;
    const char* from;
    const char* to;
    std::string payload;
    bool related;
    Reason refused = Reason::kNone;
  };
  const Case kCases[] = {
      {"SSDP", "192.168.1.7:50000", "239.255.255.250:1900", kNotify, true},
      {"SSDP over IPv6", "[fe80::7]:50000", "[ff02::c]:1900", kNotify, true},
      {"a search of somebody else", "192.168.1.7:50000", "239.255.255.250:1900", search(), false},
      {"SSDP at another port", "192.168.1.7:50000", "239.255.255.250:1901", kNotify, false},
      {"SSDP in a group not joined", "[fe80::7]:50000", "[ff05::c]:1900", kNotify, false},
      {"SSDP from elsewhere", "203.0.113.66:1900", "239.255.255.250:1900", kNotify, false,
       Reason::kDiscoveryOffLink},
      {"SSDP from this host", "192.168.1.2:1900", "239.255.255.250:1900", kNotify, false,
       Reason::kDiscoverySelf},
      {"mDNS", "192.168.1.7:5353", "224.0.0.251:5353", dns('\x84'), true},
      {"mDNS from a wrong port", "192.168.1.7:5000", "224.0.0.251:5353", dns('\x84'), false,
       Reason::kDiscoveryPort},
      {"an mDNS question of somebody else", "192.168.1.7:5353", "224.0.0.251:5353", dns(0), false},
      {"WS-Discovery", "192.168.1.7:50000", "239.255.255.250:3702", probe("Hello"), true},
      {"what LLMNR does not have", "192.168.1.7:5355", "224.0.0.252:5355", dns('\x80'), false},
      {"what no descriptor knows", "192.168.1.7:5000", "239.1.2.3:5000", "x", false},
  };
  Scene scene;
  for (const char* group : {"239.255.255.250", "224.0.0.251", "224.0.0.252", "239.1.2.3"}) {
    scene.host().join(Family::kIpv4, *Address::parse(Family::kIpv4, group));
  }
  scene.host().join(Family::kIpv6, *Address::parse(Family::kIpv6, "ff02::c"));
  for (const Case& c : kCases) {
    Discovery::Answer answer = scene.received(0, {c.from, c.to, c.payload});
    EXPECT_EQ(answer.related, c.related) << c.what;
    EXPECT_EQ(answer.announcement, c.related) << c.what;
    EXPECT_EQ(answer.refused, c.refused) << c.what;
  }
}

TEST(Discovery, AnnouncementsCanBeLeftOut) {
  Scene scene(builtin_descriptors(), Discovery::Announcements::kIgnored);
  scene.host().join(Family::kIpv4, *Address::parse(Family::kIpv4, "239.255.255.250"));
  EXPECT_FALSE(scene.received(0, {"192.168.1.7:1900", "239.255.255.250:1900", kNotify}).related);
}

}  // namespace
}  // namespace sallyport
