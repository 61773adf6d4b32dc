// Conversations that a helper reads: FTP's control connection and the data connection that it
// names (RFC 959, 2428), TFTP's answer from a port of its own (RFC 1350), NetBIOS name service's
// answers to a broadcast (RFC 1002). What is named is now and then wrong.
#include <algorithm>
#include <fmt/format.h>

#include "kernel/random_traffic.h"

namespace sallyport::testing {
namespace {

constexpr uint16_t kFtp = 21, kFtpData = 20, kTftp = 69, kNetbios = 137;

std::string with_commas(std::string address) {
  std::ranges::replace(address, '.', ',');
  return address;
}

class Ftp {
 public:
  Ftp(Random& random, const World& world) : random_(random), link_(world.link(random)) {
    client_port_ = world.client_port(random);
    data_port_ = random.pick<uint16_t>({40002, 50001, 1024, 20});
  }

  Steps run() {
    segment(true, "S", "");
    segment(false, "SA", "");
    segment(true, "A", "");
    say(false, "220 ready");
    say(true, "USER x");
    say(false, "331 yes");
    for (uint32_t i = random_.between(1, 3); i > 0; i--) transfer();
    if (random_.chance(50)) segment(true, "FA", "");
    return std::move(steps_);
  }

 private:
  void segment(bool client, std::string_view flags, const std::string& text) {
    uint32_t& mine = client ? client_next_ : server_next_;
    uint32_t other = client ? server_next_ : client_next_;
    std::string packet = link_.ports(client, "tcp", client_port_, kFtp);
    packet += fmt::format(" flags {} seq {}", flags, mine);
    if (flags != "S") packet += fmt::format(" ack {}", other);
    if (!text.empty()) packet += fmt::format(" data \"{}\\r\\n\"", text);
    steps_.push_back(link_.step(client, packet));
    mine += static_cast<uint32_t>(text.empty() ? 0 : text.size() + 2);
    if (flags.find_first_of("SF") != std::string_view::npos) mine++;
  }

  void say(bool client, const std::string& text) {
    segment(client, "AP", text);
    if (random_.chance(60)) segment(!client, "A", "");
  }

  std::string place(bool client) {
    std::string address = client ? link_.a : link_.b;
    if (random_.chance(10)) address = link_.family == Family::kIpv4 ? "10.9.9.9" : "2001:db8::99";
    return address;
  }

  // The client names a port to connect to, or the server does.
  void transfer() {
    bool active = random_.chance(50), extended = link_.family == Family::kIpv6;
    extended = extended || random_.chance(30);
    int kind = link_.family == Family::kIpv4 ? 1 : 2;
    if (active && extended) {
      std::string address = place(true);
      say(true, fmt::format("EPRT |{}|{}|{}|", kind, address, data_port_));
    } else if (active) {
      std::string address = place(true);
      say(true,
          fmt::format("PORT {},{},{}", with_commas(address), data_port_ >> 8, data_port_ & 255));
    } else if (extended) {
      say(true, "EPSV");
      say(false, fmt::format("229 Entering Extended Passive Mode (|||{}|)", data_port_));
    } else {
      say(true, "PASV");
      std::string address = place(false);
      say(false, fmt::format("227 Entering Passive Mode ({},{},{}).", with_commas(address),
                             data_port_ >> 8, data_port_ & 255));
    }
    connect(active);
  }

  void connect(bool active) {
    uint16_t client = active ? data_port_ : static_cast<uint16_t>(client_port_ + 1);
    uint16_t server = active ? kFtpData : data_port_;
    if (random_.chance(10)) server++;
    for (uint32_t i = random_.between(1, 3); i > 0; i--) {
      bool opens = i != 2;
      bool from_client = active != opens;
      std::string packet = link_.ports(from_client, "tcp", client, server);
      packet += opens ? " flags S seq 77" : " flags SA seq 99 ack 78";
      steps_.push_back(link_.step(from_client, packet));
    }
    data_port_++;
  }

  Random& random_;
  Link link_;
  uint16_t client_port_ = 0, data_port_ = 0;
  uint32_t client_next_ = 1000, server_next_ = 5000;
  Steps steps_;
};

}  // namespace

Steps ftp_conversation(Random& random, const World& world) {
  return Ftp(random, world).run();
}

Steps tftp_conversation(Random& random, const World& world) {
  Link link = world.link(random);
  uint16_t client = world.client_port(random), server = world.client_port(random);
  Steps steps;
  std::string ask = random.pick({"\\x00\\x01", "\\x00\\x02", "\\x00\\x05", "\\x00"});
  steps.push_back(link.step(
      true, link.ports(true, "udp", client, kTftp) + " data \"" + ask + "f\\x00octet\\x00\""));
  for (uint32_t i = random.below(4); i > 0; i--) {
    bool from_server = random.chance(60);
    steps.push_back(
        link.step(!from_server, link.ports(!from_server, "udp", client, server) + " len 20"));
    if (random.chance(20)) server++;
  }
  return steps;
}

Steps netbios_conversation(Random& random, const World& world) {
  Link link = world.host_link(random, Family::kIpv4);
  if (!link.there.starts_with("out")) link = link.swapped();
  bool inside = !link.there.ends_with("eth0");
  uint16_t port = random.chance(30) ? kNetbios : world.client_port(random);
  Link question = link;
  question.b = inside ? "10.0.0.255" : "192.168.1.255";
  if (random.chance(10)) question.b = world.group(random, Family::kIpv4);
  Steps steps{question.step(true, question.ports(true, "udp", port, kNetbios) + " len 50")};
  for (uint32_t i = random.below(4); i > 0; i--) {
    link.b = world.peer(random, Family::kIpv4, inside);
    uint16_t from = random.chance(80) ? kNetbios : world.server_port(random);
    steps.push_back(link.step(false, link.ports(false, "udp", port, from) + " len 60"));
  }
  return steps;
}

}  // namespace sallyport::testing
