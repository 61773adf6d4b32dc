#include "attach/guess.h"

#include <gtest/gtest.h>

#include "packet/build.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

using Mac = std::array<uint8_t, 6>;

void see(HostGuesser& guesser, std::string_view source, std::string_view destination,
         std::optional<Mac> mac = {}, bool outgoing = false) {
  Family family = source.find(':') == std::string_view::npos ? Family::kIpv4 : Family::kIpv6;
  std::vector<uint8_t> bytes = build({.family = family,
                                      .source = *Address::parse(family, source),
                                      .destination = *Address::parse(family, destination)});
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
