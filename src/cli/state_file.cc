// The file is locked by its directory, as it is another file after each change: who comes second
// reads what the first has written.
#include "cli/state_file.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <sys/file.h>
#include <unistd.h>

#include "attach/interfaces.h"
#include "base/system_error.h"
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/written_file.h"
#include "conntrack/conntrack_text.h"
#include "control/journal.h"
#include "control/kept_state.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

int fail(const std::string& file, std::string_view why) {
  std::cerr << fmt::format("sallyport: {}: {}\n", file, why);
  return kExitUsage;
}

class DirectoryLock {
 public:
  explicit DirectoryLock(const std::string& file) {
    const std::filesystem::path parent = std::filesystem::path(file).parent_path();
    fd_ = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    locked_ = fd_ >= 0 && ::flock(fd_, LOCK_EX) == 0;
  }
  ~DirectoryLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

  bool locked() const { return locked_; }  // false: errno says why

 private:
  int fd_ = -1;
  bool locked_ = false;
};

bool has(std::string_view text, std::string_view word) {
  return text.find(word) != std::string_view::npos;
}

// What would be read from there. Nothing where something is wrong, which has been said.
std::optional<Sources> sources_of(const std::string& file, bool sets) {
  Sources sources;
  sources.live = true;
  InputFile text{.name = file, .text = {}};
  std::error_code error;
  if (std::filesystem::exists(file, error)) {
    std::optional<InputFile> read = read_input(file, std::cerr);
    if (!read) return std::nullopt;
    text = std::move(*read);
  }
  if (std::filesystem::exists(kLabels, error)) sources.labels = read_input(kLabels, std::cerr);
  // Flows that were counted go on being so.
  for (const auto& [word, knob] : {std::pair(" packets=", "acct"), {" delta-time=", "timestamp"}}) {
    if (sets || !has(text.text, word)) continue;
    sources.sysctls.push_back(
        {.name = file, .text = fmt::format("net.netfilter.nf_conntrack_{}=1\n", knob)});
  }
  (sets ? sources.sets : sources.conntrack) = std::move(text);
  return sources;
}

std::string state_text(Managed& firewall, bool sets) {
  if (sets) return firewall.engine().sets().save(firewall.now());
  std::string text;
  for (const FlowLine& line : list_flows(firewall.engine().conntrack(), firewall.now())) {
    text += list_text(line, {.extended = true, .id = false, .labels = firewall.labels()}) + '\n';
  }
  return text;
}

// All of it, at once.
Reply whole(Reply reply) {
  while (reply.more && reply.more(reply.out) != Rest::kNone) continue;
  if (!reply.last) return reply;
  Reply last = reply.last();
  last.out = reply.out + last.out;
  return last;
}

}  // namespace

int run_on_state(const std::string& file, const std::string& name, const Request& request) {
  const bool sets = name == "ipset";
  if (!sets && name != "conntrack" && name != "netstat-nat") {
    return fail(name, "--state is for ipset, conntrack and netstat-nat");
  }
  const DirectoryLock lock(file);
  if (!lock.locked()) return fail(file, system_error());
  const Instant now = std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  std::optional<KeptState> kept;
  std::optional<Sources> sources;
  if (is_journal(file)) {
    auto read = KeptState::read(file);
    if (!read) return fail(name, read.error());
    kept = std::move(*read);
    sources.emplace().live = true;
    if (kept) sources->kept_sets = kept->sets(tick_of(now));
  } else {
    sources = sources_of(file, sets);
  }
  if (!sources) return kExitUsage;
  std::optional<Host> host;
  if (auto interfaces = Interfaces::open()) host = interfaces->host();
  std::optional<Setup> setup = make_setup(*sources, now, host, std::cerr);
  if (!setup) return kExitUsage;
  Managed firewall(*setup->engine, std::nullopt, std::nullopt, std::move(setup->labels),
                   [now] { return now; });
  if (kept) kept->restore(firewall, tick_of(now));
  const std::string before = state_text(firewall, sets);
  Reply asked = find_personality(name)->run(firewall, request);
  if (asked.follows) return fail(name, "only a Sallyport that runs can be watched, not a file");
  const Reply reply = whole(std::move(asked));
  if (std::string after = state_text(firewall, sets); after != before) {
    if (kept) return fail(file, "it is what a daemon keeps: it can be read here, not changed");
    WrittenFiles files;
    auto written = files.write(file, after);
    if (written) written = files.put_in_place();
    if (!written) {
      std::cerr << fmt::format("sallyport: {}\n", written.error());
      return kExitUsage;
    }
  }
  std::cout << reply.out << std::flush;
  std::cerr << reply.err;
  return reply.code;
}

}  // namespace sallyport
