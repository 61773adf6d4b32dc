// A file that changes are written to as they come, by a thread of its own: whoever has something to
// write never waits for a disk.
//
// The file is a heading, and blocks, each with its length and a sum. A block that is cut short, as
// the last one is where somebody died in the middle of writing it, ends what is read. A file is
// begun beside the one before it and takes its place when it is said to be whole; until then the
// one before stays what would be read.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace sallyport {

class Journal {
 public:
  // Blocks that wait for the disk together; more are not taken.
  static constexpr size_t kMostWaiting = size_t{64} << 20;

  // `path` is the file's; beside it, "PATH.new" is made. `layout` tells files of this program from
  // those of others.
  Journal(std::string path, uint64_t layout);
  // Waits until all is written.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // From here on a new file is written.
  void begin();
  // False: too many wait, or the disk does not take it. Then what is written is of no use any more
  // before the next begin().
  bool append(std::string block);
  // The new file is whole: it takes the place of the one before.
  void publish();
  // Waits until all has been written.
  void flush();

  // Empty: all is well. What the disk said, since the last begin().
  std::string error() const;
  uint64_t written() const;  // bytes of the file at hand

 private:
  struct Job {
    enum class Kind : uint8_t { kBegin, kAppend, kPublish } kind;
    std::string block;
  };
  void post(Job job);
  void work(const std::stop_token& stop);
  std::expected<void, std::string> run(const Job& job);

  const std::string path_;
  const uint64_t layout_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;
  size_t waiting_ = 0;  // bytes
  bool busy_ = false;
  std::string error_;
  uint64_t written_ = 0;
  int file_ = -1;  // the worker's
  std::jthread worker_;
};

// Whether there is a file that begins as a journal does.
bool is_journal(const std::string& path);

// Calls `block` for each whole block of a file. Nothing: there is no such file. The error says what
// is wrong with it; a file that ends in the middle of a block is not wrong.
std::expected<bool, std::string> read_journal(const std::string& path, uint64_t layout,
                                              const std::function<void(std::string_view)>& block);

}  // namespace sallyport
