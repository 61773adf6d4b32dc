#include "attach/capture_writer.h"

#include <gtest/gtest.h>
#include <string>

#include "attach/test_captures.h"

namespace sallyport {
namespace {

using Bytes = std::vector<uint8_t>;

const Bytes kHead = {1, 2, 3, 4}, kBody = {0x45, 6, 7};

CaptureWriter::Frame frame(const char* interface, int64_t nanoseconds) {
  return {.time = Instant(Duration(nanoseconds)),
          .interface = InterfaceName(interface),
          .direction = CaptureWriter::Direction::kInbound,
          .header = kHead,
          .payload = kBody,
          .wire_length = 100};
}

std::vector<Record> read(Capture& capture) {
  std::vector<Record> all = testing::read_all(capture);
  EXPECT_EQ(capture.warnings(), std::vector<std::string>());
  return all;
}

Capture capture_of(std::string_view bytes) {
  auto capture = Capture::from_memory(Bytes(bytes.begin(), bytes.end()));
  EXPECT_TRUE(capture.has_value());
  return std::move(*capture);
}

TEST(CaptureWriter, WhatItWritesIsReadAgain) {
  CaptureWriter writer(4096, link_type::kRaw);
  EXPECT_TRUE(writer.add(frame("eth0", 1'700'000'000'123'456'789)));
  EXPECT_TRUE(writer.add(frame("", 2)));
  EXPECT_TRUE(writer.add(frame("eth0", 3)));
  Capture capture = capture_of(writer.blocks());
  const std::vector<Record> records = read(capture);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].time, Instant(Duration(1'700'000'000'123'456'789)));
  EXPECT_EQ(records[0].link_type, link_type::kRaw);
  EXPECT_EQ(Bytes(records[0].frame.begin(), records[0].frame.end()),
            (Bytes{1, 2, 3, 4, 0x45, 6, 7}));
  EXPECT_EQ(records[0].wire_length, 100u);
  ASSERT_NE(records[0].interface, nullptr);
  EXPECT_EQ(records[0].interface->text(), "eth0");
  EXPECT_EQ(records[1].interface, nullptr);
  EXPECT_EQ(records[2].interface->text(), "eth0");
}

TEST(CaptureWriter, ASectionGoesOnWithInterfacesThatItKnows) {
  CaptureWriter writer(4096, link_type::kRaw);
  writer.add(frame("eth0", 1));
  std::string all(writer.blocks());
  writer.clear();
  writer.add(frame("eth0", 2));
  const size_t known = writer.blocks().size();
  all += writer.blocks();
  writer.begin_section();
  writer.add(frame("eth0", 3));
  EXPECT_GT(writer.blocks().size(), known);
  all += writer.blocks();
  Capture capture = capture_of(all);
  EXPECT_EQ(read(capture).size(), 3u);
}

TEST(CaptureWriter, WhatFindsNoRoomIsRefusedAndNothingOfItIsThere) {
  CaptureWriter writer(256, link_type::kRaw);
  size_t count = 0;
  while (writer.add(frame("a-name-of-bytes", static_cast<int64_t>(count)))) count++;
  EXPECT_LE(writer.blocks().size(), 256u);
  std::string all(writer.blocks());
  writer.clear();
  EXPECT_TRUE(writer.add(frame("a-name-of-bytes", 9)));
  all += writer.blocks();
  Capture capture = capture_of(all);
  EXPECT_GT(count, 0u);
  EXPECT_EQ(read(capture).size(), count + 1);
}

TEST(CaptureWriter, InterfacesBeyondThoseOfASectionHaveNoName) {
  CaptureWriter writer(1 << 20, link_type::kRaw);
  for (int i = 0; i < 300; i++) writer.add(frame(("v" + std::to_string(i)).c_str(), i));
  Capture capture = capture_of(writer.blocks());
  const std::vector<Record> records = read(capture);
  ASSERT_EQ(records.size(), 300u);
  EXPECT_EQ(records[254].interface->text(), "v254");
  EXPECT_EQ(records[255].interface, nullptr);
  EXPECT_EQ(records[299].interface, nullptr);
}

}  // namespace
}  // namespace sallyport
