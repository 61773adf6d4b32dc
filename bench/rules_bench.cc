// A router's whole journey for packets that the rules decide: in bursts of 64, written just before,
// outside of what is timed (router.h).
//
// rules_new/KIND/N: NEW packets against N rules that drop, so that they stay NEW; the rules are the
// first N of ten thousand, made at random (tests/rules_generator.h), and each packet is drawn from
// one of them, or from the first thousand where they are fewer: those of one rule and of a thousand
// see the same packets. What a rule set costs is the difference to N = 1.
// rules_established/N: packets of a thousand flows, N rules that drop others before ESTABLISHED.
// rules_compile/KIND/N: from the parsed rules to the program, with the bytes that stay and those
// of them that are the classifiers'.
#include <benchmark/benchmark.h>
#include <cstring>
#include <malloc.h>
#include <memory>

#include "huge_array.h"
#include "router.h"
#include "rule_workload.h"
#include "rules/lower.h"
#include "rules/parse.h"

namespace sallyport {
namespace {

using testing::GeneratedHeader;
using testing::GeneratedRule;

constexpr size_t kPacketLength = 46;  // what Ethernet's smallest frame has room for

std::string chain_of(const std::vector<GeneratedRule>& rules) {
  std::string text;
  for (const GeneratedRule& rule : rules) text += "-A FORWARD " + rule.text() + " -j DROP\n";
  return text;
}

PacketSpec packet_of(const GeneratedHeader& header) {
  PacketSpec spec;
  spec.family = Family::kIpv4;
  spec.protocol = header.protocol;
  spec.source = Address::ipv4(header.source);
  spec.destination = Address::ipv4(header.destination);
  spec.source_port = header.source_port;
  spec.destination_port = header.destination_port;
  spec.tcp.flags = tcp_flag::kSyn;
  spec.icmp.type = icmp::kEcho;
  spec.icmp.id = header.source_port;
  size_t transport = header.protocol == protocol::kTcp ? sizeof(TcpHeader) : sizeof(UdpHeader);
  spec.payload.resize(kPacketLength - sizeof(Ipv4Header) - transport);
  return spec;
}

std::vector<uint8_t> packets_of(const std::vector<GeneratedHeader>& headers) {
  std::vector<uint8_t> bytes(headers.size() * kSlot);
  for (size_t i = 0; i < headers.size(); i++) {
    std::vector<uint8_t> packet = build(packet_of(headers[i]));
    std::memcpy(&bytes[i * kSlot], packet.data(), packet.size());
  }
  return bytes;
}

void rules_new(benchmark::State& state, const char* kind) {
  auto count = static_cast<size_t>(state.range(0));
  Router router(Family::kIpv4, kEstablishedRules + chain_of(first_rules(kind, count)));
  std::vector<uint8_t> packets = packets_of(headers_of(kind, count));
  HugeArray<uint8_t> hot(kHotPackets * kSlot);
  size_t at = 0, accepted = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::memcpy(hot.data(), &packets[at], hot.size());
    at = (at + hot.size()) % packets.size();
    state.ResumeTiming();
    for (size_t i = 0; i < kHotPackets; i += kBurst) {
      accepted += router.burst(&hot[i * kSlot], kBurst, kPacketLength);
    }
  }
  if (accepted != 0) state.SkipWithError("a packet was accepted");
  router.report(state, state.iterations() * kHotPackets);
}

// Rules that say nothing of the server that all flows are with.
std::vector<GeneratedRule> rules_for_others(size_t count) {
  std::vector<GeneratedRule> rules;
  for (const GeneratedRule& rule : testing::generate_rules("acl", 2 * kMostRules, kWorkloadSeed)) {
    if (rule.destination_length == 0 || rules.size() == count) continue;
    if ((kServer ^ rule.destination) >> (32 - rule.destination_length) != 0) rules.push_back(rule);
  }
  return rules;
}

void rules_established(benchmark::State& state) {
  constexpr uint32_t kFlows = 1000;
  std::string established = kEstablishedRules;
  size_t first = established.find("-A FORWARD");
  established.insert(first, chain_of(rules_for_others(static_cast<size_t>(state.range(0)))));
  Router router(Family::kIpv4, established + kNewRule);
  router.establish(Family::kIpv4, protocol::kUdp, kFlows);
  const PacketWriter writer(Family::kIpv4, protocol::kUdp, false);
  HugeArray<uint32_t> order = random_order(kFlows, kHotPackets);
  HugeArray<uint8_t> hot(kHotPackets * kSlot);
  size_t at = 0, accepted = 0;
  for (auto _ : state) {
    state.PauseTiming();
    for (size_t i = 0; i < kHotPackets; i++) writer.write(order[at + i], &hot[i * kSlot]);
    at = (at + kHotPackets) % order.size();
    state.ResumeTiming();
    for (size_t i = 0; i < kHotPackets; i += kBurst) {
      accepted += router.burst(&hot[i * kSlot], kBurst, writer.length());
    }
  }
  if (accepted != state.iterations() * kHotPackets) state.SkipWithError("packets were lost");
  router.report(state, state.iterations() * kHotPackets);
}

void rules_compile(benchmark::State& state, const char* kind) {
  auto rules = parse_rules(
      testing::rules_text(first_rules(kind, static_cast<size_t>(state.range(0))), "DROP"),
      Family::kIpv4);
  size_t bytes = 0, index = 0;
  for (auto _ : state) {
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    auto program = compile(*rules);
    state.PauseTiming();
    bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    index = 0;
    for (const Classifier& classifier : program->classifiers) index += classifier.memory();
    program.reset();
    state.ResumeTiming();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
  state.counters["classifier_bytes"] = static_cast<double>(index);
}

BENCHMARK_CAPTURE(rules_new, acl, "acl")->Arg(1)->Arg(100)->Arg(1'000)->Arg(10'000);
BENCHMARK_CAPTURE(rules_new, fw, "fw")->Arg(1)->Arg(100)->Arg(1'000)->Arg(10'000);
BENCHMARK_CAPTURE(rules_new, ipc, "ipc")->Arg(1)->Arg(100)->Arg(1'000)->Arg(10'000);
BENCHMARK_CAPTURE(rules_compile, acl, "acl")->Arg(10'000);
BENCHMARK_CAPTURE(rules_compile, fw, "fw")->Arg(10'000);
BENCHMARK_CAPTURE(rules_compile, ipc, "ipc")->Arg(10'000);
BENCHMARK(rules_established)->Arg(1)->Arg(100)->Arg(1'000)->Arg(10'000);

}  // namespace
}  // namespace sallyport
