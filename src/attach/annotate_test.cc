#include "attach/annotate.h"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <unistd.h>

#include "attach/test_captures.h"

namespace sallyport {
namespace {

const std::vector<uint8_t> kFrame = {0x45, 1, 2, 3, 4};

std::vector<uint8_t> file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The comments of a little-endian pcapng file, found by walking its blocks.
std::vector<std::string> comments(const std::vector<uint8_t>& bytes) {
  auto u32 = [&](size_t at) {
    return static_cast<uint32_t>(bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 |
                                 static_cast<uint32_t>(bytes[at + 3]) << 24);
  };
  std::vector<std::string> result;
  for (size_t at = 0; at < bytes.size(); at += u32(at + 4)) {
    const size_t end = at + u32(at + 4) - 4;
    EXPECT_EQ(u32(end), u32(at + 4)) << "both lengths of a block";
    if (u32(at) != 6) continue;
    const size_t option = at + 28 + (u32(at + 20) + 3) / 4 * 4;
    std::string comment;
    if (option < end) {
      EXPECT_EQ(u32(option) & 0xffff, 1u);
      comment.assign(bytes.begin() + static_cast<long>(option) + 4,
                     bytes.begin() + static_cast<long>(option + 4 + (u32(option) >> 16)));
    }
    result.push_back(comment);
  }
  return result;
}

class AnnotateTest : public ::testing::Test {
 protected:
  ~AnnotateTest() override { std::remove(path.c_str()); }
  // Of each test its own: they run side by side.
  std::string path = ::testing::TempDir() + "annotate_test_" +
                     ::testing::UnitTest::GetInstance()->current_test_info()->name() +
                     std::to_string(getpid()) + ".pcapng";
};

TEST_F(AnnotateTest, WhatIsWrittenIsWhatWasRead) {
  testing::CaptureBuilder builder, eth0, eth1;
  eth0.option(2, "eth0");
  eth1.option(2, "eth1").option(9, "\x09");
  builder.section()
      .interface(link_type::kRaw, eth0)
      .interface(link_type::kRaw, eth1)
      .interface(link_type::kEthernet, builder.nothing())
      .packet(1, 1'700'000'000'123'456'789, kFrame, 1500)
      .packet(0, 1'700'000'000'000'001, kFrame)
      .packet(2, 5, kFrame)
      .packet(1, 1'700'000'000'123'456'790, kFrame);
  auto capture = Capture::from_memory(builder.bytes);
  ASSERT_TRUE(capture.has_value());
  const std::vector<Record> records = testing::read_all(*capture);
  auto annotator = Annotator::create(path);
  ASSERT_TRUE(annotator.has_value()) << annotator.error();
  const std::vector<std::string> wanted = {"ACCEPT NEW", "", "DROP: bad header", "ACCEPT"};
  for (size_t i = 0; i < records.size(); i++) annotator->write(records[i], wanted[i]);
  ASSERT_TRUE(annotator->finish().has_value());

  auto again = Capture::open(path);
  ASSERT_TRUE(again.has_value()) << again.error();
  const std::vector<Record> copies = testing::read_all(*again);
  EXPECT_TRUE(again->warnings().empty());
  ASSERT_EQ(copies.size(), records.size());
  for (size_t i = 0; i < records.size(); i++) {
    SCOPED_TRACE(i);
    EXPECT_EQ(copies[i].time, records[i].time);
    EXPECT_EQ(copies[i].link_type, records[i].link_type);
    EXPECT_EQ(copies[i].wire_length, records[i].wire_length);
    EXPECT_TRUE(std::ranges::equal(copies[i].frame, records[i].frame));
    ASSERT_EQ(copies[i].interface == nullptr, records[i].interface == nullptr);
    if (copies[i].interface) {
      EXPECT_EQ(*copies[i].interface, *records[i].interface);
    }
  }
  EXPECT_EQ(comments(file_bytes(path)), wanted);
}

TEST_F(AnnotateTest, ALongCommentIsCut) {
  Record record;
  auto annotator = Annotator::create(path);
  annotator->write(record, std::string(70000, 'x'));
  ASSERT_TRUE(annotator->finish().has_value());
  EXPECT_EQ(comments(file_bytes(path)), std::vector<std::string>{std::string(65535, 'x')});
}

TEST(Annotate, SaysWhyItCannotWrite) {
  EXPECT_EQ(Annotator::create("/nonexistent/x.pcapng").error(), "No such file or directory");
  auto full = Annotator::create("/dev/full");
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->finish().error(), "No space left on device");
}

}  // namespace
}  // namespace sallyport
