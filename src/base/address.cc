#include "base/address.h"

#include <arpa/inet.h>
#include <charconv>

#include "base/byte_order.h"

namespace sallyport {

Address Address::from_wire(Family family, const void* bytes) {
  Address result;
  const be32* words = static_cast<const be32*>(bytes);
  int count = bits_of(family) / 32;
  for (int i = 0; i < count; i++) result.words[i] = words[i];
  return result;
}

void Address::to_wire(Family family, void* bytes) const {
  be32* out = static_cast<be32*>(bytes);
  int count = bits_of(family) / 32;
  for (int i = 0; i < count; i++) out[i] = words[i];
}

std::optional<Address> Address::parse(Family family, std::string_view text) {
  uint8_t bytes[16];
  char buffer[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof buffer) return std::nullopt;
  text.copy(buffer, text.size());
  buffer[text.size()] = '\0';
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  int af = family == Family::kIpv4 ? AF_INET : AF_INET6;
  if (inet_pton(af, buffer, bytes) != 1) return std::nullopt;
  return from_wire(family, bytes);
}

std::string Address::text(Family family) const {
  uint8_t bytes[16];
  char buffer[INET6_ADDRSTRLEN];
  to_wire(family, bytes);
  inet_ntop(family == Family::kIpv4 ? AF_INET : AF_INET6, bytes, buffer, sizeof buffer);
  return buffer;
}

bool Address::is_link_local(Family family) const {
  return family == Family::kIpv4 ? words[0] >> 16 == 0xa9fe : words[0] >> 22 == 0x3fa;
}

Address mask_of(Family family, int length) {
  Address mask;
  for (int word = 0; word < bits_of(family) / 32; word++) {
    int ones = length - 32 * word;
    if (ones >= 32) {
      mask.words[word] = ~0u;
    } else if (ones > 0) {
      mask.words[word] = ~0u << (32 - ones);
    }
  }
  return mask;
}

std::optional<int> length_of(Family family, const Address& mask) {
  int length = 0;
  for (int word = 0; word < bits_of(family) / 32; word++) {
    int ones = std::countl_one(mask.words[word]);
    length += ones;
    if (ones < 32) break;
  }
  if (mask_of(family, length) != mask) return std::nullopt;
  return length;
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  Prefix result;
  size_t slash = text.find('/');
  std::string_view address = text.substr(0, slash);
  result.family = address.find(':') == std::string_view::npos ? Family::kIpv4 : Family::kIpv6;
  std::optional<Address> parsed = Address::parse(result.family, address);
  if (!parsed) return std::nullopt;
  result.address = *parsed;
  int length = bits_of(result.family);
  if (slash != std::string_view::npos) {
    std::string_view digits = text.substr(slash + 1);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc() || end != digits.data() + digits.size() || length < 0 ||
        length > bits_of(result.family)) {
      return std::nullopt;
    }
  }
  result.length = static_cast<uint8_t>(length);
  return result;
}

std::string Prefix::text() const {
  return address.text(family) + "/" + std::to_string(length);
}

}  // namespace sallyport
