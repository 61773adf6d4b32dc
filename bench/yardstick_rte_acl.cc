// The yardstick for rules: DPDK's rte_acl, which finds the first of N rules and does nothing else,
// with the fastest of its methods that this processor has; on the rules and packets of rules_new.
#include <benchmark/benchmark.h>
#include <rte_acl.h>
#include <rte_vect.h>
#include <vector>

#include "dpdk.h"
#include "rule_workload.h"

namespace sallyport {
namespace {

using testing::GeneratedHeader;
using testing::GeneratedRule;

constexpr size_t kBurst = 64;
constexpr uint32_t kFields = 5;

// As on the wire, the protocol first: rte_acl asks that its first field has one byte.
struct Key {
  uint8_t protocol, padding[3];
  uint32_t source, destination;
  uint16_t source_port, destination_port;
};

RTE_ACL_RULE_DEF(AclRule, kFields);

rte_acl_field_def field(uint8_t type, uint8_t size, uint8_t index, uint8_t input, size_t offset) {
  return {type, size, index, input, static_cast<uint32_t>(offset)};
}

rte_acl_config layout() {
  rte_acl_config config{};
  config.num_categories = 1;
  config.num_fields = kFields;
  config.defs[0] = field(RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, offsetof(Key, protocol));
  config.defs[1] = field(RTE_ACL_FIELD_TYPE_MASK, 4, 1, 1, offsetof(Key, source));
  config.defs[2] = field(RTE_ACL_FIELD_TYPE_MASK, 4, 2, 2, offsetof(Key, destination));
  config.defs[3] = field(RTE_ACL_FIELD_TYPE_RANGE, 2, 3, 3, offsetof(Key, source_port));
  config.defs[4] = field(RTE_ACL_FIELD_TYPE_RANGE, 2, 4, 3, offsetof(Key, destination_port));
  return config;
}

AclRule acl_rule(const GeneratedRule& rule, size_t index, size_t count) {
  AclRule acl{};
  acl.data = {.category_mask = 1,
              .priority = static_cast<int32_t>(count - index),
              .userdata = static_cast<uint32_t>(index + 1)};
  acl.field[0].value.u8 = rule.protocol;
  acl.field[0].mask_range.u8 = rule.protocol ? 0xff : 0;
  acl.field[1].value.u32 = rule.source;
  acl.field[1].mask_range.u32 = rule.source_length;
  acl.field[2].value.u32 = rule.destination;
  acl.field[2].mask_range.u32 = rule.destination_length;
  acl.field[3].value.u16 = rule.source_low;
  acl.field[3].mask_range.u16 = rule.source_high;
  acl.field[4].value.u16 = rule.destination_low;
  acl.field[4].mask_range.u16 = rule.destination_high;
  return acl;
}

Key key_of(const GeneratedHeader& header) {
  return {header.protocol,
          {},
          __builtin_bswap32(header.source),
          __builtin_bswap32(header.destination),
          __builtin_bswap16(header.source_port),
          __builtin_bswap16(header.destination_port)};
}

rte_acl_ctx* make_acl(const std::vector<GeneratedRule>& rules, int socket) {
  rte_acl_param parameters{};
  parameters.name = "yardstick";
  parameters.socket_id = socket;
  parameters.rule_size = sizeof(AclRule);
  parameters.max_rule_num = static_cast<uint32_t>(rules.size());
  rte_acl_ctx* acl = rte_acl_create(&parameters);
  if (!acl) return nullptr;
  std::vector<AclRule> added;
  for (size_t i = 0; i < rules.size(); i++) added.push_back(acl_rule(rules[i], i, rules.size()));
  rte_acl_config config = layout();
  bool built = rte_acl_add_rules(acl, reinterpret_cast<const rte_acl_rule*>(added.data()),
                                 static_cast<uint32_t>(added.size())) == 0 &&
               rte_acl_build(acl, &config) == 0;
  if (!built) {
    rte_acl_free(acl);
    return nullptr;
  }
  rte_vect_set_max_simd_bitwidth(RTE_VECT_SIMD_512);
  for (auto method : {RTE_ACL_CLASSIFY_AVX512X32, RTE_ACL_CLASSIFY_AVX512X16, RTE_ACL_CLASSIFY_AVX2,
                      RTE_ACL_CLASSIFY_SSE}) {
    if (rte_acl_set_ctx_classify(acl, method) == 0) break;
  }
  return acl;
}

void yardstick_rte_acl(benchmark::State& state, const char* kind) {
  auto count = static_cast<size_t>(state.range(0));
  std::optional<int> socket = dpdk_socket();
  std::vector<Key> keys;
  for (const GeneratedHeader& header : headers_of(kind, count)) keys.push_back(key_of(header));
  rte_acl_ctx* acl = socket ? make_acl(first_rules(kind, count), *socket) : nullptr;
  if (!acl) {
    state.SkipWithError("no rte_acl here");
    return;
  }
  size_t at = 0;
  uint64_t found = 0;
  for (auto _ : state) {
    const uint8_t* burst[kBurst];
    uint32_t results[kBurst];
    for (size_t i = 0; i < kBurst; i++) burst[i] = reinterpret_cast<const uint8_t*>(&keys[at + i]);
    rte_acl_classify(acl, burst, results, kBurst, 1);
    for (uint32_t result : results) found += result != 0;
    at = (at + kBurst) % keys.size();
  }
  if (count >= kFewRules && found != state.iterations() * kBurst) {
    state.SkipWithError("a packet matched no rule");
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBurst));
  rte_acl_free(acl);
}

BENCHMARK_CAPTURE(yardstick_rte_acl, acl, "acl")->Arg(1)->Arg(100)->Arg(1'000)->Arg(10'000);
BENCHMARK_CAPTURE(yardstick_rte_acl, fw, "fw")->Arg(1)->Arg(100)->Arg(1'000)->Arg(10'000);
BENCHMARK_CAPTURE(yardstick_rte_acl, ipc, "ipc")->Arg(1)->Arg(100)->Arg(1'000)->Arg(10'000);

}  // namespace
}  // namespace sallyport
