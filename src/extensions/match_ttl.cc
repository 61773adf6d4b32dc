// -m ttl: the time to live of an IPv4 packet.
#include "extensions/hop_limit.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

constexpr HopLimitWords kWords{
    .traits = {.name = "ttl", .summary = "the IPv4 time to live", .families = kIpv4Only},
    .equal = "--ttl-eq",
    .also = "--ttl",
    .less = "--ttl-lt",
    .more = "--ttl-gt",
    .needed = "--ttl-eq, --ttl-lt or --ttl-gt is needed",
    .list_equal = "TTL match TTL == ",
    .list_unequal = "TTL match TTL != ",
    .list_less = "TTL match TTL < ",
    .list_more = "TTL match TTL > "};

}  // namespace

constinit const MatchType kTtlMatch = match_type<HopLimitMatch<kWords>>();

}  // namespace sallyport
