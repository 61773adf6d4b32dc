// The compiled rules: instructions over a packet's fields.
//
// A rule becomes its conditions, each an instruction that goes to the next rule
// where it fails, then a count, then its target. An instruction is 16 bytes and
// most compare one word of the packet's row; what does not fit a word (sets,
// limits) is a call. One program holds all tables of one family; it is immutable
// and is swapped as a whole. What changes with packets stands beside it, with the
// engine that runs it: counters by rule, and what conditions remember. Long chains have an index
// beside their instructions (classifier.h).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "program/classifier.h"
#include "program/context.h"

namespace sallyport {

constexpr Pc kNoPc = ~0u;
constexpr uint32_t kNoRule = ~0u;

enum class Op : uint8_t {
  // Conditions: fall through if true, else go to `target`.
  kMasked,     // (field & a) == b
  kProtocol,   // IPv6: the transport protocol is b; hotdrop if there is none to be found
  kRange,      // a <= field <= b
  kRanges,     // field in ranges[a .. a+b)
  kAddress,    // the four words from `field` on, against addresses[a]
  kInterface,  // in (b = 0) or out (b = 1) against interfaces[a]
  kHeader,     // the first `a` bytes of the transport header are there, else hotdrop;
               // false for a fragment other than the first
  kCall,       // matches[a]
  // Actions.
  kEnter,  // a built-in chain begins: what returns from it goes to `target`, its policy
  kCount,  // the rule `a` matched: its counters
  kAccept,
  kDrop,
  kReturn,  // to the caller, or the policy; a is kNoRule at a chain's end
  kJump,    // into the chain at `target`; come back here
  kGoto,    // into the chain at `target`; come back to the caller
  kAction,  // actions[a]: goes on, or decides
  // Of an indexed chain; a tracer that walks passes over them.
  kClassify,  // classifiers[a]: go to the first rule that the packet can match
  kNextRule,  // ... after each rule: to the next such one
};

// What a condition's answer depends on: what remembering it needs to know (engine/decisions.h).
namespace depends {
constexpr uint8_t kPacket = 1;  // this packet's bytes, or what may change at any time
constexpr uint8_t kFlow = 2;    // only the flow: the same for all its packets in one direction
constexpr uint8_t kState = 4;   // the flow's state, its status or its mark
constexpr uint8_t kTime = 8;    // when, or how often it is asked
constexpr uint8_t kSet = 16;    // a set's elements
}  // namespace depends

struct Instruction {
  Op op;
  Field field = Field::kCount;
  bool negate = false;
  uint8_t depends = 0;  // conditions: bits of namespace depends
  Pc target = kNoPc;
  uint32_t a = 0;
  uint32_t b = 0;
};
static_assert(sizeof(Instruction) == 16);

struct ValueRange {
  uint32_t low;
  uint32_t high;
};

struct AddressTest {
  Address address;
  Address mask;
};

struct InterfaceTest {
  InterfaceName name;
  InterfaceName mask;  // bytes 0xff where the name counts: "eth+" leaves the rest free

  std::string text() const;  // "eth0", "eth+"
};

// What a condition that is code found, for `explain`, a line each ("upnp: no
// 192.168.1.2,udp:1900"). Null: there is nothing that its own words do not say.
using Tell = std::vector<std::string> (*)(const void* options, const Context& context);

// A condition or action that is code, and its options. What it remembers is Context::memory.
struct MatchCall {
  MatchResult (*call)(const void* options, Context& context);
  std::shared_ptr<const void> options;
  Tell tell = nullptr;
};
struct ActionCall {
  // kContinue: go on with the next rule.
  Verdict (*call)(const void* options, Context& context);
  std::shared_ptr<const void> options;
};

// Where an instruction or a verdict comes from.
struct RuleInfo {
  std::string table;
  std::string chain;
  uint32_t number = 0;    // from 1; 0 is the chain's policy
  std::string target;     // as printed: "ACCEPT", "REJECT", a chain's name; empty: none
  std::string text;       // the rule as iptables-save prints it, or the policy
  Span span;              // in the rule file
  uint64_t identity = 0;  // of (family, table, chain, text, occurrence): survives a reload
};

// "filter/INPUT:3", "filter/INPUT:policy".
std::string rule_place(const RuleInfo& rule);

struct RuleCounters {
  uint64_t packets = 0;
  uint64_t bytes = 0;
};

enum class TableId : uint8_t { kRaw, kMangle, kNat, kFilter, kSecurity, kCount };
std::string_view table_name(TableId table);  // "raw"

struct Program {
  Family family = Family::kIpv4;
  std::vector<Instruction> code;
  std::vector<ValueRange> ranges;
  std::vector<AddressTest> addresses;
  std::vector<InterfaceTest> interfaces;
  std::vector<MatchCall> matches;
  std::vector<ActionCall> actions;
  std::vector<Classifier> classifiers;
  std::vector<RuleInfo> rules;
  std::vector<RuleCounters> initial_counters;  // by rule, as the file had them
  std::vector<bool> is_policy;                 // by rule: what RuleInfo says, for the packet path
  // The condition that each instruction comes from, as printed ("--dport 1900"), and its rule.
  std::vector<uint32_t> rule_of;  // by pc
  std::vector<std::string> labels;
  std::vector<uint32_t> label_of;  // by pc, an index into labels
  // Entry of each table's built-in chain, or kNoPc.
  std::array<std::array<Pc, static_cast<size_t>(Hook::kCount)>,
             static_cast<size_t>(TableId::kCount)>
      entry{};
  uint32_t depth = 1;                  // of the stack: the deepest nest of jumps, and the policy
  uint32_t memories = 0;               // that its conditions need
  std::vector<uint32_t> memory_rules;  // by memory: whose it is
  // A rule asks for it: without one Linux does not track (kernel-facts 36).
  bool needs_conntrack = false;
  uint32_t needs_bytes = 0;            // of a packet, from its IP header on: what a rule hands on
  bool needs_flow_extensions = false;  // a rule may give a flow a helper or a label

  // The index of a table's built-in chain; null: it has none.
  const Classifier* first_classifier(TableId table, Hook hook) const;

  // One line an instruction, stable: tested as golden text.
  std::string dump() const;
};

}  // namespace sallyport
