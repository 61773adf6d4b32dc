#include "attach/guess.h"

#include <gtest/gtest.h>

#include "packet/build.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

using Mac = std::array<uint8_t, 6>;

void see(HostGuesser& guesser, std::string_view source, std::string_view destination,
         std::optional<Mac> mac = {}, bool outgoing = false, uint8_t ttl = 64) {
  Family family = source.find(':') == std::string_view::npos ? Family::kIpv4 : Family::kIpv6;
  std::vector<uint8_t> bytes = build({.family = family,
                                      .source = *Address::parse(family, source),
                                      .destination = *Address::parse(family, destination),
                                      .ttl = ttl});
  Packet packet;
  packet.data = bytes.data();
  packet.captured = packet.wire_length = static_cast<uint32_t>(bytes.size());
  packet.has_mac = mac.has_value();
  if (mac) packet.mac_source = *mac;
  parse(packet);
  guesser.see(packet, outgoing);
}

std::string guessed(const HostGuesser& guesser) {
  std::string text;
  std::optional<Host> host = guesser.guess();
  if (!host) return "nothing";
  for (const Host::Interface& interface : host->interfaces()) {
    for (const Prefix& prefix : interface.addresses) text += prefix.text() + " ";
  }
  return text;
}

TEST(HostGuesser, TakesTheAddressOfMostPackets) {
  HostGuesser guesser;
  see(guesser, "192.168.1.2", "192.168.1.1");
  see(guesser, "192.168.1.1", "192.168.1.2");
  see(guesser, "192.168.1.2", "239.255.255.250");
  see(guesser, "192.168.1.9", "192.168.1.2");
  EXPECT_EQ(guessed(guesser), "192.168.1.2/24 ");
}

TEST(HostGuesser, BelievesTheCaptureAboutWhatWentOut) {
  HostGuesser guesser;
  for (int i = 0; i < 9; i++) see(guesser, "10.0.0.1", "10.0.0.7");
  see(guesser, "10.0.0.7", "10.0.0.1", {}, true);
  EXPECT_EQ(guessed(guesser), "10.0.0.7/24 ");
}

// `tcpdump -i any` on a router that is asked for something itself, too.
TEST(HostGuesser, WhatCameInFirstIsNotTheHosts) {
  HostGuesser guesser;
  for (const char* client : {"10.0.0.7", "10.0.0.8"}) {
    see(guesser, client, "192.0.2.1");
    see(guesser, client, "192.0.2.2", {}, true);
    see(guesser, client, "192.0.2.3", {}, true);
  }
  see(guesser, "10.0.0.7", "10.0.0.1");
  see(guesser, "10.0.0.1", "10.0.0.7", {}, true);
  see(guesser, "10.0.0.1", "10.0.0.1", {}, true);
  see(guesser, "10.0.0.1", "10.0.0.1");
  EXPECT_EQ(guessed(guesser), "10.0.0.1/24 ");
  EXPECT_EQ(
      guesser.reasons(),
      std::vector<std::string>{"10.0.0.1/24: the capture says that 2 packets went out from it"});
}

TEST(HostGuesser, ClaimsNobodyOnARouter) {
  HostGuesser guesser;
  for (const char* client : {"10.0.0.7", "10.0.0.8", "fd00::7"}) {
    std::string_view server = client[0] == 'f' ? "2001:db8::1" : "192.0.2.1";
    see(guesser, client, server);
    see(guesser, server, client);  // in between: packets overtake each other
    see(guesser, client, server, {}, false, 63);
    EXPECT_TRUE(guesser.is_router()) << client;
  }
  EXPECT_EQ(guesser.router_reason(), "3 of 9 packets come a second time, one hop on");
  EXPECT_EQ(guessed(guesser), "nothing");
}

TEST(HostGuesser, AFewForwardedPacketsMakeNoRouter) {
  HostGuesser guesser;
  see(guesser, "172.17.0.2", "192.0.2.1");  // a container's
  see(guesser, "172.17.0.2", "192.0.2.1", {}, false, 63);
  see(guesser, "192.168.1.2", "192.168.1.7");
  see(guesser, "192.168.1.2", "192.168.1.7");  // sent again: no hop on
  EXPECT_FALSE(guesser.is_router());
  EXPECT_NE(guessed(guesser), "nothing");
}

TEST(HostGuesser, AddsWhatTheSameCardSendsFrom) {
  Mac ours = {2, 0, 0, 0, 0, 1}, router = {2, 0, 0, 0, 0, 2};
  HostGuesser guesser;
  see(guesser, "192.168.1.2", "192.0.2.1", ours);
  see(guesser, "192.168.1.2", "192.0.2.2", ours);
  see(guesser, "192.0.2.1", "192.168.1.2", router);
  see(guesser, "fe80::2", "ff02::c", ours);
  EXPECT_EQ(guessed(guesser), "192.168.1.2/24 fe80::2/64 ");
}

TEST(HostGuesser, APublicAddressHasNothingOnItsLink) {
  HostGuesser guesser;
  see(guesser, "203.0.113.5", "203.0.113.5");
  EXPECT_EQ(guessed(guesser), "203.0.113.5/32 ");
}

TEST(HostGuesser, GuessesNothingFromNothing) {
  HostGuesser guesser;
  EXPECT_EQ(guessed(guesser), "nothing");
  see(guesser, "0.0.0.0", "255.255.255.255");
  EXPECT_EQ(guessed(guesser), "nothing");
}

}  // namespace
}  // namespace sallyport
