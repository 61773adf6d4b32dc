// TCP conversations: two ends that keep their sequence numbers, and break the
// rules now and then.
//
// Each act is a segment that is right, or wrong in one way: sent before, out of
// its window by a byte or by far, acknowledging what was never sent, with flags
// that nobody sends. The ends take every segment as received, so that what
// follows fits what was sent.
#include <algorithm>
#include <fmt/format.h>

#include "kernel/random_traffic.h"

namespace sallyport::testing {
namespace {

struct End {
  uint32_t first = 0;   // of this connection
  uint32_t next = 0;    // to be sent
  uint32_t window = 0;  // of the header, unscaled
  uint32_t scale = 0;
  bool has_acked = false;  // knows the other's numbers
};

class Conversation {
 public:
  Conversation(Random& random, const World& world) : random_(random), link_(world.link(random)) {
    a_port_ = world.client_port(random);
    b_port_ = world.server_port(random);
    begin_connection();
  }

  Steps run() {
    open();
    uint32_t acts = random_.between(0, 14);
    for (uint32_t i = 0; i < acts; i++) act();
    if (random_.chance(60)) close();
    for (uint32_t i = random_.between(0, 4); i > 0; i--) act();
    return std::move(steps_);
  }

 private:
  struct Act {
    uint32_t weight;
    void (Conversation::*perform)();
  };

  void begin_connection() {
    for (End* end : {&a_, &b_}) {
      end->first = random_.pick({0u, 1000u, 100000u, 0xfffffff0u, 0x7ffffff0u});
      end->first += random_.below(50);
      end->next = end->first;
      end->window = random_.pick({65535u, 65535u, 8192u, 1000u, 1u, 0u});
      end->scale = 0;
      end->has_acked = false;
    }
    offers_scale_ = random_.chance(40);
    timestamps_ = random_.chance(20);
    sack_ok_ = random_.chance(30);
  }

  End& end(bool a) { return a ? a_ : b_; }

  // One segment; `seq` and `ack` are as given, right or wrong.
  void send(bool a, std::string_view flags, uint32_t seq, uint32_t ack, uint32_t length,
            std::string_view more = "") {
    std::string packet =
        link_.ports(a, "tcp", a_port_, b_port_) + fmt::format(" flags {} seq {}", flags, seq);
    if (flags.find('A') != std::string_view::npos || random_.chance(2)) {
      packet += fmt::format(" ack {}", ack);
    }
    if (end(a).window != 65535) packet += fmt::format(" win {}", end(a).window);
    if (length != 0) packet += fmt::format(" len {}", length);
    if (timestamps_) packet += " timestamps";
    packet += more;
    packet += random_.maybe(1, " bad-checksum");
    steps_.push_back(link_.step(a, packet));
    last_from_a_ = a;
  }

  std::string syn_options(bool a) {
    std::string options;
    if (random_.chance(60)) options += fmt::format(" mss {}", random_.pick({536, 1460}));
    if (sack_ok_) options += " sack-ok";
    if (offers_scale_ && random_.chance(90)) {
      end(a).scale = random_.pick({0u, 2u, 7u, 14u, 15u});
      options += fmt::format(" wscale {}", end(a).scale);
    }
    return options;
  }

  void syn(bool a) {
    End& self = end(a);
    uint32_t length = random_.chance(4) ? 10 : 0;
    std::string_view flags = random_.chance(5) ? "SEC" : "S";
    send(a, flags, self.first, 0, length, syn_options(a));
    self.next = self.first + 1 + length;
  }

  void syn_ack(bool a) {
    End& self = end(a);
    uint32_t ack = end(!a).next;
    if (random_.chance(6)) ack += random_.pick({1u, 0xffffffffu, 5000u});
    send(a, "SA", self.first, ack, 0, syn_options(a));
    self.next = self.first + 1;
  }

  void plain_ack(bool a) { send(a, "A", end(a).next, end(!a).next, 0); }

  void open() {
    switch (random_.below(12)) {
      case 0: return;            // from the middle
      case 1: return syn(true);  // nobody answers
      case 2:                    // refused
        syn(true);
        return send(false, "RA", random_.pick({0u, b_.first}), a_.next, 0);
      case 3:  // both at once
        syn(true);
        syn(false);
        syn_ack(true);
        return syn_ack(false);
      case 4:  // an answer alone
        return syn_ack(false);
      case 5:  // the first is said twice
        syn(true);
        syn(true);
        syn_ack(false);
        syn_ack(false);
        break;
      default:
        syn(true);
        syn_ack(false);
        break;
    }
    plain_ack(true);
  }

  void data() {
    bool a = random_.chance(50);
    uint32_t length = random_.pick({1u, 10u, 100u, 536u, 1200u});
    send(a, random_.chance(50) ? "A" : "AP", end(a).next, end(!a).next, length);
    end(a).next += length;
  }

  void acknowledge() { plain_ack(!last_from_a_); }

  void repeat() {
    if (steps_.empty()) return;
    steps_.push_back(random_.pick(steps_));
  }

  // What the other can take, as a firewall on the way reckons it.
  uint32_t reach(bool a) { return end(!a).window << std::min(end(!a).scale, 14u); }

  void beyond_window() {
    bool a = random_.chance(50);
    uint32_t length = random_.pick({0u, 1u, 100u});
    uint32_t times = random_.pick({1u, 2u, 2u, 3u});
    uint32_t seq = end(a).next + times * reach(a) + random_.below(5) - 2;
    seq -= random_.pick({0u, length});
    send(a, "A", seq, end(!a).next, length);
  }

  void below_window() {
    bool a = random_.chance(50);
    uint32_t back = random_.pick({1u, 2u, 100u, 2000u, 70000u, 1u << 30});
    send(a, "A", end(a).next - back, end(!a).next, random_.pick({0u, 0u, 1u, 100u}));
  }

  void wrong_ack() {
    bool a = random_.chance(50);
    uint32_t off = random_.pick({1u, 1000u, 100000u, 0xffffffffu, 0xffff0000u, 0u - 66001u});
    send(a, "A", end(a).next, end(!a).next + off, random_.pick({0u, 10u}));
  }

  // Something is missing, what came after it is acknowledged by itself (RFC 2018).
  void selective() {
    bool a = random_.chance(50);
    uint32_t from = end(!a).next + random_.pick({1u, 100u, 1000u, 0u - 200u});
    uint32_t to = from + random_.pick({1u, 100u, 1000u, 70000u});
    std::string sack = fmt::format(" sack {}-{}", from, to);
    if (random_.chance(30)) sack += fmt::format(",{}-{}", to + 10, to + 20);
    send(a, "A", end(a).next, end(!a).next - random_.pick({0u, 0u, 100u}), 0, sack);
  }

  void change_window() {
    bool a = random_.chance(50);
    end(a).window = random_.pick({0u, 1u, 100u, 4096u, 65535u});
    plain_ack(a);
  }

  void finish() {
    bool a = random_.chance(50);
    send(a, "FA", end(a).next, end(!a).next, random_.pick({0u, 0u, 5u}));
    end(a).next++;
  }

  void reset() {
    bool a = random_.chance(50);
    uint32_t seq = end(a).next;
    if (random_.chance(50)) {
      seq +=
          random_.pick({1u, 0xffffffffu, 500u, reach(a), reach(a) + 1, 2 * reach(a) + 5, 1u << 30});
    }
    bool acks = random_.chance(50);
    send(a, acks ? "RA" : "R", seq, acks && random_.chance(20) ? 0 : end(!a).next, 0);
  }

  void odd_flags() {
    bool a = random_.chance(50);
    std::string flags;
    for (char letter : std::string_view("SAFRPUEC")) {
      if (random_.chance(35)) flags += letter;
    }
    send(a, flags.empty() ? "-" : flags, end(a).next, end(!a).next, random_.pick({0u, 0u, 4u}));
  }

  void new_syn() { syn(random_.chance(70)); }

  // The same ports, another connection.
  void reopen() {
    begin_connection();
    bool a = random_.chance(75);
    syn(a);
    if (random_.chance(70)) syn_ack(!a);
    if (random_.chance(70)) plain_ack(a);
  }

  // RFC 5961: a SYN in the middle is answered by an acknowledgement, that by a
  // reset.
  void challenge() {
    uint32_t old_next = b_.next;
    a_.first = a_.next + random_.pick({1u, 100000u, 0xfff00000u});
    syn(true);
    send(false, "A", old_next, a_.first - 5, 0);
    send(true, "R", a_.first - 5, 0, 0);
    syn(true);
  }

  void act() {
    static constexpr Act kActs[] = {
        {30, &Conversation::data},         {25, &Conversation::acknowledge},
        {10, &Conversation::repeat},       {6, &Conversation::beyond_window},
        {6, &Conversation::below_window},  {6, &Conversation::wrong_ack},
        {5, &Conversation::change_window}, {4, &Conversation::finish},
        {5, &Conversation::reset},         {4, &Conversation::odd_flags},
        {3, &Conversation::selective},     {3, &Conversation::new_syn},
        {3, &Conversation::reopen},        {2, &Conversation::challenge},
    };
    (this->*pick_weighted(random_, kActs).perform)();
  }

  void close() {
    bool a = random_.chance(50);
    send(a, "FA", end(a).next, end(!a).next, 0);
    end(a).next++;
    if (random_.chance(20)) return;
    if (random_.chance(60)) plain_ack(!a);
    send(!a, "FA", end(!a).next, end(a).next, 0);
    end(!a).next++;
    if (random_.chance(80)) plain_ack(a);
  }

  Random& random_;
  Link link_;
  uint16_t a_port_ = 0, b_port_ = 0;
  End a_, b_;
  bool offers_scale_ = false, timestamps_ = false, sack_ok_ = false;
  bool last_from_a_ = true;
  Steps steps_;
};

}  // namespace

Steps tcp_conversation(Random& random, const World& world) {
  return Conversation(random, world).run();
}

}  // namespace sallyport::testing
