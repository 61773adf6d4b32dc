#include "attach/capture_filter.h"

#include <map>
#include <optional>
#include <pcap/pcap.h>
#include <utility>

namespace sallyport {
namespace {

constexpr int kSnaplen = 262144;  // tcpdump's; it bounds what a program may look at

// libpcap's own number for raw IP on this system is not the one in files.
int dlt_of(uint16_t type) {
  return type == link_type::kRaw || type == link_type::kRawOpenBsd ? DLT_RAW : type;
}

class BpfProgram {
 public:
  static std::expected<BpfProgram, std::string> compile(const std::string& expression, int dlt) {
    std::unique_ptr<pcap_t, void (*)(pcap_t*)> handle(pcap_open_dead(dlt, kSnaplen), pcap_close);
    if (!handle) return std::unexpected("out of memory");
    BpfProgram result;
    constexpr int kOptimize = 1;
    if (pcap_compile(handle.get(), &result.code_, expression.c_str(), kOptimize,
                     PCAP_NETMASK_UNKNOWN) != 0) {
      return std::unexpected(pcap_geterr(handle.get()));
    }
    return result;
  }

  BpfProgram(BpfProgram&& other) noexcept : code_(std::exchange(other.code_, {})) {}
  BpfProgram& operator=(BpfProgram&&) = delete;
  ~BpfProgram() { pcap_freecode(&code_); }

  bool matches(const Record& record) const {
    return bpf_filter(code_.bf_insns, record.frame.data(), record.wire_length,
                      static_cast<u_int>(record.frame.size())) != 0;
  }

 private:
  BpfProgram() = default;
  bpf_program code_{};
};

}  // namespace

struct CaptureFilter::State {
  std::string expression;
  std::map<uint16_t, std::optional<BpfProgram>> programs;
};

CaptureFilter::CaptureFilter(std::unique_ptr<State> state) : state_(std::move(state)) {}
CaptureFilter::CaptureFilter(CaptureFilter&&) noexcept = default;
CaptureFilter& CaptureFilter::operator=(CaptureFilter&&) noexcept = default;
CaptureFilter::~CaptureFilter() = default;

std::expected<CaptureFilter, std::string> CaptureFilter::compile(const std::string& expression) {
  std::string error;
  for (int dlt : {DLT_EN10MB, DLT_LINUX_SLL2, DLT_RAW}) {
    std::expected<BpfProgram, std::string> program = BpfProgram::compile(expression, dlt);
    if (program) return CaptureFilter(std::make_unique<State>(State{expression, {}}));
    if (error.empty()) error = program.error();  // Ethernet's: the usual one
  }
  return std::unexpected(error);
}

bool CaptureFilter::matches(const Record& record) {
  auto [place, is_new] = state_->programs.try_emplace(record.link_type);
  if (is_new) {
    auto program = BpfProgram::compile(state_->expression, dlt_of(record.link_type));
    if (program) place->second.emplace(std::move(*program));
  }
  return place->second && place->second->matches(record);
}

}  // namespace sallyport
