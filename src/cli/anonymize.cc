#include "cli/anonymize.h"

#include <algorithm>
#include <fmt/format.h>

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
    uint32_t place = last == 0 || last == 255 ? last : host->second % 254 + 1;
    return Address::ipv4(10u << 24 | (net & 0xffff) << 8 | place).text(family);
  }
  bool is_network = original == network;
  Address mapped{{link_local ? 0xfe800000 : 0x20010db8, link_local ? 0 : net, 0,
                  is_network ? 0 : host->second}};
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
  if (after_slash) return std::string(word);
  size_t hardware = word.find_last_not_of('.') + 1;
  if (is_hardware_address(word.substr(0, hardware))) {
    return hardware_address(word.substr(0, hardware)) + std::string(word.substr(hardware));
  }
  if (auto parsed = Address::parse(Family::kIpv6, word)) return address(Family::kIpv6, *parsed);
  size_t end = word.find_last_not_of(".:") + 1;  // a sentence may end behind an address
  std::string_view bare = word.substr(0, end);
  size_t colon = std::min(bare.find(':'), bare.size());
  if (auto parsed = Address::parse(Family::kIpv4, bare.substr(0, colon))) {
    return address(Family::kIpv4, *parsed) + std::string(word.substr(colon));
  }
  if (auto parsed = Address::parse(Family::kIpv6, bare)) {
    return address(Family::kIpv6, *parsed) + std::string(word.substr(end));
  }
  return std::string(word);
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
    out += is_address ? replace(word, after_slash) : std::string(word);
    i = end;
  }
  return out;
}

}  // namespace sallyport
