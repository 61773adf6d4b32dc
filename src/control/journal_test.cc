#include "control/journal.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>
#include <vector>

namespace sallyport {
namespace {

constexpr uint64_t kLayout = 7;

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "sallyport-journal-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/state";
  }
  ~JournalTest() override { std::filesystem::remove_all(folder_); }

  std::vector<std::string> blocks(uint64_t layout = kLayout) const {
    std::vector<std::string> all;
    const auto there =
        read_journal(path_, layout, [&](std::string_view block) { all.emplace_back(block); });
    if (!there) all = {"error: " + there.error()};
    if (there && !*there) all = {"not there"};
    return all;
  }

  std::string folder_, path_;
};

using Blocks = std::vector<std::string>;

TEST_F(JournalTest, AFileTakesItsPlaceWhenItIsWhole) {
  Journal journal(path_, kLayout);
  journal.begin();
  EXPECT_TRUE(journal.append("one"));
  journal.flush();
  EXPECT_EQ(blocks(), Blocks{"not there"});
  journal.publish();
  EXPECT_TRUE(journal.append("two"));
  journal.flush();
  EXPECT_EQ(blocks(), (Blocks{"one", "two"}));
  EXPECT_EQ(journal.written(), 6u);
  journal.begin();
  EXPECT_TRUE(journal.append("three"));
  journal.flush();
  EXPECT_EQ(blocks(), (Blocks{"one", "two"})) << "until the new one is whole";
  journal.publish();
  journal.flush();
  EXPECT_EQ(blocks(), Blocks{"three"});
}

TEST_F(JournalTest, WhatWaitsIsWrittenBeforeItGoes) {
  {
    Journal journal(path_, kLayout);
    journal.begin();
    for (int i = 0; i < 100; i++) EXPECT_TRUE(journal.append(std::string(10000, 'x')));
    journal.publish();
  }
  EXPECT_EQ(blocks().size(), 100u);
}

TEST_F(JournalTest, ABlockThatIsTornOrRottenEndsTheFile) {
  {
    Journal journal(path_, kLayout);
    journal.begin();
    for (const char* block : {"one", "two", "three"}) journal.append(block);
    journal.publish();
  }
  const auto size = std::filesystem::file_size(path_);
  std::filesystem::resize_file(path_, size - 1);
  EXPECT_EQ(blocks(), (Blocks{"one", "two"}));
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(16 + 16 + 3 + 16);  // behind the headings: the second block's first byte
  file.put('x');
  file.close();
  EXPECT_EQ(blocks(), Blocks{"one"});
  std::filesystem::resize_file(path_, 3);
  EXPECT_EQ(blocks(), Blocks{"error: " + path_ + ": no state of Sallyport's"});
}

TEST_F(JournalTest, AnotherLayoutIsRefused) {
  {
    Journal journal(path_, kLayout);
    journal.begin();
    journal.publish();
  }
  EXPECT_EQ(blocks(kLayout + 1), Blocks{"error: " + path_ + ": of another version of Sallyport"});
}

TEST_F(JournalTest, AFailureIsToldAndEndsWithTheNextFile) {
  const std::string elsewhere = folder_ + "/later/state";
  Journal journal(elsewhere, kLayout);
  journal.begin();
  journal.flush();
  EXPECT_EQ(journal.error(), elsewhere + ".new: No such file or directory");
  EXPECT_FALSE(journal.append("lost"));
  std::filesystem::create_directory(folder_ + "/later");
  journal.begin();
  EXPECT_TRUE(journal.append("kept"));
  journal.publish();
  journal.flush();
  EXPECT_EQ(journal.error(), "");
}

TEST_F(JournalTest, NoMoreWaitsThanItSays) {
  Journal journal(path_, kLayout);
  journal.begin();
  EXPECT_FALSE(journal.append(std::string(Journal::kMostWaiting + 1, 'x')));
  EXPECT_EQ(journal.error(), path_ + ": the disk is too slow");
}

}  // namespace
}  // namespace sallyport
