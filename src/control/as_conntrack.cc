// conntrack: the table of flows listed, watched and changed.
//
// Options, lines and messages are those of conntrack-tools 1.4.7; flows have one table, so -L dying
// and -L unconfirmed are empty.
#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <utility>

#include "conntrack/conntrack_text.h"
#include "conntrack/conntrack_xml.h"
#include "control/event_lines.h"
#include "control/personality.h"
#include "control/words.h"
#include "lang/names.h"

namespace sallyport {
namespace {

constexpr std::string_view kSays = "conntrack v1.4.7 (conntrack-tools): ";
constexpr int kProblem = 2;

constexpr const char* kHelp =
    R"(Usage: conntrack -L [table] [options]   list flows, or expectations (expect)
       conntrack -E [table] [options]   watch what happens to them
       conntrack -G|-D|-U [options]     get, delete, update flows
       conntrack -I [options]           create a flow
       conntrack -F [table], -C [table], -S
Options: -f FAMILY -p PROTO -s, -d, -r, -q ADDR --sport, --dport PORT --state STATE
  -m MARK[/MASK] -t TIMEOUT -u STATUS,... -w ZONE -e NEW,UPDATES,DESTROY
  -o extended,id,timestamp,labels,xml
It is about the flows of the Sallyport that runs, and nothing else.
)";

template <typename Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  const bool whole = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return whole ? std::optional(number) : std::nullopt;
}

// Which flows are meant.
struct Filter {
  std::optional<Family> family;
  std::optional<uint8_t> protocol;
  std::optional<Prefix> source, destination, reply_source, reply_destination;
  std::optional<uint16_t> source_port, destination_port, reply_source_port, reply_destination_port;
  std::optional<TcpState> state;
  std::optional<uint32_t> mark;
  uint32_t mark_mask = ~0u;
  std::optional<uint16_t> zone;
  uint32_t status = 0, not_status = 0;  // bits that must be set, and must not be

  bool takes(const Tuple& tuple, const Tuple& reply) const {
    const auto holds = [](const std::optional<Prefix>& wanted, Family tuples, const Address& have) {
      return !wanted || (wanted->family == tuples && wanted->contains(have));
    };
    const auto same = [](const auto& wanted, auto have) { return !wanted || *wanted == have; };
    return same(family, tuple.family) && same(protocol, tuple.protocol) &&
           holds(source, tuple.family, tuple.source) &&
           holds(destination, tuple.family, tuple.destination) &&
           holds(reply_source, reply.family, reply.source) &&
           holds(reply_destination, reply.family, reply.destination) &&
           same(source_port, tuple.source_port) && same(destination_port, tuple.destination_port) &&
           same(reply_source_port, reply.source_port) &&
           same(reply_destination_port, reply.destination_port);
  }
  bool takes(const FlowLine& line) const {
    return takes(line.tuple, line.reply) && (!state || *state == line.tcp_state) &&
           (!mark || (line.connmark & mark_mask) == *mark) && (!zone || *zone == line.zone.id) &&
           (line.status & status) == status && (line.status & not_status) == 0;
  }
};

std::string line_from(std::string_view program, std::string_view what) {
  return fmt::format("{}{}\n", program, what);
}

class ConntrackCommand {
 public:
  explicit ConntrackCommand(Managed& firewall)
      : firewall_(firewall), conntrack_(firewall.engine().conntrack()) {}

  Reply run(const Request& request) {
    if (std::string wrong = understand(request.arguments); !wrong.empty()) {
      return failed(line_from(kSays, wrong), kProblem);
    }
    switch (command_) {
      case 'h': return said(kHelp);
      case 'V': return said("conntrack v1.4.7 (conntrack-tools) (Sallyport)\n");
      case 'C': return said(fmt::format("{}\n", conntrack_.count()));
      case 'S': return statistics();
      case 'L': return list();
      case 'G': return get();
      case 'E': return watch();
      case 'D': return end_flows();
      case 'F': return flush();
      case 'U': return update();
      case 'I': return create();
      default: return failed(line_from(kSays, "You need to supply parameters!"), kProblem);
    }
  }

 private:
  static Reply summed_up(std::string out, size_t count, std::string_view what, bool need_one) {
    return {.out = std::move(out),
            .err = line_from(kSays, fmt::format("{} flow entries have been {}.", count, what)),
            .code = need_one && count == 0 ? 1 : 0,
            .more = {}};
  }
  static Reply refused(std::string_view why) {
    return failed(line_from(kSays, fmt::format("Operation failed: {}", why)), 1);
  }

  // ---- the command line

  // Empty, or what is wrong with it.
  std::string understand(std::span<const std::string> arguments) {
    const std::vector<std::string> words = take_apart(arguments, "fpsdrqmtuweob", "GDUISCVhngj");
    for (WordReader reader(words); !reader.end();) {
      std::string wrong = word(reader.next(), reader);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  std::string word(const std::string& word, WordReader& reader) {
    constexpr std::pair<std::string_view, char> kCommands[] = {
        {"--list", 'L'},   {"--event", 'E'},  {"--get", 'G'},    {"--delete", 'D'},
        {"--update", 'U'}, {"--create", 'I'}, {"--flush", 'F'},  {"--count", 'C'},
        {"--stats", 'S'},  {"--help", 'h'},   {"--version", 'V'}};
    for (const auto& [name, letter] : kCommands) {
      if (word != name && word != std::string{'-', letter}) continue;
      if (command_ != 0) return fmt::format("Can't use -{} and -{} together", command_, letter);
      command_ = letter;
      table_ = reader.optional_value().value_or("conntrack");
      const bool known = table_ == "conntrack" || table_ == "expect" || table_ == "dying" ||
                         table_ == "unconfirmed";
      return known ? "" : fmt::format("table '{}' is unknown", table_);
    }
    if (word == "-n" || word == "-g" || word == "-j" || word == "--src-nat" ||
        word == "--dst-nat" || word == "--any-nat") {
      (void)reader.optional_value();
      nat_only_ = true;
      return {};
    }
    std::optional<std::string> value = reader.value();
    if (!value) return fmt::format("option `{}' requires an argument, or is unknown", word);
    return option(word, *value);
  }

  std::string option(std::string_view word, const std::string& value) {
    struct AddressOption {
      std::string_view names;
      std::optional<Prefix> Filter::* member;
    };
    const AddressOption addresses[] = {{" -s --src --orig-src ", &Filter::source},
                                       {" -d --dst --orig-dst ", &Filter::destination},
                                       {" -r --reply-src ", &Filter::reply_source},
                                       {" -q --reply-dst ", &Filter::reply_destination}};
    const std::string key = fmt::format(" {} ", word);
    for (const AddressOption& one : addresses) {
      if (one.names.find(key) == std::string_view::npos) continue;
      filter_.*one.member = Prefix::parse(value);
      return filter_.*one.member ? "" : fmt::format("Unknown address `{}'", value);
    }
    struct PortOption {
      std::string_view names;
      std::optional<uint16_t> Filter::* member;
    };
    const PortOption ports[] = {{" --sport --orig-port-src ", &Filter::source_port},
                                {" --dport --orig-port-dst ", &Filter::destination_port},
                                {" --reply-port-src ", &Filter::reply_source_port},
                                {" --reply-port-dst ", &Filter::reply_destination_port}};
    for (const PortOption& one : ports) {
      if (one.names.find(key) == std::string_view::npos) continue;
      filter_.*one.member = number_of<uint16_t>(value);
      return filter_.*one.member ? "" : fmt::format("Invalid port `{}'", value);
    }
    if (word == "-f" || word == "--family") {
      if (value != "ipv4" && value != "ipv6") return fmt::format("Unknown family `{}'", value);
      filter_.family = value == "ipv4" ? Family::kIpv4 : Family::kIpv6;
    } else if (word == "-p" || word == "--proto") {
      filter_.protocol = protocol_number(value);
      if (!filter_.protocol) return fmt::format("`{}' unsupported protocol", value);
    } else if (word == "--state") {
      return state(value);
    } else if (word == "-m" || word == "--mark") {
      return mark(value);
    } else if (word == "-t" || word == "--timeout") {
      timeout_ = number_of<uint32_t>(value);
      if (!timeout_) return fmt::format("Invalid timeout `{}'", value);
    } else if (word == "-w" || word == "--zone") {
      filter_.zone = number_of<uint16_t>(value);
      if (!filter_.zone) return fmt::format("Invalid zone `{}'", value);
    } else if (word == "-u" || word == "--status") {
      return each_word(value, [this](std::string_view one) { return status(one); });
    } else if (word == "-e" || word == "--event-mask") {
      kinds_ = 0;
      return each_word(value, [this](std::string_view one) { return event(one); });
    } else if (word == "-o" || word == "--output") {
      return each_word(value, [this](std::string_view one) { return output(one); });
    } else if (word != "-b" && word != "--buffer-size") {
      return fmt::format("unknown option `{}'", word);
    }
    return {};
  }

  template <typename Take>
  static std::string each_word(std::string_view list, Take take) {
    for (size_t at = 0; at <= list.size();) {
      const size_t end = std::min(list.find(',', at), list.size());
      if (std::string wrong = take(list.substr(at, end - at)); !wrong.empty()) return wrong;
      at = end + 1;
    }
    return {};
  }

  std::string state(const std::string& name) {
    filter_.state = tcp_state_of(name);
    if (filter_.state) return {};
    return fmt::format("Invalid TCP state `{}'", name);
  }
  std::string mark(const std::string& text) {
    const size_t slash = text.find('/');
    filter_.mark = number_of<uint32_t>(text.substr(0, slash));
    const auto mask = slash == std::string::npos ? std::optional(~0u)
                                                 : number_of<uint32_t>(text.substr(slash + 1));
    if (!filter_.mark || !mask) return fmt::format("Invalid mark `{}'", text);
    filter_.mark_mask = *mask;
    return {};
  }
  std::string status(std::string_view name) {
    constexpr std::pair<std::string_view, uint32_t> kNames[] = {
        {"ASSURED", ct_status::kAssured},
        {"SEEN_REPLY", ct_status::kSeenReply},
        {"EXPECTED", ct_status::kExpected},
        {"FIXED_TIMEOUT", ct_status::kFixedTimeout},
        {"CONFIRMED", ct_status::kConfirmed}};
    if (name == "UNSET" || name == "UNREPLIED") {
      filter_.not_status |= ct_status::kSeenReply;
      return {};
    }
    const auto* found =
        std::ranges::find(kNames, name, &std::pair<std::string_view, uint32_t>::first);
    if (found == std::end(kNames)) return fmt::format("Bad status parameter `{}'", name);
    filter_.status |= found->second;
    return {};
  }
  std::string event(std::string_view name) {
    if (name == "ALL") {
      kinds_ = 7;
    } else if (name == "NEW" || name == "UPDATES" || name == "UPDATE" || name == "DESTROY") {
      const auto kind = name == "NEW"       ? FlowEvent::Kind::kNew
                        : name == "DESTROY" ? FlowEvent::Kind::kDestroy
                                            : FlowEvent::Kind::kUpdate;
      kinds_ = static_cast<uint8_t>(kinds_ | 1u << static_cast<unsigned>(kind));
    } else {
      return fmt::format("Bad event parameter `{}'", name);
    }
    return {};
  }
  std::string output(std::string_view name) {
    if (name == "extended") {
      form_.extended = true;
    } else if (name == "id") {
      form_.id = true;
    } else if (name == "timestamp") {
      timestamp_ = true;
    } else if (name == "xml") {
      xml_ = true;
    } else if (name == "labels") {
      form_.labels = firewall_.labels();
    } else if (name != "ktimestamp" && name != "save") {
      return fmt::format("output format `{}' is not there", name);
    }
    return {};
  }

  // ---- what it does

  // Going through all flows, a piece at a time: packets go on in between.
  struct Walk {
    FlowLister lister;
    Filter filter;
    FlowForm form;
    bool xml = false;
    std::string_view what;  // is done to those that are meant, "shown"
    bool needs_one = false, one_is_enough = false;
    std::string_view begin, end;  // around them, if there is one
    size_t count = 0;
  };
  Walk walk_of(std::string_view what, bool needs_one) const {
    return {.lister = {},
            .filter = filter_,
            .form = form_,
            .xml = xml_,
            .what = what,
            .needs_one = needs_one};
  }
  // `does` is asked for each that is meant; false: it is not told of.
  template <typename Does>
  Reply walk(Walk of, Does does) {
    constexpr uint32_t kPiece = 500;  // places; a ms or two where all are told
    Reply reply;
    const auto state = std::make_shared<Walk>(std::move(of));
    const bool none = nat_only_ || table_ != "conntrack";
    if (!none) {
      reply.more = [state, does, &firewall = firewall_](std::string& out) {
        const Conntrack& conntrack = firewall.engine().conntrack();
        const bool more =
            state->lister.step(conntrack, kPiece, firewall.now(), [&](FlowId id, FlowLine& line) {
              if (state->one_is_enough && state->count > 0) return;
              if (!state->filter.takes(line) || !does(id, line)) return;
              if (state->count++ == 0) out += state->begin;
              out += state->xml ? xml_text(line, state->form.labels) : list_text(line, state->form);
              out += '\n';
            });
        const bool done = state->one_is_enough && state->count > 0;
        return more && !done ? Rest::kSoon : Rest::kNone;
      };
    }
    reply.last = [state] {
      if (state->one_is_enough && state->count == 0) return refused("such conntrack doesn't exist");
      const std::string end(state->count > 0 ? state->end : std::string_view());
      return summed_up(end, state->count, state->what, state->needs_one);
    };
    return reply;
  }

  Reply list() {
    if (table_ == "expect") return list_expectations();
    Walk all = walk_of("shown", false);
    if (xml_) all.begin = kXmlBegin;
    if (xml_) all.end = kXmlEnd;
    return walk(std::move(all), [](FlowId, const FlowLine&) { return true; });
  }

  Reply list_expectations() {
    std::string out;
    size_t count = 0;
    const Tick now = firewall_.now();
    conntrack_.each_expectation(now, [&](const Expectation& expectation) {
      out += expectation_text(expectation, now) + '\n';
      count++;
    });
    return {.out = out,
            .err = line_from(kSays, fmt::format("{} expectations have been shown.", count)),
            .code = 0,
            .more = {}};
  }

  Reply get() {
    Walk one = walk_of("shown", false);
    one.one_is_enough = true;
    one.filter.zone = filter_.zone.value_or(0);  // Linux looks in no other
    if (xml_) one.begin = kXmlBegin;             // no end: so conntrack has it
    return walk(std::move(one), [](FlowId, const FlowLine&) { return true; });
  }

  EventLines::Form event_form() const {
    return {
        .table = table_ == "expect" ? EventLines::Table::kExpect : EventLines::Table::kConntrack,
        .flows = form_,
        .timestamp = timestamp_,
        .xml = xml_,
        .kinds = kinds_,
        .takes = [filter = filter_](const FlowEvent& event) {
          const Flow& flow = event.flow;
          return filter.takes(flow.tuple(), event.reply) &&
                 (!filter.mark || (flow.connmark & filter.mark_mask) == *filter.mark);
        }};
  }

  Reply watch() {
    Reply reply;
    auto lines = std::make_shared<EventLines>(conntrack_, event_form());
    reply.more = [lines, &firewall = firewall_](std::string& out) {
      lines->append(firewall.time(), out);
      return Rest::kLater;
    };
    reply.follows = true;
    reply.last = [lines, what = table_ == "expect" ? "expectation" : "flow"] {
      Reply last;
      lines->end(last.out);
      if (lines->lost() > 0) {
        last.err = fmt::format("WARNING: {} events were lost: more at once than are kept\n",
                               lines->lost());
      }
      last.err +=
          line_from(kSays, fmt::format("{} {} events have been shown.", lines->count(), what));
      return last;
    };
    return reply;
  }

  Reply end_flows() {
    return walk(walk_of("deleted", true), [&firewall = firewall_](FlowId id, const FlowLine&) {
      return firewall.engine().conntrack().end(id, firewall.now());
    });
  }

  Reply flush() {
    constexpr uint32_t kPiece = 10'000;  // places
    Reply reply = failed(line_from(kSays, "connection tracking table has been emptied."), 0);
    reply.more = [&firewall = firewall_, next = uint32_t{0}](std::string&) mutable {
      Conntrack& conntrack = firewall.engine().conntrack();
      std::vector<FlowId> ids;
      conntrack.each(next, kPiece, firewall.now(),
                     [&](FlowId id, const Flow&) { ids.push_back(id); });
      for (FlowId id : ids) conntrack.end(id, firewall.now());
      next += kPiece;
      return next < conntrack.places() ? Rest::kSoon : Rest::kNone;
    };
    return reply;
  }

  // The mark and the timeout are what to set here, not what to look for.
  Reply update() {
    const std::optional<uint32_t> mark = std::exchange(filter_.mark, std::nullopt);
    return walk(walk_of("updated", true), [&firewall = firewall_, mark, mask = filter_.mark_mask,
                                           timeout = timeout_](FlowId id, FlowLine& line) {
      Conntrack& conntrack = firewall.engine().conntrack();
      if (mark) line.connmark = (line.connmark & ~mask) ^ *mark;
      if (mark) conntrack.set_connmark(id, line.connmark);
      if (timeout && conntrack.refresh(id, *timeout, firewall.now())) line.timeout = timeout;
      return true;
    });
  }

  Reply create() {
    FlowLine line;
    const bool whole = filter_.protocol && filter_.source && filter_.destination && timeout_;
    if (!whole) {
      return failed(line_from(kSays, "-I needs -p, -s, -d and -t"), kProblem);
    }
    line.tuple = {.source = filter_.source->address,
                  .destination = filter_.destination->address,
                  .source_port = filter_.source_port.value_or(0),
                  .destination_port = filter_.destination_port.value_or(0),
                  .family = filter_.source->family,
                  .protocol = *filter_.protocol};
    if (filter_.source->family != filter_.destination->family) {
      return refused("the addresses are of two families");
    }
    line.reply = invert(line.tuple);
    line.zone.id = filter_.zone.value_or(0);
    line.timeout = timeout_;
    line.connmark = filter_.mark.value_or(0);
    line.status = filter_.status;
    if (line.tuple.protocol == 6 && !filter_.state) return refused("-p tcp needs --state");
    line.tcp_state = filter_.state.value_or(TcpState::kNone);
    if (conntrack_.lookup(line.tuple, line.zone, firewall_.now(), nullptr)) {
      return refused("Such conntrack exists, try -U to update");
    }
    Diagnostics diagnostics;
    conntrack_.load(list_text(line, {.extended = true}) + '\n', firewall_.now(), diagnostics);
    if (!diagnostics.empty()) return refused(diagnostics.list().front().what);
    return failed(line_from(kSays, "1 flow entries have been created."), 0);
  }

  Reply statistics() {
    const Engine& engine = firewall_.engine();
    uint64_t invalid = 0;
    for (size_t i = 0; i < static_cast<size_t>(Reason::kCount); i++) {
      const auto reason = static_cast<Reason>(i);
      if (reason_name(reason).starts_with("invalid-")) invalid += engine.count(reason);
    }
    return said(fmt::format(
        "cpu=0   \tfound=0 invalid={} insert=0 insert_failed={} drop={} early_drop=0 error=0 "
        "search_restart=0 clash_resolve=0 chaintoolong=0 \n",
        invalid, engine.count(Reason::kInsertFailed), engine.count(Reason::kTableFull)));
  }

  Managed& firewall_;
  Conntrack& conntrack_;
  char command_ = 0;
  std::string table_ = "conntrack";
  Filter filter_;
  FlowForm form_;
  bool timestamp_ = false, nat_only_ = false, xml_ = false;
  uint8_t kinds_ = 7;
  std::optional<uint32_t> timeout_;
};

}  // namespace

Reply run_conntrack(Managed& firewall, const Request& request) {
  return ConntrackCommand(firewall).run(request);
}

}  // namespace sallyport
