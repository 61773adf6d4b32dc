// The machine's interfaces and addresses, as rtnetlink tells them, and the groups that it has
// joined, from /proc/net/igmp and igmp6: the Host of a live firewall, and the names of the
// interfaces that packets come with by their numbers.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "packet/host.h"

namespace sallyport {

class Interfaces {
 public:
  // Of the network namespace of the caller, which is told of changes from now on.
  static std::expected<Interfaces, std::string> open();
  Interfaces(Interfaces&&) noexcept;
  Interfaces& operator=(Interfaces&&) noexcept;
  ~Interfaces();

  int fd() const;  // readable when something has changed
  // Reads what has changed, without waiting. True: host() is another one now.
  bool update();

  const Host& host() const;
  // Null: 0, or an interface that is gone. The name stays where it is until the next update().
  const InterfaceName* name(uint32_t index) const;
  uint32_t index(const InterfaceName& name) const;  // 0: there is none of this name

 private:
  struct State;
  explicit Interfaces(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
