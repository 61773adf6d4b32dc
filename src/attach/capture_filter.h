// tcpdump's filter language over the records of a capture, by libpcap.
//
// What an expression means depends on the link type, so it is compiled once for each
// that the capture turns out to have. One that makes sense for another link type only
// (`ether host` on raw IP) matches nothing there.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "attach/capture.h"

namespace sallyport {

class CaptureFilter {
 public:
  // The error is libpcap's, where the expression is right for no link type.
  static std::expected<CaptureFilter, std::string> compile(const std::string& expression);

  CaptureFilter(CaptureFilter&&) noexcept;
  CaptureFilter& operator=(CaptureFilter&&) noexcept;
  ~CaptureFilter();

  bool matches(const Record& record);

 private:
  struct State;
  explicit CaptureFilter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sallyport
