// The control socket: how those who may administer a running firewall.
//
// A stream socket of the file system. Whoever connects is root, or the user or in the group that
// the socket was opened for; what its peer is, the kernel says (SO_PEERCRED). The protocol is JSON,
// an object a line (docs/live.md):
//
//   {"run": ["iptables", "-S"], "input": "…"}       what is asked: one at a time
//   {"out": "…"} {"err": "…"} … {"exit": 0}         what comes of it, as it comes
//
// A line that is no such object is answered by an error and ends the connection; so does one of
// more than kLongestLine bytes. A peer that does not read what it has asked for is not waited for,
// and no more is made for it until it does.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>

#include "control/daemon.h"
#include "control/personality.h"

namespace sallyport {

class ControlServer {
 public:
  static constexpr size_t kLongestLine = size_t{64} << 20;
  static constexpr size_t kMostPeers = 64;

  // What a command comes to; the name is the first word of "run".
  using Runner = std::function<Reply(const std::string& name, const Request& request)>;

  struct Options {
    std::string path = "/run/sallyport/control.sock";
    std::optional<std::string> group;  // whose members may, too
  };

  // `daemon` outlives it. The directory is made if it is not there; a socket that nobody listens
  // to is taken away. The error says what is wrong with the path.
  static std::expected<std::unique_ptr<ControlServer>, std::string> open(const Options& options,
                                                                         Daemon& daemon,
                                                                         Runner runner);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Commands that are told bit by bit, or wait for those before them, go on: once a turn of the
  // daemon's loop. True: there is more to do at once.
  bool go_on();

 private:
  struct Peer;
  ControlServer(Options options, Daemon& daemon, Runner runner);
  std::expected<void, std::string> listen();
  void accept();
  void read(Peer& peer);
  void take_lines(Peer& peer);
  void take_line(Peer& peer, std::string_view line);
  static void tell(Peer& peer);
  static void end_reply(Peer& peer);
  void write(Peer& peer);
  void end(int fd);
  bool may_ask(int fd) const;

  Options options_;
  Daemon& daemon_;
  Runner runner_;
  int listener_ = -1;
  std::optional<gid_t> group_;
  std::map<int, std::unique_ptr<Peer>> peers_;
};

}  // namespace sallyport
