// Where NFLOG's packets go: a pcapng file that tcpdump, Wireshark and `sallyport replay` read.
//
// Each packet stands in it as a kernel tells its listeners of one (LINKTYPE_NFLOG,
// linux/netfilter/nfnetlink_log.h: prefix, group, hook, interfaces, mark, user), at the interface
// that it came in by, else goes out by. An earlier run's file is appended to: what that left
// unfinished at its end is cut off first. Nobody waits for a disk that is full: what cannot be
// written is counted.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "attach/capture_writer.h"
#include "attach/interfaces.h"
#include "program/log_sink.h"

namespace sallyport {

class NflogFile final : public NflogSink {
 public:
  static constexpr size_t kMost = size_t{8} << 20;  // bytes between two write()

  // `interfaces` and `log` outlive it; `log` is told when packets are lost for the first time, and
  // when they are kept again.
  static std::expected<std::unique_ptr<NflogFile>, std::string> open(
      const std::string& path, const Interfaces& interfaces,
      std::function<void(const std::string&)> log);
  ~NflogFile();
  NflogFile(const NflogFile&) = delete;
  NflogFile& operator=(const NflogFile&) = delete;

  void keep(const Context& context, const NflogWish& wish) override;
  // Between bursts.
  void write();
  // The file may have been moved away: from now on it is the one of its name.
  void reopen();
  uint64_t kept() const { return kept_; }
  uint64_t lost() const { return lost_; }

 private:
  NflogFile(std::string path, const Interfaces& interfaces,
            std::function<void(const std::string&)> log);
  // The file, at the end of its last whole block.
  static std::expected<int, std::string> open_file(const std::string& path);
  void lose(const std::string& why);

  const std::string path_;
  const Interfaces& interfaces_;
  std::function<void(const std::string&)> log_;
  int file_ = -1;
  CaptureWriter writer_;
  uint64_t waiting_ = 0;  // packets in writer_
  uint64_t kept_ = 0, lost_ = 0;
  bool begun_ = false;  // the file has the section that writer_ goes on with
  bool losing_ = false;
};

}  // namespace sallyport
