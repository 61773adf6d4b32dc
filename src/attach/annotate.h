// A pcapng file of the records that were read, each with a comment, for Wireshark.
//
// Times are nanoseconds; an interface is described when its first record comes (a
// link type and a name are an interface).
#pragma once

#include <cstdint>
#include <cstdio>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attach/capture.h"

namespace sallyport {

class Annotator {
 public:
  static std::expected<Annotator, std::string> create(const std::string& path);

  // An empty comment leaves the record without one; a long one is cut to 65535 bytes.
  void write(const Record& record, std::string_view comment);
  // Once, at the end: whether all of it was written.
  std::expected<void, std::string> finish();

 private:
  struct Interface {
    uint16_t link_type;
    InterfaceName name;
    friend bool operator==(const Interface&, const Interface&) = default;
  };
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

  explicit Annotator(File file) : file_(std::move(file)) {}
  uint32_t interface_of(const Record& record);
  void begin(uint32_t type);
  void put(const void* bytes, size_t size);
  void option(uint16_t code, std::string_view value);
  void end();

  template <typename T>
  void number(T value) {
    put(&value, sizeof value);
  }

  File file_;
  std::vector<Interface> interfaces_;
  std::string block_;  // being built
  bool failed_ = false;
};

}  // namespace sallyport
