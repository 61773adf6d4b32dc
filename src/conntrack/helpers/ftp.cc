// FTP (RFC 959, RFC 2428): the control connection says where the data connection will go.
//
//   client:  PORT 10,0,1,1,15,160      the server will come to 10.0.1.1:4000
//            EPRT |1|10.0.1.1|4000|    the same
//   server:  227 … 10,0,2,1,15,160 …   the client will come to 10.0.2.1:4000
//            229 … (|||4000|)          the same, to the server's address
//
// Commands count only where a line begins, and segments need not begin there. So of each
// direction the two highest sequence numbers after a segment that ended in LF are remembered, and
// a segment is read only if it begins at one of them: the first line of a direction never is, nor
// a second line of a segment. A command that breaks off, or is malformed beyond recognition,
// drops the packet, since its other half will come in a segment that is not read; nothing is
// remembered of it, so that the whole line is read when it is sent again.
//
// The grammar below is what Linux 6.18 was seen to take, by some 300 lines put to it
// (helpers_test.cc has them): numbers wrap, octets are ORed together, a delimiter may be any
// printable character, text before the first digit or bracket does not matter. An address other
// than the sender's is let pass and means nothing, so that no third host can be opened
// (nf_conntrack_ftp's `loose` is off, as by default).
#include <optional>

#include "conntrack/helpers/helper.h"

namespace sallyport {
namespace {

// Where the command says that the data connection will go.
struct Endpoint {
  Address address;
  uint16_t port = 0;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The numbers of "10,0,1,1,15,160": separated by `separator`, and ended by `end`, or by any other
// character where `end` is 0. How long they are with the end; 0 if they are not there.
template <size_t N>
size_t read_numbers(std::string_view text, char separator, char end,
                    std::array<uint32_t, N>& numbers) {
  numbers = {};
  size_t i = 0;
  for (size_t at = 0; at < text.size(); at++) {
    char c = text[at];
    if (is_digit(c)) {
      numbers[i] = numbers[i] * 10 + static_cast<uint32_t>(c - '0');
    } else if (c == separator) {
      if (++i == N) return 0;
    } else {
      return i + 1 == N && (end == 0 || c == end) ? at + 1 : 0;
    }
  }
  return 0;
}

Address ipv4_of(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return Address::ipv4(a << 24 | b << 16 | c << 8 | d);
}

// "10,0,1,1,15,160" and what ends it.
std::optional<Endpoint> read_comma_separated(std::string_view text, char end, const Tuple&) {
  std::array<uint32_t, 6> n;
  if (!read_numbers(text, ',', end, n)) return std::nullopt;
  return Endpoint{ipv4_of(n[0], n[1], n[2], n[3]), static_cast<uint16_t>(n[4] << 8 | n[5])};
}

// "4000|", `delimiter` being the bar.
std::optional<uint16_t> read_port(std::string_view text, char delimiter) {
  uint16_t port = 0;
  for (char c : text) {
    if (c == delimiter) return port == 0 ? std::nullopt : std::optional(port);
    if (!is_digit(c)) return std::nullopt;
    port = static_cast<uint16_t>(port * 10 + (c - '0'));
  }
  return std::nullopt;
}

bool is_delimiter(char c) {
  return c > ' ' && c < 0x7f;
}

// The address of EPRT, and how long it is with the delimiter after it.
size_t read_address(std::string_view text, char delimiter, Family family, Address& address) {
  if (family == Family::kIpv4) {
    std::array<uint32_t, 4> n;
    size_t length = read_numbers(text, '.', delimiter, n);
    address = ipv4_of(n[0], n[1], n[2], n[3]);
    return length;
  }
  size_t length = text.find(delimiter);
  if (length == text.npos) return 0;
  std::optional<Address> parsed = Address::parse(family, text.substr(0, length));
  if (!parsed) return 0;
  address = *parsed;
  return length + 1;
}

// "|1|10.0.1.1|4000|"
std::optional<Endpoint> read_eprt(std::string_view text, char, const Tuple& tuple) {
  char family = tuple.family == Family::kIpv4 ? '1' : '2';
  bool begins =
      text.size() >= 3 && is_delimiter(text[0]) && text[1] == family && text[2] == text[0];
  if (!begins) return std::nullopt;
  char delimiter = text[0];
  Endpoint endpoint;
  size_t length = read_address(text.substr(3), delimiter, tuple.family, endpoint.address);
  if (length == 0) return std::nullopt;
  std::optional<uint16_t> port = read_port(text.substr(3 + length), delimiter);
  if (!port) return std::nullopt;
  endpoint.port = *port;
  return endpoint;
}

// "|||4000|"
std::optional<Endpoint> read_epsv(std::string_view text, char, const Tuple& tuple) {
  bool begins =
      text.size() >= 3 && is_delimiter(text[0]) && text[1] == text[0] && text[2] == text[0];
  if (!begins) return std::nullopt;
  std::optional<uint16_t> port = read_port(text.substr(3), text[0]);
  if (!port) return std::nullopt;
  return Endpoint{tuple.destination, *port};
}

struct Command {
  Direction direction;
  std::string_view word;  // in any case
  char before;            // the character before what is read; 0: a digit is its first
  char end;
  std::optional<Endpoint> (*read)(std::string_view text, char end, const Tuple& tuple);
  bool ipv6;
};
constexpr Command kCommands[] = {
    {Direction::kOriginal, "PORT", ' ', '\r', read_comma_separated, false},
    {Direction::kOriginal, "EPRT", ' ', 0, read_eprt, true},
    {Direction::kReply, "227 ", 0, 0, read_comma_separated, false},
    {Direction::kReply, "229 ", '(', 0, read_epsv, true},
};

bool begins_with(std::string_view text, std::string_view word) {
  for (size_t i = 0; i < word.size(); i++) {
    char c = text[i] >= 'a' && text[i] <= 'z' ? static_cast<char>(text[i] - 'a' + 'A') : text[i];
    if (c != word[i]) return false;
  }
  return true;
}

enum class Found : uint8_t { kNo, kHalf, kWhole };

Found find(const Command& command, std::string_view text, const Tuple& tuple, Endpoint& endpoint) {
  std::string_view word = command.word.substr(0, text.size());
  if (!begins_with(text, word)) return Found::kNo;
  if (word.size() < command.word.size()) return Found::kHalf;
  text.remove_prefix(word.size());
  size_t begin = command.before ? text.find(command.before) : text.find_first_of("0123456789");
  if (begin == text.npos) return Found::kHalf;
  text.remove_prefix(begin + (command.before ? 1 : 0));
  std::optional<Endpoint> read = command.read(text, command.end, tuple);
  if (!read) return Found::kHalf;
  endpoint = *read;
  return Found::kWhole;
}

HelperAnswer read_line(const HelperPacket& packet) {
  const Tuple& tuple = packet.tuple;
  for (const Command& command : kCommands) {
    bool asked =
        command.direction == packet.direction && (tuple.family == Family::kIpv4 || command.ipv6);
    if (!asked) continue;
    Endpoint endpoint;
    Found found = find(command, packet.payload, tuple, endpoint);
    if (found == Found::kNo) continue;
    if (found == Found::kHalf) {
      return {.kind = packet.whole ? HelperAnswer::Kind::kDrop : HelperAnswer::Kind::kUnknown};
    }
    bool by_client = packet.direction == Direction::kOriginal;
    if (endpoint.address != (by_client ? tuple.source : tuple.destination)) return {};
    HelperAnswer answer{.kind = HelperAnswer::Kind::kExpect};
    answer.expected.tuple = by_client ? invert(tuple) : tuple;
    answer.expected.tuple.source_port = 0;
    answer.expected.tuple.destination_port = endpoint.port;
    return answer;
  }
  return {};
}

// The two highest are kept.
void remember(HelperMemory::Lines& lines, uint32_t at) {
  auto is_after = [](uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) > 0; };
  for (uint8_t i = 0; i < lines.count; i++) {
    if (lines.at[i] == at) return;
  }
  if (lines.count < lines.at.size()) {
    lines.at[lines.count++] = at;
    return;
  }
  uint32_t& lower = is_after(lines.at[0], lines.at[1]) ? lines.at[1] : lines.at[0];
  if (is_after(at, lower)) lower = at;
}

HelperAnswer read(const HelperPacket& packet, HelperMemory& memory) {
  if (!packet.established || (packet.payload.empty() && packet.whole)) return {};
  HelperMemory::Lines& lines = memory.lines[static_cast<size_t>(packet.direction)];
  bool begins_line = false;
  for (uint8_t i = 0; i < lines.count; i++) begins_line |= lines.at[i] == packet.sequence;
  HelperAnswer answer;
  if (begins_line) answer = read_line(packet);
  if (answer.kind == HelperAnswer::Kind::kDrop) return answer;
  if (!packet.whole) return {.kind = HelperAnswer::Kind::kUnknown};
  if (packet.payload.back() == '\n') {
    remember(lines, packet.sequence + static_cast<uint32_t>(packet.payload.size()));
  }
  return answer;
}

}  // namespace

constinit const Helper kFtpHelper{
    .name = "ftp", .protocol = protocol::kTcp, .ipv6 = true, .drops_refused = true, .read = read};

}  // namespace sallyport
