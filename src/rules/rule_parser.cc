#include "rules/rule_parser.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "extensions/registry.h"
#include "lang/names.h"

namespace sallyport {
namespace {

// iptables' own options. All of the long ones are here, because a prefix must be unique among all.
enum class Own : uint8_t {
  kAppend,
  kInsert,
  kNewChain,
  kPolicy,
  kSource,
  kDestination,
  kProtocol,
  kIn,
  kOut,
  kFragment,
  kMatch,
  kJump,
  kGoto,
  kCounters,
  kIpv4,
  kIpv6,
  kVerbose,
  kNotHere,  // iptables has it, a rule file does not
};
struct OwnOption {
  std::string_view name;
  char letter;
  Own id;
};
constexpr OwnOption kOwn[] = {
    {"--append", 'A', Own::kAppend},
    {"--check", 'C', Own::kNotHere},
    {"--delete", 'D', Own::kNotHere},
    {"--delete-chain", 'X', Own::kNotHere},
    {"--destination", 'd', Own::kDestination},
    {"--dst", 'd', Own::kDestination},
    {"--exact", 'x', Own::kNotHere},
    {"--flush", 'F', Own::kNotHere},
    {"--fragments", 'f', Own::kFragment},
    {"--goto", 'g', Own::kGoto},
    {"--help", 'h', Own::kNotHere},
    {"--in-interface", 'i', Own::kIn},
    {"--insert", 'I', Own::kInsert},
    {"--ipv4", '4', Own::kIpv4},
    {"--ipv6", '6', Own::kIpv6},
    {"--jump", 'j', Own::kJump},
    {"--line-numbers", 0, Own::kNotHere},
    {"--list", 'L', Own::kNotHere},
    {"--list-rules", 'S', Own::kNotHere},
    {"--match", 'm', Own::kMatch},
    {"--modprobe", 'M', Own::kNotHere},
    {"--new-chain", 'N', Own::kNewChain},
    {"--numeric", 'n', Own::kNotHere},
    {"--out-interface", 'o', Own::kOut},
    {"--policy", 'P', Own::kPolicy},
    {"--proto", 'p', Own::kProtocol},
    {"--protocol", 'p', Own::kProtocol},
    {"--rename-chain", 'E', Own::kNotHere},
    {"--replace", 'R', Own::kNotHere},
    {"--set-counters", 'c', Own::kCounters},
    {"--source", 's', Own::kSource},
    {"--src", 's', Own::kSource},
    {"--table", 't', Own::kNotHere},
    {"--verbose", 'v', Own::kVerbose},
    {"--version", 'V', Own::kNotHere},
    {"--wait", 'w', Own::kNotHere},
    {"--zero", 'Z', Own::kNotHere},
};

// More rules from one line than this are a mistake, or an attack on memory.
constexpr size_t kMostRulesOfALine = 65536;

// A match or target that the line has brought in.
struct Loaded {
  std::shared_ptr<Match> match;  // one of the two
  std::shared_ptr<Target> target;
  Span span;

  Extension& extension() const {
    return match ? static_cast<Extension&>(*match) : static_cast<Extension&>(*target);
  }
};

// An option as found: iptables' own, or an extension's.
struct Found {
  const OwnOption* own = nullptr;
  const OptionSpec* spec = nullptr;
  const Loaded* loaded = nullptr;
};

class LineParser {
 public:
  LineParser(std::span<const Token> tokens, const LineContext& context)
      : tokens_(tokens), context_(context) {
    rule_.ip.in = rule_.ip.out = InterfaceTest();
  }

  Result<ParsedLine> run(const RuleCounters& counters) {
    rule_.counters = counters;
    bool good = words() && finish();
    if (!good) return std::unexpected(std::move(diag_));
    return std::move(line_);
  }

 private:
  bool fail(const Span& span, std::string what, std::string hint = {}) {
    diag_ = {span, std::move(what), std::move(hint)};
    return false;
  }

  // ---- words

  bool words() {
    while (at_ < tokens_.size()) {
      const Token& token = tokens_[at_++];
      if (token.text == "!") {
        if (bang_) return fail(token.span, "a second ! in a row");
        bang_ = token.span;
        continue;
      }
      if (token.text.size() < 2 || token.text[0] != '-') {
        return fail(token.span, fmt::format("'{}' belongs to no option", token.text));
      }
      if (!(token.text[1] == '-' ? long_option(token) : short_option(token))) return false;
      bang_.reset();
    }
    if (bang_) return fail(*bang_, "nothing follows this !");
    return true;
  }

  bool short_option(const Token& token) {
    auto own = std::ranges::find(kOwn, token.text[1], &OwnOption::letter);
    if (own == std::end(kOwn)) return unknown_option(token);
    if (token.text.size() > 2) {
      // iptables-restore misreads -s10.0.0.0/8 as an address that begins with "-s"; it does
      // understand -mstate and -AINPUT.
      bool understood = own->id == Own::kMatch || own->id == Own::kAppend ||
                        own->id == Own::kInsert || own->id == Own::kNewChain;
      if (!understood) {
        return fail(token.span, fmt::format("'{}' has its value attached", token.text),
                    fmt::format("put a blank after {}", token.text.substr(0, 2)));
      }
      Token value = token;
      value.text.remove_prefix(2);
      inline_value_ = value;
    }
    return own_option(*own, token) && inline_value_used(token);
  }

  bool long_option(const Token& token) {
    size_t equals = token.text.find('=');
    std::string_view name = token.text.substr(0, equals);
    Found found;
    if (!find(name, token, found)) return false;
    if (!found.own && !found.spec && load_implied(token)) {
      if (!find(name, token, found)) return false;
    }
    if (!found.own && !found.spec) return unknown_option(token);
    if (equals != std::string_view::npos) {
      if (found.own) {
        return fail(token.span, fmt::format("{} has its value attached", name),
                    fmt::format("put a blank after {}", name));
      }
      Token value = token;
      value.text.remove_prefix(equals + 1);
      inline_value_ = value;
    }
    bool good = found.own ? own_option(*found.own, token)
                          : extension_option(*found.spec, *found.loaded, token);
    return good && inline_value_used(token);
  }

  bool inline_value_used(const Token& token) {
    if (!inline_value_) return true;
    return fail(token.span, fmt::format("'{}': this option takes no value", token.text));
  }

  // False only for an error: an ambiguous prefix.
  bool find(std::string_view name, const Token& token, Found& found) {
    auto names_of = [](const OptionSpec& spec) {
      return std::array{spec.name, spec.also[0], spec.also[1], spec.also[2]};
    };
    for (auto loaded = loaded_.rbegin(); loaded != loaded_.rend(); ++loaded) {
      for (const OptionSpec& spec : loaded->extension().options()) {
        for (std::string_view known : names_of(spec)) {
          if (known == name) {
            found = {nullptr, &spec, &*loaded};
            return true;
          }
        }
      }
    }
    for (const OwnOption& own : kOwn) {
      if (own.name == name) {
        found = {&own, nullptr, nullptr};
        return true;
      }
    }
    std::string_view first;
    auto take = [&](std::string_view known, Found candidate) {
      bool same = (candidate.spec && candidate.spec == found.spec) ||
                  (candidate.own && found.own && candidate.own->letter == found.own->letter);
      if (same) return true;
      if (found.own || found.spec) {
        return fail(token.span, fmt::format("'{}' may be {} or {}", name, first, known));
      }
      found = candidate;
      first = known;
      return true;
    };
    for (auto loaded = loaded_.rbegin(); loaded != loaded_.rend(); ++loaded) {
      for (const OptionSpec& spec : loaded->extension().options()) {
        for (std::string_view known : names_of(spec)) {
          if (known.starts_with(name) && !take(known, {nullptr, &spec, &*loaded})) return false;
        }
      }
    }
    for (const OwnOption& own : kOwn) {
      if (own.name.starts_with(name) && !take(own.name, {&own, nullptr, nullptr})) return false;
    }
    return true;
  }

  bool unknown_option(const Token& token) {
    std::string_view name = token.text.substr(0, token.text.find('='));
    std::vector<std::string_view> candidates;
    for (const OwnOption& own : kOwn) candidates.push_back(own.name);
    for (const MatchType* type : matches()) {
      for (const OptionSpec& spec : type->options()) {
        bool known = spec.name == name || std::ranges::find(spec.also, name) != spec.also.end();
        if (known && type->traits.implied) {
          return fail(token.span,
                      fmt::format("{} needs -p {}", name, protocol_name(type->traits.protocol)));
        }
        if (known) {
          return fail(token.span, fmt::format("unknown option '{}'", name),
                      fmt::format("write -m {} before it", type->traits.name));
        }
        candidates.push_back(spec.name);
      }
    }
    std::string_view near = context_.guess ? nearest(name, candidates) : "";
    return fail(token.span, fmt::format("unknown option '{}'", name),
                near.empty() ? "" : fmt::format("did you mean {}?", near));
  }

  // The next word as the option's value.
  const Token* value(const Token& option) {
    if (inline_value_) {
      value_ = *inline_value_;
      inline_value_.reset();
      return &value_;
    }
    if (at_ == tokens_.size()) {
      fail(option.span, fmt::format("{} needs a value", option.text));
      return nullptr;
    }
    return &tokens_[at_++];
  }

  // ---- extensions

  Scope scope_for(const Extension& extension) {
    uint8_t protocol =
        extension.traits().protocol ? extension.traits().protocol : rule_.ip.protocol;
    protocol_name_ = protocol ? protocol_name(protocol) : std::string();
    return {context_.family, protocol_name_, context_.labels};
  }

  bool extension_option(const OptionSpec& spec, const Loaded& loaded, const Token& token) {
    Extension& extension = loaded.extension();
    if (bang_ && !spec.negatable) {
      return fail(*bang_, fmt::format("{} cannot be negated", spec.name));
    }
    std::string wrong = conflicting_option(extension.options(), spec, extension.object());
    if (!wrong.empty()) return fail(token.span, wrong);
    std::array<Text, 2> texts;
    Span span = token.span;
    for (size_t i = 0; i < spec.words; i++) {
      const Token* word = value(token);
      if (word == nullptr) return false;
      texts[i] = word->text;
      span = word->span;
    }
    wrong = spec.read(spec, extension.object(), std::span(texts).first(spec.words),
                      scope_for(extension), bang_.has_value());
    return wrong.empty() || fail(span, fmt::format("{}: {}", spec.name, wrong));
  }

  // `-p tcp` brings in the match of its name, once, when an option asks for it.
  bool load_implied(const Token& token) {
    const MatchType* type =
        rule_.ip.protocol == 0 ? nullptr : implied_match(rule_.ip.protocol, context_.family);
    if (type == nullptr) return false;
    for (const Loaded& loaded : loaded_) {
      if (loaded.extension().traits().name == type->traits.name) return false;
    }
    loaded_.push_back({type->make(), nullptr, token.span});
    return true;
  }

  bool load_match(const Token& name) {
    const MatchType* type = find_match(name.text, context_.family);
    if (type != nullptr) {
      loaded_.push_back({type->make(), nullptr, name.span});
      return true;
    }
    std::vector<std::string_view> candidates;
    for (const MatchType* each : matches()) candidates.push_back(each->traits.name);
    return unknown_extension(
        name, "-m", "match", known_to_iptables(name.text, false),
        other_family(find_match(name.text, Family::kIpv4), find_match(name.text, Family::kIpv6)),
        candidates);
  }

  bool load_target(const Token& name) {
    const TargetType* type = find_target(name.text, context_.family);
    if (type != nullptr) {
      loaded_.push_back({nullptr, type->make(), name.span});
      rule_.action = Action::kTarget;
      return true;
    }
    std::vector<std::string_view> candidates{"ACCEPT", "DROP", "RETURN"};
    for (const TargetType* each : targets()) candidates.push_back(each->traits.name);
    for (const Chain& chain : context_.chains) {
      if (!chain.hook) candidates.push_back(chain.name);
    }
    return unknown_extension(
        name, "-j", "target or chain", known_to_iptables(name.text, true),
        other_family(find_target(name.text, Family::kIpv4), find_target(name.text, Family::kIpv6)),
        candidates);
  }

  static std::string_view other_family(const void* ipv4, const void* ipv6) {
    return ipv4 ? "IPv4" : ipv6 ? "IPv6" : "";
  }

  bool unknown_extension(const Token& name, const char* option, const char* kind, bool known,
                         std::string_view only, std::span<const std::string_view> candidates) {
    if (known) {
      return fail(
          name.span,
          fmt::format("{} {} is known to iptables but not to Sallyport yet", option, name.text),
          "a # at the line's start leaves the rule out, and what it would decide");
    }
    if (!only.empty()) {
      return fail(name.span, fmt::format("{} {} is for {} only", option, name.text, only));
    }
    std::string_view near = context_.guess ? nearest(name.text, candidates) : "";
    std::string hint = near.empty() ? "" : fmt::format("did you mean {}?", near);
    if (near.empty() && option[1] == 'j')
      hint = "a chain is declared (:NAME - [0:0]) before it is used";
    return fail(name.span, fmt::format("unknown {} '{}'", kind, name.text), hint);
  }

  // ---- iptables' own options

  bool own_option(const OwnOption& option, const Token& token) {
    switch (option.id) {
      case Own::kAppend: return command(Command::kAppend, token);
      case Own::kInsert: return command(Command::kInsert, token);
      case Own::kNewChain: return command(Command::kNewChain, token);
      case Own::kPolicy: return command(Command::kPolicy, token);
      case Own::kSource: return addresses(token, sources_, rule_.ip.not_source);
      case Own::kDestination: return addresses(token, destinations_, rule_.ip.not_destination);
      case Own::kProtocol: return protocol(token);
      case Own::kIn: return interface(token, rule_.ip.in, rule_.ip.not_in, in_span_);
      case Own::kOut: return interface(token, rule_.ip.out, rule_.ip.not_out, out_span_);
      case Own::kFragment: return fragment(token);
      case Own::kMatch: {
        if (bang_) return fail(*bang_, "! cannot stand before -m");
        const Token* name = value(token);
        return name != nullptr && load_match(*name);
      }
      case Own::kJump: return jump(token, false);
      case Own::kGoto: return jump(token, true);
      case Own::kCounters: return set_counters(token);
      case Own::kIpv4: line_.skipped |= context_.family != Family::kIpv4; return true;
      case Own::kIpv6: line_.skipped |= context_.family != Family::kIpv6; return true;
      case Own::kVerbose: return true;
      case Own::kNotHere: break;
    }
    return fail(token.span, fmt::format("{} does not belong in a rule file", token.text),
                "a rule file holds -A, -I, -N and -P");
  }

  bool command(Command command, const Token& token) {
    if (bang_) return fail(*bang_, fmt::format("! cannot stand before {}", token.text));
    if (line_.command != Command::kNone) {
      return fail(token.span, "a second command in one line");
    }
    const Token* chain = value(token);
    if (chain == nullptr) return false;
    line_.command = command;
    line_.chain = *chain;
    if (command == Command::kPolicy) return policy(token);
    bool numbered = command == Command::kInsert && at_ < tokens_.size() &&
                    !tokens_[at_].text.starts_with('-') && tokens_[at_].text != "!";
    if (!numbered) return true;
    const Token& number = tokens_[at_++];
    std::optional<uint64_t> read = read_decimal(number.text);
    if (!read || *read == 0 || *read > 0xffffffff) {
      return fail(number.span, fmt::format("'{}' is not a rule number, from 1", number.text));
    }
    line_.number = static_cast<uint32_t>(*read);
    line_.number_span = number.span;
    return true;
  }

  bool policy(const Token& token) {
    const Token* word = value(token);
    if (word == nullptr) return false;
    if (word->text != "ACCEPT" && word->text != "DROP") {
      return fail(word->span, fmt::format("'{}' is not a policy", word->text), "ACCEPT or DROP");
    }
    line_.policy = word->text == "DROP" ? Verdict::kDrop : Verdict::kAccept;
    return true;
  }

  // Several of one kind are an error; `-s a,b` is how to name several.
  bool once(const Token& token, bool& seen) {
    if (seen) return fail(token.span, fmt::format("{} is given twice", token.text));
    seen = true;
    return true;
  }

  bool addresses(const Token& token, std::vector<MaskedAddress>& out, bool& negated) {
    if (!out.empty()) return fail(token.span, fmt::format("{} is given twice", token.text));
    const Token* list = value(token);
    if (list == nullptr) return false;
    Span span = list->span;
    for (Text part : split(list->text, ',')) {
      if (!list->quoted) {
        span.column = list->span.column + static_cast<uint32_t>(part.data() - list->text.data());
        span.length = static_cast<uint32_t>(part.size());
      }
      MaskedAddress address;
      std::string wrong = read(part, Scope{context_.family, {}}, address);
      if (!wrong.empty()) return fail(span, wrong);
      address.address = address.address & address.mask;
      out.push_back(address);
    }
    if (bang_ && out.size() > 1) {
      return fail(*bang_, fmt::format("! does not go with several addresses after {}", token.text),
                  "one rule each, or a set");
    }
    negated = bang_.has_value();
    return true;
  }

  bool protocol(const Token& token) {
    if (!once(token, protocol_seen_)) return false;
    const Token* word = value(token);
    if (word == nullptr) return false;
    std::optional<uint8_t> number = protocol_number(word->text);
    if (!number) {
      return fail(
          word->span, fmt::format("unknown protocol '{}'", word->text),
          word->text == "!" ? "write ! before -p" : "a name of /etc/protocols, or 0 to 255");
    }
    if (*number == 0 && bang_) return fail(*bang_, "! -p all can never match");
    rule_.ip.protocol = *number;
    rule_.ip.not_protocol = bang_.has_value();
    return true;
  }

  bool interface(const Token& token, InterfaceTest& out, bool& negated, std::optional<Span>& seen) {
    if (seen) return fail(token.span, fmt::format("{} is given twice", token.text));
    seen = token.span;
    const Token* word = value(token);
    if (word == nullptr) return false;
    std::string_view name = word->text;
    if (std::string wrong = wrong_interface_name(name); !wrong.empty()) {
      return fail(word->span, wrong);
    }
    bool prefix = name.ends_with('+');
    if (prefix) name.remove_suffix(1);
    if (name.empty()) {
      return !bang_ || fail(*bang_, fmt::format("! {} + can never match", token.text));
    }
    out.name = InterfaceName(name);
    size_t compared = prefix ? name.size() : out.mask.bytes.size();
    std::fill_n(out.mask.bytes.begin(), compared, '\xff');
    negated = bang_.has_value();
    return true;
  }

  bool fragment(const Token& token) {
    if (context_.family == Family::kIpv6) {
      return fail(token.span, "-f is for IPv4 only", "in IPv6 a fragment has an extension header");
    }
    if (!once(token, fragment_seen_)) return false;
    rule_.ip.fragment = !bang_;
    rule_.ip.not_fragment = bang_.has_value();
    return true;
  }

  bool jump(const Token& token, bool is_goto) {
    if (bang_) return fail(*bang_, fmt::format("! cannot stand before {}", token.text));
    if (!once(token, jump_seen_)) return false;
    const Token* name = value(token);
    if (name == nullptr) return false;
    std::string_view text = name->text;
    jump_span_ = name->span;
    if (std::optional<uint32_t> index = context_.names.find(text)) {
      if (context_.chains[*index].hook) {
        return fail(name->span,
                    fmt::format("{} is a built-in chain: nothing can jump to it", text));
      }
      rule_.action = is_goto ? Action::kGoto : Action::kJump;
      rule_.chain = *index;
      return true;
    }
    if (is_goto) return fail(name->span, fmt::format("-g: '{}' is not a chain", text));
    if (text == "ACCEPT" || text == "DROP" || text == "RETURN") {
      rule_.action = text == "ACCEPT" ? Action::kAccept
                     : text == "DROP" ? Action::kDrop
                                      : Action::kReturn;
      return true;
    }
    return load_target(*name);
  }

  bool set_counters(const Token& token) {
    if (!once(token, counters_seen_)) return false;
    const Token* first = value(token);
    if (first == nullptr) return false;
    size_t comma = first->text.find(',');
    std::string_view packets = first->text.substr(0, comma);
    std::string_view bytes;
    if (comma != std::string_view::npos) {
      bytes = first->text.substr(comma + 1);
    } else if (at_ < tokens_.size()) {
      bytes = tokens_[at_++].text;
    }
    if (!read_counter(packets, rule_.counters.packets) ||
        !read_counter(bytes, rule_.counters.bytes)) {
      return fail(token.span, fmt::format("{} needs two numbers, packets and bytes", token.text));
    }
    return true;
  }

  // ---- the whole line

  bool finish() {
    if (line_.skipped) return true;
    if (line_.command == Command::kNone) {
      return fail(tokens_.front().span, "no command in this line", "-A CHAIN …");
    }
    bool has_rule = line_.command == Command::kAppend || line_.command == Command::kInsert;
    if (!has_rule) return tokens_.size() <= 3 || fail(tokens_[3].span, "too many words");
    std::optional<uint32_t> index = context_.names.find(line_.chain.text);
    if (!index) {
      return fail(line_.chain.span, fmt::format("there is no chain '{}' here", line_.chain.text),
                  "a chain is declared (:NAME - [0:0]) before it is used");
    }
    return interfaces_fit(context_.chains[*index]) && finish_extensions(context_.chains[*index]) &&
           no_filtering_in_nat() && expand();
  }

  bool interfaces_fit(const Chain& chain) {
    if (!chain.hook) return true;
    bool leaving = *chain.hook == Hook::kOutput || *chain.hook == Hook::kPostrouting;
    bool arriving = *chain.hook == Hook::kPrerouting || *chain.hook == Hook::kInput;
    if (in_span_ && leaving) {
      return fail(*in_span_, fmt::format("-i cannot be asked in {}: the packet leaves", chain.name),
                  "-o is the interface that it leaves by");
    }
    if (out_span_ && arriving) {
      return fail(*out_span_,
                  fmt::format("-o cannot be asked in {}: where the packet goes is not known yet",
                              chain.name),
                  "-i is the interface that it came in by");
    }
    return true;
  }

  bool finish_extensions(const Chain& chain) {
    for (const Loaded& loaded : loaded_) {
      Extension& extension = loaded.extension();
      const Traits& traits = extension.traits();
      std::string option = loaded.match ? "-m" : "-j";
      if ((traits.tables & table_bit(context_.table)) == 0) {
        return fail(loaded.span,
                    fmt::format("{} {} cannot stand in table {}", option, traits.name,
                                table_name(context_.table)),
                    tables_text(traits));
      }
      if (traits.protocol != 0 && (rule_.ip.protocol != traits.protocol || rule_.ip.not_protocol)) {
        return fail(loaded.span, fmt::format("{} {} needs -p {}", option, traits.name,
                                             protocol_name(traits.protocol)));
      }
      Placement place{.scope = scope_for(extension),
                      .protocol = rule_.ip.protocol,
                      .protocol_negated = rule_.ip.not_protocol,
                      .hooks = chain.hook ? hook_bit(*chain.hook) : uint8_t{0},
                      .sets = context_.sets};
      std::string wrong = extension.finish(place);
      if (!wrong.empty()) {
        return fail(loaded.span, fmt::format("{} {}: {}", option, traits.name, wrong));
      }
      uint8_t hooks = extension.hooks();
      if (hooks != kAnyHook) {
        line_.demands.push_back({&traits, loaded.target != nullptr, hooks, loaded.span});
      }
      if (loaded.match) rule_.matches.push_back(loaded.match);
      if (loaded.target) rule_.target = loaded.target;
    }
    return true;
  }

  static std::string tables_text(const Traits& traits) {
    std::string text = "it belongs in";
    const char* separator = " ";
    for (size_t i = 0; i < static_cast<size_t>(TableId::kCount); i++) {
      if ((traits.tables & (1u << i)) == 0) continue;
      text += fmt::format("{}{}", separator, table_name(static_cast<TableId>(i)));
      separator = ", ";
    }
    return text;
  }

  bool no_filtering_in_nat() {
    if (context_.table != TableId::kNat || rule_.action != Action::kDrop) return true;
    return fail(jump_span_,
                "the nat table sees only the first packet of a flow: it does not filter",
                "drop in table filter");
  }

  // One rule for each pair of addresses.
  bool expand() {
    if (sources_.empty()) sources_.emplace_back();
    if (destinations_.empty()) destinations_.emplace_back();
    if (sources_.size() * destinations_.size() > kMostRulesOfALine) {
      return fail(tokens_.front().span,
                  fmt::format("this line stands for more than {} rules", kMostRulesOfALine),
                  "use a set");
    }
    rule_.span = tokens_.front().span;
    const Span& last = tokens_.back().span;
    rule_.span.length = last.column + last.length - rule_.span.column;
    line_.rules.reserve(sources_.size() * destinations_.size());
    for (const MaskedAddress& source : sources_) {
      for (const MaskedAddress& destination : destinations_) {
        rule_.ip.source = source;
        rule_.ip.destination = destination;
        line_.rules.push_back(rule_);
      }
    }
    return true;
  }

  std::span<const Token> tokens_;
  const LineContext& context_;
  size_t at_ = 0;
  std::optional<Span> bang_;  // of the ! that waits for its option
  std::optional<Token> inline_value_;
  Token value_;
  std::string protocol_name_;
  std::vector<Loaded> loaded_;
  std::vector<MaskedAddress> sources_, destinations_;
  bool protocol_seen_ = false, fragment_seen_ = false, jump_seen_ = false, counters_seen_ = false;
  std::optional<Span> in_span_, out_span_;
  Span jump_span_;
  Rule rule_;
  ParsedLine line_;
  Diag diag_;
};

}  // namespace

bool read_counter(std::string_view text, uint64_t& out) {
  std::optional<uint64_t> number = read_decimal(text);
  if (number) out = *number;
  return number.has_value();
}

std::string bad_chain_name(std::string_view name) {
  if (name.empty()) return "a chain needs a name";
  if (name.size() > kLongestChainName) {
    return fmt::format("chain name '{}' has more than {} bytes", name, kLongestChainName);
  }
  if (name == "ACCEPT" || name == "DROP" || name == "RETURN" || name == "QUEUE") {
    return fmt::format("a chain cannot be called {}, which is a target", name);
  }
  return {};
}

Result<ParsedLine> parse_line(std::span<const Token> tokens, const RuleCounters& counters,
                              const LineContext& context) {
  return LineParser(tokens, context).run(counters);
}

}  // namespace sallyport
