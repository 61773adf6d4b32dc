#include "control/control_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/system_error.h"
#include "control/unix_address.h"

namespace sallyport {
namespace {

using Json = nlohmann::json;

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

constexpr size_t kEnough = 1 << 20;  // bytes that wait to be read, before more are made

// Nothing for what is no request.
std::optional<Request> read_request(std::string_view line, std::string& name) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("run")) return std::nullopt;
  const Json& run = json["run"];
  if (!run.is_array() || run.empty()) return std::nullopt;
  Request request;
  for (const Json& word : run) {
    if (!word.is_string()) return std::nullopt;
    request.arguments.push_back(word.get<std::string>());
  }
  name = request.arguments.front();
  request.arguments.erase(request.arguments.begin());
  if (!json.contains("input")) return request;
  if (!json["input"].is_string()) return std::nullopt;
  request.input = json["input"].get<std::string>();
  return request;
}

}  // namespace

struct ControlServer::Peer {
  int fd = -1;
  std::string in;      // what it has said
  size_t taken = 0;    // of that: requests that have been taken
  size_t scanned = 0;  // ... and where no line ends
  std::string out;
  std::optional<Reply> reply;  // that is being told
  bool leaving = false;        // as soon as it has been told why
  bool has_more = false;       // to tell or to take, as soon as `out` has been read
};

ControlServer::ControlServer(Options options, Daemon& daemon, Runner runner)
    : options_(std::move(options)), daemon_(daemon), runner_(std::move(runner)) {}

ControlServer::~ControlServer() {
  while (!peers_.empty()) end(peers_.begin()->first);
  if (listener_ < 0) return;
  daemon_.unwatch(listener_);
  ::close(listener_);
  ::unlink(options_.path.c_str());
}

std::expected<std::unique_ptr<ControlServer>, std::string> ControlServer::open(
    const Options& options, Daemon& daemon, Runner runner) {
  std::unique_ptr<ControlServer> server(new ControlServer(options, daemon, std::move(runner)));
  if (auto done = server->listen(); !done) {
    return std::unexpected(fmt::format("{}: {}", options.path, done.error()));
  }
  return server;
}

std::expected<void, std::string> ControlServer::listen() {
  const std::optional<sockaddr_un> address = unix_address(options_.path);
  if (!address) {
    return std::unexpected(fmt::format("a socket's path has at most {} bytes", kLongestSocketPath));
  }
  const auto* named = reinterpret_cast<const sockaddr*>(&*address);
  if (options_.group) {
    const group* found = ::getgrnam(options_.group->c_str());
    if (!found) return std::unexpected(fmt::format("there is no group '{}'", *options_.group));
    group_ = found->gr_gid;
  }
  std::error_code ignored;  // bind() says what is wrong with the place
  std::filesystem::create_directories(std::filesystem::path(options_.path).parent_path(), ignored);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return std::unexpected(system_error("socket"));
  listener_ = fd;
  if (::connect(fd, named, sizeof *address) == 0 || errno == EAGAIN) {
    ::close(std::exchange(listener_, -1));
    return std::unexpected("another Sallyport listens there");
  }
  struct stat there{};
  if (::lstat(options_.path.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode)) {
      ::close(std::exchange(listener_, -1));
      return std::unexpected("something is there that is no socket");
    }
    ::unlink(options_.path.c_str());
  }
  // Nobody else may, not even for a moment.
  const mode_t before = ::umask(0177);
  const bool bound = ::bind(fd, named, sizeof *address) == 0;
  ::umask(before);
  if (!bound) {
    const std::string why = system_error();
    ::close(std::exchange(listener_, -1));
    return std::unexpected(why);
  }
  constexpr mode_t kForGroup = 0660;
  if (group_ && (::chown(options_.path.c_str(), static_cast<uid_t>(-1), *group_) != 0 ||
                 ::chmod(options_.path.c_str(), kForGroup) != 0)) {
    return std::unexpected(system_error("for its group"));
  }
  if (::listen(fd, 16) != 0) return std::unexpected(system_error("listen"));
  daemon_.watch(fd, [this] { accept(); });
  return {};
}

// The file's permissions say so already; a descriptor that was handed on does not.
bool ControlServer::may_ask(int fd) const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  if (peer.uid == 0 || peer.uid == ::geteuid()) return true;
  if (!group_) return false;
  if (peer.gid == *group_) return true;
  std::vector<gid_t> groups(256);
  socklen_t bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) != 0) return false;
  groups.resize(bytes / sizeof(gid_t));
  return std::ranges::find(groups, *group_) != groups.end();
}

void ControlServer::accept() {
  const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  if (peers_.size() >= kMostPeers || !may_ask(fd)) {
    const std::string no =
        line_of({{"err", "sallyport: permission denied\n"}}) + line_of({{"exit", 4}});
    (void)!::send(fd, no.data(), no.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::close(fd);
    return;
  }
  Peer& peer = *peers_.emplace(fd, std::make_unique<Peer>()).first->second;
  peer.fd = fd;
  daemon_.watch(fd, [this, fd] {
    auto found = peers_.find(fd);
    if (found == peers_.end()) return;
    read(*found->second);
    // It may be gone by now.
    if (found = peers_.find(fd); found != peers_.end()) write(*found->second);
  });
}

void ControlServer::end(int fd) {
  daemon_.unwatch(fd);
  ::close(fd);
  peers_.erase(fd);
}

void ControlServer::read(Peer& peer) {
  constexpr int kAtOnce = 16;
  std::array<char, 65536> buffer;
  for (int i = 0; i < kAtOnce && !peer.leaving; i++) {
    const ssize_t count = ::recv(peer.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (count <= 0) {  // it says no more: what it has said is answered, as far as that has room
      if (peer.reply && peer.reply->follows) end_reply(peer);
      take_lines(peer);
      const int fd = peer.fd;
      write(peer);
      if (peers_.contains(fd)) end(fd);
      return;
    }
    peer.in.append(buffer.data(), static_cast<size_t>(count));
    if (peer.in.size() > kLongestLine) {
      peer.out +=
          line_of({{"err", "sallyport: the request is too long\n"}}) + line_of({{"exit", 2}});
      peer.leaving = true;
    }
  }
  take_lines(peer);
}

// Not all at once, where there are many: packets wait.
void ControlServer::take_lines(Peer& peer) {
  constexpr int kAtOnce = 64;
  for (int taken = 0; !peer.reply && !peer.leaving; taken++) {
    const size_t end = peer.in.find('\n', peer.scanned);
    peer.has_more = end != std::string::npos;
    peer.scanned = std::min(end, peer.in.size());
    if (!peer.has_more || taken == kAtOnce || peer.out.size() >= kEnough) break;
    take_line(peer, std::string_view(peer.in).substr(peer.taken, end - peer.taken));
    peer.taken = peer.scanned = end + 1;
  }
  peer.in.erase(0, peer.taken);
  peer.scanned -= peer.taken;
  peer.taken = 0;
}

void ControlServer::take_line(Peer& peer, std::string_view line) {
  std::string name;
  std::optional<Request> request = read_request(line, name);
  if (!request) {
    peer.out += line_of({{"err", "sallyport: not a request: {\"run\": [WORD, …]} is wanted\n"}}) +
                line_of({{"exit", 2}});
    peer.leaving = true;
    return;
  }
  peer.reply = runner_(name, *request);
  if (!peer.reply->out.empty()) peer.out += line_of({{"out", peer.reply->out}});
  tell(peer);
}

// What there is to tell now, as long as it is being read.
void ControlServer::tell(Peer& peer) {
  Reply& reply = *peer.reply;
  peer.has_more = false;
  if (reply.more) {
    peer.has_more = peer.out.size() >= kEnough;
    if (peer.has_more) return;
    std::string piece;
    const Rest rest = reply.more(piece);
    if (!piece.empty()) peer.out += line_of({{"out", piece}});
    peer.has_more = rest == Rest::kSoon;
    if (rest != Rest::kNone) return;
  }
  if (reply.last) {
    Reply last = reply.last();
    if (!last.out.empty()) peer.out += line_of({{"out", last.out}});
    reply = std::move(last);
  }
  if (!reply.err.empty()) peer.out += line_of({{"err", reply.err}});
  peer.out += line_of({{"exit", reply.code}});
  peer.reply.reset();
}

// Of one that would go on: the asker has heard enough.
void ControlServer::end_reply(Peer& peer) {
  peer.reply->more = nullptr;
  tell(peer);
}

void ControlServer::write(Peer& peer) {
  while (!peer.out.empty()) {
    const ssize_t count =
        ::send(peer.fd, peer.out.data(), peer.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) break;
    if (count < 0) return end(peer.fd);
    peer.out.erase(0, static_cast<size_t>(count));
  }
  if (peer.leaving) return end(peer.fd);
  daemon_.watch_writing(peer.fd, !peer.out.empty());
}

bool ControlServer::go_on() {
  std::vector<int> fds;
  for (const auto& [fd, peer] : peers_) {
    if (peer->reply || peer->has_more) fds.push_back(fd);
  }
  bool more = false;
  for (int fd : fds) {
    Peer& peer = *peers_.at(fd);
    if (peer.reply) tell(peer);
    take_lines(peer);
    write(peer);
    auto found = peers_.find(fd);  // unless it has gone
    more = more || (found != peers_.end() && found->second->has_more &&
                    found->second->out.size() < kEnough);
  }
  return more;
}

}  // namespace sallyport
