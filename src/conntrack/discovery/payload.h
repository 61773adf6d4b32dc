// What a descriptor may ask about a payload.
//
// Each question is cheap, bounded and total: any bytes give an answer, and bytes
// that the capture cut off give "unknown", never "no" (a live packet has all of
// its bytes). A test names alternatives; the tests of a descriptor must all hold.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport {

struct Payload {
  std::span<const uint8_t> held;  // what the capture kept of it
  size_t length = 0;              // on the wire; >= held.size()

  bool is_whole() const { return held.size() == length; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(held.data()), held.size()};
  }
};

enum class Holds : uint8_t { kNo, kUnknown, kYes };

struct PayloadTest {
  enum class Kind : uint8_t {
    kBegins,      // with one of `texts`
    kContains,    // one of `texts`, in the first kSearched bytes
    kByte,        // the byte at `offset`, under `mask`, is one of `values`
    kDnsUnicast,  // a DNS message one of whose questions asks for a unicast answer (RFC 6762, 5.4)
  };
  Kind kind = Kind::kBegins;
  std::vector<std::string> texts;
  uint16_t offset = 0;
  uint8_t mask = 0xff;
  std::vector<uint8_t> values;
};

// A bound on the work for one packet. Discovery fits in one unfragmented packet.
constexpr size_t kSearched = 2048;

Holds holds(const PayloadTest& test, const Payload& payload);
Holds all_hold(const std::vector<PayloadTest>& tests, const Payload& payload);

// The value of an HTTP-like header line ("MX: 3"), the name in any case (RFC 9110,
// 5.1), as a whole number, those above 65535 as 65535. Nothing where there is no such line, where
// its value is no number, or where it lies beyond the first kSearched bytes.
std::optional<uint32_t> header_number(std::string_view text, std::string_view name);

}  // namespace sallyport
