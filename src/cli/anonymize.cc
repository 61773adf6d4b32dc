#include "cli/anonymize.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace sallyport {
namespace {

bool is_address_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' ||
         c == ':';
}

bool is_hardware_address(std::string_view word) {
  if (word.size() != 17) return false;
  for (size_t i = 0; i < word.size(); i++) {
    if ((word[i] == ':') != (i % 3 == 2) || word[i] == '.') return false;
  }
  return true;
}

bool keeps(Family family, const Address& address) {
  if (address.is_zero() || address.is_multicast(family)) return true;
  if (family == Family::kIpv4) {
    return address.words[0] >> 24 == 127 || address == Address::ipv4(~0u);
  }
  return address == Address{{0, 0, 0, 1}};
}

// A mask behind a slash, "255.255.0.0" or "ffff:ff00::": no host has such an address.
bool is_mask(Family family, const Address& address) {
  if (family == Family::kIpv4) return address.words[0] >> 24 == 255 || address.words[0] >> 24 == 0;
  return address.words[0] >> 16 == 0xffff;
}

// The n-th network. 198.18.0.0/15 (RFC 2544) first: nobody's own addresses lie there, so that one
// of theirs cannot be mistaken for another's.
uint32_t mapped_network(uint32_t n) {
  constexpr uint32_t kBenchmark = 198u << 24 | 18u << 16, kNetworks = 512;
  return n < kNetworks ? kBenchmark | n << 8 : 10u << 24 | ((n - kNetworks) & 0xffff) << 8;
}

}  // namespace

std::string Anonymizer::address(Family family, const Address& original) {
  if (keeps(family, original)) return original.text(family);
  size_t f = family == Family::kIpv6;
  Address network = original & mask_of(family, family == Family::kIpv4 ? 24 : 64);
  bool link_local = family == Family::kIpv6 && original.is_link_local(family);
  uint32_t net =
      networks_[f].try_emplace(network, static_cast<uint32_t>(networks_[f].size())).first->second;
  auto [host, is_new] = hosts_[f].try_emplace(original, 0);
  if (is_new) host->second = ++next_host_[f][network];
  if (family == Family::kIpv4) {
    uint32_t last = original.words[0] & 0xff;
    uint32_t place = last == 0 || last == 255 ? last : (host->second - 1) % 254 + 1;
    return Address::ipv4(mapped_network(net) | place).text(family);
  }
  bool is_network = original == network;
  // "a" where hardly anybody's own address has it, so that none of theirs is taken for another's.
  Address mapped{{link_local ? 0xfe800000 : 0x20010db8, link_local ? 0 : net,
                  is_network ? 0u : 0xau, is_network ? 0 : host->second}};
  return mapped.text(family);
}

std::string Anonymizer::hardware_address(std::string_view original) {
  auto found = hardware_.find(original);
  if (found == hardware_.end()) {
    found =
        hardware_.emplace(std::string(original), static_cast<uint32_t>(hardware_.size() + 1)).first;
  }
  uint32_t n = found->second;
  return fmt::format("02:00:00:{:02x}:{:02x}:{:02x}", n >> 16 & 0xff, n >> 8 & 0xff, n & 0xff);
}

// A word of hexadecimal digits, dots and colons; an IPv4 endpoint has its port behind a colon.
std::string Anonymizer::replace(std::string_view word, bool after_slash) {
  size_t hardware = word.find_last_not_of('.') + 1;
  if (is_hardware_address(word.substr(0, hardware))) {
    return hardware_address(word.substr(0, hardware)) + std::string(word.substr(hardware));
  }
  size_t end = word.find_last_not_of(".:") + 1;  // a sentence may end behind an address
  std::string_view bare = word.substr(0, end);
  for (std::string_view candidate : {word, bare}) {
    std::optional<Address> parsed = Address::parse(Family::kIpv6, candidate);
    if (!parsed) continue;
    if (after_slash && is_mask(Family::kIpv6, *parsed)) return std::string(word);
    return address(Family::kIpv6, *parsed) + std::string(word.substr(candidate.size()));
  }
  size_t colon = std::min(bare.find(':'), bare.size());
  if (std::optional<Address> parsed = Address::parse(Family::kIpv4, bare.substr(0, colon))) {
    if (after_slash && is_mask(Family::kIpv4, *parsed)) return std::string(word);
    return address(Family::kIpv4, *parsed) + std::string(word.substr(colon));
  }
  return std::string(word);
}

// A word of the user's own, "from_192.0.2.7": IPv4 addresses in it go too.
std::string Anonymizer::replace_within(std::string_view word) {
  auto is_ipv4_char = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
  std::string out;
  while (!word.empty()) {
    auto end = static_cast<size_t>(std::ranges::find_if_not(word, is_ipv4_char) - word.begin());
    std::string_view run = word.substr(0, end);
    std::optional<Address> parsed = Address::parse(Family::kIpv4, run);
    out += parsed ? address(Family::kIpv4, *parsed) : std::string(run);
    word.remove_prefix(end);
    auto next = static_cast<size_t>(std::ranges::find_if(word, is_ipv4_char) - word.begin());
    out += word.substr(0, next);
    word.remove_prefix(next);
  }
  return out;
}

std::string Anonymizer::operator()(std::string_view text) {
  std::string out;
  size_t i = 0;
  while (i < text.size()) {
    auto is_word_char = [](char c) {
      return is_address_char(c) || (c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z') || c == '_';
    };
    size_t end = i;
    while (end < text.size() && is_word_char(text[end])) end++;
    if (end == i) {
      out += text[i++];
      continue;
    }
    std::string_view word = text.substr(i, end - i);
    bool is_address = std::ranges::all_of(word, is_address_char);
    bool after_slash = i > 0 && text[i - 1] == '/';
    out += is_address ? replace(word, after_slash) : replace_within(word);
    i = end;
  }
  return out;
}

}  // namespace sallyport
