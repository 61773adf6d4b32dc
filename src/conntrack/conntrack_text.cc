// The format was read off conntrack-tools 1.4.7 and Linux 6.18:
//
//   ipv4 2 tcp 6 431999 ESTABLISHED src=… dst=… sport=… dport=… src=… … [ASSURED] mark=0 use=1
//
// Family and its number are there in the extended form only; the timeout is missing for
// flows that hardware carries; NAME=VALUE words come in two runs, one a direction, and then
// those of the flow. Words that say nothing about a flow's state here (secctx) are passed over;
// unknown ones are too, as kernels add them. Events have no mark where it is 0, and no use.
// Labels without a name are not printed; where none has one, the word "labels" stands alone.
#include "conntrack/conntrack_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <tuple>
#include <unordered_map>

#include "packet/packet.h"

namespace sallyport {
namespace {

struct Word {
  std::string_view text;
  Span span;
};

class Words {
 public:
  Words(std::string_view line, uint32_t number) : line_(line), number_(number) { next(); }

  bool end() const { return word_.text.empty(); }
  const Word& word() const { return word_; }
  void next() {
    at_ = std::min(line_.find_first_not_of(" \t\r", at_), line_.size());
    size_t stop = std::min(line_.find_first_of(" \t\r", at_), line_.size());
    if (at_ < line_.size() && line_[at_] == '[') {  // "[start=Mon Jan  1 …]" is one word
      stop = std::min(line_.find(']', at_), line_.size() - 1) + 1;
    }
    word_ = {line_.substr(at_, stop - at_),
             {number_, static_cast<uint32_t>(at_) + 1, static_cast<uint32_t>(stop - at_)}};
    at_ = stop;
  }

 private:
  std::string_view line_;
  uint32_t number_;
  size_t at_ = 0;
  Word word_;
};

std::unexpected<Diag> wrong(const Word& word, std::string what, std::string hint = {}) {
  return std::unexpected(Diag{word.span, std::move(what), std::move(hint)});
}

template <typename T>
std::optional<T> number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x")) {
    text.remove_prefix(2);
    base = 16;
  }
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// One direction as its words are read.
struct Half {
  Tuple tuple;
  bool has_source = false;
  bool has_destination = false;
  uint8_t type = 0;
  uint8_t code = 0;
  uint16_t zone = 0;
};

// NAT shows in what the answers are addressed to, and come from. ICMP's id is the asker's; and
// GRE's keys may differ without NAT: the other direction of a PPTP tunnel has its own call id.
uint32_t nat_of(const Tuple& tuple, const Tuple& reply) {
  Tuple expected = invert(tuple);
  bool is_icmp = tuple.protocol == protocol::kIcmp || tuple.protocol == protocol::kIcmpv6;
  bool other_source_port = reply.source_port != expected.source_port;
  bool other_port = reply.destination_port != expected.destination_port;
  bool has_ports = !is_icmp && tuple.protocol != protocol::kGre;
  bool source = reply.destination != expected.destination || (has_ports && other_port) ||
                (is_icmp && other_source_port);
  bool destination = reply.source != expected.source || (has_ports && other_source_port);
  return (source ? ct_status::kSourceNat : 0) | (destination ? ct_status::kDestinationNat : 0) |
         (source || destination ? ct_status::kNatNotDone : 0);
}

class Reader {
 public:
  Reader(std::string_view line, uint32_t number, const LabelNames* names)
      : words_(line, number), names_(names) {}

  Result<std::optional<FlowLine>> read() {
    if (words_.end() || words_.word().text == "conntrack") return std::optional<FlowLine>{};
    first_ = words_.word();
    if (auto head = read_head(); !head) return std::unexpected(head.error());
    for (; !words_.end(); words_.next()) {
      if (auto word = read_word(); !word) return std::unexpected(word.error());
    }
    return finish();
  }

 private:
  // Up to the TCP state: the words without a name.
  Result<void> read_head() {
    std::string_view text = words_.word().text;
    bool named = text == "ipv4" || text == "ipv6";
    if (named) {
      family_ = text == "ipv4" ? Family::kIpv4 : Family::kIpv6;
      words_.next();
      words_.next();  // 2 or 10
    }
    words_.next();  // the protocol's name
    if (words_.end()) {
      return wrong(first_, "not a line of conntrack -L", "ipv4 2 udp 17 29 src=… dst=… …");
    }
    std::optional<uint8_t> protocol = number<uint8_t>(words_.word().text);
    if (!protocol) return wrong(words_.word(), "expected the protocol's number");
    protocol_ = *protocol;
    words_.next();
    if (std::optional<uint32_t> timeout = number<uint32_t>(words_.word().text)) {
      line_.timeout = timeout;
      words_.next();
    }
    bool has_state = !words_.end() && words_.word().text.find('=') == std::string_view::npos &&
                     words_.word().text[0] != '[';
    if (!has_state) return {};
    if (protocol_ == protocol::kTcp) {
      std::optional<TcpState> state = tcp_state_of(words_.word().text);
      if (!state) return wrong(words_.word(), "no such TCP state");
      line_.tcp_state = *state;
    }
    if (protocol_ == protocol::kSctp) {
      std::optional<SctpState> state = sctp_state_of(words_.word().text);
      if (!state) return wrong(words_.word(), "no such SCTP state");
      line_.sctp_state = *state;
    }
    words_.next();
    return {};
  }

  Result<void> read_word() {
    const Word& word = words_.word();
    if (word.text == "[UNREPLIED]") seen_reply_ = false;
    if (word.text == "[ASSURED]") line_.status |= ct_status::kAssured;
    if (word.text[0] == '[' || word.text == "labels") return {};
    size_t equals = word.text.find('=');
    if (equals == std::string_view::npos) return wrong(word, "expected NAME=VALUE");
    std::string_view name = word.text.substr(0, equals);
    std::string_view value = word.text.substr(equals + 1);
    if (value.ends_with(',')) value.remove_suffix(1);  // "timeout=30," of GRE
    if (name == "src" || name == "dst") return read_address(word, name == "src", value);
    Half& half = halves_[halves_[1].has_source ? 1 : 0];
    Tuple& tuple = half.tuple;
    if (name == "id" && flow_words_) return read_number(word, value, line_.id);
    if (name == "sport" || name == "srckey" || name == "id")
      return read_number(word, value, tuple.source_port);
    if (name == "dport" || name == "dstkey")
      return read_number(word, value, tuple.destination_port);
    if (name == "type") return read_number(word, value, half.type);
    if (name == "code") return read_number(word, value, half.code);
    if (name == "zone-orig") return read_number(word, value, halves_[0].zone);
    if (name == "zone-reply") return read_number(word, value, halves_[1].zone);
    if (name == "zone") return read_number(word, value, line_.zone.id);
    return read_flow_word(word, name, value);
  }

  // What is said of the flow, not of one of its directions; after it, `id` is the flow's own.
  Result<void> read_flow_word(const Word& word, std::string_view name, std::string_view value) {
    auto direction = static_cast<size_t>(halves_[1].has_source);
    if (name == "packets" || name == "bytes") {
      if (!line_.counters) line_.counters = FlowCounters{};
      auto& counts = name == "packets" ? line_.counters->packets : line_.counters->bytes;
      return read_number(word, value, counts[direction]);
    }
    if (name == "timeout") return read_number(word, value, line_.gre_timeouts[0]);
    if (name == "stream_timeout") return read_number(word, value, line_.gre_timeouts[1]);
    if (name == "delta-time") {
      Result<void> read = read_number(word, value, line_.age.emplace());
      line_.clock_age = *line_.age;
      return read;
    }
    if (name == "helper") line_.helper = value;
    if (name == "labels" && names_) return read_labels(word, value);
    if (name != "mark" && name != "use" && name != "secctx") return {};
    flow_words_ = true;
    if (name == "mark") return read_number(word, value, line_.connmark);
    return name == "use" ? read_number(word, value, line_.uses) : Result<void>{};
  }

  Result<void> read_labels(const Word& word, std::string_view value) {
    while (!value.empty()) {
      std::string_view name = value.substr(0, value.find(','));
      value.remove_prefix(std::min(name.size() + 1, value.size()));
      std::optional<uint8_t> label = names_->find(name);
      if (!label) return wrong(word, fmt::format("no label has the name '{}'", name));
      line_.labels.set(*label);
    }
    return {};
  }

  Result<void> read_address(const Word& word, bool source, std::string_view value) {
    if (!family_) {
      family_ = value.find(':') == std::string_view::npos ? Family::kIpv4 : Family::kIpv6;
    }
    std::optional<Address> address = Address::parse(*family_, value);
    if (!address) return wrong(word, "not an address of this family");
    if (source && halves_[0].has_source) halves_[1].has_source = true;
    Half& half = halves_[halves_[1].has_source ? 1 : 0];
    (source ? half.has_source : half.has_destination) = true;
    (source ? half.tuple.source : half.tuple.destination) = *address;
    return {};
  }

  template <typename T>
  Result<void> read_number(const Word& word, std::string_view value, T& out) {
    std::optional<T> read = number<T>(value);
    if (!read) return wrong(word, "not a number that fits here");
    out = *read;
    return {};
  }

  Result<std::optional<FlowLine>> finish() {
    for (Half& half : halves_) {
      if (!half.has_source || !half.has_destination) {
        return wrong(first_, "a flow needs src= and dst= for both directions");
      }
      half.tuple.family = *family_;
      half.tuple.protocol = protocol_;
      if (protocol_ == protocol::kDccp) {  // Linux 6.18 has no tracker for it
        half.tuple.source_port = half.tuple.destination_port = 0;
      }
      if (protocol_ == protocol::kIcmp || protocol_ == protocol::kIcmpv6) {
        half.tuple.destination_port = static_cast<uint16_t>(half.type << 8 | half.code);
      }
    }
    if (protocol_ == protocol::kTcp && line_.tcp_state == TcpState::kNone) {
      if (line_.timeout) return wrong(first_, "a TCP flow needs its state");
      line_.tcp_state = TcpState::kEstablished;  // offloaded
    }
    if (protocol_ == protocol::kSctp && line_.sctp_state == SctpState::kNone) {
      if (line_.timeout) return wrong(first_, "an SCTP flow needs its state");
      line_.sctp_state = SctpState::kEstablished;
    }
    if (uint16_t zone = halves_[0].zone) line_.zone = {zone, Zone::Directions::kOriginal};
    if (uint16_t zone = halves_[1].zone) line_.zone = {zone, Zone::Directions::kReply};
    line_.tuple = halves_[0].tuple;
    line_.reply = halves_[1].tuple;
    line_.status |= nat_of(line_.tuple, line_.reply) | ct_status::kConfirmed |
                    (seen_reply_ ? ct_status::kSeenReply : 0);
    return std::optional(line_);
  }

  Words words_;
  const LabelNames* names_;
  Word first_;
  FlowLine line_;
  std::optional<Family> family_;
  uint8_t protocol_ = 0;
  std::array<Half, 2> halves_;
  bool seen_reply_ = true;
  bool flow_words_ = false;
};

}  // namespace

std::string_view flow_protocol_name(uint8_t protocol) {
  switch (protocol) {
    case protocol::kTcp: return "tcp";
    case protocol::kUdp: return "udp";
    case protocol::kUdpLite: return "udplite";
    case protocol::kIcmp: return "icmp";
    case protocol::kIcmpv6: return "icmpv6";
    case protocol::kSctp: return "sctp";
    case protocol::kDccp: return "dccp";
    case protocol::kGre: return "gre";
    default: return "unknown";
  }
}

namespace {

// conntrack's words, or the kernel's own, where DCCP has no name and IPv6 addresses all of their
// zeros.
enum class Writer : uint8_t { kConntrack, kProc };

std::string_view event_name(FlowEvent::Kind kind) {
  switch (kind) {
    case FlowEvent::Kind::kNew: return "[NEW]";
    case FlowEvent::Kind::kUpdate: return "[UPDATE]";
    case FlowEvent::Kind::kDestroy: return "[DESTROY]";
  }
  return {};
}

std::string address_text(const Address& address, Family family, Writer writer) {
  if (family == Family::kIpv4 || writer == Writer::kConntrack) return address.text(family);
  std::string text;
  for (uint32_t word : address.words) {
    text += fmt::format("{}{:04x}:{:04x}", text.empty() ? "" : ":", word >> 16, word & 0xffff);
  }
  return text;
}

std::string half_text(const Tuple& tuple, Writer writer) {
  std::string text = fmt::format("src={} dst={}", address_text(tuple.source, tuple.family, writer),
                                 address_text(tuple.destination, tuple.family, writer));
  switch (tuple.protocol) {
    case protocol::kDccp:
      if (writer == Writer::kProc) return text;
      [[fallthrough]];
    case protocol::kTcp:
    case protocol::kUdp:
    case protocol::kUdpLite:
    case protocol::kSctp:
      return text + fmt::format(" sport={} dport={}", tuple.source_port, tuple.destination_port);
    case protocol::kIcmp:
    case protocol::kIcmpv6:
      return text + fmt::format(" type={} code={} id={}", tuple.destination_port >> 8,
                                tuple.destination_port & 0xff, tuple.source_port);
    case protocol::kGre:
      return text +
             fmt::format(" srckey={:#x} dstkey={:#x}", tuple.source_port, tuple.destination_port);
    default: return text;
  }
}

std::string zone_text(const Zone& zone, Zone::Directions directions, std::string_view name) {
  return zone.id && zone.directions == directions ? fmt::format(" {}={}", name, zone.id) : "";
}

std::string counters_text(const FlowLine& line, Direction direction) {
  if (!line.counters) return {};
  auto i = static_cast<size_t>(direction);
  return fmt::format(" packets={} bytes={}", line.counters->packets[i], line.counters->bytes[i]);
}

std::string family_text(Family family) {
  return family == Family::kIpv6 ? "ipv6     10 " : "ipv4     2 ";
}

// "tcp      6 431999 ESTABLISHED "
std::string head_text(const FlowLine& line, Writer writer) {
  uint8_t protocol = line.tuple.protocol;
  bool nameless = writer == Writer::kProc && protocol == protocol::kDccp;
  std::string text =
      fmt::format("{:<8} {} ", nameless ? "unknown" : flow_protocol_name(protocol), protocol);
  if (line.timeout) text += fmt::format("{} ", *line.timeout);
  if (line.tcp_state != TcpState::kNone) {
    text += fmt::format("{} ", tcp_state_name(line.tcp_state));
  }
  if (line.sctp_state != SctpState::kNone) {
    text += fmt::format("{} ", sctp_state_name(line.sctp_state));
  }
  if (protocol == protocol::kGre && writer == Writer::kProc) {
    text +=
        fmt::format("timeout={}, stream_timeout={} ", line.gre_timeouts[0], line.gre_timeouts[1]);
  }
  return text;
}

// Both directions, with the flow's status between and after them.
std::string halves_text(const FlowLine& line, Writer writer) {
  std::string text = half_text(line.tuple, writer);
  text += zone_text(line.zone, Zone::Directions::kOriginal, "zone-orig");
  text += counters_text(line, Direction::kOriginal);
  if (!(line.status & ct_status::kSeenReply)) text += " [UNREPLIED]";
  text += " " + half_text(line.reply, writer);
  text += zone_text(line.zone, Zone::Directions::kReply, "zone-reply");
  text += counters_text(line, Direction::kReply);
  if (line.status & ct_status::kAssured) text += " [ASSURED]";
  return text;
}

std::string labels_text(const Labels& labels, const LabelNames* names) {
  if (!names || !labels.any()) return {};
  std::string text = " labels";
  char separator = '=';
  for (uint8_t label = 0; label < kMostLabels; label++) {
    if (!labels.has(label) || names->of(label).empty()) continue;
    text += separator + names->of(label);
    separator = ',';
  }
  return text;
}

std::string age_text(const FlowLine& line, Writer writer) {
  if (!line.age) return {};
  return fmt::format(" delta-time={}", writer == Writer::kProc ? *line.age : line.clock_age);
}

uint32_t seconds_left(Tick expires, Tick now) {
  return now < expires ? static_cast<uint32_t>((expires - now) / kTicksPerSecond) : 0;
}

FlowLine line_of(const Flow& flow, const Tuple& reply, Tick now) {
  bool tcp = flow.protocol() == protocol::kTcp;
  bool sctp = flow.protocol() == protocol::kSctp;
  return {.tuple = flow.tuple(),
          .reply = reply,
          .zone = flow.zone(),
          .timeout = seconds_left(flow.expires(), now),
          .tcp_state = tcp ? flow.tcp().state : TcpState::kNone,
          .sctp_state = sctp ? flow.sctp().state : SctpState::kNone,
          .status = flow.status,
          .connmark = flow.connmark};
}

void set_age(FlowLine& line, const Flow& flow, Tick now) {
  uint32_t age = flow.age(now);
  line.age = age / kTicksPerSecond;
  line.clock_age = static_cast<uint32_t>(now / kTicksPerSecond - (now - age) / kTicksPerSecond);
}

// Linux makes an id by hashing, so that it tells nothing; here it need only tell flows apart.
uint32_t printed_id(FlowId id) {
  return (id.index * 0x9e3779b1u) ^ (id.generation * 0x85ebca6bu);
}

auto order_of(const FlowLine& line) {
  const Tuple& tuple = line.tuple;
  return std::tuple(tuple.family, tuple.protocol, tuple.source, tuple.destination,
                    tuple.source_port, tuple.destination_port, line.zone.id, line.zone.directions);
}

}  // namespace

Result<std::optional<FlowLine>> parse_flow(std::string_view line, uint32_t number,
                                           const LabelNames* names) {
  return Reader(line, number, names).read();
}

FlowLine FlowLister::line_of(const Conntrack& conntrack, FlowId id, const Flow& flow,
                             Tick now) const {
  const Knobs& knobs = conntrack.knobs();
  FlowLine line = sallyport::line_of(flow, conntrack.reply_of(id), now);
  line.counters = conntrack.counters(id);
  if (knobs.timestamp) set_age(line, flow, now);
  line.id = printed_id(id);
  if (const Helper* helper = conntrack.helper(id)) line.helper = helper->name;
  line.labels = conntrack.labels(id);
  if (auto found = children_.find(id.index); found != children_.end()) line.uses += found->second;
  line.gre_timeouts = {knobs.gre_timeout, knobs.gre_timeout_stream};
  return line;
}

bool FlowLister::step(const Conntrack& conntrack, uint32_t places, Tick now, const Tell& tell) {
  std::vector<std::pair<FlowId, FlowLine>> lines;
  conntrack.each(next_, places, now, [&](FlowId id, const Flow& flow) {
    if (counted_) {
      lines.emplace_back(id, line_of(conntrack, id, flow, now));
    } else if (FlowId master = conntrack.master(id)) {
      children_[master.index]++;
    }
  });
  for (auto& [id, line] : lines) tell(id, line);
  next_ += places;
  if (next_ < conntrack.places()) return true;
  next_ = 0;
  return !std::exchange(counted_, true);
}

std::vector<FlowLine> list_flows(const Conntrack& conntrack, Tick now) {
  std::vector<FlowLine> lines;
  lines.reserve(conntrack.count());
  const auto keep = [&lines](FlowId, FlowLine& line) { lines.push_back(line); };
  for (FlowLister all; all.step(conntrack, conntrack.places(), now, keep);) continue;
  std::ranges::sort(lines, {}, order_of);
  return lines;
}

// An UPDATE says what has changed, and what a listing says of a flow that is not nothing. A flow
// that ends has no helper and no labels any more, and a timeout only if it did not come to its end.
FlowLine event_line(const FlowEvent& event, const Knobs& knobs) {
  FlowLine line = line_of(event.flow, event.reply, event.when);
  line.id = printed_id(event.id);
  if (event.kind == FlowEvent::Kind::kDestroy) {
    if (line.timeout == 0) line.timeout.reset();
    if (event.counted) line.counters = event.counters;
    if (knobs.timestamp) set_age(line, event.flow, event.when);
    return line;
  }
  line.helper = event.helper;
  if (event.kind == FlowEvent::Kind::kNew || event.changes & FlowEvent::kLabels) {
    line.labels = event.labels;
  }
  if (event.kind == FlowEvent::Kind::kUpdate && !(event.changes & FlowEvent::kProtocol)) {
    line.tcp_state = TcpState::kNone;
    line.sctp_state = SctpState::kNone;
  }
  return line;
}

std::string event_text(const FlowEvent& event, const Knobs& knobs, const FlowForm& form) {
  const FlowLine line = event_line(event, knobs);
  std::string text = fmt::format("{:>9} ", event_name(event.kind));
  if (form.extended) text += family_text(line.tuple.family);
  text += head_text(line, Writer::kConntrack) + halves_text(line, Writer::kConntrack);
  if (shows_mark(event)) text += fmt::format(" mark={}", line.connmark);
  text += zone_text(line.zone, Zone::Directions::kBoth, "zone");
  text += age_text(line, Writer::kConntrack);
  if (!line.helper.empty()) text += fmt::format(" helper={}", line.helper);
  if (form.id) text += fmt::format(" id={}", line.id);
  return text + labels_text(line.labels, form.labels);
}

std::string list_text(const FlowLine& line, const FlowForm& form) {
  std::string text = form.extended ? family_text(line.tuple.family) : std::string();
  text += head_text(line, Writer::kConntrack) + halves_text(line, Writer::kConntrack);
  text += fmt::format(" mark={}", line.connmark);
  text += zone_text(line.zone, Zone::Directions::kBoth, "zone");
  text += age_text(line, Writer::kConntrack);
  if (!line.helper.empty()) text += fmt::format(" helper={}", line.helper);
  text += fmt::format(" use={}", line.uses);
  if (form.id) text += fmt::format(" id={}", line.id);
  return text + labels_text(line.labels, form.labels);
}

// The zone is named even if it is none, unless only one direction has one; and the reader is
// among those who use the flow.
std::string proc_text(const FlowLine& line) {
  std::string text = family_text(line.tuple.family);
  text += head_text(line, Writer::kProc) + halves_text(line, Writer::kProc);
  text += fmt::format(" mark={}", line.connmark);
  if (line.zone.directions == Zone::Directions::kBoth)
    text += fmt::format(" zone={}", line.zone.id);
  return text + age_text(line, Writer::kProc) + fmt::format(" use={}", line.uses + 1);
}

namespace {

// The addresses of a tuple and its ports, under the names that `conntrack -L expect` gives them.
std::string ends_text(const Tuple& tuple, std::string_view prefix) {
  return fmt::format("{0}src={1} {0}dst={2} sport={3} dport={4} ", prefix,
                     tuple.source.text(tuple.family), tuple.destination.text(tuple.family),
                     tuple.source_port, tuple.destination_port);
}

}  // namespace

std::string expectation_text(const Expectation& expectation, Tick now) {
  const Expected& expected = expectation.expected;
  Tick left = now < expectation.expires ? expectation.expires - now : 0;
  Tuple mask = expected.tuple;
  mask.source = expected.source_mask;
  mask.destination = Address{{~0u, ~0u, ~0u, ~0u}};
  mask.source_port = expected.source_port_mask;
  mask.destination_port = 0xffff;
  return fmt::format("{} proto={} ", left / kTicksPerSecond, expected.tuple.protocol) +
         ends_text(expected.tuple, "") + ends_text(mask, "mask-") +
         ends_text(expectation.master_tuple, "master-") +
         fmt::format("{}class=0 helper={}", expectation.helper->permanent ? "PERMANENT " : "",
                     expectation.helper->name);
}

std::string event_text(const ExpectationEvent& event) {
  std::string_view name = event.kind == ExpectationEvent::Kind::kNew ? "[NEW]" : "[DESTROY]";
  return fmt::format("{:>9} {}", name, expectation_text(event.expectation, event.when));
}

}  // namespace sallyport
