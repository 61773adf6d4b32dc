#include "cli/offload.h"

#include <fmt/format.h>

namespace sallyport {

void OffloadSuspicion::add(const Judged& judged) {
  if (judged.from_host) {
    sent_++;
    if (judged.bad_checksum) bad_sent_++;
  } else if (judged.outcome.info != CtInfo::kNone) {
    received_++;
    if (judged.outcome.tracking == Reason::kInvalidChecksum) bad_received_++;
  }
}

std::string OffloadSuspicion::hint() const {
  constexpr std::string_view kTry = "captured with offload? try --checksums ignore";
  if (2 * bad_sent_ > sent_) {
    return fmt::format("{} of {} packets of the local host have a bad checksum: {}", bad_sent_,
                       sent_, kTry);
  }
  if (2 * bad_received_ > received_) {
    return fmt::format("{} of {} packets that came in have a bad checksum: {}", bad_received_,
                       received_, kTry);
  }
  return "";
}

}  // namespace sallyport
