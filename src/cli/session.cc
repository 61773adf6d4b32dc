#include "cli/session.h"

#include <cstdio>
#include <fmt/format.h>

#include "attach/guess.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

constexpr size_t kGuessFrom = 100'000;  // records that a guess is made from

// What was guessed, and how to say it.
std::vector<std::string> guess_notes(const HostGuesser& guesser, const std::optional<Host>& guess) {
  if (guesser.is_router()) {
    return {"this looks like a router's capture: " + guesser.router_reason() +
            "; say --forward, with --inside NET, or whose it is with --host"};
  }
  if (!guess) return {"no packet has an address: no host could be guessed; give --host"};
  std::vector<std::string> notes;
  for (const std::string& reason : guesser.reasons()) {
    notes.push_back("guessed: the host is " + reason);
  }
  std::string flag;
  for (const Host::Interface& interface : guess->interfaces()) {
    for (const Prefix& prefix : interface.addresses) {
      flag += (flag.empty() ? "" : ",") + prefix.text();
    }
  }
  notes.push_back(fmt::format(
      "if that is right, say --host {} (no capture shows the lengths of networks: they are the "
      "usual ones)",
      flag));
  return notes;
}

}  // namespace

std::optional<CaptureFile> CaptureFile::open(const std::string& path, std::ostream& errors) {
  const bool is_stdin = path == "-";
  const std::string name = is_stdin ? "standard input" : path;
  auto fail = [&](std::string_view why) {
    errors << fmt::format("sallyport: {}: {}\n", name, why);
    return std::nullopt;
  };
  if (is_stdin && std::feof(stdin)) return fail(kReadAlready);
  std::expected<Capture, std::string> capture = Capture::open(path);
  if (!capture) return fail(capture.error());
  CaptureFile file(name, std::move(*capture));
  Record first;
  if (file.first_.read({&first, 1}) == 1) file.start_ = first.time;
  return file;
}

// Opened once already: what could be wrong with it was said then, but for want of memory.
Capture CaptureFile::read() const {
  return std::move(first_.again().value());
}

CaptureFile::Guess CaptureFile::guess_host() const {
  Capture capture = read();
  HostGuesser guesser;
  std::vector<Record> records(256);
  size_t seen = 0;
  for (size_t count; seen < kGuessFrom && (count = capture.read(records)) > 0; seen += count) {
    for (const Record& record : std::span(records).first(count)) {
      Packet packet;
      if (fill_packet(record, packet) != Reason::kNone) continue;
      parse(packet);
      guesser.see(packet, record.outgoing);
    }
  }
  std::optional<Host> host = guesser.guess();
  std::vector<std::string> notes = guess_notes(guesser, host);
  return {.host = std::move(host), .notes = std::move(notes)};
}

Session::Session(Capture capture, Setup setup)
    : capture_(std::move(capture)), setup_(std::move(setup)) {
  replay_ = std::make_unique<Replay>(capture_, *setup_.engine, *setup_.viewpoint,
                                     Replay::Options{.verify_checksums = setup_.verify_checksums});
}

std::unique_ptr<Session> Session::make(const Sources& sources, const CaptureFile& capture,
                                       std::ostream& errors) {
  CaptureFile::Guess guess;
  bool guessing = sources.inputs.hosts.empty() && !sources.inputs.forward;
  if (guessing) guess = capture.guess_host();
  std::optional<Setup> setup = make_setup(sources, capture.start(), guess.host, errors);
  if (!setup) return nullptr;
  setup->notes.insert(setup->notes.begin(), guess.notes.begin(), guess.notes.end());
  return std::unique_ptr<Session>(new Session(capture.read(), std::move(*setup)));
}

}  // namespace sallyport
