#include "control/packet_log.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/system_error.h"
#include "control/log_text.h"

namespace sallyport {
namespace {

int open_file(const std::string& path) {
  // Standard error once more, so that its being non-blocking is nobody else's matter. A socket, as
  // a journal's is, cannot be opened; it is sent to.
  if (path.empty()) return ::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_APPEND | O_CLOEXEC);
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
}

// sd-daemon(3): a line to the journal begins with its level.
bool to_journal() {
  return std::getenv("JOURNAL_STREAM") != nullptr;
}

}  // namespace

std::expected<std::unique_ptr<PacketLog>, std::string> PacketLog::open(const std::string& path) {
  std::unique_ptr<PacketLog> log(new PacketLog(path));
  log->file_ = open_file(path);
  if (log->file_ < 0 && !path.empty()) {
    return std::unexpected(system_error("--log " + path));
  }
  return log;
}

PacketLog::~PacketLog() {
  if (file_ >= 0) ::close(file_);
}

void PacketLog::reopen() {
  if (path_.empty()) return;
  const int fresh = open_file(path_);
  if (fresh < 0) return;
  ::close(file_);
  file_ = fresh;
}

void PacketLog::log(const Context& context, const LogWish& wish) {
  if (count_ == kMost) {
    lost_++;
    return;
  }
  Entry& entry = entries_[count_++];
  const Packet& packet = context.packet;
  entry.packet = packet;
  entry.packet.captured = std::min<uint32_t>(packet.captured, kFront);
  std::copy_n(packet.data, entry.packet.captured, entry.front.begin());
  const auto name = [](const InterfaceName* one) { return one ? *one : InterfaceName(); };
  entry.in = name(packet.in);
  entry.out = name(packet.out);
  entry.ports = {context.ports ? context.ports->in : InterfaceName(), name(context.port_out())};
  entry.wish = wish;
  const size_t length = std::min(wish.prefix.size(), entry.prefix.size());
  std::copy_n(wish.prefix.begin(), length, entry.prefix.begin());
  entry.wish.prefix = {entry.prefix.data(), length};
}

std::string PacketLog::line(Entry& entry) const {
  Packet& packet = entry.packet;
  packet.data = entry.front.data();
  packet.in = entry.in == InterfaceName() ? nullptr : &entry.in;
  packet.out = entry.out == InterfaceName() ? nullptr : &entry.out;
  std::string text = log_text(packet, entry.ports, entry.wish);
  if (path_.empty())
    return to_journal() ? fmt::format("<{}>{}\n", entry.wish.level, text) : text + '\n';
  // A file is nobody's journal: it has the time, as syslog's files have it.
  const auto time = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(packet.time));
  return fmt::format("{:%b %e %H:%M:%S} sallyport: {}\n", fmt::localtime(time), text);
}

bool PacketLog::put(std::string_view text) {
  if (file_ >= 0)
    return ::write(file_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const ssize_t sent = ::send(STDERR_FILENO, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(text.size());
}

void PacketLog::write() {
  for (size_t i = 0; i < count_; i++) {
    if (!put(line(entries_[i]))) lost_++;
  }
  count_ = 0;
  if (lost_ == lost_told_) return;
  if (put(fmt::format("{}sallyport: {} packets more were to be logged\n",
                      path_.empty() && to_journal() ? "<4>" : "", lost_ - lost_told_))) {
    lost_told_ = lost_;
  }
}

}  // namespace sallyport
