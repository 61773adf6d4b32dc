// Found by sending every type, with lengths and pointers around each edge, to Linux 6.18. Options
// that it does not know it takes, if they end where the header does.
#include "packet/ip_options.h"

#include <utility>

namespace sallyport {
namespace {

// IANA, IP Option Numbers.
constexpr uint8_t kEnd = 0, kNoOperation = 1, kRecordRoute = 7, kTimestamp = 68,
                  kLooseSourceRoute = 131, kCipso = 134, kStrictSourceRoute = 137,
                  kRouterAlert = 148;

constexpr uint8_t kAddress = 4;  // bytes; a time has as many

// A list to which every router adds: `pointer` counts from the option's first byte, from 1. Full,
// or with room for one more entry.
bool has_room_or_is_full(std::span<const uint8_t> option, uint8_t first, uint8_t entry) {
  const size_t pointer = option[2];
  return pointer >= first && (pointer > option.size() || pointer - 1 + entry <= option.size());
}

bool is_good_record_route(std::span<const uint8_t> option) {
  return option.size() >= 3 && has_room_or_is_full(option, 4, kAddress);
}

// The flag says whether each time stands behind an address; 3: only of those that are named. Of the
// routers that found the list full only 15 can be counted.
bool is_good_timestamp(std::span<const uint8_t> option) {
  if (option.size() < 4) return false;
  const uint8_t flag = option[3] & 15, missed = option[3] >> 4;
  const uint8_t entry = flag == 1 || flag == 3 ? 2 * kAddress : kAddress;
  const bool full = option[2] > option.size();
  return has_room_or_is_full(option, 5, entry) && !(full && missed == 15 && flag != 3);
}

bool is_good(uint8_t type, std::span<const uint8_t> option) {
  switch (type) {
    case kRecordRoute: return is_good_record_route(option);
    case kTimestamp: return is_good_timestamp(option);
    case kRouterAlert: return option.size() >= 4;  // RFC 2113
    case kLooseSourceRoute:
    case kStrictSourceRoute:
    case kCipso: return false;  // the last one: no domain of interpretation is set up
    default: return true;
  }
}

}  // namespace

bool are_good_ip_options(std::span<const uint8_t> options) {
  bool has_route = false, has_times = false;
  while (!options.empty()) {
    const uint8_t type = options[0];
    if (type == kEnd) return true;
    if (type == kNoOperation) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) return false;
    if (!is_good(type, options.first(options[1]))) return false;
    if (type == kRecordRoute && std::exchange(has_route, true)) return false;
    if (type == kTimestamp && std::exchange(has_times, true)) return false;
    options = options.subspan(options[1]);
  }
  return true;
}

}  // namespace sallyport
