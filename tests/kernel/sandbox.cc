#include "kernel/sandbox.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <iterator>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <set>
#include <spawn.h>
#include <sstream>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sallyport::testing {
namespace {

std::unexpected<std::string> failure(std::string_view what) {
  return std::unexpected(fmt::format("{}: {}", what, std::strerror(errno)));
}

ino_t network_namespace() {
  struct stat status{};
  return ::stat("/proc/self/ns/net", &status) == 0 ? status.st_ino : 0;
}

// A namespace of our own, and proof of it.
Done leave_the_machine() {
  ino_t machine = network_namespace();
  if (machine == 0) return failure("/proc/self/ns/net");
  if (::unshare(CLONE_NEWNET) != 0) return failure("a network namespace");
  if (network_namespace() == machine) {
    return std::unexpected("still in the machine's network namespace");
  }
  return {};
}

std::string sysctl_path(std::string_view name) {
  std::string path(name);
  // Dots separate; a name that has slashes keeps its dots (an interface's).
  if (path.find('/') == std::string::npos) std::ranges::replace(path, '.', '/');
  return "/proc/sys/" + path;
}

Done set_sysctl(std::string_view name, std::string_view value) {
  if (!name.starts_with("net.") && !name.starts_with("net/")) {
    return std::unexpected(fmt::format("{} does not belong to a network namespace", name));
  }
  Fd fd(::open(sysctl_path(name).c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size())) {
    return failure(fmt::format("sysctl {}={}", name, value));
  }
  return {};
}

std::set<std::string> interfaces_of(const Script& script) {
  std::set<std::string> names;
  auto add = [&](const InterfaceName& name) {
    bool is_bridge =
        std::ranges::find(script.bridges, name, &ScriptBridge::name) != script.bridges.end();
    if (!name.text().empty() && name.text() != "lo" && !is_bridge) names.emplace(name.text());
  };
  for (const ScriptBridge& bridge : script.bridges) std::ranges::for_each(bridge.ports, add);
  for (const Script::HostAddress& host : script.host) add(host.interface);
  for (const ScriptPacket& packet : script.packets) {
    add(packet.in);
    add(packet.out);
  }
  return names;
}

constexpr int kMostTries = 5000;  // a millisecond apart

constexpr const char* kStranger = "02:00:00:00:00:fd";

bool is_port(std::string_view name, std::span<const ScriptBridge> bridges) {
  return std::ranges::any_of(bridges, [&](const ScriptBridge& bridge) {
    return std::ranges::find(bridge.ports, InterfaceName(name)) != bridge.ports.end();
  });
}

// Its ports are there. It forwards at once, and keeps no book of who listens to which group.
void add_bridge(const ScriptBridge& bridge, std::string& links) {
  std::string_view name = bridge.name.text();
  links +=
      fmt::format("link add {} type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n", name);
  for (const InterfaceName& port : bridge.ports) {
    links += fmt::format("link set {} master {}\n", port.text(), name);
  }
  links += fmt::format("link set {} addrgenmode none arp off up\n", name);
}

// Whether /proc/net/ipv6_route has a local route (RTF_LOCAL) that begins like this.
bool has_local_route(const std::string& route) {
  std::ifstream file("/proc/net/ipv6_route");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 9; i++) words >> word;
    if (line.starts_with(route) && !word.empty() && word[0] >= '8') return true;
  }
  return false;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

std::string contents(int fd) {
  std::string text;
  std::array<char, 16384> part;
  while (ssize_t count = ::pread(fd, part.data(), part.size(), static_cast<off_t>(text.size()))) {
    if (count < 0) break;
    text.append(part.data(), static_cast<size_t>(count));
  }
  return text;
}

// The exit code of a program that was run to its end; its output goes to `out` and `error`.
std::expected<int, std::string> run_child(const std::vector<std::string>& command, int in, int out,
                                          int error) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t descriptors;
  ::posix_spawn_file_actions_init(&descriptors);
  ::posix_spawn_file_actions_adddup2(&descriptors, in, 0);
  ::posix_spawn_file_actions_adddup2(&descriptors, out, 1);
  ::posix_spawn_file_actions_adddup2(&descriptors, error, 2);
  pid_t child = 0;
  errno = ::posix_spawnp(&child, arguments[0], &descriptors, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&descriptors);
  if (errno != 0) return failure(command[0]);
  return wait_for(child);
}

std::unexpected<std::string> program_failure(const std::string& program, std::string said) {
  while (!said.empty() && said.back() == '\n') said.pop_back();
  return std::unexpected(fmt::format("{}: {}", program, said));
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Done run_program(const std::vector<std::string>& command, std::string_view input) {
  Fd in(::memfd_create("input", MFD_CLOEXEC)), out(::memfd_create("output", MFD_CLOEXEC));
  if (!in || !out) return failure("memfd_create");
  if (::write(in.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size()) ||
      ::lseek(in.get(), 0, SEEK_SET) != 0) {
    return failure("memfd");
  }
  std::expected<int, std::string> code = run_child(command, in.get(), out.get(), out.get());
  if (!code) return std::unexpected(code.error());
  return *code == 0 ? Done{} : program_failure(command[0], contents(out.get()));
}

std::expected<std::string, std::string> output_of(const std::vector<std::string>& command) {
  Fd out(::memfd_create("output", MFD_CLOEXEC)), error(::memfd_create("error", MFD_CLOEXEC));
  Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!out || !error || !nothing) return failure("memfd_create");
  std::expected<int, std::string> code = run_child(command, nothing.get(), out.get(), error.get());
  if (!code) return std::unexpected(code.error());
  if (*code != 0) return program_failure(command[0], contents(error.get()));
  return contents(out.get());
}

std::expected<Sandbox, std::string> Sandbox::open(const Script& script) {
  Sandbox sandbox;
  Done done = leave_the_machine();
  if (done) done = sandbox.add_devices(script);
  sandbox.bridges_ = script.bridges;
  if (done) done = sandbox.configure(script);
  if (done) done = sandbox.join(script);
  if (!done) return std::unexpected(done.error());
  return sandbox;
}

Done Sandbox::add_devices(const Script& script) {
  uint8_t number = 1;
  for (const std::string& name : interfaces_of(script)) {
    Device device{Fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)),
                  {2, 0, 0, 0, 1, number++}};
    if (!device.fd) return failure("/dev/net/tun");
    ifreq request{};
    std::copy(name.begin(), name.end(), request.ifr_name);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (::ioctl(device.fd.get(), TUNSETIFF, &request) != 0) return failure("a TAP device");
    request.ifr_hwaddr.sa_family = 1;  // ARPHRD_ETHER
    std::ranges::copy(device.mac, request.ifr_hwaddr.sa_data);
    if (::ioctl(device.fd.get(), SIOCSIFHWADDR, &request) != 0) return failure("its address");
    devices_.emplace(name, std::move(device));
  }
  return {};
}

Done Sandbox::configure(const Script& script) {
  std::vector<std::pair<std::string, std::string>> sysctls;
  bool routes = script.forwards || std::ranges::any_of(script.packets, [](const ScriptPacket& p) {
                  return p.path == ScriptPacket::Path::kForward;
                });
  if (routes) {
    sysctls.emplace_back("net.ipv4.ip_forward", "1");
    sysctls.emplace_back("net.ipv6.conf.all.forwarding", "1");
  }
  // What REJECT sends back, all of it.
  sysctls.emplace_back("net.ipv4.icmp_ratelimit", "0");
  sysctls.emplace_back("net.ipv4.ip_no_pmtu_disc", "2");  // no ICMP error teaches a smaller MTU
  sysctls.emplace_back("net.ipv4.icmp_msgs_per_sec", "1000000");
  sysctls.emplace_back("net.ipv4.icmp_msgs_burst", "1000000");
  sysctls.emplace_back("net.ipv6.icmp.ratelimit", "0");
  // Where the trace of rules goes (AF_INET, AF_INET6): to the probe.
  sysctls.emplace_back("net.netfilter.nf_log.2", "nfnetlink_log");
  sysctls.emplace_back("net.netfilter.nf_log.10", "nfnetlink_log");
  // Why a packet is INVALID, of any protocol, is told there too.
  sysctls.emplace_back("net.netfilter.nf_conntrack_log_invalid", "255");
  for (const char* where : {"all", "default"}) {
    sysctls.emplace_back(fmt::format("net.ipv4.conf.{}.rp_filter", where), "0");
    sysctls.emplace_back(fmt::format("net.ipv4.conf.{}.send_redirects", where), "0");
    sysctls.emplace_back(fmt::format("net.ipv6.conf.{}.accept_dad", where), "0");
  }
  std::string links = "link set lo up\n", batch;
  for (const ScriptBridge& bridge : bridges_) add_bridge(bridge, links);
  for (const auto& [name, device] : devices_) {
    sysctls.emplace_back(fmt::format("net/ipv6/conf/{}/addr_gen_mode", name), "1");  // none
    sysctls.emplace_back(fmt::format("net/ipv6/conf/{}/accept_ra", name), "0");
    sysctls.emplace_back(fmt::format("net/ipv4/conf/{}/rp_filter", name), "0");
    links += fmt::format("link set {} arp off up\n", name);
  }
  for (const Script::HostAddress& host : script.host) {
    bool v4 = host.address.family == Family::kIpv4;
    own_.push_back(host.address.address);
    batch += fmt::format("addr add {} dev {}{}\n", host.address.text(), host.interface.text(),
                         v4 ? " brd +" : " nodad");
    if (v4 && host.address.length < 31) {
      Address mask = mask_of(Family::kIpv4, host.address.length);
      broadcasts_.push_back(Address::ipv4(host.address.address.words[0] | ~mask.words[0]));
    }
  }
  int metric = 1000;
  auto add_routes = [&](std::string_view name) {
    for (const char* everywhere : {"0.0.0.0/0", "::/0"}) {
      batch += fmt::format("route add {} dev {} metric {}\n", everywhere, name, metric);
    }
    metric++;
  };
  for (const auto& [name, device] : devices_) {
    if (!is_port(name, bridges_)) add_routes(name);
  }
  for (const ScriptBridge& bridge : bridges_) add_routes(bridge.name.text());
  std::set<std::string> forwarded;
  for (const ScriptPacket& packet : script.packets) {
    const PacketSpec& spec = packet.packet.spec;
    std::string to = spec.destination.text(spec.family);
    bool leaves =
        packet.path == ScriptPacket::Path::kOut || packet.path == ScriptPacket::Path::kForward;
    bool alone = !spec.destination.is_multicast(spec.family);
    if (leaves && alone && find_bridge(packet.out)) {
      batch += fmt::format("neigh replace {} lladdr {} dev {} nud permanent\n", to, kStranger,
                           packet.out.text());
    }
    if (packet.path != ScriptPacket::Path::kForward || !forwarded.insert(to).second) continue;
    batch +=
        fmt::format("route replace {}/{} dev {}\n", to, bits_of(spec.family), packet.out.text());
  }
  for (const auto& [name, value] : sysctls) {
    if (Done done = set_sysctl(name, value); !done) return done;
  }
  if (Done done = run_program({"ip", "-batch", "-"}, links); !done) return done;
  if (Done done = await_links(); !done) return done;
  if (Done done = run_program({"ip", "-batch", "-"}, batch); !done) return done;
  if (Done done = await_addresses(script); !done) return done;
  for (const auto& [name, value] : script.sysctls) {
    if (Done done = set_sysctl(name, value); !done) return done;
  }
  return {};
}

// The kernel notices a carrier a little later, and IPv6 gives no address its use before.
Done Sandbox::await_links() const {
  for (const auto& [name, device] : devices_) {
    if (Done done = await_link(name); !done) return done;
  }
  for (const ScriptBridge& bridge : bridges_) {
    if (Done done = await_link(std::string(bridge.name.text())); !done) return done;
  }
  return {};
}

Done Sandbox::await_link(const std::string& name) const {
  Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::copy(name.begin(), name.end(), request.ifr_name);
  for (int tries = 0; (request.ifr_flags & IFF_RUNNING) == 0; tries++) {
    if (tries == kMostTries) return std::unexpected(name + " does not come up");
    ::usleep(1000);
    if (::ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return failure(name);
  }
  return {};
}

// An IPv6 address is added by a worker: it is there once it has its local route.
Done Sandbox::await_addresses(const Script& script) const {
  for (const Script::HostAddress& host : script.host) {
    if (host.address.family != Family::kIpv6) continue;
    const std::array<uint32_t, 4>& w = host.address.address.words;
    std::string route = fmt::format("{:08x}{:08x}{:08x}{:08x} 80 ", w[0], w[1], w[2], w[3]);
    for (int tries = 0; !has_local_route(route); tries++) {
      if (tries == kMostTries) return std::unexpected(host.address.text() + " does not come up");
      ::usleep(1000);
    }
  }
  return {};
}

Done Sandbox::join(const Script& script) {
  for (const Script::Group& group : script.groups) {
    bool v4 = group.family == Family::kIpv4;
    for (const auto& [name, device] : devices_) {
      Fd fd(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      if (!fd) return failure("a socket");
      unsigned index = ::if_nametoindex(name.c_str());
      ip_mreqn request4{};
      ipv6_mreq request6{};
      request4.imr_ifindex = static_cast<int>(index);
      request6.ipv6mr_interface = index;
      group.address.to_wire(group.family, v4 ? static_cast<void*>(&request4.imr_multiaddr)
                                             : static_cast<void*>(&request6.ipv6mr_multiaddr));
      int bad =
          v4 ? ::setsockopt(fd.get(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request4, sizeof request4)
             : ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &request6, sizeof request6);
      if (bad != 0) return failure("joining " + group.address.text(group.family));
      members_.push_back(std::move(fd));
    }
  }
  return {};
}

Done Sandbox::load_rules(const Script& script) {
  Done done;
  if (script.sets) done = run_program({"ipset", "restore"}, script.sets->text);
  clock_.emplace();
  if (done && script.rules) {
    done = run_program({"iptables-legacy-restore", "-w"}, script.rules->text);
  }
  if (done && script.rules6) {
    done = run_program({"ip6tables-legacy-restore", "-w"}, script.rules6->text);
  }
  return done;
}

Done Sandbox::send(const ScriptPacket& packet) {
  return packet.path == ScriptPacket::Path::kOut ? transmit(packet) : receive(packet);
}

Sandbox::Mac Sandbox::destination_mac(const Device& device, const ScriptPacket& packet) const {
  const PacketSpec& spec = packet.packet.spec;
  const std::array<uint32_t, 4>& words = spec.destination.words;
  auto byte = [](uint32_t word, int shift) { return static_cast<uint8_t>(word >> shift); };
  if (!spec.destination.is_multicast(spec.family)) {
    bool broadcast = spec.family == Family::kIpv4 &&
                     (words[0] == 0xffffffff ||
                      std::ranges::find(broadcasts_, spec.destination) != broadcasts_.end());
    if (broadcast) return {255, 255, 255, 255, 255, 255};
    // To another host, whose frame it is.
    bool foreign = packet.path == ScriptPacket::Path::kBridged ||
                   (packet.path == ScriptPacket::Path::kIn &&
                    std::ranges::find(own_, spec.destination) == own_.end());
    return foreign ? Mac{2, 0, 0, 0, 0, 0xfd} : device.mac;
  }
  if (spec.family == Family::kIpv4) {  // RFC 1112, 6.4
    return {1,
            0,
            0x5e,
            static_cast<uint8_t>(byte(words[0], 16) & 0x7f),
            byte(words[0], 8),
            byte(words[0], 0)};
  }
  return {0x33,
          0x33,
          byte(words[3], 24),
          byte(words[3], 16),
          byte(words[3], 8),  // RFC 2464, 7
          byte(words[3], 0)};
}

Done Sandbox::receive(const ScriptPacket& packet) {
  const PacketText& text = packet.packet;
  if (text.mark != 0) return std::unexpected("an incoming packet has no mark on the kernel");
  const bool at_port = packet.ports.in != InterfaceName();
  const bool one_way = packet.path == ScriptPacket::Path::kBridged || !at_port;
  auto device = devices_.find((at_port ? packet.ports.in : packet.in).text());
  if (device == devices_.end()) return std::unexpected("packets do not come in at lo");
  const Mac destination = destination_mac(device->second, packet);
  if ((destination[0] & 1) && !one_way) return std::unexpected("a bridge hands this on as well");
  std::vector<uint8_t> frame;
  std::ranges::copy(destination, std::back_inserter(frame));
  std::ranges::copy(text.mac_source.value_or(Mac{2, 0, 0, 0, 0, 0xfe}), std::back_inserter(frame));
  bool v4 = text.spec.family == Family::kIpv4;
  frame.push_back(v4 ? 0x08 : 0x86);
  frame.push_back(v4 ? 0x00 : 0xdd);
  std::ranges::copy(text.bytes, std::back_inserter(frame));
  if (::write(device->second.fd.get(), frame.data(), frame.size()) < 0) {
    return failure("writing a frame");
  }
  return {};
}

Done Sandbox::transmit(const ScriptPacket& packet) {
  const PacketText& text = packet.packet;
  bool v4 = text.spec.family == Family::kIpv4;
  Fd fd(::socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!fd) return failure("a raw socket");
  std::string device(packet.out.text());
  int on = 1, off = 0, priority = kPriority, mark = static_cast<int>(text.mark);
  bool good = ::setsockopt(fd.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on) == 0 &&
              ::setsockopt(fd.get(), SOL_SOCKET, SO_PRIORITY, &priority, sizeof priority) == 0 &&
              ::setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0;
  // What the host sends to itself goes to lo anyway, and IPv6 has no route for it that names lo.
  good =
      good && (device == "lo" || ::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, device.data(),
                                              static_cast<socklen_t>(device.size())) == 0);
  // No copies of our multicast back to us: a packet has one way.
  good = good &&
         (v4 ? ::setsockopt(fd.get(), IPPROTO_IP, IP_MULTICAST_LOOP, &off, sizeof off)
             : ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &off, sizeof off)) == 0;
  if (!good) return failure("options of a raw socket");
  sockaddr_in to4{};
  to4.sin_family = AF_INET;
  sockaddr_in6 to6{};
  to6.sin6_family = AF_INET6;
  to6.sin6_scope_id = ::if_nametoindex(device.c_str());
  text.spec.destination.to_wire(text.spec.family, v4 ? static_cast<void*>(&to4.sin_addr)
                                                     : static_cast<void*>(&to6.sin6_addr));
  ssize_t sent =
      ::sendto(fd.get(), text.bytes.data(), text.bytes.size(), 0,
               v4 ? reinterpret_cast<sockaddr*>(&to4) : reinterpret_cast<sockaddr*>(&to6),
               v4 ? sizeof to4 : sizeof to6);
  if (sent < 0 && errno != EPERM) return failure("sending");  // EPERM: a rule dropped it
  return {};
}

const ScriptBridge* Sandbox::find_bridge(const InterfaceName& name) const {
  auto found = std::ranges::find(bridges_, name, &ScriptBridge::name);
  return found == bridges_.end() ? nullptr : &*found;
}

Departures Sandbox::sent_for(const ScriptPacket& packet) {
  if (packet.path == ScriptPacket::Path::kBridged) {
    Departures departures = sent_by(packet.ports.out);
    return departures.packets.empty() ? sent_by(packet.ports.in) : departures;
  }
  // To a stranger a bridge sends by all of its ports.
  const ScriptBridge* bridge = find_bridge(packet.out);
  return sent_by(bridge ? bridge->ports[0] : packet.out);
}

Departures Sandbox::sent_by(const InterfaceName& device) {
  constexpr size_t kEthernetHeader = 14;
  Departures departures{.by = device, .packets = {}};
  auto found = devices_.find(device.text());
  if (found == devices_.end()) return departures;
  std::array<uint8_t, 2048> frame;
  for (ssize_t size; (size = ::read(found->second.fd.get(), frame.data(), frame.size())) > 0;) {
    int type = frame[12] << 8 | frame[13];
    bool is_ip = type == ETHERTYPE_IP || type == ETHERTYPE_IPV6;
    if (is_ip) {
      departures.packets.emplace_back(frame.begin() + kEthernetHeader, frame.begin() + size);
    }
  }
  return departures;
}

void Sandbox::drain() {
  std::array<uint8_t, 2048> frame;
  for (const auto& [name, device] : devices_) {
    while (::read(device.fd.get(), frame.data(), frame.size()) >= 0) {
    }
  }
}

}  // namespace sallyport::testing
