// The set types, and what `ipset create` says of a set.
//
// A type is a row: how many of the packet's dimensions its elements have, which
// of them are there, and which options it takes. What ipset knows beyond these
// is known by name, so that it can be refused by name.
//
// Options, their defaults, ranges and roundings were found by asking ipset 7.17
// (protocol 7, Linux 6.18): a hashsize is rounded up to a power of two of at
// least 64, a bucketsize up to an even number from 2 to 12, a list's size to 4.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/address.h"

namespace sallyport {

enum class SetType : uint8_t {
  kHashIp,
  kHashNet,
  kHashIpPort,
  kHashNetPort,
  kBitmapPort,
  kListSet,
};

struct SetTypeInfo {
  SetType type;
  std::string_view name;      // "hash:ip,port"
  std::string_view old_name;  // "ipporthash", which ipset still takes
  uint8_t dimensions;         // 0: as many as its members need (list:set)
  bool has_address;
  bool has_prefix;  // elements are networks, and may be `nomatch`
  bool has_port;
};

const SetTypeInfo& set_type_info(SetType type);
std::optional<SetType> find_set_type(std::string_view name);
// A type of ipset's that is not here: refused, but not as a misspelling.
bool is_foreign_set_type(std::string_view name);

// All that `create` says, with ipset's defaults.
struct SetOptions {
  SetType type = SetType::kHashIp;
  Family family = Family::kIpv4;
  uint32_t hashsize = 1024;  // kept and printed; the table here grows on its own
  uint32_t maxelem = 65536;
  uint32_t bucketsize = 12;         // kept and printed
  std::optional<uint32_t> initval;  // kept and printed if given: ours is never told
  uint8_t netmask = 0;              // hash:ip, hash:ip,port; 0: none
  std::optional<uint32_t> timeout;  // seconds, 0: for ever; none: no timeouts at all
  bool counters = false;
  bool comment = false;
  uint16_t first_port = 0;  // bitmap:port
  uint16_t last_port = 0;
  uint32_t size = 8;  // list:set; kept and printed, and no limit, as in Linux

  const SetTypeInfo& info() const { return set_type_info(type); }
  friend bool operator==(const SetOptions&, const SetOptions&) = default;
};

// Seconds that a timeout may have; the kernel counts milliseconds in 31 bits.
constexpr uint32_t kMostTimeout = 2147483;
constexpr size_t kMostSetName = 31;
constexpr size_t kMostSetComment = 255;

// "hash:ip family inet hashsize 1024 …": what `ipset save` prints after the name.
std::string create_text(const SetOptions& options);

}  // namespace sallyport
