// By which interface the kernel would send to an address: rtnetlink's RTM_GETROUTE, asked once for
// each address.
#pragma once

#include <map>
#include <memory>
#include <tuple>

#include "base/address.h"
#include "packet/packet.h"

namespace sallyport {

class Routes {
 public:
  // Of the network namespace of the caller.
  Routes();
  ~Routes();
  // Null: it knows no way. The name stays where it is.
  const InterfaceName* toward(Family family, const Address& address);

 private:
  struct Socket;
  const InterfaceName* ask(Family family, const Address& address);

  std::unique_ptr<Socket> socket_;
  std::map<uint32_t, InterfaceName> names_;  // by index
  std::map<std::tuple<Family, std::array<uint32_t, 4>>, const InterfaceName*> known_;
};

}  // namespace sallyport
