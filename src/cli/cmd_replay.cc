// sallyport replay: every packet of a capture through a firewall, and what became of it.
#include <filesystem>
#include <fmt/format.h>
#include <iostream>

#include "attach/annotate.h"
#include "attach/capture_filter.h"
#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/expect.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/summary.h"
#include "cli/views.h"
#include "cli/words.h"

namespace sallyport {
namespace {

struct Options {
  Inputs inputs;
  std::string capture;
  std::string filter;
  std::string annotate;
  std::string answers;
  std::string expect;
  std::string against;
  bool json = false;
  bool strict = false;
  Views views;
};

// "drop by filter/INPUT:policy, NEW: no rule decided …"
std::string verdict_text(const Judged& judged, const Program* program) {
  const Outcome& outcome = judged.outcome;
  std::string text(verdict_word(outcome.fate));
  if (outcome.info != CtInfo::kNone) text += fmt::format(" {}", ct_info_name(outcome.info));
  if (program && outcome.rule != kNoRule) {
    const RuleInfo& rule = program->rules[outcome.rule];
    text += fmt::format("  {}  {}", rule_place(rule), rule.text);
  }
  if (outcome.reason != Reason::kRule && outcome.reason != Reason::kPolicy &&
      outcome.reason != Reason::kNone) {
    text += fmt::format("  {}: {}", reason_name(outcome.reason), reason_sentence(outcome.reason));
  }
  if (!outcome.certain) text += " (uncertain)";
  return text;
}

std::string packet_text(const Judged& judged, Instant start) {
  return fmt::format("{:>6} {}  {}", judged.record.index, seconds_since(start, judged.record.time),
                     packet_words(judged));
}

// The second rule set of --against, run beside the first, record by record.
class Rival {
 public:
  static std::unique_ptr<Rival> make(const Options& options, const CaptureFile& capture) {
    Inputs inputs = options.inputs;
    (inputs.rules.empty() ? inputs.rules6 : inputs.rules) = options.against;
    std::optional<Sources> sources = read_sources(inputs, std::cerr);
    if (!sources) return nullptr;
    auto rival = std::make_unique<Rival>();
    rival->session_ = Session::make(*sources, capture, std::cerr);
    return rival->session_ ? std::move(rival) : nullptr;
  }

  // The same record as the caller's, which asks for each once, in order.
  const Judged& next() {
    while (left_.empty() && session_->replay().next(left_)) continue;
    const Judged& judged = left_.front();
    left_ = left_.subspan(1);
    return judged;
  }
  const Program* program(const Judged& judged) const { return session_->program(judged); }

 private:
  std::unique_ptr<Session> session_;
  std::span<const Judged> left_;
};

class Run {
 public:
  Run(Options& options, Session& session, Instant start)
      : options_(options), session_(session), start_(start) {}
  ~Run() { options_.views.end(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // The same, held against a script.
  void expect(ExpectationCheck& expectations) { expectations_ = &expectations; }
  int run(const CaptureFile& capture);

 private:
  bool prepare(const CaptureFile& capture);
  bool create(const std::string& path, std::optional<Annotator>& annotator);
  bool finish(const std::string& path, std::optional<Annotator>& annotator);
  void write_answer(const Judged& judged, Answer& answer);
  void see(const Judged& judged);
  void print(const Judged& judged, const Judged* rival);
  int finish();

  Options& options_;
  Session& session_;
  Instant start_;
  std::optional<CaptureFilter> filter_;
  std::optional<Annotator> annotator_;
  std::optional<Annotator> answers_;
  ExpectationCheck* expectations_ = nullptr;
  std::unique_ptr<Rival> rival_;
  Summary summary_;
  uint64_t different_ = 0;
};

namespace {

bool fail(std::string_view what, const std::string& why) {
  std::cerr << fmt::format("sallyport: {}: {}\n", what, why);
  return false;
}

}  // namespace

// A capture to be written, if its path is given.
bool Run::create(const std::string& path, std::optional<Annotator>& annotator) {
  if (path.empty()) return true;
  std::error_code unknown;
  if (std::filesystem::equivalent(path, options_.capture, unknown)) {
    return fail(path, "it is the capture itself: write to another file");
  }
  auto created = Annotator::create(path);
  if (!created) return fail(path, created.error());
  annotator = std::move(*created);
  return true;
}

bool Run::finish(const std::string& path, std::optional<Annotator>& annotator) {
  if (!annotator) return true;
  auto written = annotator->finish();
  return written ? true : fail(path, written.error());
}

void Run::write_answer(const Judged& judged, Answer& answer) {
  const auto length = static_cast<uint32_t>(answer.length);
  answers_->write({.time = judged.record.time,
                   .link_type = link_type::kRaw,
                   .frame = std::span(answer.bytes).first(length),
                   .wire_length = length},
                  fmt::format("{} to packet {}", judged.outcome.reject_with, judged.record.index));
}

bool Run::prepare(const CaptureFile& capture) {
  if (!options_.filter.empty()) {
    auto filter = CaptureFilter::compile(options_.filter);
    if (!filter) return fail("--filter", filter.error());
    filter_ = std::move(*filter);
  }
  if (!create(options_.annotate, annotator_) || !create(options_.answers, answers_)) return false;
  if (answers_) {
    session_.replay().on_answer(
        [this](const Judged& judged, Answer& answer) { write_answer(judged, answer); });
  }
  if (!options_.against.empty()) {
    rival_ = Rival::make(options_, capture);
    if (!rival_) return false;
  }
  return true;
}

void Run::print(const Judged& judged, const Judged* rival) {
  if (options_.json) {
    const Program* program = session_.program(judged);
    std::cout << (rival ? json_line(judged, program, *rival, rival_->program(*rival))
                        : json_line(judged, program))
              << '\n';
    return;
  }
  std::cout << fmt::format("{}\n       {}\n", packet_text(judged, start_),
                           verdict_text(judged, session_.program(judged)));
  if (rival) {
    std::cout << fmt::format("       against: {}\n", verdict_text(*rival, rival_->program(*rival)));
  }
}

void Run::see(const Judged& judged) {
  summary_.add(judged);
  if (annotator_) {
    annotator_->write(judged.record, verdict_text(judged, session_.program(judged)));
  }
  const Judged* rival = rival_ ? &rival_->next() : nullptr;
  bool differs = rival && rival->outcome.fate != judged.outcome.fate;
  if (differs) different_++;
  if (rival && !differs) return;
  if (filter_ && !filter_->matches(judged.record)) return;
  if (options_.views.take_stdout()) return;
  if (options_.json || rival || filter_) print(judged, rival);
}

int Run::finish() {
  for (const std::string& warning : session_.capture().warnings()) {
    std::cerr << fmt::format("sallyport: {}: {}\n", options_.capture, warning);
  }
  if (!finish(options_.annotate, annotator_) || !finish(options_.answers, answers_)) {
    return kExitUsage;
  }
  if (!options_.views.finish(session_, std::cerr)) return kExitUsage;
  if (!options_.json && !options_.views.take_stdout()) {
    if (rival_) {
      std::cout << fmt::format("{} of {} packets are treated differently\n", different_,
                               summary_.packets());
    } else {
      summary_.print(std::cout, stdout_style(), session_.engine());
    }
  }
  if (expectations_ && !expectations_->met()) return kExitNo;
  return options_.strict && summary_.uncertain() > 0 ? kExitUncertain : kExitOk;
}

int Run::run(const CaptureFile& capture) {
  if (!prepare(capture)) return kExitUsage;
  options_.views.begin(session_);
  if (expectations_ || options_.views.watch()) {
    session_.replay().watch([this](const Judged& judged) {
      if (expectations_) expectations_->see(judged, session_.engine());
      options_.views.see(judged.record.time);
    });
  }
  Progress progress(session_.capture().size());
  std::span<const Judged> burst;
  while (session_.replay().next(burst)) {
    for (const Judged& judged : burst) see(judged);
    progress.at(session_.capture().position());
  }
  progress.done();
  return finish();
}

// Nothing, and said, if the file holds no script.
std::optional<ExpectationCheck> read_expectations(const InputFile& file) {
  Diagnostics diagnostics;
  std::optional<Script> script = parse_script(file.text, diagnostics);
  if (script) return ExpectationCheck(file.name, std::move(*script), std::cerr);
  std::cerr << diagnostics.render(file.name, file.text);
  return std::nullopt;
}

// A view that goes to standard output leaves no room there for anything else.
bool is_alone(const Options& options) {
  const std::pair<const char*, bool> others[] = {{"--json", options.json},
                                                 {"--filter", !options.filter.empty()},
                                                 {"--against", !options.against.empty()}};
  for (const auto& [flag, given] : others) {
    if (!given || !options.views.take_stdout()) continue;
    std::cerr << fmt::format(
        "sallyport: {} and a view need standard output, each alone: write --dump KIND=FILE\n",
        flag);
    return false;
  }
  return true;
}

int replay(Options& options) {
  std::optional<ExpectationCheck> expectations;
  if (!options.expect.empty()) {
    std::optional<InputFile> file = read_input(options.expect, std::cerr);
    if (!file) return kExitUsage;
    expectations = read_expectations(*file);
    if (!expectations) return kExitNo;
  }
  std::optional<Sources> sources = read_sources(options.inputs, std::cerr);
  if (!sources) return kExitUsage;
  std::optional<CaptureFile> capture = CaptureFile::open(options.capture, std::cerr);
  if (!capture) return kExitUsage;
  if (!options.views.understand(*sources, capture->start(), std::cerr)) return kExitUsage;
  if (!is_alone(options)) return kExitUsage;
  std::unique_ptr<Session> session = Session::make(*sources, *capture, std::cerr);
  if (!session) return kExitNo;
  for (const std::string& note : session->notes())
    std::cerr << fmt::format("sallyport: {}\n", note);
  Run run(options, *session, capture->start());
  if (expectations) run.expect(*expectations);
  return run.run(*capture);
}

}  // namespace

void add_replay(CommandLine& line) {
  Subcommand command =
      line.subcommand("replay", "Judge every packet of a capture, and sum up what happened");
  auto options = std::make_shared<Options>();
  command.footer(R"(Examples:

  sallyport replay --rules my.rules --host eth0=192.168.1.2/24 my.pcap
  sallyport replay --rules my.rules --sets my.sets --json my.pcap
  sallyport replay --rules my.rules --forward --inside 10.0.0.0/8 router.pcap
  sallyport replay --rules my.rules --forward --bridge br0 bridge.pcap
  sallyport replay --rules my.rules --against new.rules my.pcap
  sallyport replay --rules my.rules --dump conntrack --at 12.5 my.pcap
  tcpdump -c 1000 -w - | sallyport replay --rules my.rules -

Without --host and --forward the host is guessed from the capture, and the guess
is printed. Exit codes: 0; 1 an error in a file; 2 usage; 3 uncertain, with
--strict.)");
  options->inputs.add_to(command);
  command.flag("--json", options->json, "a JSON object a line for each record");
  command.flag("--strict", options->strict, "exit with 3 if any verdict is uncertain");
  command
      .option("--filter", options->filter,
              "print only the packets that match, in tcpdump's language; all are tracked")
      .takes("EXPR");
  command
      .option("--annotate", options->annotate,
              "write a capture with the verdict and reason as each packet's comment, for Wireshark")
      .takes("OUT.pcapng");
  command
      .option("--answers", options->answers,
              "write a capture of what REJECT sends back: resets and ICMP errors")
      .takes("OUT.pcapng");
  command
      .option("--expect", options->expect,
              "compare with a script (docs/flow.md), and exit with 1 if anything differs")
      .takes("FILE.flow");
  command
      .option("--against", options->against,
              "print only the packets that these rules treat differently")
      .takes("RULES2");
  options->views.add_to(command);
  command.argument("CAPTURE", options->capture, "a pcap or pcapng file; - is standard input")
      .takes("FILE")
      .required();
  command.does([options] { return replay(*options); });
}

}  // namespace sallyport
