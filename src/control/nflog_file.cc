#include "control/nflog_file.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "attach/capture.h"
#include "attach/write_all.h"
#include "base/system_error.h"

namespace sallyport {
namespace {

// The attributes of a message, as netlink has them: length and type in this machine's byte order,
// each aligned to four bytes.
class Message {
 public:
  Message(Family family, uint16_t group) {
    const nfgenmsg head{
        .nfgen_family = static_cast<uint8_t>(family == Family::kIpv4 ? AF_INET : AF_INET6),
        .version = NFNETLINK_V0,
        .res_id = htons(group)};
    put(&head, sizeof head);
  }
  void add(uint16_t type, const void* data, size_t size) {
    begin(type, size);
    put(data, size);
    size_ = (size_ + 3) / 4 * 4;
  }
  void add_number(uint16_t type, uint32_t value) {
    value = htonl(value);
    add(type, &value, sizeof value);
  }
  // The packet is the last one, and its bytes follow the message.
  void begin(uint16_t type, size_t size) {
    const auto length = static_cast<uint16_t>(size + 2 * sizeof(uint16_t));
    put(&length, sizeof length);
    put(&type, sizeof type);
  }
  std::span<const uint8_t> bytes() const { return std::span(bytes_).first(size_); }

 private:
  void put(const void* data, size_t size) {
    std::memcpy(bytes_.data() + size_, data, size);
    size_ += size;
  }

  // Everything below at its longest, a prefix of 63 bytes among it.
  std::array<uint8_t, 256> bytes_{};
  size_t size_ = 0;
};

constexpr size_t kMostPayload = 0xffff - 2 * sizeof(uint16_t);

void add_prefix(Message& message, std::string_view prefix) {
  std::array<char, 64> text{};  // with the zero that ends it
  const size_t length = std::min(prefix.size(), text.size() - 1);
  std::copy_n(prefix.begin(), length, text.begin());
  message.add(NFULA_PREFIX, text.data(), length + 1);
}

void add_hook(Message& message, const Packet& packet, Hook hook) {
  static_assert(static_cast<int>(Hook::kInput) == 1 && static_cast<int>(Hook::kPostrouting) == 4,
                "the numbers of enum nf_inet_hooks");
  const nfulnl_msg_packet_hdr head{
      .hw_protocol = htons(packet.family == Family::kIpv4 ? 0x0800 : 0x86dd),
      .hook = static_cast<uint8_t>(hook),
      ._pad = 0};
  message.add(NFULA_PACKET_HDR, &head, sizeof head);
}

void add_address(Message& message, const Packet& packet) {
  nfulnl_msg_packet_hw address{};
  address.hw_addrlen = htons(static_cast<uint16_t>(packet.mac_source.size()));
  std::ranges::copy(packet.mac_source, address.hw_addr);
  message.add(NFULA_HWADDR, &address, sizeof address);
}

// Where the blocks of a section end that are whole: 0 where there is no section of this machine's
// byte order.
off_t end_of_blocks(int file, off_t size) {
  constexpr uint32_t kSection = 0x0a0d0d0a;
  off_t at = 0;
  for (;;) {
    std::array<uint32_t, 2> head{};  // type, length
    if (::pread(file, head.data(), sizeof head, at) != sizeof head) return at;
    const auto& [type, length] = head;
    const bool expected = at > 0 || type == kSection;
    if (!expected || length < 12 || length % 4 != 0 || length > size - at) return at;
    at += length;
  }
}

}  // namespace

NflogFile::NflogFile(std::string path, const Interfaces& interfaces,
                     std::function<void(const std::string&)> log)
    : path_(std::move(path)),
      interfaces_(interfaces),
      log_(std::move(log)),
      writer_(kMost, link_type::kNflog) {}

NflogFile::~NflogFile() {
  if (file_ >= 0) ::close(file_);
}

std::expected<int, std::string> NflogFile::open_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (file < 0) return std::unexpected(system_error());
  const auto refuse = [file](std::string why) {
    ::close(file);
    return std::unexpected(std::move(why));
  };
  struct stat status;
  if (::fstat(file, &status) != 0) return refuse(system_error());
  if (!S_ISREG(status.st_mode)) return refuse("it is no file");
  if (status.st_size == 0) return file;
  const off_t end = end_of_blocks(file, status.st_size);
  if (end == 0) return refuse("it is there, and no pcapng capture of this machine");
  if (end < status.st_size && ::ftruncate(file, end) != 0) return refuse(system_error());
  return file;
}

std::expected<std::unique_ptr<NflogFile>, std::string> NflogFile::open(
    const std::string& path, const Interfaces& interfaces,
    std::function<void(const std::string&)> log) {
  const std::expected<int, std::string> file = open_file(path);
  if (!file) return std::unexpected(fmt::format("--nflog {}: {}", path, file.error()));
  std::unique_ptr<NflogFile> opened(new NflogFile(path, interfaces, std::move(log)));
  opened->file_ = *file;
  return opened;
}

void NflogFile::reopen() {
  const std::expected<int, std::string> fresh = open_file(path_);
  // What it has is better than none.
  if (!fresh) return log_(fmt::format("--nflog {}: {}", path_, fresh.error()));
  write();
  ::close(std::exchange(file_, *fresh));
  begun_ = false;
  writer_.begin_section();
}

void NflogFile::keep(const Context& context, const NflogWish& wish) {
  const Packet& packet = context.packet;
  Message message(packet.family, wish.group);
  add_hook(message, packet, context.hook);
  add_prefix(message, wish.prefix);
  const auto interface = [&](uint16_t type, const InterfaceName* name) {
    const uint32_t index = name ? interfaces_.index(*name) : 0;
    if (index != 0) message.add_number(type, index);
  };
  interface(NFULA_IFINDEX_INDEV, packet.in);
  interface(NFULA_IFINDEX_PHYSINDEV, context.ports ? &context.ports->in : nullptr);
  interface(NFULA_IFINDEX_OUTDEV, packet.out);
  interface(NFULA_IFINDEX_PHYSOUTDEV, context.port_out());
  if (const uint32_t mark = packet.fields[Field::kMark]) message.add_number(NFULA_MARK, mark);
  if (packet.has_mac) add_address(message, packet);
  if (packet.owner == Packet::Owner::kSocket) {
    message.add_number(NFULA_UID, packet.uid);
    message.add_number(NFULA_GID, packet.gid);
  }
  const std::span<const uint8_t> held = packet.bytes();
  const auto payload = held.first(std::min<size_t>({held.size(), wish.bytes, kMostPayload}));
  message.begin(NFULA_PAYLOAD, payload.size());
  const InterfaceName* at = packet.in ? packet.in : packet.out;
  const bool added =
      writer_.add({.time = packet.time,
                   .interface = at ? *at : InterfaceName(),
                   .direction = packet.in ? CaptureWriter::Direction::kInbound
                                          : CaptureWriter::Direction::kOutbound,
                   .header = message.bytes(),
                   .payload = payload,
                   .wire_length = static_cast<uint32_t>(message.bytes().size()) + packet.length});
  (added ? waiting_ : lost_)++;
}

void NflogFile::lose(const std::string& why) {
  lost_ += std::exchange(waiting_, 0);
  begun_ = false;
  writer_.begin_section();
  if (!std::exchange(losing_, true)) {
    log_(fmt::format("--nflog {}: {}; packets are lost", path_, why));
  }
}

void NflogFile::write() {
  if (waiting_ == 0) return;
  struct stat before{};
  if (::fstat(file_, &before) != 0) return lose(system_error());
  // Somebody has emptied it, and what is here goes on with a section that is gone.
  if (begun_ && before.st_size == 0) return lose("the file has been emptied");
  if (!write_all(file_, writer_.blocks())) {
    const std::string why = system_error();
    // No half of a block remains.
    if (::ftruncate(file_, before.st_size) != 0) return lose(fmt::format("{}, twice", why));
    return lose(why);
  }
  begun_ = true;
  kept_ += std::exchange(waiting_, 0);
  writer_.clear();
  if (std::exchange(losing_, false)) log_(fmt::format("--nflog {}: packets are kept again", path_));
}

}  // namespace sallyport
