// A network namespace in which a script meets the kernel.
//
// The process that opens a sandbox moves into a namespace of its own, and the
// namespace holds everything (TAP devices, addresses, rules, sets, sysctls), so
// all of it ends with the process, however that ends. There is no way back, only
// into the next sandbox. Nothing outside is touched; open() makes sure of that
// before it changes anything. Opening one takes about 10 ms, so there is no reason
// to use one twice.
//
// TAP devices are the wire. A frame written into one runs through the kernel's
// receive path, local delivery or forwarding included, before write() returns,
// so what happened to a packet can be read at once. They have no ARP: every
// neighbour is known, and no packet waits for an address.
//
// A bridge has two of them for ports and learns nothing that matters: the only frames that it
// hands on are to an address that it has never seen.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attach/script.h"
#include "kernel/tick_clock.h"

namespace sallyport::testing {

using Done = std::expected<void, std::string>;  // or what went wrong

// Owned file descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Runs a program to its end with `input` on its standard input; what it said if it failed.
Done run_program(const std::vector<std::string>& command, std::string_view input);
// What a program prints to its standard output.
std::expected<std::string, std::string> output_of(const std::vector<std::string>& command);

// IP packets that have left by a device.
struct Departures {
  InterfaceName by;
  std::vector<std::vector<uint8_t>> packets;
};

class Sandbox {
 public:
  // SO_PRIORITY of the packets that the sandbox sends: it tells them from the kernel's own.
  static constexpr int kPriority = 0x5a11;

  // Moves this process into a namespace made for `script`, still without its rules and sets.
  static std::expected<Sandbox, std::string> open(const Script& script);
  // To be called when probes are there: they keep what the kernel itself sends (reports of groups
  // that it has joined) from counting in rules and making entries.
  Done load_rules(const Script& script);

  // Sends one packet its way. An error is the sandbox's, not a verdict: the kernel sends no such
  // packet.
  Done send(const ScriptPacket& packet);
  // Takes what the kernel has sent out of the devices.
  void drain();
  // The IP packets that have left since then where this one leaves, or, being bridged, by either
  // port.
  Departures sent_for(const ScriptPacket& packet);
  // Counts since the script's sets were loaded: their elements grow old from then on.
  const TickCounter& clock() const { return *clock_; }

 private:
  using Mac = std::array<uint8_t, 6>;
  struct Device {
    Fd fd;
    Mac mac{};
  };

  Done add_devices(const Script& script);
  Done await_link(const std::string& name) const;
  Done await_links() const;
  Done await_addresses(const Script& script) const;
  Done configure(const Script& script);
  Done join(const Script& script);
  Done receive(const ScriptPacket& packet);
  Done transmit(const ScriptPacket& packet);
  Mac destination_mac(const Device& device, const ScriptPacket& packet) const;

  const ScriptBridge* find_bridge(const InterfaceName& name) const;
  Departures sent_by(const InterfaceName& device);

  std::map<std::string, Device, std::less<>> devices_;
  std::vector<ScriptBridge> bridges_;
  std::vector<Address> own_, broadcasts_;
  std::vector<Fd> members_;  // sockets that hold the groups joined
  std::optional<TickCounter> clock_;
};

}  // namespace sallyport::testing
