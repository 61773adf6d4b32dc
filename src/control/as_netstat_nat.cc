// netstat-nat: the flows whose addresses or ports are translated.
//
// What netstat-nat 1.4.10 prints of a table, asked of it with `conntrack -I`: TCP and UDP alone,
// UDP-Lite under UDP's name; -S with -D shows nothing; a UDP flow is UNREPLIED until it is ASSURED;
// of CLOSE and CLOSE_WAIT it knows the first word; the port of -N is always the one that answers go
// to. Different on purpose: IPv6 addresses are whole (there they end after 15 characters), and no
// names are looked up, so -n changes nothing.
//
// Sallyport translates nothing itself. Such flows come from --conntrack, or from a file of flows.
#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <optional>
#include <utility>

#include "conntrack/conntrack_text.h"
#include "control/personality.h"
#include "control/words.h"

namespace sallyport {
namespace {

constexpr const char* kHelp = R"(Usage: netstat-nat [options]
  -S, -D          flows whose source, or destination, is translated; else both
  -L, -R          instead: flows of this host itself, or through it, that are not translated
  -p PROTO        of tcp or udp
  -s, -d ADDR     from there, to there
  -N              the address between, too
  -r src|dst|src-port|dst-port|state   the order
  -x              wide columns         -o   no header
  -n              no names (there are none)
  -h, -v          help, version
)";

constexpr int kWrong = 1;
constexpr int kUnknownHost = 255;

// A line of the listing.
struct Row {
  std::string_view protocol;
  std::string source, source_port;
  std::string between;  // whom the other side answers, or whom the source has asked
  std::string destination, destination_port;
  std::string_view state;
};

std::string with_port(Family family, const std::string& address, const std::string& port) {
  return fmt::format(fmt::runtime(family == Family::kIpv4 ? "{}:{}" : "[{}]:{}"), address, port);
}

// Empty: not a protocol that it knows.
std::string_view protocol_of(const FlowLine& line) {
  switch (line.tuple.protocol) {
    case protocol::kTcp: return "tcp";
    case protocol::kUdp:
    case protocol::kUdpLite: return "udp";
    default: return {};
  }
}

std::string_view state_of(const FlowLine& line) {
  const bool assured = line.status & ct_status::kAssured;
  const bool unreplied = !(line.status & ct_status::kSeenReply);
  if (line.tuple.protocol != protocol::kTcp) return assured ? "ASSURED" : "UNREPLIED";
  switch (line.tcp_state) {
    case TcpState::kSynSent:
    case TcpState::kSynSent2: return "SYN_SENT";
    case TcpState::kSynRecv: return "SYN_RECV";
    case TcpState::kEstablished: return "ESTABLISHED";
    case TcpState::kFinWait: return "FIN_WAIT";
    case TcpState::kTimeWait: return "TIME_WAIT";
    case TcpState::kClose:
    case TcpState::kCloseWait: return unreplied ? "UNREPLIED" : "CLOSE";
    default: return assured ? "ASSURED" : unreplied ? "UNREPLIED" : "";
  }
}

bool source_is_translated(const FlowLine& line) {
  return line.tuple.source != line.reply.destination;
}
bool destination_is_translated(const FlowLine& line) {
  return line.tuple.destination != line.reply.source;
}

class NetstatNat {
 public:
  explicit NetstatNat(Managed& firewall) : firewall_(firewall) {}

  Reply run(const Request& request) {
    const std::vector<std::string> words = take_apart(request.arguments, "psdr", "hnSDLRxoNv");
    for (WordReader reader(words); !reader.end();) {
      if (std::optional<Reply> done = word(reader.next(), reader)) return *done;
    }
    std::vector<Row> rows;
    for (const FlowLine& line : list_flows(firewall_.engine().conntrack(), firewall_.now())) {
      if (takes(line)) rows.push_back(row_of(line));
    }
    sort(rows);
    return said(text_of(rows));
  }

 private:
  enum class What : uint8_t { kNat, kSource, kDestination, kNothing, kLocal, kThrough };

  static Reply wrong(std::string_view why) {
    return {.out = kHelp, .err = fmt::format("netstat-nat: {}\n", why), .code = kWrong, .more = {}};
  }

  // What ends it at once: help, or something wrong.
  std::optional<Reply> word(const std::string& word, WordReader& reader) {
    const char letter = word.size() == 2 && word[0] == '-' ? word[1] : '\0';
    switch (letter) {
      case 'h': return Reply{.out = kHelp, .err = {}, .code = kWrong, .more = {}};
      case 'v': return said("Version 1.4.10 (Sallyport)\n");
      case 'n': return std::nullopt;
      case 'S': return show(what_ == What::kDestination ? What::kNothing : What::kSource);
      case 'D': return show(what_ == What::kSource ? What::kNothing : What::kDestination);
      case 'L': return show(What::kLocal);
      case 'R': return show(What::kThrough);
      case 'x': return set(wide_);
      case 'o': return set(bare_);
      case 'N': return set(between_);
      case 'p':
      case 's':
      case 'd':
      case 'r': return with_value(letter, reader.value());
      default: break;
    }
    if (!word.starts_with('-')) return std::nullopt;  // words that are no options are passed over
    return wrong(fmt::format("invalid option -- '{}'", word.substr(1)));
  }

  // -L and -R are stronger than -S and -D, of each other the last.
  std::optional<Reply> show(What what) {
    const bool weaker = what < What::kLocal && what_ >= What::kLocal;
    if (!weaker) what_ = what;
    return std::nullopt;
  }
  static std::optional<Reply> set(bool& flag) {
    flag = true;
    return std::nullopt;
  }

  std::optional<Reply> with_value(char letter, const std::optional<std::string>& value) {
    if (!value) return wrong(fmt::format("option requires an argument -- '{}'", letter));
    if (letter == 'p') {
      protocol_ = *value;
    } else if (letter == 'r') {
      order_ = *value;
    } else {
      std::optional<Prefix>& host = letter == 's' ? source_ : destination_;
      if (value->find('/') == std::string::npos) host = Prefix::parse(*value);
      if (!host) {
        return Reply{.out = fmt::format("Unknown host: {}\n", *value),
                     .err = {},
                     .code = kUnknownHost,
                     .more = {}};
      }
    }
    return std::nullopt;
  }

  bool takes(const FlowLine& line) const {
    const std::string_view protocol = protocol_of(line);
    const bool named = protocol_.empty() || protocol_.starts_with(protocol);
    const auto is = [&](const std::optional<Prefix>& wanted, const Address& address) {
      return !wanted || (wanted->family == line.tuple.family && wanted->address == address);
    };
    return !protocol.empty() && named && shows(line) && is(source_, line.tuple.source) &&
           is(destination_, line.reply.source);
  }

  bool shows(const FlowLine& line) const {
    const bool source = source_is_translated(line), destination = destination_is_translated(line);
    const Host& host = firewall_.engine().host();
    const bool local = host.is_local(line.tuple.family, line.tuple.source) ||
                       host.is_local(line.tuple.family, line.tuple.destination);
    switch (what_) {
      case What::kNat: return source || destination;
      case What::kSource: return source;
      case What::kDestination: return destination;
      case What::kNothing: return false;
      case What::kLocal: return !source && !destination && local;
      case What::kThrough: return !source && !destination && !local;
    }
    return false;
  }

  static Row row_of(const FlowLine& line) {
    const Family family = line.tuple.family;
    const Address& between =
        source_is_translated(line) ? line.reply.destination : line.tuple.destination;
    return {.protocol = protocol_of(line),
            .source = line.tuple.source.text(family),
            .source_port = std::to_string(line.tuple.source_port),
            .between = with_port(family, between.text(family),
                                 std::to_string(line.reply.destination_port)),
            .destination = line.reply.source.text(family),
            .destination_port = std::to_string(line.reply.source_port),
            .state = state_of(line)};
  }

  // By protocol first, and letter by letter: port 443 is before port 80.
  void sort(std::vector<Row>& rows) const {
    const auto key = [this](const Row& row) -> std::string_view {
      return order_ == "dst"        ? row.destination
             : order_ == "src-port" ? row.source_port
             : order_ == "dst-port" ? row.destination_port
             : order_ == "state"    ? row.state
                                    : std::string_view(row.source);
    };
    std::ranges::stable_sort(rows, [&](const Row& a, const Row& b) {
      return std::pair(a.protocol, key(a)) < std::pair(b.protocol, key(b));
    });
  }

  std::string text_of(const std::vector<Row>& rows) const {
    const bool nat = what_ < What::kLocal;
    const bool between = between_ && nat;
    std::string out;
    auto end = std::back_inserter(out);
    const auto column = [&](std::string_view text) {
      fmt::format_to(end, "{:<{}}", text, wide_ ? 41 : 31);
    };
    if (!bare_) {
      out += "Proto ";
      column(nat ? "NATed Address" : "Source Address");
      if (between) column("NAT-host Address");
      column("Destination Address");
      out += "State \n";
    }
    for (const Row& row : rows) {
      const Family family =
          row.source.find(':') == std::string::npos ? Family::kIpv4 : Family::kIpv6;
      fmt::format_to(end, "{:<6}", row.protocol);
      column(with_port(family, row.source, row.source_port));
      if (between) column(row.between);
      column(with_port(family, row.destination, row.destination_port));
      fmt::format_to(end, "{:<11}\n", row.state);
    }
    return out;
  }

  Managed& firewall_;
  What what_ = What::kNat;
  bool wide_ = false, bare_ = false, between_ = false;
  std::string protocol_, order_;
  std::optional<Prefix> source_, destination_;
};

}  // namespace

Reply run_netstat_nat(Managed& firewall, const Request& request) {
  return NetstatNat(firewall).run(request);
}

}  // namespace sallyport
