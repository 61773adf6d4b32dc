#include "control/daemon.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <map>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "attach/nfqueue.h"
#include "base/system_error.h"
#include "control/answer_socket.h"
#include "control/notify.h"
#include "control/privileges.h"

namespace sallyport {
namespace {

// What a packet judged by its headers needs: IPv6's with some extension headers, TCP's with all
// options.
constexpr uint32_t kHeaders = 256;
constexpr int kTurn = 100;  // ms: with no packet to move time on, flows still end

// The time of day, but that it never jumps.
Instant clock_now() {
  using std::chrono::steady_clock;
  static const Instant day =
      std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  static const steady_clock::time_point origin = steady_clock::now();
  return day + (steady_clock::now() - origin);
}

}  // namespace

struct Daemon::State {
  Engine& engine;
  Interfaces& interfaces;
  Guard& guard;
  std::function<void(const std::string&)> log;
  Live live;
  Options options;
  std::vector<NfQueue> queues;
  std::optional<AnswerSocket> answers;
  std::map<int, std::function<void()>> watched;
  std::function<bool()> each_turn;
  std::function<void()> hangup;
  bool busy = false;  // there is more to do than to wait for packets
  int epoll = -1;
  int signals = -1;
  bool attached = false, ending = false;
  Instant now{}, started{};
  Times times;
  std::optional<Duration> heartbeat;  // that a service manager waits for
  Instant last_beat{};

  State(Engine& the_engine, Interfaces& the_interfaces, Guard& the_guard,
        std::function<void(const std::string&)> the_log)
      : engine(the_engine),
        interfaces(the_interfaces),
        guard(the_guard),
        log(std::move(the_log)),
        live(engine, interfaces) {}
  ~State() {
    for (int fd : {epoll, signals}) {
      if (fd >= 0) ::close(fd);
    }
  }

  std::expected<void, std::string> open();
  std::expected<void, std::string> open_queues();
  bool detach();
  void note_time(size_t packets, Duration length);
  void take_signal();
  void turn(int timeout);
};

Daemon::Daemon(Engine& engine, Interfaces& interfaces, Guard& guard,
               std::function<void(const std::string&)> log)
    : state_(std::make_unique<State>(engine, interfaces, guard, std::move(log))) {}
Daemon::~Daemon() = default;

void Daemon::watch(int fd, std::function<void()> ready) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (::epoll_ctl(state_->epoll, EPOLL_CTL_ADD, fd, &event) == 0) {
    state_->watched[fd] = std::move(ready);
  }
}

void Daemon::watch_writing(int fd, bool writing) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  if (writing) event.events |= EPOLLOUT;
  ::epoll_ctl(state_->epoll, EPOLL_CTL_MOD, fd, &event);
}

void Daemon::unwatch(int fd) {
  ::epoll_ctl(state_->epoll, EPOLL_CTL_DEL, fd, nullptr);
  state_->watched.erase(fd);
}

std::expected<void, std::string> Daemon::State::open() {
  epoll = ::epoll_create1(EPOLL_CLOEXEC);
  sigset_t set;
  ::sigemptyset(&set);
  for (int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  signals = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (epoll < 0 || signals < 0) return std::unexpected(system_error("epoll"));
  return {};
}

std::expected<void, std::string> Daemon::State::open_queues() {
  const QueueRules& rules = options.rules;
  const bool open = rules.failing == QueueRules::Failing::kOpen;
  std::vector<NfQueue::Options> kinds;
  for (uint16_t number = rules.heads(); number < rules.whole(); number++) {
    kinds.push_back({.number = number, .copy = kHeaders, .fail_open = open});
  }
  kinds.push_back({.number = rules.whole(), .copy = NfQueue::kWhole, .fail_open = open});
  kinds.push_back({.number = rules.exempt(), .copy = NfQueue::kWhole, .fail_open = true});
  queues.reserve(kinds.size());
  for (NfQueue::Options one : kinds) {
    one.copy = std::max(one.copy, live.bytes_needed());
    std::expected<NfQueue, std::string> queue = NfQueue::open(one);
    if (!queue) return std::unexpected(queue.error());
    queues.push_back(std::move(*queue));
  }
  return {};
}

void Daemon::State::note_time(size_t packets, Duration length) {
  if (packets == 0) return;
  const double seconds = std::chrono::duration<double>(length).count();
  const double each = seconds / static_cast<double>(packets);
  const auto bound = std::ranges::lower_bound(Times::kBounds, each);
  times.counts[static_cast<size_t>(bound - Times::kBounds.begin())] += packets;
  times.sum += seconds;
}

void Daemon::State::take_signal() {
  signalfd_siginfo info{};
  while (::read(signals, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo != SIGHUP) ending = true;
    if (info.ssi_signo == SIGHUP && hangup) hangup();
  }
}

std::expected<void, std::string> Daemon::start(const Options& options, const Step& before) {
  State& state = *state_;
  state.options = options;
  if (auto opened = state.open(); !opened) return opened;
  if (auto opened = state.open_queues(); !opened) return opened;
  std::expected<AnswerSocket, std::string> answers = AnswerSocket::open(options.rules.answer_mark);
  if (!answers) return std::unexpected(answers.error());
  state.answers.emplace(std::move(*answers));
  state.live.on_answer([&state](const Answer& answer) { state.answers->send(answer.packet()); });
  state.now = state.started = clock_now();

  watch(state.signals, [&state] { state.take_signal(); });
  watch(state.interfaces.fd(), [&state] {
    if (state.interfaces.update()) state.engine.change_host(state.interfaces.host());
  });
  for (NfQueue& queue : state.queues) {
    // As long as there are full bursts, but not for ever: others wait, too.
    watch(queue.fd(), [&state, &queue] {
      constexpr int kMostBursts = 16;
      for (int i = 0; i < kMostBursts; i++) {
        const size_t packets = state.live.serve(queue, state.now);
        const Instant end = clock_now();
        state.note_time(packets, end - std::exchange(state.now, end));
        if (packets < NfQueue::kBurst) break;
      }
    });
  }
  if (auto done = before(); !done) return done;
  if (options.trial) {
    if (auto begun = state.guard.revert_after(*options.trial); !begun) return begun;
  }
  state.attached = true;
  if (auto installed = install(options.rules, options.tool); !installed) {
    state.attached = false;
    state.guard.confirm();
    return installed;
  }
  if (auto dropped = drop_privileges(); !dropped) {
    state.detach();
    return dropped;
  }
  notify_manager("READY=1\nSTATUS=filtering");
  // Twice as often as it is asked for.
  if (auto interval = watchdog_interval()) state.heartbeat = *interval / 2;
  return {};
}

void Daemon::State::turn(int timeout) {
  std::array<epoll_event, 32> events;
  const int count = ::epoll_wait(epoll, events.data(), events.size(), timeout);
  now = clock_now();
  if (count <= 0) live.pass_time(now);
  for (int i = 0; i < count; i++) {
    auto found = watched.find(events[i].data.fd);
    if (found == watched.end()) continue;  // one before it has ended it
    const std::function<void()> ready = found->second;
    ready();
  }
  busy = each_turn && each_turn();
  if (heartbeat && now - last_beat >= *heartbeat) {
    last_beat = now;
    notify_manager("WATCHDOG=1");
  }
}

bool Daemon::State::detach() {
  if (!attached) return true;
  attached = false;
  if (auto removed = guard.revert(); !removed) {
    log(fmt::format("the queueing rules could not be taken out: {}; sallyport detach does it",
                    removed.error()));
    return false;
  }
  return true;
}

bool Daemon::run() {
  State& state = *state_;
  while (!state.ending) state.turn(state.busy ? 0 : kTurn);
  notify_manager("STOPPING=1");
  const bool detached = state.detach();
  // What was queued before the rules went still waits for a ruling.
  for (NfQueue& queue : state.queues) {
    while (state.live.serve(queue, state.now) > 0) continue;
  }
  return detached;
}

void Daemon::each_turn(std::function<bool()> what) {
  state_->each_turn = std::move(what);
}

void Daemon::on_hangup(std::function<void()> what) {
  state_->hangup = std::move(what);
}

bool Daemon::confirm() {
  return state_->guard.confirm();
}

bool Daemon::on_trial() const {
  return state_->guard.on_trial();
}

const Daemon::Times& Daemon::times() const {
  return state_->times;
}

const Live::Counts& Daemon::counts() const {
  return state_->live.counts();
}

Live& Daemon::live() {
  return state_->live;
}

uint64_t Daemon::overruns() const {
  uint64_t sum = 0;
  for (const NfQueue& queue : state_->queues) sum += queue.overruns();
  return sum;
}

Instant Daemon::now() const {
  return state_->now;
}

Instant Daemon::started() const {
  return state_->started;
}

const Daemon::Options& Daemon::options() const {
  return state_->options;
}

}  // namespace sallyport
