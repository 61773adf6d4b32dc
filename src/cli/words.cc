#include "cli/words.h"

#include <fmt/format.h>
#include <utility>

namespace sallyport {

std::string_view family_word(Family family) {
  return family == Family::kIpv4 ? "ipv4" : "ipv6";
}

std::vector<std::string_view> status_words(uint32_t status) {
  constexpr std::pair<uint32_t, std::string_view> kBits[] = {
      {ct_status::kExpected, "EXPECTED"}, {ct_status::kSeenReply, "SEEN_REPLY"},
      {ct_status::kAssured, "ASSURED"},   {ct_status::kConfirmed, "CONFIRMED"},
      {ct_status::kSourceNat, "SRC_NAT"}, {ct_status::kDestinationNat, "DST_NAT"},
      {ct_status::kHelper, "HELPER"}};
  std::vector<std::string_view> words;
  for (const auto& [bit, name] : kBits) {
    if (status & bit) words.push_back(name);
  }
  return words;
}

std::string counted(uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string endpoint(Family family, const Address& address, bool has_port, uint16_t port) {
  std::string text = address.text(family);
  if (!has_port) return text;
  return family == Family::kIpv4 ? fmt::format("{}:{}", text, port)
                                 : fmt::format("[{}]:{}", text, port);
}

std::string flow_words(const Judged& judged) {
  if (!judged.family) return "not IP";
  return fmt::format(
      "{} {} > {}", protocol_word(judged.protocol),
      endpoint(*judged.family, judged.source, judged.has_ports, judged.source_port),
      endpoint(*judged.family, judged.destination, judged.has_ports, judged.destination_port));
}

std::string tcp_flag_words(uint32_t flags) {
  constexpr std::string_view kNames[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
  std::string words;
  for (size_t bit = 0; bit < 8; bit++) {
    if (!(flags >> bit & 1)) continue;
    if (!words.empty()) words += ',';
    words += kNames[bit];
  }
  return words.empty() ? "NONE" : words;
}

// An ICMP message has its type, which matters, and its id only where it has one.
std::string packet_words(const Judged& judged) {
  if (!judged.family) return flow_words(judged);
  if (judged.tcp_flags) {
    return fmt::format("{} {}", flow_words(judged), tcp_flag_words(*judged.tcp_flags));
  }
  bool icmp = judged.protocol == protocol::kIcmp || judged.protocol == protocol::kIcmpv6;
  if (!icmp) return flow_words(judged);
  Tuple answer = invert(judged.tuple);
  bool has_id = answer.destination_port != judged.tuple.destination_port;
  if (has_id) return judged.tuple.text();
  return fmt::format("{} type {} code {}", flow_words(judged), judged.tuple.destination_port >> 8,
                     judged.tuple.destination_port & 0xff);
}

std::string verdict_words(Outcome::Fate fate) {
  std::string word(verdict_word(fate));
  switch (fate) {
    case Outcome::Fate::kNone: return word + ": no chain gave a verdict";
    case Outcome::Fate::kStolen: return word + ": a fragment, held until the rest comes";
    default: return word;
  }
}

std::string seconds_since(Instant start, Instant time) {
  int64_t microseconds =
      std::chrono::duration_cast<std::chrono::microseconds>(time - start).count();
  std::string_view sign = microseconds < 0 ? "-" : "";
  uint64_t positive = static_cast<uint64_t>(microseconds < 0 ? -microseconds : microseconds);
  return fmt::format("{}{}.{:06}", sign, positive / 1'000'000, positive % 1'000'000);
}

}  // namespace sallyport
