#include "cli/written_file.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "attach/write_all.h"
#include "base/system_error.h"

namespace sallyport {
namespace {

std::unexpected<std::string> failed(const std::string& path) {
  return std::unexpected(system_error(path));
}

// An owner that we may not give it to keeps it from nobody: the mode is what protects it.
bool be_like(int fd, const std::string& path) {
  struct stat old{};
  if (::stat(path.c_str(), &old) != 0) return errno == ENOENT;
  if (S_ISDIR(old.st_mode)) {
    errno = EISDIR;  // told before any file has its name
    return false;
  }
  const bool given = ::fchown(fd, old.st_uid, old.st_gid) == 0 || errno == EPERM;
  return given && ::fchmod(fd, old.st_mode & 07777) == 0;
}

}  // namespace

WrittenFiles::~WrittenFiles() {
  for (const File& file : files_) ::unlink(file.temporary.c_str());
}

std::expected<void, std::string> WrittenFiles::write(const std::string& path,
                                                     const std::string& text) {
  // What a link leads to is written, not the link.
  std::error_code error;
  const std::filesystem::path target = std::filesystem::weakly_canonical(path, error);
  File file{.temporary = (error ? path : target.string()) + ".XXXXXX",
            .path = error ? path : target.string()};
  const int fd = ::mkstemp(file.temporary.data());
  if (fd < 0) return failed(path);
  files_.push_back(file);
  const bool written = be_like(fd, file.path) && write_all(fd, text) && ::fsync(fd) == 0;
  const int why = errno;
  const bool closed = ::close(fd) == 0;
  if (!written) errno = why;
  if (!written || !closed) return failed(path);
  return {};
}

std::expected<void, std::string> WrittenFiles::put_in_place() {
  while (!files_.empty()) {
    const File& file = files_.front();
    if (::rename(file.temporary.c_str(), file.path.c_str()) != 0) return failed(file.path);
    files_.erase(files_.begin());
  }
  return {};
}

}  // namespace sallyport
