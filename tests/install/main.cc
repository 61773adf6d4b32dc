// A program of somebody else's: is this packet let in?
#include <array>
#include <cstdio>

#include "sallyport/firewall.h"
#include "sallyport/version.h"

int main() {
  auto firewall = sallyport::Firewall::create({
      .rules = "*filter\n:INPUT DROP [0:0]\n"
               "-A INPUT -p udp --dport 53 -j ACCEPT\nCOMMIT\n",
      .host = "eth0=192.0.2.1/24",
  });
  if (!firewall) {
    std::fputs(firewall.error().c_str(), stderr);
    return 1;
  }
  // IPv4, UDP 192.0.2.9:40000 > 192.0.2.1:53, no payload, no UDP checksum.
  std::array<uint8_t, 28> bytes = {0x45, 0, 0,   28, 0, 0, 0,    0,    64, 17, 0xf6, 0xc6, 192, 0,
                                   2,    9, 192, 0,  2, 1, 0x9c, 0x40, 0,  53, 0,    8,    0,   0};
  sallyport::FirewallPacket packet{
      .data = bytes.data(), .length = bytes.size(), .time_ns = 1, .in = "eth0"};
  sallyport::FirewallVerdict verdict;
  firewall->process({&packet, 1}, {&verdict, 1});
  std::printf("sallyport %s: %s %s\n", sallyport::kVersion.data(),
              verdict.verdict == sallyport::FirewallVerdict::Verdict::kAccept ? "ACCEPT" : "DROP",
              std::string(firewall->rule_text(verdict)).c_str());
  return 0;
}
