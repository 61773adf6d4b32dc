// Capture files: the records of a pcap or pcapng file, in their order.
//
// A reader of our own, since libpcap's hides the names of pcapng's interfaces, which
// rules ask for (`-i eth0`), and refuses a file of mixed link types, which `tcpdump -i
// any` and editors make. (libpcap still compiles filters: capture_filter.h.)
//
// The file is mapped privately: nothing is copied, bytes may be written to, and the
// file never changes. Pages that the reader has left far behind (32 MB) are given back, so memory
// is bounded however large the file is; looked at again, they are as the file has them. What cannot
// be mapped (`-`, a pipe) is copied to memory once, as a file without a name (memfd_create), so
// that it too can be read again. A file that is damaged or cut is read up to there, then says so;
// only what is no capture at all is an error. A file that shrinks while it is read kills the
// process (SIGBUS), as it does every program that maps files.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "packet/packet.h"

namespace sallyport {

// https://www.tcpdump.org/linktypes.html; records of others are delivered, as not IP.
namespace link_type {
constexpr uint16_t kNull = 0, kEthernet = 1, kPpp = 9, kRawBsd = 12, kRawOpenBsd = 14,
                   kPppHdlc = 50, kRaw = 101, kLoop = 108, kLinuxCooked = 113, kIpv4 = 228,
                   kIpv6 = 229, kNflog = 239, kLinuxCooked2 = 276;
}  // namespace link_type

struct Record {
  uint64_t index = 0;                        // from 0
  Instant time{};                            // pcapng's simple packets have the one before's
  const InterfaceName* interface = nullptr;  // if the file names it; as long as the Capture
  uint16_t link_type = 0;
  std::span<uint8_t> frame;  // as captured; may be written to
  uint32_t wire_length = 0;  // of the frame; >= frame.size()

  // Of the link layer. The network layer begins at network_offset, which may lie
  // beyond what was captured; ethertype is 0 where the frame does not tell.
  uint32_t network_offset = 0;
  uint16_t ethertype = 0;
  bool has_mac = false;
  std::array<uint8_t, 6> mac_source{};
  PacketType packet_type = PacketType::kHost;
  bool outgoing = false;  // Linux cooked: sent by the capturing host
};

// Fills what packet.h lists as the attachment's, but for the interfaces, which are the
// engine's to choose, and the cookie. kNone, kNotIp, or kBadHeader where the frame
// announces the other IP version.
Reason fill_packet(const Record& record, Packet& packet);

class Capture {
 public:
  // "-" is the standard input. The error is a sentence without the path.
  static std::expected<Capture, std::string> open(const std::string& path);
  // Over bytes in memory, which it keeps.
  static std::expected<Capture, std::string> from_memory(std::vector<uint8_t> bytes);
  // The same capture from its beginning. A file's pages are held once, but for those that were
  // written to, which are each one's own; what is from_memory() is copied as it is now. The error
  // is the system's.
  std::expected<Capture, std::string> again() const;

  Capture(Capture&&) noexcept;
  Capture& operator=(Capture&&) noexcept;
  ~Capture();

  // The next records, fewer than asked for only at the end: 0 when there are no more.
  // Their bytes are good as long as the Capture.
  size_t read(std::span<Record> records);

  // What was wrong on the way, known once read() has come to the end.
  const std::vector<std::string>& warnings() const;

  // For a progress bar.
  size_t position() const;
  size_t size() const;

 private:
  struct State;
  explicit Capture(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
