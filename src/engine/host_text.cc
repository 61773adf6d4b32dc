#include "engine/host_text.h"

#include <fmt/format.h>

namespace sallyport {
namespace {

constexpr size_t kLongestName = 15;  // IFNAMSIZ - 1

Result<void> add_one(std::string_view word, uint32_t column, Host& host) {
  auto wrong = [&](std::string what) {
    return std::unexpected(Diag{{1, column, static_cast<uint32_t>(word.size())},
                                std::move(what),
                                "write [IFNAME=]ADDR[/LEN], as in eth0=192.168.1.2/24"});
  };
  InterfaceName name;
  std::string_view address = word;
  if (size_t equals = word.find('='); equals != std::string_view::npos) {
    std::string_view text = word.substr(0, equals);
    if (text.empty() || text.size() > kLongestName) {
      return wrong(fmt::format("'{}' is no interface name: 1 to 15 characters", text));
    }
    name = InterfaceName(text);
    address = word.substr(equals + 1);
  }
  std::optional<Prefix> prefix = Prefix::parse(address);
  if (!prefix) return wrong(fmt::format("'{}' is no address", address));
  if (prefix->address.is_multicast(prefix->family)) {
    return wrong(fmt::format("{} is a group, not a host's address", address));
  }
  host.add(name, *prefix);
  return {};
}

}  // namespace

Result<void> add_host_text(std::string_view text, Host& host) {
  size_t start = 0;
  for (;;) {
    size_t comma = text.find(',', start);
    std::string_view word = text.substr(start, comma - start);
    Result<void> added = add_one(word, static_cast<uint32_t>(start) + 1, host);
    if (!added) return added;
    if (comma == std::string_view::npos) return {};
    start = comma + 1;
  }
}

}  // namespace sallyport
