#include "attach/capture.h"

#include <algorithm>
#include <cstdio>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <unistd.h>

#include "attach/test_captures.h"

namespace sallyport {
namespace {

using testing::CaptureBuilder;
using testing::read_all;

constexpr uint32_t kMicro = 0xa1b2c3d4, kNano = 0xa1b23c4d;
const std::vector<uint8_t> kFrame = {0x45, 1, 2, 3, 4, 5, 6};

Instant at(int64_t seconds, int64_t nanoseconds) {
  return Instant(Duration(seconds * 1'000'000'000 + nanoseconds));
}

Capture capture_of(const CaptureBuilder& file) {
  auto capture = Capture::from_memory(file.bytes);
  EXPECT_TRUE(capture.has_value()) << capture.error();
  return std::move(*capture);
}

TEST(Capture, APipeIsReadAgainWithoutWhatWasWritten) {
  CaptureBuilder file;
  file.pcap(kMicro, link_type::kRaw).pcap_record(1, 0, kFrame).pcap_record(2, 0, kFrame);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], file.bytes.data(), file.bytes.size()),
            static_cast<ssize_t>(file.bytes.size()));
  close(ends[1]);
  auto first = Capture::open("/proc/self/fd/" + std::to_string(ends[0]));
  close(ends[0]);
  ASSERT_TRUE(first.has_value()) << first.error();
  Record record;
  ASSERT_EQ(first->read({&record, 1}), 1u);
  record.frame[0] = 0x99;
  auto again = first->again();
  ASSERT_TRUE(again.has_value()) << again.error();
  ASSERT_EQ(first->read({&record, 1}), 1u);
  EXPECT_EQ(record.index, 1u);
  std::vector<Record> all = read_all(*again);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].frame[0], kFrame[0]);
}

TEST(Capture, BytesInMemoryAreReadAgain) {
  CaptureBuilder file;
  Capture first = capture_of(file.pcap(kMicro, link_type::kRaw).pcap_record(1, 0, kFrame));
  EXPECT_EQ(read_all(first).size(), 1u);
  auto again = first.again();
  ASSERT_TRUE(again.has_value()) << again.error();
  EXPECT_EQ(read_all(*again).size(), 1u);
}

TEST(Capture, PcapOfBothPrecisionsAndByteOrders) {
  for (bool big : {false, true}) {
    for (uint32_t magic : {kMicro, kNano}) {
      CaptureBuilder file(big);
      file.pcap(magic, link_type::kRaw);
      file.pcap_record(1700000000, 999999, kFrame).pcap_record(1700000001, 5, kFrame, 1500);
      Capture capture = capture_of(file);
      std::vector<Record> records = read_all(capture);
      ASSERT_EQ(records.size(), 2u);
      const int64_t unit = magic == kMicro ? 1000 : 1;
      EXPECT_EQ(records[0].time, at(1700000000, 999999 * unit));
      EXPECT_EQ(records[1].time, at(1700000001, 5 * unit));
      EXPECT_EQ(records[1].index, 1u);
      EXPECT_EQ(records[1].link_type, link_type::kRaw);
      EXPECT_TRUE(std::ranges::equal(records[0].frame, kFrame));
      EXPECT_EQ(records[0].wire_length, kFrame.size());
      EXPECT_EQ(records[1].wire_length, 1500u);
      EXPECT_EQ(records[0].interface, nullptr);
      EXPECT_TRUE(capture.warnings().empty());
    }
  }
}

TEST(Capture, PcapngOfBothByteOrders) {
  for (bool big : {false, true}) {
    CaptureBuilder file(big), eth0(big), nanoseconds(big), binary(big);
    eth0.option(2, "eth0").option(0, "");
    nanoseconds.option(9, "\x09");
    const std::string_view ten =
        big ? std::string_view("\0\0\0\0\0\0\0\x0a", 8) : std::string_view("\x0a\0\0\0\0\0\0\0", 8);
    binary.option(9, "\x81").option(14, ten);  // halves of a second, and 10 s to add
    file.section()
        .interface(link_type::kEthernet, eth0)
        .block(0x0bad, file.nothing().u32(7))  // to be skipped
        .packet(0, 1'700'000'000'000'001, kFrame)
        .interface(link_type::kRaw, nanoseconds)
        .interface(link_type::kRaw, binary)
        .packet(1, 1'700'000'000'000'000'001, kFrame, 99)
        .packet(2, 5, kFrame);
    Capture capture = capture_of(file);
    std::vector<Record> records = read_all(capture);
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(records[0].time, at(1'700'000'000, 1000));
    ASSERT_NE(records[0].interface, nullptr);
    EXPECT_EQ(records[0].interface->text(), "eth0");
    EXPECT_EQ(records[0].link_type, link_type::kEthernet);
    EXPECT_EQ(records[1].time, at(1'700'000'000, 1));
    EXPECT_EQ(records[1].interface, nullptr);
    EXPECT_EQ(records[1].wire_length, 99u);
    EXPECT_EQ(records[2].time, at(12, 500'000'000));
    EXPECT_TRUE(std::ranges::equal(records[2].frame, kFrame));
    EXPECT_TRUE(capture.warnings().empty());
  }
}

// Files put one behind the other: each section has its byte order and its interfaces.
TEST(Capture, PcapngOfSeveralSections) {
  CaptureBuilder little(false), big(true), eth0(false), eth1(true);
  eth0.option(2, "eth0");
  eth1.option(2, "eth1");
  little.section().interface(link_type::kEthernet, eth0).packet(0, 1, kFrame);
  big.section().interface(link_type::kRaw, eth1).packet(0, 2, kFrame);
  little.data(big.bytes);
  Capture capture = capture_of(little);
  std::vector<Record> records = read_all(capture);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].interface->text(), "eth0");
  EXPECT_EQ(records[1].interface->text(), "eth1");
  EXPECT_EQ(records[1].link_type, link_type::kRaw);
}

TEST(Capture, SimpleAndObsoletePackets) {
  CaptureBuilder file;
  file.section().interface(link_type::kRaw, file.nothing(), 4);
  CaptureBuilder simple, obsolete;
  simple.u32(7).data({0x45, 1, 2, 3});  // 7 on the wire, the interface's snaplen of 4 kept
  obsolete.u16(0).u16(0).u32(0).u32(3'000'000).u32(5).u32(60).data({0x45, 1, 2, 3, 4}).pad();
  file.block(2, obsolete).block(3, simple);
  Capture capture = capture_of(file);
  std::vector<Record> records = read_all(capture);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].time, at(3, 0));
  EXPECT_EQ(records[0].frame.size(), 5u);
  EXPECT_EQ(records[0].wire_length, 60u);
  EXPECT_EQ(records[1].frame.size(), 4u);
  EXPECT_EQ(records[1].wire_length, 7u);
  EXPECT_EQ(records[1].time, at(3, 0));  // it has none of its own
}

// Cut anywhere, all records before the cut are delivered, and the cut is told.
TEST(Capture, CutAnywhere) {
  CaptureBuilder pcap, pcapng;
  pcap.pcap(kMicro, link_type::kRaw);
  const size_t pcap_head = pcap.bytes.size();
  pcap.pcap_record(1, 2, kFrame).pcap_record(3, 4, kFrame);
  pcapng.section();
  const size_t pcapng_head = pcapng.bytes.size();
  pcapng.interface(link_type::kRaw, pcapng.nothing()).packet(0, 1, kFrame).packet(0, 2, kFrame);
  struct {
    const std::vector<uint8_t>& bytes;
    size_t head, record;
  } const files[] = {{pcap.bytes, pcap_head, 16 + kFrame.size()}, {pcapng.bytes, pcapng_head, 40}};
  for (const auto& file : files) {
    for (size_t size = 0; size < file.bytes.size(); size++) {
      SCOPED_TRACE(size);
      auto capture =
          Capture::from_memory({file.bytes.begin(), file.bytes.begin() + static_cast<long>(size)});
      if (!capture) {
        EXPECT_LT(size, file.head);
        continue;
      }
      const size_t missing = file.bytes.size() - size;
      const size_t whole =
          missing > 2 * file.record ? 0 : 2 - (missing + file.record - 1) / file.record;
      EXPECT_EQ(read_all(*capture).size(), whole);
      const bool between = size == file.head || missing % file.record == 0 ||
                           (file.head == pcapng_head && missing == 2 * file.record);
      EXPECT_EQ(capture->warnings().size(), between ? 0u : 1u);
    }
  }
}

TEST(Capture, ACutIsToldInWords) {
  CaptureBuilder file;
  file.pcap(kMicro, link_type::kRaw).pcap_record(1, 2, kFrame).pcap_record(3, 4, kFrame);
  file.bytes.pop_back();
  Capture capture = capture_of(file);
  EXPECT_EQ(read_all(capture).size(), 1u);
  ASSERT_EQ(capture.warnings().size(), 1u);
  EXPECT_EQ(
      capture.warnings()[0],
      "it is cut short or damaged after record 0, at byte 47: the next record has 7 bytes, of "
      "which 6 are there");
}

TEST(Capture, DamageEndsTheReading) {
  CaptureBuilder good;
  good.section().interface(link_type::kRaw, good.nothing()).packet(0, 1, kFrame);
  auto with = [&](auto&& damage) {
    CaptureBuilder file = good;
    damage(file);
    Capture capture = capture_of(file);
    EXPECT_EQ(read_all(capture).size(), 1u);
    return capture.warnings().empty() ? "" : capture.warnings()[0];
  };
  auto tells = [](const std::string& warning, const char* words) {
    EXPECT_NE(warning.find(words), std::string::npos) << warning;
  };
  tells(with([](auto& f) { f.packet(5, 1, kFrame); }), "interface 5");
  tells(with([](auto& f) { f.u32(6).u32(0).u32(0); }), "a block of 0 bytes");
  tells(with([](auto& f) { f.u32(6).u32(0xfffffffc).u32(0); }), "of which 12 are there");
  tells(with([](auto& f) { f.u32(6).u32(13).u32(0).u32(0); }), "a block of 13 bytes");
  tells(with([](auto& f) { f.block(6, f.nothing()); }), "too short");
  tells(with([](auto& f) { f.block(1, f.nothing().u32(1)); }), "too short");
  tells(with([](auto& f) { f.interface(1, f.nothing().u16(2).u16(50)); }), "an option runs past");
  tells(with([](auto& f) { f.interface(1, f.nothing().option(9, "\x7f")); }), "resolution");
  tells(with([](auto& f) {
          f.section();
          f.packet(0, 1, kFrame);
        }),
        "interface 0");
}

TEST(Capture, AnUnsupportedLinkTypeIsTold) {
  CaptureBuilder file;
  file.pcap(kMicro, 105).pcap_record(1, 2, kFrame);
  Capture capture = capture_of(file);
  std::vector<Record> records = read_all(capture);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].ethertype, 0);
  ASSERT_EQ(capture.warnings().size(), 1u);
  EXPECT_NE(capture.warnings()[0].find("link type 105"), std::string::npos);
}

TEST(Capture, WhatIsNoCapture) {
  auto error_of = [](std::string_view text) {
    auto capture = Capture::from_memory({text.begin(), text.end()});
    EXPECT_FALSE(capture.has_value());
    return capture ? "" : capture.error();
  };
  EXPECT_EQ(error_of("").substr(0, 11), "it is empty");
  EXPECT_EQ(error_of("*filter\n:INPUT ACCEPT\n").substr(0, 10), "it is text");
  EXPECT_NE(error_of("\x1f\x8b\x08").find("gunzip"), std::string::npos);
  EXPECT_EQ(error_of("\x7f"
                     "ELF\x02\x01\x01")
                .substr(0, 35),
            "it begins with 7f 45 4c 46 02 01 01");
  EXPECT_NE(Capture::open("/nonexistent.pcap").error().find("No such file"), std::string::npos);
  EXPECT_EQ(Capture::open("/").error(), "it is a directory");
}

// Mapped privately: writing to a record's bytes leaves the file as it was.
TEST(Capture, AFileIsNotChangedByWritingToItsRecords) {
  const std::string path = ::testing::TempDir() + "capture_test.pcap";
  CaptureBuilder builder;
  builder.pcap(kMicro, link_type::kRaw).pcap_record(1, 2, kFrame);
  std::FILE* file = std::fopen(path.c_str(), "wb");
  ASSERT_NE(file, nullptr);
  std::fwrite(builder.bytes.data(), 1, builder.bytes.size(), file);
  std::fclose(file);
  for (int round = 0; round < 2; round++) {
    auto capture = Capture::open(path);
    ASSERT_TRUE(capture.has_value()) << capture.error();
    std::vector<Record> records = read_all(*capture);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].frame[1], 1);
    records[0].frame[1] = 0xff;
    EXPECT_EQ(capture->position(), capture->size());
  }
  std::remove(path.c_str());
}

// Pages of this process that are in memory, in bytes.
size_t resident() {
  size_t all = 0, pages = 0;
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/proc/self/statm", "r"), std::fclose);
  EXPECT_EQ(std::fscanf(file.get(), "%zu %zu", &all, &pages), 2);
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// 256 MB, of which each page is looked at when it is its turn; afterwards all can be read again.
TEST(Capture, AFileLargerThanMemoryIsHeldInPart) {
  constexpr uint32_t kRecords = 256, kSize = 1 << 20;
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::tmpfile(), std::fclose);
  CaptureBuilder header, record;
  header.pcap(kMicro, link_type::kRaw);
  record.u32(1).u32(0).u32(kSize).u32(kSize);
  std::fwrite(header.bytes.data(), header.bytes.size(), 1, file.get());
  for (uint32_t i = 0; i < kRecords; i++) {
    std::fwrite(record.bytes.data(), record.bytes.size(), 1, file.get());
    std::fseek(file.get(), kSize - 1, SEEK_CUR);  // a hole
    std::fputc(7, file.get());
  }
  std::fflush(file.get());
  auto capture = Capture::open("/proc/self/fd/" + std::to_string(fileno(file.get())));
  ASSERT_TRUE(capture) << capture.error();

  const size_t before = resident();
  size_t most = 0;
  std::vector<Record> records(1), all;
  while (capture->read(records) == 1) {
    for (size_t at = 0; at < kSize; at += 4096) EXPECT_EQ(records[0].frame[at], 0);
    most = std::max(most, resident() - before);
    all.push_back(records[0]);
  }
  EXPECT_LT(most, 80u << 20);
  ASSERT_EQ(all.size(), kRecords);
  for (const Record& one : all) EXPECT_EQ(one.frame.back(), 7);
}

}  // namespace
}  // namespace sallyport
