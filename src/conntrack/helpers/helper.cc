#include "conntrack/helpers/helper.h"

namespace sallyport {

std::span<const Helper* const> all_helpers() {
  static constexpr const Helper* kAll[] = {&kFtpHelper, &kNetbiosNsHelper, &kTftpHelper};
  return kAll;
}

const Helper* find_helper(std::string_view name, uint8_t protocol, Family family) {
  for (const Helper* helper : all_helpers()) {
    bool reads = helper->protocol == protocol && (family == Family::kIpv4 || helper->ipv6);
    if (helper->name == name && reads) return helper;
  }
  return nullptr;
}

}  // namespace sallyport
