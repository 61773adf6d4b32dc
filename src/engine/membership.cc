#include "engine/membership.h"

#include <algorithm>

#include "packet/headers.h"

namespace sallyport {
namespace {

// RFC 3376, 4.2 and RFC 3810, 5.2: the two reports differ only in the addresses' size.
struct ReportHeader {
  uint8_t type;
  uint8_t reserved1;
  be16 checksum;
  be16 reserved2;
  be16 records;
};

struct RecordHeader {
  uint8_t type;
  uint8_t aux_words;
  be16 sources;
};

enum RecordType : uint8_t {
  kModeIsInclude = 1,
  kModeIsExclude,
  kChangeToInclude,
  kChangeToExclude,
  kAllowNew,
  kBlockOld
};

// To include nothing is to leave; to include some sources, or exclude some, is to be a member.
void observe_record(uint8_t type, bool has_sources, Family family, const Address& group,
                    Host& host) {
  switch (type) {
    case kModeIsExclude:
    case kChangeToExclude: host.join(family, group); break;
    case kModeIsInclude:
    case kChangeToInclude:
      has_sources ? static_cast<void>(host.join(family, group)) : host.leave(family, group);
      break;
    case kAllowNew: host.join(family, group); break;
    default: break;
  }
}

void observe_report(const Packet& packet, Host& host) {
  const ReportHeader* report = packet.header<ReportHeader>(packet.transport);
  if (!report) return;
  uint32_t address_size = static_cast<uint32_t>(bits_of(packet.family) / 8);
  uint32_t offset = packet.transport + uint32_t{sizeof *report};
  for (unsigned i = 0; i < report->records; i++) {
    const RecordHeader* record = packet.header<RecordHeader>(offset);
    if (!record) return;
    uint32_t group_at = offset + uint32_t{sizeof *record};
    if (packet.presence(group_at, address_size) != Presence::kPresent) return;
    Address group = Address::from_wire(packet.family, packet.data + group_at);
    if (!group.is_multicast(packet.family)) return;
    observe_record(record->type, record->sources != 0, packet.family, group, host);
    offset = group_at + address_size * (1 + record->sources) + 4u * record->aux_words;
  }
}

// The older reports: the group follows the header of 4 bytes (IGMP) or 8 (MLD).
void observe_one(const Packet& packet, uint32_t header_size, bool joins, Host& host) {
  uint32_t group_at = packet.transport + header_size;
  uint32_t address_size = static_cast<uint32_t>(bits_of(packet.family) / 8);
  if (packet.presence(group_at, address_size) != Presence::kPresent) return;
  Address group = Address::from_wire(packet.family, packet.data + group_at);
  if (!group.is_multicast(packet.family)) return;
  joins ? static_cast<void>(host.join(packet.family, group)) : host.leave(packet.family, group);
}

}  // namespace

void observe_membership(const Packet& packet, Host& host) {
  if (packet.presence(packet.transport, 1) != Presence::kPresent) return;
  uint8_t type = packet.data[packet.transport];
  if (packet.protocol() == protocol::kIgmp) {
    switch (type) {
      case 0x12:
      case 0x16: observe_one(packet, 4, true, host); break;
      case 0x17: observe_one(packet, 4, false, host); break;
      case 0x22: observe_report(packet, host); break;
      default: break;
    }
  } else if (packet.protocol() == protocol::kIcmpv6) {
    switch (type) {
      case 131: observe_one(packet, 8, true, host); break;
      case 132: observe_one(packet, 8, false, host); break;
      case 143: observe_report(packet, host); break;
      default: break;
    }
  }
}

}  // namespace sallyport
