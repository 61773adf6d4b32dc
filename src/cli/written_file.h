// Files that are written whole or not at all: under another name first, then renamed.
#pragma once

#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace sallyport {

class WrittenFiles {
 public:
  WrittenFiles() = default;
  WrittenFiles(const WrittenFiles&) = delete;
  WrittenFiles& operator=(const WrittenFiles&) = delete;
  ~WrittenFiles();  // what was not put in place is gone

  // Writes it beside `path`, down to the disk. A file that is there already lends its owner and
  // mode; a new one is its owner's alone.
  std::expected<void, std::string> write(const std::string& path, const std::string& text);
  // All that were written get their names.
  std::expected<void, std::string> put_in_place();

 private:
  struct File {
    std::string temporary, path;
  };
  std::vector<File> files_;
};

}  // namespace sallyport
