// -m tcp: ports, flags, and the presence of a TCP option.
#include <algorithm>
#include <fmt/format.h>

#include "extensions/ports.h"
#include "extensions/registry.h"
#include "program/header.h"

namespace sallyport {
namespace {

// In the order in which they are printed.
constexpr Named kFlags[] = {{"FIN", tcp_flag::kFin}, {"SYN", tcp_flag::kSyn},
                            {"RST", tcp_flag::kRst}, {"PSH", tcp_flag::kPsh},
                            {"ACK", tcp_flag::kAck}, {"URG", tcp_flag::kUrg}};
constexpr Named kFlagWords[] = {{"FIN", tcp_flag::kFin}, {"SYN", tcp_flag::kSyn},
                                {"RST", tcp_flag::kRst}, {"PSH", tcp_flag::kPsh},
                                {"ACK", tcp_flag::kAck}, {"URG", tcp_flag::kUrg},
                                {"ALL", 0x3f},           {"NONE", 0}};

struct TcpFlags {
  static constexpr size_t kWords = 2;
  uint32_t mask = 0;
  uint32_t value = 0;
};

std::string read(std::span<const Text> words, const Scope&, TcpFlags& out) {
  std::string wrong = read_bits(words[0], kFlagWords, Spelling::kAnyCase, "TCP flag", out.mask);
  if (!wrong.empty()) return wrong;
  return read_bits(words[1], kFlagWords, Spelling::kAnyCase, "TCP flag", out.value);
}

std::string read_syn(Text, const Scope&, TcpFlags& out) {
  out = {tcp_flag::kFin | tcp_flag::kSyn | tcp_flag::kRst | tcp_flag::kAck, tcp_flag::kSyn};
  return {};
}

void write_flags(uint32_t flags, std::string& out) {
  if (flags == 0) out += "NONE";
  write_bits(flags, kFlags, out);
}

void write(const TcpFlags& flags, const Scope&, std::string& out) {
  write_flags(flags.mask, out);
  out += ' ';
  write_flags(flags.value, out);
}

constexpr uint32_t kHeaderLength = sizeof(TcpHeader);

struct TcpMatch : Ports {
  static constexpr Traits kTraits{.name = "tcp",
                                  .summary = "ports and flags of TCP",
                                  .listed = "tcp",
                                  .protocol = protocol::kTcp,
                                  .implied = true};

  Arg<TcpFlags> flags;
  Arg<Number<1, 255>> tcp_option;

  static constexpr auto options() {
    using Self = TcpMatch;
    return std::tuple_cat(
        Ports::options(),
        std::tuple{option("--tcp-option", &Self::tcp_option)
                       .listed("option=")
                       .negatable()
                       .help("number", "the header has this option"),
                   option("--tcp-flags", &Self::flags)
                       .negatable()
                       .help("mask value", "of the flags in mask, exactly those in value are set"),
                   option("--syn", &Self::flags)
                       .negatable()
                       .stands_for(read_syn)
                       .help("", "SYN is set; FIN, RST and ACK are not")});
  }

  void list(const Scope& scope, std::string& out) const {
    const std::span<const OptionSpec> specs = specs_of<TcpMatch>();
    constexpr size_t kBeforeFlags = 3;
    out += " tcp";
    list_options(specs.first(kBeforeFlags), this, scope, out);
    if (flags.given) {
      out += fmt::format(" flags:{}{:#04x}/{:#04x}", flags.negated ? "!" : "", flags.value.mask,
                         flags.value.value);
    }
  }

  MatchResult eval(Context& context) const {
    MatchResult header = look_at_header(context, kHeaderLength);
    if (header != MatchResult::kYes) return header;
    const Fields& fields = context.packet.fields;
    if (!hold(fields)) return MatchResult::kNo;
    if (flags.given &&
        ((fields[Field::kTcpFlags] & flags.value.mask) == flags.value.value) == flags.negated) {
      return MatchResult::kNo;
    }
    return tcp_option.given ? has_option(context) : MatchResult::kYes;
  }

  // Options are kind, length, data; 0 ends them and 1 stands alone (RFC 9293, 3.1).
  MatchResult has_option(Context& context) const {
    const Packet& packet = context.packet;
    const auto& tcp = *packet.header<TcpHeader>(packet.transport);
    uint32_t length = tcp.header_length();
    if (length < kHeaderLength) return MatchResult::kHotdrop;
    MatchResult header = look_at_header(context, length);
    if (header != MatchResult::kYes) return header;
    const uint8_t* options = packet.data + packet.transport;
    for (uint32_t at = kHeaderLength; at < length;) {
      if (options[at] == tcp_option.value.value) return yes_if(!tcp_option.negated);
      bool alone = options[at] < 2 || at + 1 == length;
      at += alone ? 1 : std::max<uint32_t>(options[at + 1], 1);
    }
    return yes_if(tcp_option.negated);
  }

  void compile(Emitter& emitter) const {
    emitter.condition("-m tcp");
    emitter.need_header(kHeaderLength);
    compile_ports(emitter, *this);
    if (flags.given) {
      describe(emitter, *this, "--tcp-flags");
      emitter.test(Field::kTcpFlags, flags.value.mask, flags.value.value, flags.negated);
    }
    if (tcp_option.given) {
      describe(emitter, *this, "--tcp-option");
      emitter.test_call(
          [](const void* self, Context& context) {
            return static_cast<const TcpMatch*>(self)->has_option(context);
          },
          std::make_shared<const TcpMatch>(*this), depends::kPacket);
    }
  }
};

}  // namespace

constinit const MatchType kTcpMatch = match_type<TcpMatch>();

}  // namespace sallyport
