// -j LOG: a line in the log. It decides nothing.
#include <fmt/format.h>

#include "extensions/registry.h"
#include "program/log_sink.h"

namespace sallyport {
namespace {

// syslog's severities (RFC 5424) under the names that iptables takes; it always prints the number.
constexpr Named kLevels[] = {{"emerg", 0}, {"alert", 1},   {"crit", 2},
                             {"error", 3}, {"warning", 4}, {"notice", 5},
                             {"info", 6},  {"debug", 7},   {"panic", 0}};
constexpr uint32_t kDefaultLevel = 4;

struct Level {
  uint32_t value = kDefaultLevel;
};
std::string read(Text text, const Scope& scope, Level& out) {
  if (const Named* named = find_named(text, kLevels, Spelling::kExact)) {
    out.value = named->value;
    return {};
  }
  Number<0, 7> number;
  if (!read(text, scope, number).empty()) return unknown_name("log level", text, kLevels);
  out.value = static_cast<uint32_t>(number.value);
  return {};
}
void write(const Level& level, const Scope&, std::string& out) {
  out += std::to_string(level.value);
}

// Longer ones are cut, as iptables does.
struct Prefix : String<1, 29> {};
std::string read(Text text, const Scope&, Prefix& out) {
  constexpr size_t kLongest = 29;
  return read_string(text.substr(0, kLongest), 1, kLongest, out.value);
}

struct LogTarget {
  static constexpr Traits kTraits{
      .name = "LOG", .summary = "writes a line about the packet", .side_effects = true};

  Arg<Prefix> prefix;
  Arg<Level> level;
  Arg<Flag> tcp_sequence, tcp_options, ip_options, uid, macdecode;

  static constexpr auto options() {
    using Self = LogTarget;
    return std::tuple{
        option("--log-prefix", &Self::prefix).help("text", "the line begins with it; 29 bytes"),
        option("--log-level", &Self::level).help("level", "emerg to debug, or 0 to 7"),
        option("--log-tcp-sequence", &Self::tcp_sequence).help("", "with sequence numbers"),
        option("--log-tcp-options", &Self::tcp_options).help("", "with the TCP header's options"),
        option("--log-ip-options", &Self::ip_options).help("", "with the IP header's options"),
        option("--log-uid", &Self::uid).help("", "with the sending process's user"),
        option("--log-macdecode", &Self::macdecode).help("", "with the frame's addresses")};
  }

  std::string finish(const Placement&) {
    level.given = level.value.value != kDefaultLevel;
    return {};
  }

  void list(const Scope&, std::string& out) const {
    // linux/netfilter/xt_LOG.h
    const uint32_t flags = (tcp_sequence.given ? 1 : 0) | (tcp_options.given ? 2 : 0) |
                           (ip_options.given ? 4 : 0) | (uid.given ? 8 : 0) |
                           (macdecode.given ? 32 : 0);
    out += fmt::format(" LOG flags {} level {}", flags, level.value.value);
    if (prefix.given) out += fmt::format(" prefix \"{}\"", prefix.value.value);
  }

  Verdict eval(Context& context) const {
    if (!context.logs || !context.logs->log || context.what_if) return Verdict::kContinue;
    context.logs->log->log(context, {.prefix = prefix.value.value,
                                     .level = static_cast<uint8_t>(level.value.value),
                                     .tcp_sequence = tcp_sequence.given,
                                     .tcp_options = tcp_options.given,
                                     .ip_options = ip_options.given,
                                     .uid = uid.given,
                                     .macdecode = macdecode.given});
    return Verdict::kContinue;
  }
};

}  // namespace

constinit const TargetType kLogTarget = target_type<LogTarget>();

}  // namespace sallyport
