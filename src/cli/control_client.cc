#include "cli/control_client.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <iostream>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/system_error.h"
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/state_file.h"
#include "conntrack/flow.h"
#include "control/unix_address.h"

namespace sallyport {
namespace {

// A SIGINT does not end us while an answer comes: it tells the daemon that we have heard enough,
// and it may say how many there were. A second one ends us.
std::atomic<int> speaking_to = -1;
std::atomic<bool> interrupted = false;

void say_no_more(int) {
  interrupted = true;
  ::shutdown(speaking_to, SHUT_WR);
}

class Connection {
 public:
  explicit Connection(const std::string& path) {
    const std::optional<sockaddr_un> address = unix_address(path);
    if (!address) {
      why_ = "its path is too long";
      return;
    }
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0 ||
        ::connect(fd_, reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
      why_ = system_error();
    }
  }
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const std::string& why_not() const { return why_; }  // empty: it is there

  void end_by_signal() const {
    speaking_to = fd_;
    struct sigaction action{};
    action.sa_handler = say_no_more;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (const int number : {SIGINT, SIGTERM}) ::sigaction(number, &action, nullptr);
  }

  // Nobody is waited for longer than that.
  void be_patient_for(std::chrono::seconds patience) const {
    const timeval time{.tv_sec = patience.count(), .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  }

  bool send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t count = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      text.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }
  // False at the end.
  bool read_line(std::string& line) {
    std::array<char, 65536> buffer;
    for (;;) {
      if (size_t end = read_.find('\n', looked_at_); end != std::string::npos) {
        line = read_.substr(0, end);
        read_.erase(0, end + 1);
        looked_at_ = 0;
        return true;
      }
      looked_at_ = read_.size();
      const ssize_t count = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      read_.append(buffer.data(), static_cast<size_t>(count));
    }
  }

 private:
  int fd_ = -1;
  std::string why_;
  std::string read_;
  size_t looked_at_ = 0;
};

}  // namespace

std::string control_socket() {
  const char* set = std::getenv("SALLYPORT_CONTROL");
  return set && *set ? set : "/run/sallyport/control.sock";
}

Subcommand::Option add_control_option(Subcommand& command, std::string& socket,
                                      std::string_view help) {
  socket = control_socket();
  return command.option("--control", socket, help).takes("SOCKET [/run/sallyport/control.sock]");
}

std::expected<std::string, std::string> ask_text(const std::string& socket,
                                                 const std::vector<std::string>& command) {
  constexpr auto kPatience = std::chrono::seconds(3);
  Connection connection(socket);
  if (!connection.why_not().empty()) return std::unexpected(connection.why_not());
  connection.be_patient_for(kPatience);
  connection.send(nlohmann::json{{"run", command}}.dump() + '\n');
  std::string out;
  for (std::string line; connection.read_line(line);) {
    const nlohmann::json reply = nlohmann::json::parse(line, nullptr, false);
    if (!reply.is_object()) break;
    out += reply.value("out", "");
    if (reply.contains("exit")) return out;
  }
  return std::unexpected("it does not answer");
}

std::expected<bool, std::string> ask_whether_on_trial(const std::string& socket) {
  const std::expected<std::string, std::string> out = ask_text(socket, {"status", "--json"});
  if (!out) return std::unexpected(out.error());
  const nlohmann::json status = nlohmann::json::parse(*out, nullptr, false);
  if (status.is_object() && status.contains("trial")) return status.value("trial", true);
  return std::unexpected("it does not answer");
}

int ask_daemon(const std::string& socket, const std::vector<std::string>& command,
               const std::string& input) {
  Connection connection(socket);
  if (!connection.why_not().empty()) {
    std::cerr << fmt::format("sallyport: {}: {}; is `sallyport run` there? (--control SOCKET)\n",
                             socket, connection.why_not());
    return kExitUsage;
  }
  nlohmann::json request{{"run", command}};
  if (!input.empty()) request["input"] = input;
  const std::string text = request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  connection.send(text + '\n');
  connection.end_by_signal();
  for (std::string line; connection.read_line(line);) {
    const nlohmann::json reply = nlohmann::json::parse(line, nullptr, false);
    if (!reply.is_object()) break;
    if (reply.contains("out")) std::cout << reply.value("out", "") << std::flush;
    if (reply.contains("err")) std::cerr << reply.value("err", "");
    if (reply.contains("exit")) return reply.value("exit", kExitUsage);
  }
  constexpr int kExitInterrupted = 128 + SIGINT;  // as a shell has it
  if (interrupted) return kExitInterrupted;
  std::cerr << fmt::format("sallyport: {}: it has gone away\n", socket);
  return kExitUsage;
}

namespace {

// --state FILE, or --state=FILE, in front of all others: conntrack has a --state of its own, which
// names one of TCP's.
std::optional<std::string> take_state(std::vector<std::string>& words) {
  constexpr std::string_view kOption = "--state", kEquals = "--state=";
  if (words.empty()) return std::nullopt;
  const bool joined = words[0].starts_with(kEquals);
  if (!joined && (words[0] != kOption || words.size() < 2)) return std::nullopt;
  std::string file = joined ? words[0].substr(kEquals.size()) : words[1];
  if (file.empty() || tcp_state_of(file)) return std::nullopt;
  words.erase(words.begin(), words.begin() + (joined ? 1 : 2));
  return file;
}

}  // namespace

int run_personality(const std::string& name, std::vector<std::string> words) {
  const std::optional<std::string> state = take_state(words);
  std::string socket = control_socket();
  for (size_t i = 0; i < words.size();) {
    constexpr std::string_view kEquals = "--control=";
    size_t taken = 0;
    if (words[i] == "--control" && i + 1 < words.size()) {
      socket = words[i + 1];
      taken = 2;
    } else if (words[i].starts_with(kEquals)) {
      socket = words[i].substr(kEquals.size());
      taken = 1;
    }
    if (taken == 0) {
      i++;
      continue;
    }
    words.erase(words.begin() + static_cast<ptrdiff_t>(i),
                words.begin() + static_cast<ptrdiff_t>(i + taken));
  }
  std::string source;  // a file's name; empty: nothing is read
  if (name.ends_with("-restore")) {
    source = "-";
    const std::string before = words.size() > 1 ? words[words.size() - 2] : std::string();
    const bool is_value = before == "-T" || before == "--table" || before == "-W" || before == "-w";
    if (!words.empty() && !words.back().starts_with('-') && !is_value) {
      source = words.back();
      words.pop_back();
    }
  } else if (name == "ipset" && std::ranges::any_of(words, [](const std::string& word) {
               return word == "restore" || word == "-R" || word == "--restore";
             })) {
    source = "-";
    const auto file = std::ranges::find_if(
        words, [](const std::string& word) { return word == "-f" || word == "-file"; });
    if (file != words.end() && std::next(file) != words.end()) {
      source = *std::next(file);
      words.erase(file, file + 2);
    }
  }
  std::string input;
  if (!source.empty()) {
    std::optional<InputFile> file = read_input(source, std::cerr);
    if (!file) return kExitUsage;
    input = std::move(file->text);
  }
  if (state) return run_on_state(*state, name, {.arguments = words, .input = input});
  words.insert(words.begin(), name);
  return ask_daemon(socket, words, input);
}

}  // namespace sallyport
