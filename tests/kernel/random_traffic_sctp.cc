// SCTP associations (RFC 9260): the four packets that open one, data,
// heartbeats, an end in order or by ABORT; wrong verification tags and chunks
// out of turn now and then.
#include <fmt/format.h>

#include "kernel/random_traffic.h"

namespace sallyport::testing {
namespace {

class Association {
 public:
  Association(Random& random, const World& world) : random_(random), link_(world.link(random)) {
    a_port_ = world.client_port(random);
    b_port_ = world.server_port(random);
    draw_tags();
  }

  Steps run() {
    if (!random_.chance(12)) open();
    for (uint32_t i = random_.below(7); i > 0; i--) act();
    if (random_.chance(60)) close();
    for (uint32_t i = random_.below(3); i > 0; i--) act();
    return std::move(steps_);
  }

 private:
  // What each end wants to see in packets to it.
  void draw_tags() {
    a_tag_ = random_.pick({1u, 77u, 0xfffffffeu});
    b_tag_ = random_.pick({2u, 99u, 0x80000000u});
  }

  uint32_t tag_for(bool from_a) {
    uint32_t right = from_a ? b_tag_ : a_tag_;
    if (!random_.chance(6)) return right;
    return random_.pick({0u, right + 1, from_a ? a_tag_ : b_tag_});
  }

  void send(bool from_a, std::string_view chunk, uint32_t vtag, std::string_view more = "") {
    std::string packet = link_.ports(from_a, "sctp", a_port_, b_port_);
    packet += fmt::format(" chunk {} vtag {}{}", chunk, vtag, more);
    if (random_.chance(3)) packet += " chunk-flags 1";
    if (random_.chance(3)) packet += fmt::format(" chunk-len {}", random_.pick({0, 3, 4, 200}));
    if (chunk == "data") packet += fmt::format(" len {}", random_.pick({1, 20, 400}));
    packet += random_.maybe(2, " bad-checksum");
    steps_.push_back(link_.step(from_a, packet));
  }

  void init(bool from_a) {
    uint32_t vtag = random_.chance(4) ? 5 : 0;  // must be 0
    send(from_a, "init", vtag, fmt::format(" itag {}", from_a ? a_tag_ : b_tag_));
  }
  void init_ack(bool from_a) {
    send(from_a, "init-ack", tag_for(from_a), fmt::format(" itag {}", from_a ? a_tag_ : b_tag_));
  }
  void plain(bool from_a, std::string_view chunk) { send(from_a, chunk, tag_for(from_a)); }

  void open() {
    init(true);
    if (random_.chance(10)) init(random_.chance(50));
    if (random_.chance(8)) return;
    init_ack(false);
    if (random_.chance(8)) return;
    plain(true, "cookie-echo");
    if (random_.chance(8)) return;
    plain(false, "cookie-ack");
  }

  void act() {
    bool from_a = random_.chance(50);
    switch (random_.below(12)) {
      case 0: return plain(from_a, "abort");
      case 1: return init(from_a);
      case 2:
        return plain(from_a, random_.pick({"cookie-echo", "cookie-ack", "shutdown", "shutdown-ack",
                                           "shutdown-complete"}));
      case 3: draw_tags(); return open();
      case 4:
      case 5:
        plain(from_a, "heartbeat");
        if (random_.chance(70)) plain(!from_a, "heartbeat-ack");
        return;
      default:
        plain(from_a, "data");
        if (random_.chance(60)) plain(!from_a, "sack");
        return;
    }
  }

  void close() {
    bool from_a = random_.chance(50);
    plain(from_a, "shutdown");
    if (random_.chance(10)) return;
    plain(!from_a, "shutdown-ack");
    if (random_.chance(10)) return;
    plain(from_a, "shutdown-complete");
  }

  Random& random_;
  Link link_;
  uint16_t a_port_ = 0, b_port_ = 0;
  uint32_t a_tag_ = 0, b_tag_ = 0;
  Steps steps_;
};

}  // namespace

Steps sctp_conversation(Random& random, const World& world) {
  return Association(random, world).run();
}

}  // namespace sallyport::testing
