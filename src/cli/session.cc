#include "cli/session.h"

#include <cstdio>
#include <fmt/ostream.h>
#include <iostream>
#include <iterator>

#include "attach/guess.h"
#include "packet/parse.h"

namespace sallyport {
namespace {

constexpr size_t kGuessFrom = 100'000;  // records that a guess is made from

}  // namespace

std::optional<CaptureFile> CaptureFile::open(const std::string& path, std::ostream& errors) {
  CaptureFile file;
  file.name_ = path;
  if (path == "-") {
    file.name_ = "standard input";
    if (std::feof(stdin)) {
      fmt::print(errors, "sallyport: {}: {}\n", file.name_, kReadAlready);
      return std::nullopt;
    }
    file.bytes_.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  std::expected<Capture, std::string> capture =
      path == "-" ? Capture::from_memory(file.bytes_) : Capture::open(path);
  if (!capture) {
    fmt::print(errors, "sallyport: {}: {}\n", file.name_, capture.error());
    return std::nullopt;
  }
  Record first;
  if (capture->read({&first, 1}) == 1) file.start_ = first.time;
  return file;
}

// Opened once already: what could be wrong was said then.
Capture CaptureFile::read() const {
  return std::move(*(bytes_.empty() ? Capture::open(name_) : Capture::from_memory(bytes_)));
}

std::optional<Host> CaptureFile::guess_host(std::vector<std::string>& reasons) const {
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
  reasons = guesser.reasons();
  return guesser.guess();
}

Session::Session(Capture capture, Setup setup)
    : capture_(std::move(capture)), setup_(std::move(setup)) {
  replay_ = std::make_unique<Replay>(capture_, *setup_.engine, *setup_.viewpoint,
                                     Replay::Options{.verify_checksums = setup_.verify_checksums});
}

namespace {

// What was guessed, and how to say it.
std::vector<std::string> guess_notes(const std::optional<Host>& guess,
                                     const std::vector<std::string>& reasons) {
  if (!guess) return {"no packet has an address: no host could be guessed; give --host"};
  std::vector<std::string> notes;
  notes.reserve(reasons.size() + 1);
  for (const std::string& reason : reasons) notes.push_back("guessed: the host is " + reason);
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

std::unique_ptr<Session> Session::make(const Sources& sources, const CaptureFile& capture,
                                       std::ostream& errors) {
  std::optional<Host> guess;
  std::vector<std::string> reasons;
  bool guessing = sources.inputs.hosts.empty() && !sources.inputs.forward;
  if (guessing) guess = capture.guess_host(reasons);
  std::optional<Setup> setup = make_setup(sources, capture.start(), guess, errors);
  if (!setup) return nullptr;
  if (guessing) {
    std::vector<std::string> notes = guess_notes(guess, reasons);
    setup->notes.insert(setup->notes.begin(), notes.begin(), notes.end());
  }
  return std::unique_ptr<Session>(new Session(capture.read(), std::move(*setup)));
}

}  // namespace sallyport
