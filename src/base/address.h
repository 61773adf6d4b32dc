// IP addresses and prefixes of both families.
//
// An address is four words in host order, so that comparing, masking and
// hashing are integer work. IPv4 lives in word 0 and leaves the others zero:
// the family is told beside the address, as in the kernel's nf_inet_addr.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport {

enum class Family : uint8_t { kIpv4 = 4, kIpv6 = 6 };

constexpr int bits_of(Family family) {
  return family == Family::kIpv4 ? 32 : 128;
}

struct Address {
  std::array<uint32_t, 4> words{};

  static constexpr Address ipv4(uint32_t host_order) { return {{host_order, 0, 0, 0}}; }
  // `bytes` are in network order: 4 of them for IPv4, 16 for IPv6.
  static Address from_wire(Family family, const void* bytes);
  void to_wire(Family family, void* bytes) const;

  // Dotted quad or RFC 4291 text, nothing else; no names, no prefix.
  static std::optional<Address> parse(Family family, std::string_view text);
  std::string text(Family family) const;  // IPv6 as RFC 5952 writes it

  constexpr bool is_zero() const { return (words[0] | words[1] | words[2] | words[3]) == 0; }
  bool is_multicast(Family family) const {  // 224.0.0.0/4, ff00::/8
    return family == Family::kIpv4 ? words[0] >> 28 == 0xe : words[0] >> 24 == 0xff;
  }
  bool is_link_local(Family family) const;  // 169.254.0.0/16, fe80::/10

  friend constexpr auto operator<=>(const Address&, const Address&) = default;
  // Not the default, which calls memcmp; the packet path compares addresses all the time.
  friend constexpr bool operator==(const Address& a, const Address& b) {
    return difference(a, b) == 0;
  }
  // 0 if they are equal: for who compares several things and branches once.
  friend constexpr uint32_t difference(const Address& a, const Address& b) {
    return (a.words[0] ^ b.words[0]) | (a.words[1] ^ b.words[1]) | (a.words[2] ^ b.words[2]) |
           (a.words[3] ^ b.words[3]);
  }
  friend constexpr Address operator&(const Address& a, const Address& b) {
    return {{a.words[0] & b.words[0], a.words[1] & b.words[1], a.words[2] & b.words[2],
             a.words[3] & b.words[3]}};
  }
};

// The mask of a prefix length, 0 to bits_of(family).
Address mask_of(Family family, int length);
// The prefix length of a mask, or nothing where its ones have gaps.
std::optional<int> length_of(Family family, const Address& mask);

struct Prefix {
  Family family = Family::kIpv4;
  uint8_t length = 0;
  Address address;  // bits beyond the length are kept: a host's address with its prefix

  // The packet path asks it, and shifts: no bit of the first `length` may differ.
  bool contains(const Address& other) const {
    auto differing = [&](size_t word) { return other.words[word] ^ address.words[word]; };
    if (length == 0) return true;
    if (family == Family::kIpv4) return differing(0) >> (32 - length) == 0;
    const uint64_t high = uint64_t{differing(0)} << 32 | differing(1);
    if (length <= 64) return high >> (64 - length) == 0;
    const uint64_t low = uint64_t{differing(2)} << 32 | differing(3);
    return (high | low >> (128 - length)) == 0;
  }
  // "ADDR" or "ADDR/LEN"; the family is seen from the text.
  static std::optional<Prefix> parse(std::string_view text);
  std::string text() const;

  friend auto operator<=>(const Prefix&, const Prefix&) = default;
};

}  // namespace sallyport
