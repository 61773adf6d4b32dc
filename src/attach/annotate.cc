// draft-ietf-opsawg-pcapng. Numbers are written in this machine's byte order, which the
// section header tells.
#include "attach/annotate.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/system_error.h"

namespace sallyport {
namespace {

constexpr uint32_t kSection = 0x0a0d0d0a, kSectionOrder = 0x1a2b3c4d, kInterface = 1, kPacket = 6;
constexpr uint16_t kEndOfOptions = 0, kComment = 1, kUserApplication = 4, kIfName = 2,
                   kIfTsresol = 9;
constexpr size_t kMostComment = 65535;

}  // namespace

std::expected<Annotator, std::string> Annotator::create(const std::string& path) {
  File file(std::fopen(path.c_str(), "wbe"), std::fclose);
  if (!file) return std::unexpected(system_error());
  Annotator result(std::move(file));
  result.begin(kSection);
  result.number(kSectionOrder);
  result.number(uint16_t{1});  // version 1.0
  result.number(uint16_t{0});
  result.number(uint64_t{~uint64_t{0}});  // the section's length is not known
  result.option(kUserApplication, "sallyport");
  result.option(kEndOfOptions, {});
  result.end();
  return result;
}

void Annotator::begin(uint32_t type) {
  block_.clear();
  number(type);
  number(uint32_t{0});  // the length: end() knows it
}

void Annotator::put(const void* bytes, size_t size) {
  block_.append(static_cast<const char*>(bytes), size);
}

void Annotator::option(uint16_t code, std::string_view value) {
  number(code);
  number(static_cast<uint16_t>(value.size()));
  block_ += value;
  block_.resize((block_.size() + 3) / 4 * 4);
}

void Annotator::end() {
  const uint32_t length = static_cast<uint32_t>(block_.size() + 4);
  std::memcpy(block_.data() + 4, &length, sizeof length);
  number(length);
  failed_ |= std::fwrite(block_.data(), 1, block_.size(), file_.get()) != block_.size();
}

uint32_t Annotator::interface_of(const Record& record) {
  const Interface wanted{record.link_type, record.interface ? *record.interface : InterfaceName()};
  auto found = std::ranges::find(interfaces_, wanted);
  const uint32_t number_of = static_cast<uint32_t>(found - interfaces_.begin());
  if (found != interfaces_.end()) return number_of;
  interfaces_.push_back(wanted);
  begin(kInterface);
  number(wanted.link_type);
  number(uint16_t{0});
  number(uint32_t{0});  // no limit to what was captured
  if (!wanted.name.text().empty()) option(kIfName, wanted.name.text());
  option(kIfTsresol, "\x09");
  option(kEndOfOptions, {});
  end();
  return number_of;
}

void Annotator::write(const Record& record, std::string_view comment) {
  const uint32_t interface = interface_of(record);
  const uint64_t time =
      static_cast<uint64_t>(std::max<int64_t>(record.time.time_since_epoch().count(), 0));
  begin(kPacket);
  number(interface);
  number(static_cast<uint32_t>(time >> 32));
  number(static_cast<uint32_t>(time));
  number(static_cast<uint32_t>(record.frame.size()));
  number(record.wire_length);
  put(record.frame.data(), record.frame.size());
  block_.resize((block_.size() + 3) / 4 * 4);
  if (!comment.empty()) {
    option(kComment, comment.substr(0, kMostComment));
    option(kEndOfOptions, {});
  }
  end();
}

std::expected<void, std::string> Annotator::finish() {
  failed_ |= std::fflush(file_.get()) != 0;
  const int error = errno;
  file_.reset();
  if (failed_) return std::unexpected(system_error(error));
  return {};
}

}  // namespace sallyport
