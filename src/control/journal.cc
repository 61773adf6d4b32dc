#include "control/journal.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "attach/write_all.h"
#include "base/system_error.h"

namespace sallyport {
namespace {

struct Heading {
  std::array<char, 8> magic{'S', 'A', 'L', 'L', 'Y', 'P', 'R', 'T'};
  uint64_t layout = 0;
};
struct BlockHeading {
  uint64_t length = 0;
  uint64_t sum = 0;
};

// Against a torn or rotten block, not against somebody who writes one.
uint64_t sum_of(std::string_view bytes) {
  return std::hash<std::string_view>()(bytes);
}

std::unexpected<std::string> failed(const std::string& path) {
  return std::unexpected(system_error(path));
}

template <typename Value>
std::string_view bytes_of(const Value& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

Journal::Journal(std::string path, uint64_t layout)
    : path_(std::move(path)),
      layout_(layout),
      worker_([this](const std::stop_token& stop) { work(stop); }) {}

Journal::~Journal() {
  flush();
  worker_.request_stop();
  worker_.join();
  if (file_ >= 0) ::close(file_);
}

void Journal::begin() {
  post({Job::Kind::kBegin, {}});
}

bool Journal::append(std::string block) {
  const std::lock_guard lock(mutex_);
  if (!error_.empty()) return false;
  if (waiting_ + block.size() > kMostWaiting) {
    error_ = fmt::format("{}: the disk is too slow", path_);
    return false;
  }
  waiting_ += block.size();
  jobs_.push_back({Job::Kind::kAppend, std::move(block)});
  changed_.notify_all();
  return true;
}

void Journal::publish() {
  post({Job::Kind::kPublish, {}});
}

void Journal::post(Job job) {
  const std::lock_guard lock(mutex_);
  if (job.kind == Job::Kind::kBegin) {
    error_.clear();
    written_ = 0;
  }
  jobs_.push_back(std::move(job));
  changed_.notify_all();
}

void Journal::flush() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return jobs_.empty() && !busy_; });
}

std::string Journal::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

uint64_t Journal::written() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

void Journal::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !jobs_.empty(); })) {
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    const bool in_vain = !error_.empty() && job.kind != Job::Kind::kBegin;
    busy_ = true;
    lock.unlock();
    const auto done = in_vain ? std::expected<void, std::string>() : run(job);
    lock.lock();
    busy_ = false;
    waiting_ -= job.block.size();
    if (!done) error_ = done.error();
    if (done && !in_vain) written_ += job.block.size();
    changed_.notify_all();
  }
}

std::expected<void, std::string> Journal::run(const Job& job) {
  const std::string fresh = path_ + ".new";
  switch (job.kind) {
    case Job::Kind::kBegin:
      if (file_ >= 0) ::close(file_);
      ::unlink(fresh.c_str());
      file_ = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
      if (file_ < 0 || !write_all(file_, bytes_of(Heading{.layout = layout_}))) {
        return failed(fresh);
      }
      break;
    case Job::Kind::kAppend: {
      const BlockHeading heading{.length = job.block.size(), .sum = sum_of(job.block)};
      if (!write_all(file_, bytes_of(heading)) || !write_all(file_, job.block)) {
        return failed(path_);
      }
      break;
    }
    case Job::Kind::kPublish:
      if (::fdatasync(file_) != 0 || ::rename(fresh.c_str(), path_.c_str()) != 0) {
        return failed(path_);
      }
      break;
  }
  return {};
}

bool is_journal(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  Heading heading{.magic = {}};
  const bool is =
      ::read(file, &heading, sizeof heading) == sizeof heading && heading.magic == Heading().magic;
  ::close(file);
  return is;
}

std::expected<bool, std::string> read_journal(const std::string& path, uint64_t layout,
                                              const std::function<void(std::string_view)>& block) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) return false;
  if (file < 0) return failed(path);
  auto read_all = [file](void* place, size_t size) {
    size_t got = 0;
    while (got < size) {
      const ssize_t count = ::read(file, static_cast<char*>(place) + got, size - got);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      got += static_cast<size_t>(count);
    }
    return got == size;
  };
  Heading heading;
  std::expected<bool, std::string> result = true;
  if (!read_all(&heading, sizeof heading) || heading.magic != Heading().magic) {
    result = std::unexpected(fmt::format("{}: no state of Sallyport's", path));
  } else if (heading.layout != layout) {
    result = std::unexpected(fmt::format("{}: of another version of Sallyport", path));
  }
  struct stat facts{};
  ::fstat(file, &facts);
  std::vector<char> bytes;
  for (BlockHeading one; result && read_all(&one, sizeof one);) {
    if (one.length > static_cast<uint64_t>(facts.st_size)) break;
    bytes.resize(one.length);
    if (!read_all(bytes.data(), bytes.size())) break;
    const std::string_view text(bytes.data(), bytes.size());
    if (sum_of(text) != one.sum) break;
    block(text);
  }
  ::close(file);
  return result;
}

}  // namespace sallyport
