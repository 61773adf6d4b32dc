#include "control/privileges.h"

#include <array>
#include <cerrno>
#include <memory>
#include <sys/capability.h>

#include "base/system_error.h"

namespace sallyport {

std::expected<void, std::string> drop_privileges() {
  auto failed = [] { return std::unexpected(system_error("giving up privileges")); };
  for (cap_value_t cap = 0; CAP_IS_SUPPORTED(cap); cap++) {
    if (cap == CAP_NET_ADMIN || cap == CAP_NET_RAW) continue;
    if (cap_get_bound(cap) == 1 && cap_drop_bound(cap) != 0) return failed();
  }
  const std::unique_ptr<std::remove_pointer_t<cap_t>, int (*)(void*)> none(cap_init(), cap_free);
  constexpr std::array kKept = {cap_value_t{CAP_NET_ADMIN}};
  const bool set =
      none && cap_set_flag(none.get(), CAP_PERMITTED, kKept.size(), kKept.data(), CAP_SET) == 0 &&
      cap_set_flag(none.get(), CAP_EFFECTIVE, kKept.size(), kKept.data(), CAP_SET) == 0 &&
      cap_set_proc(none.get()) == 0;
  if (!set) return failed();
  return {};
}

}  // namespace sallyport
