#include "conntrack/flow_record.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/raw.h"
#include "conntrack/helpers/helper.h"
#include "conntrack/trackers/tcp.h"

namespace sallyport {
namespace {

// With any of these changed, kFlowLayout is another one.
static_assert(sizeof(Flow) == 64 && sizeof(TcpFlow) == 56 && sizeof(SctpFlow) == 12 &&
              sizeof(HelperMemory) == 24 && sizeof(Tuple) == 40 && sizeof(Expected) == 60);

// Helpers are written by their names.
using HelperName = std::array<char, 16>;

HelperName name_of(const Helper* helper) {
  HelperName name{};
  if (helper) helper->name.copy(name.data(), name.size());
  return name;
}
const Helper* helper_of(const HelperName& name, uint8_t protocol, Family family) {
  const auto end = std::ranges::find(name, '\0');
  return find_helper({name.data(), static_cast<size_t>(end - name.begin())}, protocol, family);
}

constexpr uint32_t kKeptStatus = ct_status::kExpected | ct_status::kSeenReply |
                                 ct_status::kAssured | ct_status::kConfirmed |
                                 ct_status::kSourceNat | ct_status::kDestinationNat |
                                 ct_status::kFixedTimeout | ct_status::kNatNotDone;

bool could_be(const Tuple& tuple) {
  return tuple.family == Family::kIpv4 || tuple.family == Family::kIpv6;
}

bool could_be(const Flow& flow) {
  // The key is that of its tuple, with nothing beside.
  const Zone zone = flow.zone();
  if (zone.directions > Zone::Directions::kReply) return false;
  FlowKey key(flow.tuple(), zone);
  if (flow.key().turned() != key.turned()) key.turn();
  if (flow.key().words() != key.words()) return false;
  if (flow.protocol() == protocol::kTcp) {
    const TcpFlow& tcp = flow.tcp();
    const auto last = static_cast<tcp::Kind>(tcp.last & tcp::kLastKindMask);
    return tcp.state < TcpState::kCount && last < tcp::Kind::kCount &&
           (tcp.last & ~(tcp::kLastKindMask | tcp::kLastReply)) == 0;
  }
  return flow.protocol() != protocol::kSctp || flow.sctp().state < SctpState::kCount;
}

}  // namespace

void append_record(const FlowRecord& record, std::string& out) {
  const Flow& flow = record.flow;
  out.append(reinterpret_cast<const char*>(&flow), flow.kind().bytes());
  const bool own_reply = record.reply != invert(flow.tuple());
  put_raw(own_reply, out);
  if (own_reply) put_raw(record.reply, out);
  put_raw(record.extension.has_value(), out);
  if (!record.extension) return;
  const FlowExtension& extension = *record.extension;
  put_raw(extension.master.index, out);
  put_raw(name_of(extension.helper), out);
  put_raw(name_of(extension.expected_by), out);
  put_raw(extension.memory, out);
  put_raw(extension.labels, out);
  put_raw(extension.packets_carried, out);
  put_raw(extension.bytes_carried, out);
}

std::optional<FlowRecord> parse_flow_record(std::string_view bytes) {
  FlowRecord record;
  auto* entry = reinterpret_cast<char*>(static_cast<Flow*>(&record.flow));
  if (bytes.size() < FlowClass::kHead) return std::nullopt;
  std::memcpy(entry, bytes.data(), FlowClass::kHead);
  const size_t size = record.flow.kind().bytes();
  if (bytes.size() < size) return std::nullopt;
  std::memcpy(entry, bytes.data(), size);
  bytes.remove_prefix(size);
  if (!could_be(record.flow)) return std::nullopt;
  record.flow.status &= kKeptStatus;
  record.reply = invert(record.flow.tuple());
  uint8_t own_reply = 0, extended = 0;
  if (!take_raw(bytes, own_reply) || own_reply > 1) return std::nullopt;
  if (own_reply) {
    const Flow& flow = record.flow;
    if (!take_raw(bytes, record.reply) || record.reply.family != flow.family() ||
        record.reply.protocol != flow.protocol()) {
      return std::nullopt;
    }
  }
  if (!take_raw(bytes, extended) || extended > 1) return std::nullopt;
  if (extended) {
    FlowExtension& extension = record.extension.emplace();
    HelperName helper, expected_by;
    const bool all = take_raw(bytes, extension.master.index) && take_raw(bytes, helper) &&
                     take_raw(bytes, expected_by) && take_raw(bytes, extension.memory) &&
                     take_raw(bytes, extension.labels) &&
                     take_raw(bytes, extension.packets_carried) &&
                     take_raw(bytes, extension.bytes_carried);
    const bool sane = std::ranges::all_of(
        extension.memory.lines, [](const auto& lines) { return lines.count <= lines.at.size(); });
    if (!all || !sane) return std::nullopt;
    const Flow& flow = record.flow;
    extension.helper = helper_of(helper, flow.protocol(), flow.family());
    for (const Helper* one : all_helpers()) {  // its master's protocol may be another
      if (name_of(one) == expected_by) extension.expected_by = one;
    }
  }
  return bytes.empty() ? std::optional(record) : std::nullopt;
}

void append_record(const Expectation& expectation, std::string& out) {
  put_raw(expectation.expected, out);
  put_raw(expectation.zone.id, out);
  put_raw(static_cast<uint8_t>(expectation.zone.directions), out);
  put_raw(expectation.master.index, out);
  put_raw(expectation.master_tuple, out);
  put_raw(name_of(expectation.helper), out);
  put_raw(expectation.expires, out);
}

std::optional<Expectation> parse_expectation_record(std::string_view& bytes) {
  Expectation expectation;
  uint8_t directions = 0;
  HelperName helper;
  const bool all = take_raw(bytes, expectation.expected) && take_raw(bytes, expectation.zone.id) &&
                   take_raw(bytes, directions) && take_raw(bytes, expectation.master.index) &&
                   take_raw(bytes, expectation.master_tuple) && take_raw(bytes, helper) &&
                   take_raw(bytes, expectation.expires);
  if (!all || directions > static_cast<uint8_t>(Zone::Directions::kReply)) return std::nullopt;
  expectation.zone.directions = static_cast<Zone::Directions>(directions);
  const Tuple& master = expectation.master_tuple;
  expectation.helper = helper_of(helper, master.protocol, master.family);
  if (!could_be(master) || !could_be(expectation.expected.tuple) || !expectation.helper) {
    return std::nullopt;
  }
  return expectation;
}

}  // namespace sallyport
