// The parser of descriptors: line by line, a statement a line.
//
// A line that is wrong is reported at its first wrong word and passed over, so that
// all lines of a text are looked at; what a descriptor lacks as a whole is reported at
// its `protocol` line. Lists and strings are bounded, so a text costs no more than a
// small multiple of its size.
#include "conntrack/discovery/descriptor.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <set>

#include "conntrack/discovery/descriptor_lexer.h"

namespace sallyport {
namespace {

constexpr size_t kMostDescriptors = 256, kMostTargets = 32, kMostTests = 8;
constexpr size_t kMostAlternatives = 16, kMostPorts = 16, kMostName = 31, kMostString = 128;
constexpr uint32_t kMostSeconds = 300;  // a window longer than this is an open port

// A word from the text, fit to be shown in an error.
std::string shown(std::string_view word) {
  constexpr size_t kMost = 40;
  std::string out = "'";
  for (char c : word.substr(0, kMost)) out += c >= ' ' && c <= '~' ? c : '?';
  return out + (word.size() > kMost ? "...'" : "'");
}

std::optional<uint32_t> number_of(std::string_view text) {
  bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (hex) text.remove_prefix(2);
  uint32_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class Parser {
 public:
  explicit Parser(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  std::vector<Descriptor> parse(std::string_view text) {
    for (uint32_t number = 1; !text.empty(); number++) {
      size_t end = std::min(text.find('\n'), text.size());
      std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      next_ = 0;
      bool good = lex_descriptor_line(line, number, tokens_, diagnostics_);
      if (good && !at_end()) statement(line);
    }
    finish();
    return std::move(descriptors_);
  }

 private:
  using Token = DescriptorToken;

  // Errors.

  bool fail(const Span& span, std::string what, std::string hint = "") {
    diagnostics_.add({span, std::move(what), std::move(hint)});
    return false;
  }
  // The next word is none of those that may stand here.
  bool unexpected(const std::string& wanted) {
    std::string found = at_end() ? "the line ends" : shown(peek().text);
    return fail(peek().span, fmt::format("expected {}, but found {}", wanted, found));
  }

  // Words.

  const Token& peek() const { return tokens_[next_]; }
  bool at_end() const { return next_ + 1 == tokens_.size(); }
  bool take(std::string_view word) {
    if (at_end() || peek().is_string || peek().text != word) return false;
    next_++;
    return true;
  }
  bool end_of_line() { return at_end() || unexpected("the end of the line"); }

  // A line of the kind that a descriptor has only once.
  bool once(std::string_view what) {
    return seen_.emplace(what).second ||
           fail(tokens_[0].span, fmt::format("'{}' is said twice", what));
  }

  // Statements.

  void statement(std::string_view line) {
    if (take("protocol")) {
      protocol();
      return;
    }
    if (!in_protocol_) {
      if (!complained_) {
        fail(peek().span, "a descriptor begins with 'protocol NAME'", "protocol my-protocol");
      }
      complained_ = true;
      return;
    }
    if (take("reference")) {
      reference(line);
    } else if (take("question")) {
      question();
    } else if (take("answer")) {
      answer();
    } else if (take("announcement")) {
      announcement();
    } else {
      unexpected("protocol, reference, question, answer or announcement");
    }
  }

  void protocol() {
    finish();
    in_protocol_ = true;
    errors_before_ = diagnostics_.count();
    protocol_span_ = tokens_[0].span;
    if (at_end()) {
      unexpected("a name");
      return;
    }
    const Token name = tokens_[next_++];
    bool good =
        !name.is_string && name.text.size() <= kMostName &&
        name.text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
    if (!good) {
      fail(name.span, fmt::format("{} is no name for a protocol", shown(name.text)),
           fmt::format("at most {} small letters, digits and hyphens", kMostName));
    } else if (std::ranges::find(descriptors_, name.text, &Descriptor::name) !=
               descriptors_.end()) {
      fail(name.span, fmt::format("there is a protocol {} above", shown(name.text)));
    }
    current_.name = name.text;
    end_of_line();
  }

  // The rest of the line, as it stands.
  void reference(std::string_view line) {
    if (!once("reference")) return;
    if (at_end()) {
      unexpected("the specification that the numbers come from");
      return;
    }
    line.remove_prefix(peek().span.column - 1);
    line = line.substr(0, line.find('#'));
    current_.reference = line.substr(0, line.find_last_not_of(" \t\r") + 1);
  }

  bool question() {
    Descriptor::Question& question = current_.question;
    if (take("to")) return target(question.targets) && end_of_line();
    if (take("from")) {
      if (!once("question from")) return false;
      if (!take("other")) return ports(question.from_ports) && end_of_line();
      question.from_other_port = true;
      return (take("port") || unexpected("port")) && end_of_line();
    }
    return test(question.tests, "to, from, ") && end_of_line();
  }

  bool announcement() {
    Descriptor::Announcement& announcement = current_.announcement;
    announcement_span_ = tokens_[0].span;
    if (take("to")) return once("announcement to") && ports(announcement.ports) && end_of_line();
    if (take("from")) {
      return once("announcement from") && ports(announcement.from_ports) && end_of_line();
    }
    return test(announcement.tests, "to, from, ") && end_of_line();
  }

  bool answer() {
    Descriptor::Answer& answer = current_.answer;
    if (take("from")) return once("answer from") && answer_from(answer) && end_of_line();
    if (take("to")) {
      std::vector<AnswerPorts> to;
      Span span = peek().span;
      if (!once("answer to") || !ports(to) || !end_of_line()) return false;
      if (to.size() != 1 || to[0].low != to[0].high) {
        return fail(span, "an answer goes to one port",
                    "leave the line out where it goes to the port that asked");
      }
      answer.to_port = to[0].low;
      return true;
    }
    if (take("within")) return once("answer within") && window(answer) && end_of_line();
    return unexpected("from, to or within");
  }

  bool answer_from(Descriptor::Answer& answer) {
    using From = Descriptor::Answer::From;
    bool asked = take("asked");
    if (asked || take("any")) {
      answer.from = asked ? From::kAskedPort : From::kAnyPort;
      return take("port") || unexpected("port");
    }
    answer.from = From::kPorts;
    if (peek().text == "port" || peek().text == "ports") return ports(answer.from_ports);
    return unexpected("asked port, any port, or port N");
  }

  // "10 s", "500 ms", or "header MX, 1 to 5 s, plus 1 s".
  bool window(Descriptor::Answer& answer) {
    Span span = peek().span;
    answer.milliseconds = 0;
    if (!take("header")) {
      if (!duration(answer.milliseconds)) return false;
      return answer.milliseconds > 0 || fail(span, "a window of no time lets nothing in");
    }
    if (at_end() || peek().text.size() > kMostName) return unexpected("the header's name");
    answer.header = tokens_[next_++].text;
    uint32_t most = 0;
    span = peek().span;
    if (!number(answer.least, 0, kMostSeconds) || !(take("to") || unexpected("to")) ||
        !duration(most)) {
      return false;
    }
    answer.most = most / 1000;
    if (most % 1000 != 0 || answer.least > answer.most) {
      return fail(span, "a header counts whole seconds, the least first", "header MX, 1 to 5 s");
    }
    if (take("plus") && !duration(answer.milliseconds)) return false;
    return answer.longest() > 0 || fail(span, "a window of no time lets nothing in");
  }

  // Parts of statements.

  // "239.255.255.250, ff02::c, broadcast port 1900"
  bool target(std::vector<Descriptor::Target>& targets) {
    size_t first = targets.size();
    while (!at_end() && peek().text != "port" && peek().text != "ports") {
      Descriptor::Target target;
      if (!take("broadcast") && !group(target)) return false;
      if (targets.size() >= kMostTargets) {
        return fail(peek().span, fmt::format("more than {} addresses", kMostTargets));
      }
      targets.push_back(std::move(target));
    }
    if (targets.size() == first) return unexpected("groups, or broadcast");
    std::vector<AnswerPorts> asked;
    if (!ports(asked)) return false;
    for (; first < targets.size(); first++) targets[first].ports = asked;
    return true;
  }

  bool group(Descriptor::Target& target) {
    std::string text = peek().text;
    target.family = text.find(':') != std::string::npos ? Family::kIpv6 : Family::kIpv4;
    target.any_scope = text.starts_with("ff0x:") || text.starts_with("FF0X:");
    if (target.any_scope) text[3] = '2';
    std::optional<Address> address = Address::parse(target.family, text);
    if (!address) return unexpected("a group's address, or broadcast");
    if (target.family == Family::kIpv4 && *address == Address::ipv4(0xffffffff)) {
      return fail(peek().span, "255.255.255.255 is written 'broadcast'",
                  "it stands for the interface's own broadcast address, too");
    }
    if (!address->is_multicast(target.family)) {
      return fail(peek().span, fmt::format("{} is no group", shown(peek().text)),
                  "an answer to a unicast question is ESTABLISHED without a descriptor");
    }
    target.group = *address;
    next_++;
    return true;
  }

  // "port 1900", "port 8610-8612, 8620"
  bool ports(std::vector<AnswerPorts>& out) {
    if (!take("port") && !take("ports")) return unexpected("port");
    do {
      std::string_view text = peek().text;
      size_t dash = text.find('-');
      std::optional<uint32_t> low = number_of(text.substr(0, dash)), high = low;
      if (dash != std::string_view::npos) high = number_of(text.substr(dash + 1));
      if (peek().is_string || !low || !high || *low < 1 || *high > 65535) {
        return unexpected("a port from 1 to 65535, or a range of them");
      }
      if (*low > *high) return fail(peek().span, "this range runs backwards");
      if (out.size() >= kMostPorts) {
        return fail(peek().span, fmt::format("more than {} ports", kMostPorts), "write a range");
      }
      out.push_back({static_cast<uint16_t>(*low), static_cast<uint16_t>(*high)});
      next_++;
    } while (!at_end());
    return true;
  }

  bool test(std::vector<PayloadTest>& tests, const std::string& others) {
    if (tests.size() >= kMostTests) {
      return fail(peek().span, fmt::format("more than {} conditions", kMostTests));
    }
    PayloadTest test;
    bool good = false;
    if (take("begins")) {
      test.kind = PayloadTest::Kind::kBegins;
      good = strings(test.texts);
    } else if (take("contains")) {
      test.kind = PayloadTest::Kind::kContains;
      good = strings(test.texts);
    } else if (take("byte")) {
      test.kind = PayloadTest::Kind::kByte;
      good = byte(test);
    } else if (take("dns-unicast")) {
      test.kind = PayloadTest::Kind::kDnsUnicast;
      good = true;
    } else {
      return unexpected(others + "begins, contains, byte or dns-unicast");
    }
    if (good) tests.push_back(std::move(test));
    return good;
  }

  bool strings(std::vector<std::string>& out) {
    do {
      if (!peek().is_string) return unexpected("a string in double quotes");
      if (peek().text.empty()) return fail(peek().span, "an empty string says nothing");
      if (peek().text.size() > kMostString) {
        return fail(peek().span, fmt::format("more than {} bytes", kMostString));
      }
      if (!room(out.size())) return false;
      out.push_back(tokens_[next_++].text);
    } while (take("or"));
    return true;
  }

  // "byte 2 & 0x80 = 0x00", "byte 1 = 1 or 6 or 9"
  bool byte(PayloadTest& test) {
    uint32_t value = 0;
    if (!number(value, 0, kSearched - 1)) return false;
    test.offset = static_cast<uint16_t>(value);
    if (take("&")) {
      if (!number(value, 1, 255)) return false;
      test.mask = static_cast<uint8_t>(value);
    }
    if (!take("=")) return unexpected("& or =");
    do {
      Span span = peek().span;
      if (!room(test.values.size()) || !number(value, 0, 255)) return false;
      if ((value & ~test.mask) != 0) {
        return fail(span,
                    fmt::format("under the mask {:#04x} no byte is {:#04x}", test.mask, value),
                    "the value may have only bits that the mask has");
      }
      test.values.push_back(static_cast<uint8_t>(value));
    } while (take("or"));
    return true;
  }

  bool room(size_t alternatives) {
    return alternatives < kMostAlternatives ||
           fail(peek().span, fmt::format("more than {} alternatives", kMostAlternatives));
  }

  bool number(uint32_t& out, uint32_t least, uint32_t most) {
    std::optional<uint32_t> value = peek().is_string ? std::nullopt : number_of(peek().text);
    if (!value || *value < least || *value > most) {
      return unexpected(fmt::format("a number from {} to {}", least, most));
    }
    out = *value;
    next_++;
    return true;
  }

  // "5 s", "500 ms"; into milliseconds.
  bool duration(uint32_t& out) {
    uint32_t value = 0;
    Span span = peek().span;
    if (!number(value, 0, kMostSeconds * 1000)) return false;
    bool seconds = take("s");
    if (!seconds && !take("ms")) return unexpected("s or ms");
    if (seconds && value > kMostSeconds) {
      return fail(span, fmt::format("a window of more than {} s", kMostSeconds),
                  "a port that is open for so long is better opened by a rule");
    }
    out = seconds ? value * 1000 : value;
    return true;
  }

  // The end of a descriptor: what it lacks as a whole. Where one of its lines was
  // wrong, that line may be the one that is missing: then there is no more to say.
  void finish() {
    if (!in_protocol_) return;
    const Descriptor::Announcement& announcement = current_.announcement;
    bool announces = !announcement.tests.empty() || !announcement.from_ports.empty();
    if (diagnostics_.count() == errors_before_) {
      if (current_.question.targets.empty()) {
        fail(protocol_span_, fmt::format("{} does not say where its question goes", current_.name),
             "question to 239.255.255.250 port 1900");
      } else if (announces && announcement.ports.empty()) {
        fail(announcement_span_, "the announcement's port is missing", "announcement to port 1900");
      } else if (descriptors_.size() >= kMostDescriptors) {
        fail(protocol_span_, fmt::format("more than {} descriptors", kMostDescriptors));
      } else {
        descriptors_.push_back(std::move(current_));
      }
    }
    current_ = Descriptor();
    seen_.clear();
    in_protocol_ = false;
  }

  Diagnostics& diagnostics_;
  std::vector<Token> tokens_;  // of this line
  size_t next_ = 0;
  std::vector<Descriptor> descriptors_;
  Descriptor current_;
  std::set<std::string, std::less<>> seen_;  // lines of `current_` that may stand there once
  size_t errors_before_ = 0;                 // in `diagnostics_`, when `current_` began
  Span protocol_span_, announcement_span_;
  bool in_protocol_ = false;
  bool complained_ = false;  // about lines before the first `protocol`
};

}  // namespace

bool contains(std::span<const AnswerPorts> ranges, uint16_t port) {
  return std::ranges::any_of(ranges,
                             [=](const AnswerPorts& range) { return range.contains(port); });
}

bool Descriptor::Target::has_port(uint16_t port) const {
  return sallyport::contains(ports, port);
}

bool Descriptor::Target::is_group(Family of, const Address& address) const {
  if (is_broadcast() || of != family) return false;
  Address asked = address;
  // RFC 4291, 2.7: the scope is the low half of the second byte.
  if (any_scope) asked.words[0] = (asked.words[0] & 0xfff0ffff) | 0x00020000;
  return asked == group;
}

void parse_descriptors(std::string_view text, std::vector<Descriptor>& out,
                       Diagnostics& diagnostics) {
  size_t before = diagnostics.count();
  std::vector<Descriptor> parsed = Parser(diagnostics).parse(text);
  if (diagnostics.count() > before) return;
  for (Descriptor& descriptor : parsed) {
    auto same = std::ranges::find(out, descriptor.name, &Descriptor::name);
    if (same != out.end()) {
      *same = std::move(descriptor);
    } else {
      out.push_back(std::move(descriptor));
    }
  }
}

const std::vector<Descriptor>& builtin_descriptors() {
  static const std::vector<Descriptor> descriptors = [] {
    std::vector<Descriptor> parsed;
    Diagnostics diagnostics;  // stays empty: a test reads each text
    for (const DescriptorText& builtin : builtin_descriptor_texts()) {
      parse_descriptors(builtin.text, parsed, diagnostics);
    }
    return parsed;
  }();
  return descriptors;
}

}  // namespace sallyport
