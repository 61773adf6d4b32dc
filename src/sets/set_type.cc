#include "sets/set_type.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>

namespace sallyport {
namespace {

constexpr std::array<SetTypeInfo, 6> kTypes = {{
    // type, name, old name, dimensions, address, prefix, port
    {SetType::kHashIp, "hash:ip", "iphash", 1, true, false, false},
    {SetType::kHashNet, "hash:net", "nethash", 1, true, true, false},
    {SetType::kHashIpPort, "hash:ip,port", "ipporthash", 2, true, false, true},
    {SetType::kHashNetPort, "hash:net,port", "netporthash", 2, true, true, true},
    {SetType::kBitmapPort, "bitmap:port", "portmap", 1, false, false, true},
    {SetType::kListSet, "list:set", "setlist", 0, false, false, false},
}};

// From `ipset help`.
constexpr std::string_view kForeign[] = {
    "bitmap:ip",       "bitmap:ip,mac",     "hash:ip,mac", "hash:ip,mark",
    "hash:ip,port,ip", "hash:ip,port,net",  "hash:mac",    "hash:net,iface",
    "hash:net,net",    "hash:net,port,net", "ipmap",       "macipmap",
    "ipportiphash",    "ipportnethash",
};

}  // namespace

const SetTypeInfo& set_type_info(SetType type) {
  return kTypes[static_cast<size_t>(type)];
}

std::optional<SetType> find_set_type(std::string_view name) {
  for (const SetTypeInfo& info : kTypes) {
    if (name == info.name || name == info.old_name) return info.type;
  }
  return std::nullopt;
}

bool is_foreign_set_type(std::string_view name) {
  return std::ranges::find(kForeign, name) != std::end(kForeign);
}

std::string create_text(const SetOptions& options) {
  std::string out(options.info().name);
  bool hash = options.info().has_address;
  if (hash) {
    out += fmt::format(" family {} hashsize {} maxelem {}",
                       options.family == Family::kIpv4 ? "inet" : "inet6", options.hashsize,
                       options.maxelem);
  } else if (options.type == SetType::kBitmapPort) {
    out += fmt::format(" range {}-{}", options.first_port, options.last_port);
  } else {
    out += fmt::format(" size {}", options.size);
  }
  // The netmask's place differs by type.
  std::string netmask = options.netmask == 0 ? "" : fmt::format(" netmask {}", options.netmask);
  if (options.type == SetType::kHashIp) out += netmask;
  if (options.timeout) out += fmt::format(" timeout {}", *options.timeout);
  if (options.counters) out += " counters";
  if (options.comment) out += " comment";
  if (hash) out += fmt::format(" bucketsize {}", options.bucketsize);
  if (options.initval) out += fmt::format(" initval 0x{:08x}", *options.initval);
  if (options.type != SetType::kHashIp) out += netmask;
  return out;
}

}  // namespace sallyport
