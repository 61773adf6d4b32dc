// -m hl: the hop limit of an IPv6 packet.
#include "extensions/hop_limit.h"
#include "extensions/registry.h"

namespace sallyport {
namespace {

constexpr HopLimitWords kWords{
    .traits = {.name = "hl", .summary = "the IPv6 hop limit", .families = kIpv6Only},
    .equal = "--hl-eq",
    .also = "--hl",
    .less = "--hl-lt",
    .more = "--hl-gt",
    .needed = "--hl-eq, --hl-lt or --hl-gt is needed",
    .list_equal = "HL match HL == ",
    .list_unequal = "HL match HL != ",
    .list_less = "HL match HL < ",
    .list_more = "HL match HL > "};

}  // namespace

constinit const MatchType kHlMatch = match_type<HopLimitMatch<kWords>>();

}  // namespace sallyport
