#include "cli/views.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fmt/format.h>
#include <iostream>
#include <memory>
#include <set>

#include "base/system_error.h"
#include "cli/command_line.h"
#include "cli/when.h"

namespace sallyport {
namespace {

// Nothing, or why it could not be written.
std::string write_file(const std::string& name, const std::string& text) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(name.c_str(), "wbe"),
                                                       std::fclose);
  bool written = file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() &&
                 std::fflush(file.get()) == 0;
  return written ? std::string() : system_error();
}

}  // namespace

void Views::add_to(Subcommand& command) {
  command
      .option("--dump", dump_flags_,
              "what the firewall has come to, as Linux lists it: conntrack (conntrack -L), "
              "proc (/proc/net/nf_conntrack), expect (conntrack -L expect), ipset (ipset "
              "save), iptables, ip6tables "
              "(iptables-save -c); to FILE, else to standard output, alone")
      .takes("KIND[=FILE]");
  command
      .flag("--events", events_of_,
            "what happens to flows, as conntrack -E prints it, to standard output; =expect: to "
            "expectations (conntrack -E expect)")
      .takes("[=conntrack|expect]")
      .checked_by([](const std::string& table) {
        bool known = table == Subcommand::kAlone || table == "conntrack" || table == "expect";
        return known ? "" : table + ": there are events of conntrack and of expect";
      });
  command.option("--at", at_, "stop at that moment: dump what was true then").takes("TIME");
  command.option("-o,--output", output_, "what conntrack -o adds to --dump conntrack and --events")
      .takes("extended,id,labels,timestamp")
      .comma_separated()
      .one_of({"extended", "id", "labels", "timestamp"});
}

bool Views::understand(const Sources& sources, Instant start, std::ostream& errors) {
  start_ = start;
  return understand_dumps(sources, errors) && understand_output(sources, errors) &&
         understand_at(start, errors);
}

bool Views::understand_dumps(const Sources& sources, std::ostream& errors) {
  std::set<std::string> files;
  if (!events_of_.empty()) files.insert("");
  for (const std::string& flag : dump_flags_) {
    auto fail = [&](std::string_view why) {
      errors << fmt::format("sallyport: --dump {}: {}\n", flag, why);
      return false;
    };
    std::expected<Dump, std::string> dump = parse_dump(flag);
    if (!dump) return fail(dump.error());
    bool six = dump->kind == Dump::Kind::kIp6tables;
    if (six && !sources.rules6) return fail("there are no IPv6 rules: give --rules6 FILE");
    if (dump->kind == Dump::Kind::kIptables && !sources.rules) {
      return fail("there are no IPv4 rules: give --rules FILE");
    }
    if (!files.insert(dump->file).second) {
      return fail(dump->file.empty() ? "one view can go to standard output, not two: write =FILE"
                                     : "another view goes to this file");
    }
    dumps_.push_back(std::move(*dump));
  }
  return true;
}

bool Views::understand_output(const Sources& sources, std::ostream& errors) {
  for (const std::string& word : output_) {
    (word == "id"         ? form_.id
     : word == "extended" ? form_.extended
     : word == "labels"   ? labels_
                          : timestamp_) = true;
  }
  if (labels_ && !sources.labels) {
    errors << "sallyport: --output labels: their names are missing: give --labels FILE\n";
    return false;
  }
  bool of_use = !events_of_.empty() ||
                std::ranges::find(dumps_, Dump::Kind::kConntrack, &Dump::kind) != dumps_.end();
  if (output_.empty() || of_use) return true;
  errors << "sallyport: --output: it is for --dump conntrack and --events\n";
  return false;
}

bool Views::understand_at(Instant start, std::ostream& errors) {
  if (at_.empty()) return true;
  until_ = parse_when(at_, start);
  if (!until_) {
    errors << fmt::format("sallyport: --at {}: not a time: write {}\n", at_, kWhenForms);
    return false;
  }
  if (*until_ < std::chrono::floor<std::chrono::seconds>(start)) {
    errors << fmt::format("sallyport: --at {}: the capture begins later\n", at_);
    return false;
  }
  until_ = std::max(*until_, start);
  return true;
}

bool Views::take_stdout() const {
  return !events_of_.empty() ||
         std::ranges::any_of(dumps_, [](const Dump& dump) { return dump.file.empty(); });
}

void Views::begin(Session& session) {
  if (labels_) form_.labels = session.labels();
  if (until_) session.replay().stop_at(*until_);
  if (events_of_.empty()) return;
  const bool expect = events_of_ == "expect";
  events_.emplace(
      session.engine().conntrack(),
      EventLines::Form{.table = expect ? EventLines::Table::kExpect : EventLines::Table::kConntrack,
                       .flows = form_,
                       .timestamp = timestamp_});
}

void Views::print_events(Instant now) {
  std::string lines;
  events_->append(now, lines);
  std::cout << lines;
}

void Views::see(Instant now) {
  if (events_) print_events(now);
}

bool Views::finish(Session& session, std::ostream& errors) {
  Tick now = until_ ? tick_of(*until_) : std::max(session.engine().now(), tick_of(start_));
  if (events_) {
    session.engine().conntrack().reserve(0, now);
    print_events(until_.value_or(start_));
    if (events_->lost() > 0) {
      errors << fmt::format("sallyport: {} events were lost: more at once than {}\n",
                            events_->lost(), EventLog::kMost);
    }
  }
  for (const Dump& dump : dumps_) {
    std::string text = dump_text(dump.kind, session, form_, now);
    if (dump.file.empty()) {
      std::cout << text;
    } else if (std::string why = write_file(dump.file, text); !why.empty()) {
      errors << fmt::format("sallyport: {}: {}\n", dump.file, why);
      return false;
    }
  }
  return true;
}

}  // namespace sallyport
