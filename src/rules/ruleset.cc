#include "rules/ruleset.h"

#include <algorithm>

namespace sallyport {

const Chain* Table::find(std::string_view name) const {
  auto found = std::ranges::find(chains, name, &Chain::name);
  return found == chains.end() ? nullptr : &*found;
}

const Rule* Ruleset::rule(TableId id, std::string_view chain_name, uint32_t number) const {
  const Table* found = table(id);
  const Chain* chain = found ? found->find(chain_name) : nullptr;
  if (chain == nullptr || number == 0 || number > chain->rules.size()) return nullptr;
  return &chain->rules[number - 1];
}

std::span<const Hook> hooks_of(TableId table) {
  using enum Hook;
  static constexpr Hook kAll[] = {kPrerouting, kInput, kForward, kOutput, kPostrouting};
  static constexpr Hook kRaw[] = {kPrerouting, kOutput};
  static constexpr Hook kNat[] = {kPrerouting, kInput, kOutput, kPostrouting};
  static constexpr Hook kFilter[] = {kInput, kForward, kOutput};
  switch (table) {
    case TableId::kRaw: return kRaw;
    case TableId::kMangle: return kAll;
    case TableId::kNat: return kNat;
    case TableId::kFilter:
    case TableId::kSecurity:
    case TableId::kCount: break;
  }
  return kFilter;
}

std::optional<TableId> find_table(std::string_view name) {
  for (size_t i = 0; i < static_cast<size_t>(TableId::kCount); i++) {
    if (table_name(static_cast<TableId>(i)) == name) return static_cast<TableId>(i);
  }
  return std::nullopt;
}

}  // namespace sallyport
