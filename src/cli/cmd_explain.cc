// sallyport explain: one packet of a capture, its way, and why.
#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <iostream>
#include <sstream>

#include "attach/capture_filter.h"
#include "cli/anonymize.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/explanation.h"
#include "cli/narrator.h"
#include "cli/offload.h"
#include "cli/session.h"

namespace sallyport {
namespace {

struct Options {
  Inputs inputs;
  std::string capture;
  std::string which;
  bool all = false;
  bool anonymize = false;
  bool json = false;
};

// The record named by its index or by the first match of an expression.
std::optional<uint64_t> find_record(const std::string& which, const CaptureFile& file,
                                    std::ostream& errors) {
  uint64_t index = 0;
  const char* end = which.data() + which.size();
  auto [stop, error] = std::from_chars(which.data(), end, index);
  if (error == std::errc() && stop == end) return index;
  auto filter = CaptureFilter::compile(which);
  if (!filter) {
    errors << fmt::format("sallyport: '{}' is neither a packet's number nor an expression: {}\n",
                          which, filter.error());
    return std::nullopt;
  }
  Capture capture = file.read();
  std::vector<Record> records(256);
  for (size_t count; (count = capture.read(records)) > 0;) {
    for (const Record& record : std::span(records).first(count)) {
      if (filter->matches(record)) return record.index;
    }
  }
  errors << fmt::format("sallyport: no packet of {} matches '{}'\n", file.name(), which);
  return std::nullopt;
}

// Replays up to the record, and hands out every packet on the way. Nothing if there is no such
// record.
std::optional<Judged> replay_to(uint64_t index, Session& session,
                                const std::function<void(const Judged&)>& before) {
  std::span<const Judged> burst;
  while (session.replay().next(burst)) {
    for (const Judged& judged : burst) {
      if (judged.record.index == index) return judged;
      before(judged);
    }
  }
  return std::nullopt;
}

std::optional<Outcome> try_sources(uint64_t index, const Sources& sources,
                                   const CaptureFile& capture) {
  std::ostringstream unheard;
  std::unique_ptr<Session> session = Session::make(sources, capture, unheard);
  if (!session) return std::nullopt;
  session->replay().stop_after(index);
  std::optional<Judged> judged = replay_to(index, *session, [](const Judged&) {});
  return judged ? std::optional(judged->outcome) : std::nullopt;
}

// A held fragment, and what became of it: what comes after it decides.
std::optional<Judged> settled(uint64_t index, const Sources& sources, const CaptureFile& capture) {
  std::ostringstream unheard;
  std::unique_ptr<Session> session = Session::make(sources, capture, unheard);
  return session ? replay_to(index, *session, [](const Judged&) {}) : std::nullopt;
}

int explain(const Options& options) {
  std::optional<Sources> sources = read_sources(options.inputs, std::cerr);
  if (!sources) return kExitUsage;
  std::optional<CaptureFile> capture = CaptureFile::open(options.capture, std::cerr);
  if (!capture) return kExitUsage;
  std::optional<uint64_t> index = find_record(options.which, *capture, std::cerr);
  if (!index) return kExitUsage;
  std::unique_ptr<Session> session = Session::make(*sources, *capture, std::cerr);
  if (!session) return kExitNo;

  Narrator narrator;
  keep_history(session->engine());
  History history;
  OffloadSuspicion offload;
  uint64_t last = 0;
  session->replay().stop_after(*index);
  session->replay().trace(*index, narrator);
  std::optional<Judged> judged = replay_to(*index, *session, [&](const Judged& earlier) {
    history.add(earlier, session->program(earlier));
    offload.add(earlier);
    last = earlier.record.index;
  });
  if (!judged) {
    std::cerr << fmt::format("sallyport: {} has no packet {}: its last is {}\n", capture->name(),
                             *index, last);
    return kExitUsage;
  }
  if (judged->outcome.fate == Outcome::Fate::kStolen) {
    if (std::optional<Judged> later = settled(*index, *sources, *capture)) judged = later;
  }
  Explanation explanation =
      make_explanation(*judged, *sources, session->engine(), narrator, history, options.all);
  if (judged->outcome.tracking == Reason::kInvalidChecksum) {
    offload.add(*judged);
    explanation.suspicion = offload.hint();
  }
  explanation.remedies =
      find_remedies(*judged, deciding_table(explanation), *sources, explanation.misses,
                    [&](const Sources& changed) { return try_sources(*index, changed, *capture); });
  std::ostringstream text;
  Style style = options.json ? Style{} : stdout_style();
  if (options.json) {
    text << explanation_json(explanation) << '\n';
  } else {
    for (const std::string& note : session->notes()) text << fmt::format("note: {}\n", note);
    print_text(text, style, explanation, capture->start());
  }
  std::cout << (options.anonymize ? Anonymizer()(text.str()) : text.str());
  return kExitOk;
}

}  // namespace

void add_explain(CommandLine& line) {
  Subcommand command = line.subcommand(
      "explain", "Say why one packet was accepted or dropped, and what would change that");
  auto options = std::make_shared<Options>();
  command.footer(R"(Examples:

  sallyport explain --rules my.rules my.pcap 17
  sallyport explain --rules my.rules my.pcap 'src 192.168.1.7 and udp port 1900'
  sallyport explain --anonymize --rules my.rules my.pcap 17

Exit codes: 0; 1 an error in a file; 2 usage, or there is no such packet.)");
  options->inputs.add_to(command);
  command.flag("--anonymize", options->anonymize,
               "exchange all addresses for others, so that strangers may read it");
  command.flag("--json", options->json, "one JSON object");
  command.flag("--all", options->all,
               "every rule that was asked, not one line for many that failed alike");
  command.argument("CAPTURE", options->capture, "a pcap or pcapng file; - is standard input")
      .takes("FILE")
      .required();
  command
      .argument("PACKET", options->which,
                "its number, from 0, or an expression in tcpdump's language: the first match")
      .takes("N|EXPR")
      .required();
  command.does([options] { return explain(*options); });
}

}  // namespace sallyport
