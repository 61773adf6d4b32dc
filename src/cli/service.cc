#include "cli/service.h"

#include <fmt/format.h>
#include <iostream>
#include <utility>

#include "control/system_calls.h"

namespace sallyport {

void tell_administrator(const std::string& line) {
  std::cerr << fmt::format("sallyport: {}\n", line);
}

namespace {

bool keeps_packets(const Engine& engine) {
  auto has_nflog = [&](Family family) {
    const Program* program = engine.program(family);
    return program && program->needs_bytes > 0;
  };
  return has_nflog(Family::kIpv4) || has_nflog(Family::kIpv6);
}

}  // namespace

Service::Service(const Options& options, Interfaces& interfaces, Guard& guard, Setup setup)
    : options_(options),
      interfaces_(interfaces),
      engine_(std::move(setup.engine)),
      daemon_(*engine_, interfaces, guard, tell_administrator),
      firewall_(*engine_, std::move(setup.rules), std::move(setup.rules6), std::move(setup.labels),
                [this] { return daemon_.now(); }),
      office_(options.inputs, daemon_, firewall_, facts_, tell_administrator) {}

void Service::take_back(const KeptState& kept, Instant now) {
  const KeptState::Restored restored = kept.restore(firewall_, tick_of(now));
  tell_administrator(fmt::format("{}: {} flows are back, {} are over", options_.state,
                                 restored.flows, restored.lost));
}

std::expected<void, std::string> Service::open_logs() {
  auto log = PacketLog::open(options_.log);
  if (!log) return std::unexpected(log.error());
  log_ = std::move(*log);
  facts_.log = log_.get();
  if (options_.nflog.empty()) {
    if (keeps_packets(*engine_)) {
      tell_administrator("no --nflog: what rules of NFLOG are to keep goes nowhere");
    }
  } else {
    auto file = NflogFile::open(options_.nflog, interfaces_, tell_administrator);
    if (!file) return std::unexpected(file.error());
    nflog_ = std::move(*file);
    facts_.nflog = nflog_.get();
  }
  engine_->log_to({.log = log_.get(), .nflog = nflog_.get()});
  daemon_.on_hangup([this] {
    log_->reopen();
    if (nflog_) nflog_->reopen();
  });
  return {};
}

// Whoever finds one open finds a firewall behind it.
std::expected<void, std::string> Service::open_doors() {
  if (!options_.metrics.empty()) {
    auto opened = Metrics::open(options_.metrics, daemon_, firewall_, facts_);
    if (!opened) return std::unexpected(opened.error());
    metrics_ = std::move(*opened);
  }
  return office_.open(options_.control);
}

std::expected<void, std::string> Service::start() {
  if (auto opened = open_logs(); !opened) return opened;
  auto started = daemon_.start(options_.daemon, [this] { return open_doors(); });
  if (!started) return started;
  // Its thread begins when privileges have dropped.
  if (!options_.state.empty()) {
    facts_.keeper = &keeper_.emplace(options_.state, firewall_, tell_administrator);
  }
  // A kernel without seccomp filters all the same.
  if (auto restricted = restrict_system_calls(); !restricted) {
    tell_administrator(restricted.error());
  }
  daemon_.each_turn([this] { return turn(); });
  return {};
}

void Service::write_logs() {
  log_->write();
  if (nflog_) nflog_->write();
}

bool Service::turn() {
  write_logs();
  if (metrics_) metrics_->turn();
  const bool asked = office_.go_on();
  return (keeper_ && keeper_->turn(daemon_.now())) || asked;
}

bool Service::run() {
  const bool detached = daemon_.run();
  write_logs();
  if (keeper_) keeper_->finish(daemon_.now());
  return detached;
}

}  // namespace sallyport
