// The log of a running firewall: what rules of LOG tell, in the kernel's form (log_text.h), to a
// file or to standard error, which a service manager hands on to its journal.
//
// A packet is kept as it is on the packet path, and written when its burst is over. Nobody waits:
// what comes in too great numbers, or is not taken at once, is counted, and the count is told.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "program/log_sink.h"

namespace sallyport {

class PacketLog final : public LogSink {
 public:
  static constexpr size_t kMost = 1024;  // between two write()
  static constexpr size_t kFront = 192;  // bytes of each packet

  // Empty: standard error. Else a file, which is appended to.
  static std::expected<std::unique_ptr<PacketLog>, std::string> open(const std::string& path);
  ~PacketLog();
  PacketLog(const PacketLog&) = delete;
  PacketLog& operator=(const PacketLog&) = delete;

  void log(const Context& context, const LogWish& wish) override;
  // Between bursts.
  void write();
  // The file may have been moved away: from now on it is the one of its name.
  void reopen();
  uint64_t lost() const { return lost_; }

 private:
  static constexpr size_t kPrefix = 29;
  struct Entry {
    Packet packet;  // its data and interfaces are of no use
    std::array<uint8_t, kFront> front;
    InterfaceName in, out;  // empty: none
    BridgePorts ports;      // the same
    std::array<char, kPrefix> prefix;
    LogWish wish;
  };
  explicit PacketLog(std::string path) : path_(std::move(path)), entries_(kMost) {}
  std::string line(Entry& entry) const;
  bool put(std::string_view text);

  const std::string path_;
  int file_ = -1;
  std::vector<Entry> entries_;
  size_t count_ = 0;
  uint64_t lost_ = 0, lost_told_ = 0;
};

}  // namespace sallyport
