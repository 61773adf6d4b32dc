#include "control/kept_state.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "base/raw.h"
#include "conntrack/expectation.h"
#include "conntrack/flow_record.h"
#include "control/journal.h"
#include "control/set_lines.h"
#include "rules/lower.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

constexpr uint32_t kRecordLayout = 1;

struct RecordHeading {
  uint32_t length = 0;
  uint32_t place = 0;
  RecordKind kind{};
};

}  // namespace

uint64_t state_layout() {
  return uint64_t{kRecordLayout} << 32 | kFlowLayout;
}

void append_record(RecordKind kind, uint32_t place, std::string_view bytes, std::string& out) {
  put_raw(static_cast<uint32_t>(bytes.size()), out);
  put_raw(place, out);
  put_raw(kind, out);
  out += bytes;
}

std::string expectations_record(const Engine& engine) {
  std::string out;
  engine.conntrack().each_expectation(
      engine.now(), [&](const Expectation& expectation) { append_record(expectation, out); });
  return out;
}

std::string windows_record(const Engine& engine) {
  std::string out;
  if (!engine.discovery()) return out;
  for (const Discovery::Window& window : engine.discovery()->windows()) {
    if (window.expires <= engine.now()) continue;
    put_raw_text(window.descriptor->name, out);
    put_raw(window.family, out);
    put_raw(window.asker, out);
    put_raw(window.asker_port, out);
    put_raw(window.asked, out);
    put_raw(window.asked_port, out);
    put_raw(window.interface, out);
    put_raw(window.master.index, out);
    put_raw(window.expires, out);
    put_raw(window.answers, out);
  }
  return out;
}

namespace {

bool take_window(std::string_view& bytes, std::string_view& protocol, Discovery::Window& window) {
  return take_raw_text(bytes, protocol) && take_raw(bytes, window.family) &&
         take_raw(bytes, window.asker) && take_raw(bytes, window.asker_port) &&
         take_raw(bytes, window.asked) && take_raw(bytes, window.asked_port) &&
         take_raw(bytes, window.interface) && take_raw(bytes, window.master.index) &&
         take_raw(bytes, window.expires) && take_raw(bytes, window.answers);
}

}  // namespace

// A line each: "OWNER NAME CREATE", and "+MEMBER" of the one before.
std::string sets_record(const SetStore& sets, Tick now) {
  std::string out;
  for (const SetStore::Outline& set : sets.outlines(now)) {
    out += fmt::format("{} {} {}\n", set.owner, set.name, set.create);
    for (const std::string& member : set.members) out += fmt::format("+{}\n", member);
  }
  return out;
}

std::string element_record(const SetStore& sets, uint32_t place) {
  const ElementPool::Node* node = sets.at(place);
  if (!node) return {};
  std::string out;
  put_raw(node->owner, out);
  put_raw(node->extras.deadline, out);
  return out + sets.element_words(place);
}

std::expected<std::optional<KeptState>, std::string> KeptState::read(const std::string& path) {
  KeptState state;
  auto there =
      read_journal(path, state_layout(), [&](std::string_view block) { state.add(block); });
  if (!there) return std::unexpected(there.error());
  return *there ? std::optional(std::move(state)) : std::nullopt;
}

void KeptState::add(std::string_view block) {
  while (!block.empty()) {
    RecordHeading heading;
    if (!take_raw(block, heading.length) || !take_raw(block, heading.place) ||
        !take_raw(block, heading.kind) || block.size() < heading.length) {
      return;
    }
    const std::string_view bytes = block.substr(0, heading.length);
    block.remove_prefix(heading.length);
    const bool ipv6 = heading.place == static_cast<uint32_t>(Family::kIpv6);
    switch (heading.kind) {
      case RecordKind::kFlow: flows_[heading.place] = bytes; break;
      case RecordKind::kExpectations: expectations_ = bytes; break;
      case RecordKind::kWindows: windows_ = bytes; break;
      case RecordKind::kSets: sets_ = bytes; break;
      case RecordKind::kElement: elements_[heading.place] = bytes; break;
      case RecordKind::kRules: rules_[ipv6] = bytes; break;
      case RecordKind::kCounters: counters_[ipv6] = bytes; break;
    }
  }
}

std::vector<std::string> KeptState::sets(Tick now) const {
  std::vector<std::string> texts;
  std::unordered_map<uint32_t, size_t> by_owner;
  std::vector<std::string> names;
  std::string_view rest = sets_;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.starts_with('+') && !texts.empty()) {
      texts.back() += fmt::format("add {} {}\n", names.back(), line.substr(1));
      continue;
    }
    const size_t first = std::min(line.find(' '), line.size());
    const size_t second = std::min(line.find(' ', first + 1), line.size());
    if (second == line.size()) continue;
    uint32_t owner = 0;
    const std::string number(line.substr(0, first));
    std::from_chars(number.c_str(), number.c_str() + number.size(), owner);
    by_owner[owner] = texts.size();
    names.emplace_back(line.substr(first + 1, second - first - 1));
    texts.push_back(fmt::format("create {}\n", line.substr(first + 1)));
  }
  for (const auto& [place, record] : elements_) {
    std::string_view bytes = record;
    uint32_t owner = 0;
    Tick deadline = 0;
    if (!take_raw(bytes, owner) || !take_raw(bytes, deadline)) continue;
    const auto set = by_owner.find(owner);
    if (set == by_owner.end() || (deadline != 0 && deadline <= now)) continue;
    std::string& text = texts[set->second];
    // In a set without timeouts no element has one.
    const bool timed = text.substr(0, text.find('\n')).find(" timeout ") != std::string::npos;
    const uint64_t left = (deadline - now + kTicksPerSecond - 1) / kTicksPerSecond;
    text += fmt::format("add {} {}", names[set->second], bytes);
    if (timed) text += fmt::format(" timeout {}", deadline == 0 ? 0 : left);
    text += '\n';
  }
  // Lists come last, so that their members are there.
  std::ranges::stable_partition(texts, [](const std::string& text) {
    return text.substr(0, text.find('\n')).find(" list:set") == std::string::npos;
  });
  return texts;
}

// As a change from the rules that had them to those of now.
void KeptState::restore_counters(Managed& firewall, Family family) const {
  const bool ipv6 = family == Family::kIpv6;
  std::string_view bytes = counters_[ipv6];
  if (rules_[ipv6].empty() || !firewall.engine().program(family)) return;
  std::expected<Ruleset, Diagnostics> before = firewall.read(family, rules_[ipv6]);
  if (!before) return;
  std::vector<RuleCounters> counters(compile(*before)->rules.size());
  for (RuleCounters& one : counters) {
    if (!take_raw(bytes, one)) return;
  }
  if (!bytes.empty()) return;
  Ruleset now = firewall.rules(family);
  firewall.put(counted(std::move(*before), counters), Managed::Counters::kOfText);
  firewall.put(std::move(now), Managed::Counters::kKept);
}

KeptState::Restored KeptState::restore(Managed& firewall, Tick now) const {
  Restored restored;
  for (Family family : {Family::kIpv4, Family::kIpv6}) restore_counters(firewall, family);
  Conntrack& conntrack = firewall.engine().conntrack();
  std::unordered_map<uint32_t, FlowId> masters;  // where they are now
  auto id_of = [&](uint32_t place) {
    const auto found = masters.find(place);
    return found == masters.end() ? FlowId{} : found->second;
  };
  // Those that were expected come behind those that they have for masters.
  for (const bool expected : {false, true}) {
    for (const auto& [place, bytes] : flows_) {
      if (bytes.empty()) continue;
      const std::optional<FlowRecord> record = parse_flow_record(bytes);
      const uint32_t master = record && record->extension ? record->extension->master.index : 0;
      if ((master != 0) != expected) continue;
      const FlowId id = record ? conntrack.restore(*record, id_of(master), now) : FlowId{};
      ++(id ? restored.flows : restored.lost);
      if (id) masters[place] = id;
    }
  }
  for (std::string_view bytes = expectations_; !bytes.empty();) {
    std::optional<Expectation> expectation = parse_expectation_record(bytes);
    if (!expectation) break;
    expectation->master = id_of(expectation->master.index);
    conntrack.restore(*expectation, now);
  }
  std::string_view protocol;
  Discovery::Window window;
  for (std::string_view bytes = windows_;
       firewall.engine().discovery() && take_window(bytes, protocol, window);) {
    window.master = id_of(window.master.index);
    firewall.engine().discovery()->restore(window, protocol, now);
  }
  return restored;
}

}  // namespace sallyport
