// Both formats are walked block by block with a cursor that knows the file's byte
// order and where it ends. pcap: https://datatracker.ietf.org/doc/draft-ietf-opsawg-pcap;
// pcapng: draft-ietf-opsawg-pcapng.
#include "attach/capture.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "attach/link_layer.h"
#include "attach/write_all.h"
#include "base/system_error.h"

namespace sallyport {
namespace {

constexpr uint32_t kPcapMicro = 0xa1b2c3d4, kPcapNano = 0xa1b23c4d, kPcapModified = 0xa1b2cd34;
constexpr uint32_t kSection = 0x0a0d0d0a, kSectionOrder = 0x1a2b3c4d;
constexpr uint32_t kInterface = 1, kObsoletePacket = 2, kSimplePacket = 3, kEnhancedPacket = 6;
constexpr uint16_t kOptionEnd = 0, kIfName = 2, kIfTsresol = 9, kIfTsoffset = 14;
constexpr size_t kMostWithoutFile = size_t{4} << 30;
// A mapped file's pages stay while the reader is at most this far past them, and at most as far
// again.
constexpr size_t kPagesKept = size_t{32} << 20;
constexpr size_t kMostWarnings = 20;

struct Descriptor {
  int number = -1;

  explicit Descriptor(int file) : number(file) {}
  Descriptor(Descriptor&& other) noexcept : number(std::exchange(other.number, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number > STDIN_FILENO) close(number);
  }
};

// A file that is mapped, or bytes that are kept.
class Bytes {
 public:
  static std::expected<Bytes, std::string> of(Descriptor file) {
    struct stat status;
    if (fstat(file.number, &status) < 0) return std::unexpected(system_error());
    const size_t size = static_cast<size_t>(status.st_size);
    if (size == 0) return Bytes({});
    void* at =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.number, 0);
    if (at == MAP_FAILED) return std::unexpected(system_error());
    madvise(at, size, MADV_SEQUENTIAL);
    return Bytes(std::move(file), {static_cast<uint8_t*>(at), size});
  }
  explicit Bytes(std::vector<uint8_t> kept) : kept_(std::move(kept)), all_(kept_) {}
  Bytes(Bytes&& other) noexcept
      : kept_(std::move(other.kept_)),
        file_(std::move(other.file_)),
        all_(std::exchange(other.all_, {})),
        given_back_(other.given_back_) {}
  Bytes& operator=(Bytes&&) = delete;
  ~Bytes() {
    if (is_mapped() && !all_.empty()) munmap(all_.data(), all_.size());
  }

  std::expected<Bytes, std::string> again() const {
    if (!is_mapped()) return Bytes(kept_);
    Descriptor file(fcntl(file_.number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (file.number < 0) return std::unexpected(system_error());
    return of(std::move(file));
  }
  std::span<uint8_t> all() const { return all_; }
  // Whoever reads has come to `at`: pages long before it are not held any longer, so that a file
  // may be larger than memory. They come back from the file if somebody looks at them.
  void passed(size_t at) {
    for (; is_mapped() && at >= given_back_ + 2 * kPagesKept; given_back_ += kPagesKept) {
      madvise(all_.data() + given_back_, kPagesKept, MADV_DONTNEED);
    }
  }

 private:
  Bytes(Descriptor file, std::span<uint8_t> mapped) : file_(std::move(file)), all_(mapped) {}
  bool is_mapped() const { return file_.number >= 0; }

  std::vector<uint8_t> kept_;
  Descriptor file_{-1};
  std::span<uint8_t> all_;
  size_t given_back_ = 0;
};

// What can be read only once, as a file in memory.
std::expected<Descriptor, std::string> spool(int from) {
  Descriptor file(memfd_create("capture", MFD_CLOEXEC));
  if (file.number < 0) return std::unexpected(system_error());
  std::vector<uint8_t> block(1 << 20);
  for (size_t size = 0;;) {
    const ssize_t got = ::read(from, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(system_error());
    if (got == 0) return file;
    size += static_cast<size_t>(got);
    if (size > kMostWithoutFile) {
      return std::unexpected("more than 4 GiB come from a pipe: save them to a file first");
    }
    if (!write_all(file.number,
                   {reinterpret_cast<const char*>(block.data()), static_cast<size_t>(got)})) {
      return std::unexpected(system_error());
    }
  }
}

std::expected<Bytes, std::string> read_file(const std::string& path) {
  Descriptor file(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (file.number < 0 || fstat(file.number, &status) < 0) return std::unexpected(system_error());
  if (S_ISDIR(status.st_mode)) return std::unexpected("it is a directory");
  const bool whole = S_ISREG(status.st_mode) && lseek(file.number, 0, SEEK_CUR) == 0;
  if (whole && status.st_size > 0) return Bytes::of(std::move(file));
  std::expected<Descriptor, std::string> spooled = spool(file.number);
  if (!spooled) return std::unexpected(spooled.error());
  return Bytes::of(std::move(*spooled));
}

// A run of the file, and how its numbers are written.
struct Cursor {
  std::span<uint8_t> bytes;
  bool swapped = false;

  uint32_t u32(size_t at) const {
    uint32_t value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return swapped ? __builtin_bswap32(value) : value;
  }
  uint16_t u16(size_t at) const {
    uint16_t value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return swapped ? __builtin_bswap16(value) : value;
  }
};

struct Source {  // an interface of a section
  uint16_t link_type = 0;
  uint32_t snaplen = 0;
  uint64_t units = 1'000'000;  // a second
  int64_t offset = 0;          // seconds
  const InterfaceName* name = nullptr;
};

// Saturates where nanoseconds since 1970 do not fit in 64 bits (the year 2262).
Instant instant_of(uint64_t ticks, uint64_t units, int64_t offset) {
  constexpr int64_t kLast = 9'000'000'000;
  __extension__ using Wide = unsigned __int128;
  const uint64_t whole = std::min<uint64_t>(ticks / units, kLast);
  const int64_t seconds = std::clamp<int64_t>(
      static_cast<int64_t>(whole) + std::clamp(offset, -kLast, kLast), -kLast, kLast);
  const int64_t rest = static_cast<int64_t>(Wide{ticks % units} * 1'000'000'000 / units);
  return Instant(Duration(seconds * 1'000'000'000 + rest));
}

// if_tsresol: a power of 10, or of 2 with the upper bit set.
std::optional<uint64_t> units_of(uint8_t resolution) {
  if (resolution & 0x80) {
    resolution &= 0x7f;
    return resolution < 64 ? std::optional(uint64_t{1} << resolution) : std::nullopt;
  }
  if (resolution > 19) return std::nullopt;
  uint64_t units = 1;
  for (; resolution > 0; resolution--) units *= 10;
  return units;
}

std::string first_bytes(std::span<const uint8_t> bytes) {
  std::string result;
  for (uint8_t byte : bytes.first(std::min<size_t>(bytes.size(), 8))) {
    result += fmt::format("{}{:02x}", result.empty() ? "" : " ", byte);
  }
  return result;
}

// What a file that is no capture looks like.
std::string not_a_capture(std::span<const uint8_t> bytes) {
  const std::string wanted = "; a pcap or pcapng file is wanted, as `tcpdump -w FILE` writes it";
  if (bytes.empty()) return "it is empty" + wanted;
  auto begins = [&](std::string_view magic) {
    return bytes.size() >= magic.size() &&
           std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  };
  if (begins("\x1f\x8b")) return "it is compressed with gzip: gunzip it first";
  if (begins("\x28\xb5\x2f\xfd")) return "it is compressed with zstd: unzstd it first";
  if (begins("\xfd"
             "7zXZ"))
    return "it is compressed with xz: unxz it first";
  if (begins("\x1f\x9d") || begins("snoop"))
    return "it is of an old format: convert it with editcap" + wanted;
  const auto head = bytes.first(std::min<size_t>(bytes.size(), 64));
  const bool text = std::ranges::all_of(head, [](uint8_t byte) {
    return (byte >= 0x20 && byte < 0x7f) || byte == '\n' || byte == '\r' || byte == '\t';
  });
  if (text) return "it is text" + wanted;
  return fmt::format("it begins with {}{}", first_bytes(bytes), wanted);
}

}  // namespace

struct Capture::State {
  Bytes file;
  Cursor cursor;
  size_t at = 0;
  bool is_pcapng = false;
  bool ended = false;
  uint64_t index = 0;
  Instant time{};
  std::vector<Source> sources;      // of the section; a pcap file has one
  std::deque<InterfaceName> names;  // of all sections: pointers to them stay
  std::vector<std::string> warnings;

  explicit State(Bytes bytes) : file(std::move(bytes)) { cursor.bytes = file.all(); }

  static std::expected<Capture, std::string> capture(std::expected<Bytes, std::string> file);

  std::optional<std::string> begin();
  std::optional<std::string> begin_pcap(uint32_t magic);
  bool next(Record& record);
  bool next_pcap(Record& record);
  bool next_pcapng(Record& record);
  bool read_section(size_t length);
  bool read_interface(size_t body, size_t end);
  bool read_packet(Record& record, uint32_t type, size_t body, size_t end);
  bool deliver(Record& record, const Source& source, size_t data, size_t room, uint32_t captured,
               uint32_t wire);

  size_t left() const { return cursor.bytes.size() - at; }
  void warn(std::string text) {
    if (warnings.size() < kMostWarnings) warnings.push_back(std::move(text));
  }
  // Reading ends here.
  bool stop(std::string_view why) {
    warn(fmt::format("it is cut short or damaged after record {}, at byte {}: {}",
                     index == 0 ? std::string("none") : std::to_string(index - 1), at, why));
    ended = true;
    return false;
  }
  void check_link_type(uint16_t type) {
    if (is_known_link_type(type)) return;
    warn(fmt::format("link type {} is not supported: its records count as not IP", type));
  }
};

std::optional<std::string> Capture::State::begin() {
  if (left() < 4) return not_a_capture(cursor.bytes);
  const uint32_t magic = cursor.u32(0);
  if (magic == kSection) {
    is_pcapng = true;
    if (left() >= 12) {
      const uint32_t order = cursor.u32(8);
      if (order == kSectionOrder || order == __builtin_bswap32(kSectionOrder)) return {};
    }
    return "it begins as a pcapng file, but its section header is cut short or damaged";
  }
  cursor.swapped = __builtin_bswap32(magic) == kPcapMicro || __builtin_bswap32(magic) == kPcapNano;
  return begin_pcap(cursor.u32(0));
}

std::optional<std::string> Capture::State::begin_pcap(uint32_t magic) {
  constexpr size_t kHeader = 24;
  if (magic == kPcapModified || magic == __builtin_bswap32(kPcapModified)) {
    return "it is of Kuznetzov's modified pcap format: convert it with editcap";
  }
  if (magic != kPcapMicro && magic != kPcapNano) return not_a_capture(cursor.bytes);
  if (left() < kHeader) return "it is a pcap file cut short in its header";
  Source source;
  source.link_type = static_cast<uint16_t>(cursor.u32(20));  // above: the length of the FCS
  source.units = magic == kPcapNano ? 1'000'000'000 : 1'000'000;
  check_link_type(source.link_type);
  sources.push_back(source);
  at = kHeader;
  return {};
}

bool Capture::State::deliver(Record& record, const Source& source, size_t data, size_t room,
                             uint32_t captured, uint32_t wire) {
  if (captured > room) {
    return stop(fmt::format("the next record has {} bytes, of which {} are there", captured, room));
  }
  record = Record{};
  record.index = index++;
  record.time = time;
  record.interface = source.name;
  record.link_type = source.link_type;
  record.frame = cursor.bytes.subspan(data, captured);
  record.wire_length = std::max(wire, captured);
  read_link_layer(record);
  return true;
}

bool Capture::State::next_pcap(Record& record) {
  constexpr size_t kHeader = 16;
  if (left() == 0) return false;
  if (left() < kHeader) return stop("the header of a record is incomplete");
  const Source& source = sources[0];
  const uint32_t captured = cursor.u32(at + 8), wire = cursor.u32(at + 12);
  const int64_t fraction =
      cursor.u32(at + 4) * (1'000'000'000 / static_cast<int64_t>(source.units));
  time = Instant(Duration(int64_t{cursor.u32(at)} * 1'000'000'000 + fraction));
  if (!deliver(record, source, at + kHeader, left() - kHeader, captured, wire)) return false;
  at += kHeader + captured;
  return true;
}

// Which byte order holds until the next section.
bool Capture::State::read_section(size_t length) {
  if (length < 28) return stop("a section header is too short");
  sources.clear();
  return true;
}

bool Capture::State::read_interface(size_t body, size_t end) {
  if (end - body < 8) return stop("an interface description is too short");
  Source source;
  source.link_type = cursor.u16(body);
  source.snaplen = cursor.u32(body + 4);
  check_link_type(source.link_type);
  for (size_t option = body + 8; end - option >= 4;) {
    const uint16_t code = cursor.u16(option), size = cursor.u16(option + 2);
    const size_t value = option + 4;
    if (code == kOptionEnd) break;
    if (size > end - value) return stop("an option runs past the end of its block");
    if (code == kIfName) {
      const char* text = reinterpret_cast<const char*>(cursor.bytes.data() + value);
      source.name = &names.emplace_back(std::string_view(text, strnlen(text, size)));
    } else if (code == kIfTsresol && size >= 1) {
      const std::optional<uint64_t> units = units_of(cursor.bytes[value]);
      if (!units) return stop("an interface's resolution of time is out of range");
      source.units = *units;
    } else if (code == kIfTsoffset && size >= 8) {
      const uint64_t first = cursor.u32(value), second = cursor.u32(value + 4);
      const bool big = cursor.swapped == (std::endian::native == std::endian::little);
      source.offset = static_cast<int64_t>(big ? first << 32 | second : second << 32 | first);
    }
    const size_t step = 4 + (size_t{size} + 3) / 4 * 4;
    if (step > end - option) break;
    option += step;
  }
  sources.push_back(source);
  return true;
}

bool Capture::State::read_packet(Record& record, uint32_t type, size_t body, size_t end) {
  const size_t header = type == kSimplePacket ? 4 : 20;
  if (end - body < header) return stop("a packet block is too short");
  size_t which = 0;
  if (type == kEnhancedPacket) which = cursor.u32(body);
  if (type == kObsoletePacket) which = cursor.u16(body);
  if (which >= sources.size()) {
    return stop(
        fmt::format("a packet is of interface {}, which the file does not describe", which));
  }
  const Source& source = sources[which];
  const size_t data = body + header, room = end - data;
  if (type == kSimplePacket) {
    const uint32_t wire = cursor.u32(body);
    uint32_t captured = source.snaplen ? std::min(wire, source.snaplen) : wire;
    return deliver(record, source, data, room, captured, wire);
  }
  const uint64_t ticks = uint64_t{cursor.u32(body + 4)} << 32 | cursor.u32(body + 8);
  time = instant_of(ticks, source.units, source.offset);
  return deliver(record, source, data, room, cursor.u32(body + 12), cursor.u32(body + 16));
}

bool Capture::State::next_pcapng(Record& record) {
  while (left() > 0) {
    if (left() < 12) return stop("the header of a block is incomplete");
    if (cursor.u32(at) == kSection) {  // reads the same in both byte orders
      Cursor plain{cursor.bytes};
      const uint32_t order = plain.u32(at + 8);
      if (order != kSectionOrder && order != __builtin_bswap32(kSectionOrder)) {
        return stop("a section header has no byte order");
      }
      cursor.swapped = order != kSectionOrder;
    }
    const uint32_t type = cursor.u32(at), length = cursor.u32(at + 4);
    if (length < 12 || length % 4 != 0) return stop(fmt::format("a block of {} bytes", length));
    if (length > left()) {
      return stop(
          fmt::format("the next block has {} bytes, of which {} are there", length, left()));
    }
    const size_t body = at + 8, end = at + length - 4;
    bool delivered = false;
    switch (type) {
      case kSection:
        if (!read_section(length)) return false;
        break;
      case kInterface:
        if (!read_interface(body, end)) return false;
        break;
      case kObsoletePacket:
      case kSimplePacket:
      case kEnhancedPacket:
        if (!read_packet(record, type, body, end)) return false;
        delivered = true;
        break;
      default: break;  // names, statistics, what others have invented
    }
    at += length;
    if (delivered) return true;
  }
  return false;
}

bool Capture::State::next(Record& record) {
  if (ended) return false;
  return is_pcapng ? next_pcapng(record) : next_pcap(record);
}

Capture::Capture(std::unique_ptr<State> state) : state_(std::move(state)) {}
Capture::Capture(Capture&&) noexcept = default;
Capture& Capture::operator=(Capture&&) noexcept = default;
Capture::~Capture() = default;

std::expected<Capture, std::string> Capture::State::capture(
    std::expected<Bytes, std::string> file) {
  if (!file) return std::unexpected(file.error());
  auto state = std::make_unique<State>(std::move(*file));
  if (std::optional<std::string> error = state->begin()) return std::unexpected(*error);
  return Capture(std::move(state));
}

std::expected<Capture, std::string> Capture::open(const std::string& path) {
  return State::capture(read_file(path));
}

std::expected<Capture, std::string> Capture::from_memory(std::vector<uint8_t> bytes) {
  return State::capture(Bytes(std::move(bytes)));
}

std::expected<Capture, std::string> Capture::again() const {
  return State::capture(state_->file.again());
}

size_t Capture::read(std::span<Record> records) {
  size_t count = 0;
  while (count < records.size() && state_->next(records[count])) count++;
  state_->file.passed(state_->at);
  return count;
}

const std::vector<std::string>& Capture::warnings() const {
  return state_->warnings;
}
size_t Capture::position() const {
  return state_->at;
}
size_t Capture::size() const {
  return state_->cursor.bytes.size();
}

}  // namespace sallyport
