// A queue of the kernel's in which packets wait for a verdict: NFQUEUE, over netlink.
//
// Packets are read by the burst and lie in this object's memory until the next one; verdicts are
// gathered and sent in one system call, and a run of equal ones is a single message. What is asked
// of the kernel is in linux/netfilter/nfnetlink_queue.h, and what it does was seen on Linux 6.18:
// closing the queue drops what waits in it, and so does each packet that finds no room in the
// socket, but where the queue fails open.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace sallyport {

struct QueuedPacket {
  enum class Hook : uint8_t { kPrerouting, kInput, kForward, kOutput, kPostrouting };
  uint32_t id = 0;
  Hook hook = Hook::kInput;
  std::span<uint8_t> bytes;            // from the IP header on, as far as the queue copies
  uint32_t length = 0;                 // of the packet; more than bytes.size() where it was cut
  uint32_t in = 0, out = 0;            // interfaces' indices; 0: none
  uint32_t port_in = 0, port_out = 0;  // of a bridge, where `in` or `out` is one
  uint32_t mark = 0;
  std::optional<uint32_t> uid, gid;           // of the socket that sends it
  std::optional<std::array<uint8_t, 6>> mac;  // of the frame's source
  // Somebody has looked at the transport's checksum and found it good, or it will be filled in
  // when the packet leaves. Else it is ours to look at.
  bool checksum_good = false;
};

enum class Ruling : uint8_t { kDrop = 0, kAccept = 1 };

class NfQueue {
 public:
  struct Options {
    uint16_t number = 0;
    uint32_t copy = kWhole;     // bytes of each packet
    uint32_t capacity = 16384;  // packets that wait at most
    bool fail_open = false;     // what finds no room is accepted, not dropped
  };
  static constexpr uint32_t kWhole = 0xffff;
  static constexpr size_t kBurst = 64;

  // The error names the queue and the reason, "queue 7200: another program listens to it".
  static std::expected<NfQueue, std::string> open(const Options& options);
  NfQueue(NfQueue&&) noexcept;
  NfQueue& operator=(NfQueue&&) noexcept;
  ~NfQueue();

  int fd() const;
  uint16_t number() const { return options_.number; }
  uint32_t copy() const { return options_.copy; }
  // Copies so many bytes from the next packet on. False: the kernel did not want to.
  bool copy_from_now(uint32_t bytes);

  // What waits, at most kBurst, without waiting for any; good until the next call.
  std::span<const QueuedPacket> receive();
  // Times that the kernel found no room in our socket; the packets met then are lost, or accepted
  // where the queue fails open.
  uint64_t overruns() const { return overruns_; }

  // Each packet has one ruling, in the order in which they came, but for those on hold, which have
  // theirs any time later. send() tells the kernel; false: it could not be told.
  void rule(uint32_t id, Ruling ruling, std::optional<uint32_t> mark = std::nullopt);
  void hold(uint32_t id) { held_.insert(id); }
  bool send();

 private:
  struct Buffers;
  struct Run {  // of packets ruled alike
    uint32_t id = 0;
    Ruling ruling = Ruling::kDrop;
    std::optional<uint32_t> mark;
    bool many = false;
  };
  explicit NfQueue(const Options& options);
  std::expected<void, std::string> configure();
  void flush_run();

  Options options_;
  std::unique_ptr<Buffers> buffers_;
  std::set<uint32_t> held_;
  std::optional<Run> run_;
  std::vector<uint8_t> out_;  // messages to be sent
  uint64_t overruns_ = 0;
};

}  // namespace sallyport
