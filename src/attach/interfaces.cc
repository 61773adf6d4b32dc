#include "attach/interfaces.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <fstream>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <map>
#include <net/if.h>
#include <sstream>

#include "attach/netlink.h"
#include "base/system_error.h"

namespace sallyport {

struct Interfaces::State {
  netlink::Socket changes{nullptr, mnl_socket_close};
  std::map<uint32_t, InterfaceName> names;
  Host host;

  std::expected<void, std::string> read();
};

namespace {

// Asks for all of a kind and hands each message to `visit`.
template <typename Visit>
std::expected<void, std::string> dump(uint16_t type, Visit visit) {
  const netlink::Socket socket = netlink::open_socket(NETLINK_ROUTE, 0, 0);
  if (!socket) return std::unexpected(system_error("rtnetlink"));
  alignas(nlmsghdr) std::array<uint8_t, 32768> buffer{};
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* head = static_cast<rtgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtgenmsg)));
  head->rtgen_family = AF_UNSPEC;
  if (mnl_socket_sendto(socket.get(), message, message->nlmsg_len) < 0) {
    return std::unexpected(system_error("rtnetlink"));
  }
  auto callback = [](const nlmsghdr* one, void* data) {
    (*static_cast<Visit*>(data))(one);
    return MNL_CB_OK;
  };
  for (int more = MNL_CB_OK; more > MNL_CB_STOP;) {
    const ssize_t count = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (count < 0) return std::unexpected(system_error("rtnetlink"));
    more = mnl_cb_run(buffer.data(), static_cast<size_t>(count), 0, 0, callback, &visit);
    if (more < 0) return std::unexpected(system_error("rtnetlink"));
  }
  return {};
}

// The host's own address on the link; with a peer that is IFA_LOCAL, else IFA_ADDRESS says it, too.
std::optional<Prefix> read_address(const nlmsghdr* message) {
  const auto* head = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  if (head->ifa_family != AF_INET && head->ifa_family != AF_INET6) return std::nullopt;
  const auto attributes = netlink::attributes_of<IFA_MAX>(message, sizeof(ifaddrmsg));
  const nlattr* found = attributes[IFA_LOCAL] ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
  if (!found) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!inet_ntop(head->ifa_family, mnl_attr_get_payload(found), text.data(), text.size())) {
    return std::nullopt;
  }
  return Prefix::parse(fmt::format("{}/{}", text.data(), head->ifa_prefixlen));
}

// "\t\t\t\tFB0000E0     1 …": an address as it lies in memory, printed as a number.
void read_groups(std::string_view path, Host& host) {
  std::ifstream file{std::string(path)};
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word;
    if (!line.starts_with('\t') || !(words >> word) || word.size() != 8) continue;
    in_addr group{};
    group.s_addr = static_cast<in_addr_t>(std::strtoul(word.c_str(), nullptr, 16));
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &group, text.data(), text.size());
    if (auto address = Prefix::parse(text.data())) host.join(Family::kIpv4, address->address);
  }
}

// "2    eth0   ff0200000000000000000000000000fb  1 …"
void read_groups6(std::string_view path, Host& host) {
  std::ifstream file{std::string(path)};
  for (std::string index, name, group, rest; file >> index >> name >> group;) {
    std::getline(file, rest);
    if (group.size() != 32) continue;
    std::string text;
    for (size_t i = 0; i < group.size(); i += 4) {
      text += (i == 0 ? "" : ":") + group.substr(i, 4);
    }
    if (auto address = Prefix::parse(text)) host.join(Family::kIpv6, address->address);
  }
}

}  // namespace

std::expected<void, std::string> Interfaces::State::read() {
  names.clear();
  auto links = dump(RTM_GETLINK, [this](const nlmsghdr* message) {
    const auto* head = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
    const nlattr* name = netlink::attributes_of<IFLA_IFNAME>(message, sizeof *head)[IFLA_IFNAME];
    if (name) names[static_cast<uint32_t>(head->ifi_index)] = InterfaceName(mnl_attr_get_str(name));
  });
  if (!links) return links;
  Host found;
  auto addresses = dump(RTM_GETADDR, [&](const nlmsghdr* message) {
    const auto* head = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
    auto name = names.find(head->ifa_index);
    std::optional<Prefix> address = read_address(message);
    if (address && name != names.end()) found.add(name->second, *address);
  });
  if (!addresses) return addresses;
  read_groups("/proc/self/net/igmp", found);
  read_groups6("/proc/self/net/igmp6", found);
  host = std::move(found);
  return {};
}

Interfaces::Interfaces(std::unique_ptr<State> state) : state_(std::move(state)) {}
Interfaces::Interfaces(Interfaces&&) noexcept = default;
Interfaces& Interfaces::operator=(Interfaces&&) noexcept = default;
Interfaces::~Interfaces() = default;

std::expected<Interfaces, std::string> Interfaces::open() {
  auto state = std::make_unique<State>();
  // First the ear, then the question: no change falls between them.
  constexpr unsigned kGroups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
  state->changes = netlink::open_socket(NETLINK_ROUTE, SOCK_NONBLOCK, kGroups);
  if (!state->changes) return std::unexpected(system_error("rtnetlink"));
  if (auto done = state->read(); !done) return std::unexpected(done.error());
  return Interfaces(std::move(state));
}

int Interfaces::fd() const {
  return mnl_socket_get_fd(state_->changes.get());
}

// What the messages say is read again as a whole: they are few, and may have been lost.
bool Interfaces::update() {
  std::array<uint8_t, 32768> buffer;
  bool changed = false;
  while (mnl_socket_recvfrom(state_->changes.get(), buffer.data(), buffer.size()) >= 0 ||
         errno == ENOBUFS) {
    changed = true;
  }
  return changed && state_->read().has_value();
}

const Host& Interfaces::host() const {
  return state_->host;
}

const InterfaceName* Interfaces::name(uint32_t index) const {
  auto found = state_->names.find(index);
  return found == state_->names.end() ? nullptr : &found->second;
}

uint32_t Interfaces::index(const InterfaceName& name) const {
  for (const auto& [index, known] : state_->names) {
    if (known == name) return index;
  }
  return 0;
}

}  // namespace sallyport
