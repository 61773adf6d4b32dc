// The way of one packet through tables and chains, told line by line.
//
// Listens to the engine while it judges the packet: each table entered, each rule
// asked with the first condition that failed and what the packet has there, each
// target, and what conntrack made of it. Rules that failed one after the other for the
// same reason are told in one line, so that a thousand rules about another protocol
// do not hide the one that matters.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace sallyport {

// What only the packet itself can tell of its tracking; near misses are found with it.
struct TrackedPacket {
  Zone zone;
  bool zone_known = true;      // false: it may have been another
  std::optional<Tuple> about;  // an ICMP error's: the packet that it quotes
  uint32_t seq = 0;            // TCP
  uint32_t ack = 0;
};

// All but the zone, which rules give it. The packet has been parsed.
TrackedPacket tracked_packet(Packet& packet, const Knobs& knobs);

class Narrator : public EngineTrace {
 public:
  void table(Hook hook, TableId table) override;
  void tracked(const Context& context) override;
  void recall(const Program& program, const Recall& recall) override;
  void condition(const Program& program, Pc pc, bool held, const Context& context) override;
  void action(const Program& program, Pc pc, Verdict verdict, const Context& context) override;

  // The story so far, one line an event, indented by the nesting of chains. With `all`, every
  // rule that was asked has its own.
  std::vector<std::string> lines(bool all) const;
  // Nothing: conntrack was not asked.
  const std::optional<TrackedPacket>& tracked_packet() const { return tracked_; }

 private:
  // A rule that did not match.
  struct Failure {
    uint32_t number = 0;
    std::string rule;
    std::string condition;           // "--dport 1900"
    std::string has;                 // what the packet has there; may be empty
    std::vector<std::string> found;  // by a set that was asked
    bool hotdrop = false;

    bool is_like(const Failure& other) const;
  };
  struct Event {
    size_t depth = 0;
    std::string text;
    std::optional<Failure> failure;
  };

  void say(std::string text) { events_.push_back({chains_.size(), std::move(text), {}}); }
  size_t run_from(size_t first) const;

  std::vector<Event> events_;
  std::vector<std::string> chains_;  // that the packet is in, the built-in one first
  std::optional<TrackedPacket> tracked_;
};

}  // namespace sallyport
