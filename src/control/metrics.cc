#include "control/metrics.h"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <iterator>
#include <microhttpd.h>
#include <netinet/in.h>

#include "attach/kernel_queues.h"
#include "conntrack/trackers/tracker.h"
#include "sets/set_store.h"

namespace sallyport {
namespace {

constexpr Duration kCensus = std::chrono::seconds(1);
constexpr uint32_t kPlacesAtOnce = 8192;

// "127.0.0.1:9123", "[::1]:9123".
bool read_address(const std::string& text, sockaddr_storage& out) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  std::string host = text.substr(0, colon);
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc() || stop != end || port == 0) return false;
  if (host.starts_with('[') && host.ends_with(']')) {
    auto* address = reinterpret_cast<sockaddr_in6*>(&out);
    *address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    host = host.substr(1, host.size() - 2);
    return ::inet_pton(AF_INET6, host.c_str(), &address->sin6_addr) == 1;
  }
  auto* address = reinterpret_cast<sockaddr_in*>(&out);
  *address = {.sin_family = AF_INET, .sin_port = htons(port)};
  return ::inet_pton(AF_INET, host.c_str(), &address->sin_addr) == 1;
}

std::string_view state_name(const Flow& flow) {
  switch (flow.protocol()) {
    case protocol::kTcp: return tcp_state_name(flow.tcp().state);
    case protocol::kSctp: return sctp_state_name(flow.sctp().state);
    default: break;
  }
  if (flow.status & ct_status::kAssured) return "ASSURED";
  return flow.status & ct_status::kSeenReply ? "REPLIED" : "UNREPLIED";
}

// A label's value (Prometheus, "Text format details").
std::string escaped(std::string_view value) {
  std::string out;
  for (const char letter : value) {
    if (letter == '\\' || letter == '"') out += '\\';
    out += letter;
  }
  return out;
}

// Builds the page: a family of metrics, then its samples.
class Page {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(end(), "# HELP sallyport_{0} {2}\n# TYPE sallyport_{0} {1}\n", name, type, help);
  }
  template <typename Number>
  void sample(Number value, std::string_view labels = {}, std::string_view suffix = {}) {
    fmt::format_to(end(), "sallyport_{}{}{}{}{} {}\n", name_, suffix, labels.empty() ? "" : "{",
                   labels, labels.empty() ? "" : "}", value);
  }
  template <typename Number>
  void single(std::string_view name, std::string_view type, std::string_view help, Number value) {
    family(name, type, help);
    sample(value);
  }
  std::string take() { return std::move(text_); }

 private:
  std::back_insert_iterator<std::string> end() { return std::back_inserter(text_); }
  std::string text_;
  std::string_view name_;
};

}  // namespace

struct Metrics::Server {
  MHD_Daemon* http = nullptr;
  Daemon* daemon = nullptr;
  int fd = -1;

  ~Server() {
    if (fd >= 0) daemon->unwatch(fd);
    if (http) MHD_stop_daemon(http);
  }
};

namespace {

MHD_Result answer(void* metrics, MHD_Connection* connection, const char* url, const char* method,
                  const char*, const char*, size_t*, void**) {
  const bool get = std::strcmp(method, "GET") == 0, there = std::strcmp(url, "/metrics") == 0;
  const std::string text = get && there ? static_cast<const Metrics*>(metrics)->text()
                                        : "it is GET /metrics that is answered here\n";
  MHD_Response* response = MHD_create_response_from_buffer(
      text.size(), const_cast<char*>(text.data()), MHD_RESPMEM_MUST_COPY);
  if (!response) return MHD_NO;
  MHD_add_response_header(response, "Content-Type", "text/plain; version=0.0.4");
  const unsigned status = !get    ? MHD_HTTP_METHOD_NOT_ALLOWED
                          : there ? MHD_HTTP_OK
                                  : MHD_HTTP_NOT_FOUND;
  const MHD_Result result = MHD_queue_response(connection, status, response);
  MHD_destroy_response(response);
  return result;
}

}  // namespace

Metrics::Metrics(Daemon& daemon, Managed& firewall, const DaemonFacts& facts)
    : daemon_(daemon), firewall_(firewall), facts_(facts), server_(std::make_unique<Server>()) {}
Metrics::~Metrics() = default;

std::expected<std::unique_ptr<Metrics>, std::string> Metrics::open(const std::string& address,
                                                                   Daemon& daemon,
                                                                   Managed& firewall,
                                                                   const DaemonFacts& facts) {
  sockaddr_storage where{};
  if (!read_address(address, where)) {
    return std::unexpected(fmt::format(
        "--metrics {}: write ADDRESS:PORT, as in 127.0.0.1:9123 or [::1]:9123", address));
  }
  std::unique_ptr<Metrics> metrics(new Metrics(daemon, firewall, facts));
  constexpr unsigned kPeers = 16, kPatience = 5;  // seconds
  unsigned flags = MHD_USE_EPOLL;
  if (where.ss_family == AF_INET6) flags |= MHD_USE_IPv6;
  Server& server = *metrics->server_;
  server.daemon = &daemon;
  server.http =
      MHD_start_daemon(flags, 0, nullptr, nullptr, answer, metrics.get(), MHD_OPTION_SOCK_ADDR,
                       reinterpret_cast<sockaddr*>(&where), MHD_OPTION_CONNECTION_LIMIT, kPeers,
                       MHD_OPTION_CONNECTION_TIMEOUT, kPatience, MHD_OPTION_END);
  const MHD_DaemonInfo* info =
      server.http ? MHD_get_daemon_info(server.http, MHD_DAEMON_INFO_EPOLL_FD) : nullptr;
  if (!info) {
    return std::unexpected(
        fmt::format("--metrics {}: nobody can listen there ({})", address, std::strerror(errno)));
  }
  server.fd = info->epoll_fd;
  daemon.watch(server.fd, [http = server.http] { MHD_run(http); });
  return metrics;
}

void Metrics::turn() {
  if (server_->http) MHD_run(server_->http);  // a peer's time may be over
  if (next_ == 0 && daemon_.now() - began_ < kCensus) return;
  if (next_ == 0) began_ = daemon_.now();
  const Conntrack& conntrack = firewall_.engine().conntrack();
  conntrack.look_through(next_, kPlacesAtOnce, [this](uint32_t, const Flow* flow) {
    if (flow) counting_[{flow->protocol(), state_name(*flow)}]++;
  });
  next_ += kPlacesAtOnce;
  if (next_ < conntrack.places()) return;
  next_ = 0;
  census_ = std::exchange(counting_, {});
}

std::string Metrics::text() const {
  Page page;
  const Engine& engine = firewall_.engine();
  const Conntrack& conntrack = engine.conntrack();
  const Live::Counts& counts = daemon_.counts();
  page.family("packets_total", "counter", "Packets judged, by verdict.");
  page.sample(counts.accepted, "verdict=\"accept\"");
  page.sample(counts.dropped, "verdict=\"drop\"");
  page.family("drops_total", "counter", "Packets dropped, by reason.");
  for (size_t i = 1; i < counts.drops.size(); i++) {
    if (counts.drops[i] == 0) continue;
    page.sample(counts.drops[i], fmt::format("reason=\"{}\"", reason_name(static_cast<Reason>(i))));
  }
  page.single("remembered_total", "counter", "Packets judged by what their flows remembered.",
              engine.remembered());
  page.single("reject_answers_total", "counter", "Answers that REJECT has sent.", counts.answers);
  page.family("processing_seconds", "histogram",
              "Time of a burst, from reading it to its verdicts, for each of its packets.");
  const Daemon::Times& times = daemon_.times();
  uint64_t below = 0;
  for (size_t i = 0; i < times.counts.size(); i++) {
    below += times.counts[i];
    page.sample(below,
                i < Daemon::Times::kBounds.size()
                    ? fmt::format("le=\"{}\"", Daemon::Times::kBounds[i])
                    : std::string("le=\"+Inf\""),
                "_bucket");
  }
  page.sample(times.sum, {}, "_sum");
  page.sample(below, {}, "_count");
  page.family("flows", "gauge", "Flows, by protocol and state, during the last second.");
  for (const auto& [key, count] : census_) {
    page.sample(count,
                fmt::format("protocol=\"{}\",state=\"{}\"", protocol_word(key.first), key.second));
  }
  page.single("flows_max", "gauge", "nf_conntrack_max.", conntrack.knobs().max);
  page.family("queue_waiting", "gauge", "Packets that wait in a queue of the kernel.");
  std::vector<KernelQueue> queues = kernel_queues();
  std::erase_if(queues, [this](const KernelQueue& queue) {
    return !daemon_.options().rules.has(queue.number);
  });
  for (const KernelQueue& queue : queues) {
    page.sample(queue.waiting, fmt::format("queue=\"{}\"", queue.number));
  }
  page.family("queue_lost_total", "counter",
              "Packets that the kernel dropped before they were judged.");
  for (const KernelQueue& queue : queues) {
    page.sample(queue.full, fmt::format("queue=\"{}\",why=\"full\"", queue.number));
    page.sample(queue.unread, fmt::format("queue=\"{}\",why=\"unread\"", queue.number));
  }
  if (const Discovery* discovery = engine.discovery()) {
    page.family("discovery_answers_total", "counter",
                "Answers and announcements that discovery made RELATED, by protocol.");
    for (const auto& [protocol, count] : discovery->related()) {
      page.sample(count, fmt::format("protocol=\"{}\"", escaped(protocol)));
    }
  }
  page.family("set_elements", "gauge", "Elements of a set.");
  const SetStore& sets = firewall_.engine().sets();
  for (const std::string& name : sets.names()) {
    page.sample(sets.elements(*sets.find(name)), fmt::format("set=\"{}\"", escaped(name)));
  }
  page.single("log_lost_total", "counter", "Packets that LOG could not tell of.",
              facts_.log->lost());
  if (facts_.nflog) {
    page.single("nflog_total", "counter", "Packets that NFLOG has kept.", facts_.nflog->kept());
    page.single("nflog_lost_total", "counter", "Packets that NFLOG could not keep.",
                facts_.nflog->lost());
  }
  if (facts_.keeper) {
    const Keeper::Status state = facts_.keeper->status();
    page.single("state_bytes", "gauge", "Of the file of --state.", state.bytes);
    page.single("state_failures_total", "counter", "Times that it could not be written.",
                state.failures);
  }
  return page.take();
}

}  // namespace sallyport
