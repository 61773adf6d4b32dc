#include "packet/checksum.h"

#include <bit>
#include <gtest/gtest.h>
#include <vector>

namespace sallyport {
namespace {

// RFC 1071 word by word in network order, the slow and obvious way.
uint16_t reference(std::span<const uint8_t> bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i++) {
    sum += i % 2 ? bytes[i] : bytes[i] << 8;
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(sum);
}

uint16_t to_network(uint16_t memory_order) {
  return std::endian::native == std::endian::little
             ? static_cast<uint16_t>(memory_order << 8 | memory_order >> 8)
             : memory_order;
}

TEST(Checksum, ExampleOfRfc1071) {
  const std::vector<uint8_t> bytes = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
  EXPECT_EQ(to_network(fold(sum_bytes(bytes))), 0xddf2);
}

TEST(Checksum, AgreesWithTheSlowSumAtEveryLengthAndAlignment) {
  std::vector<uint8_t> bytes(700);
  uint32_t random = 1;
  for (uint8_t& byte : bytes)
    byte = static_cast<uint8_t>((random = random * 1664525 + 1013904223) >> 24);
  for (size_t start = 0; start < 9; start++) {
    for (size_t size = 0; start + size <= bytes.size(); size++) {
      std::span<const uint8_t> part = std::span(bytes).subspan(start, size);
      ASSERT_EQ(to_network(fold(sum_bytes(part))), reference(part)) << start << "+" << size;
    }
  }
}

TEST(Checksum, CarriesOfAFullDatagram) {
  std::vector<uint8_t> bytes(65535, 0xff);
  EXPECT_EQ(to_network(fold(sum_bytes(bytes))), reference(bytes));
}

// What replace_in_checksum() leaves is what summing the changed header gives.
TEST(Checksum, AReplacedFieldLeavesACorrectChecksum) {
  std::vector<uint8_t> header = {0x45, 0x00, 0x00, 0x1c, 0x12, 0x34, 0x00, 0x00, 0x40, 0x11,
                                 0x00, 0x00, 0x0a, 0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x02};
  uint16_t checksum = static_cast<uint16_t>(~fold(sum_bytes(header)));
  std::memcpy(&header[10], &checksum, 2);
  ASSERT_EQ(fold(sum_bytes(header)), 0xffff);
  for (int last : {0x00, 0x02, 0x7f, 0xff}) {
    const Sum before = sum_words(&header[12], 1);
    header[15] = static_cast<uint8_t>(last);
    const Sum after = sum_words(&header[12], 1);
    std::memcpy(&checksum, &header[10], 2);
    checksum = replace_in_checksum(checksum, before, after);
    std::memcpy(&header[10], &checksum, 2);
    EXPECT_EQ(fold(sum_bytes(header)), 0xffff) << last;
  }
}

TEST(Crc32c, ExamplesOfRfc3720) {  // appendix B.4
  std::vector<uint8_t> ascending(32), zeroes(32, 0), ones(32, 0xff);
  for (size_t i = 0; i < 32; i++) ascending[i] = static_cast<uint8_t>(i);
  EXPECT_EQ(crc32c(zeroes), 0x8a9136aau);
  EXPECT_EQ(crc32c(ones), 0x62a8ab43u);
  EXPECT_EQ(crc32c(ascending), 0x46dd794eu);
}

TEST(Crc32c, ContinuesAcrossAnyCut) {
  std::vector<uint8_t> bytes(41);
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<uint8_t>(37 * i);
  const uint32_t whole = crc32c(bytes);
  for (size_t cut = 0; cut <= bytes.size(); cut++) {
    std::span<const uint8_t> all(bytes);
    EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), whole) << cut;
  }
}

}  // namespace
}  // namespace sallyport
