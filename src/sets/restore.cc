// Reading what `ipset restore` reads.
//
// A command a line: create, add, del, flush, destroy, rename, swap, and what else a
// restore file may hold. A word may be quoted as a whole or in part, without escapes.
// Every line is tried, so all errors come at once; a line whose set could not be
// created is not blamed for that again. The text runs on a copy of the store, which
// becomes the store if there was no error.
//
// Against a text made to cost: SetStore::Limits bound what its ranges may stand for and
// what a store may hold, and diagnostics keep a hundred errors.
//
// Different from ipset on purpose: host names are not looked up, and -exist counts
// for the line it stands on (ipset 7.17 lets the first line of a batch decide).
#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "sets/set_store.h"

namespace sallyport {
namespace {

struct Token {
  std::string_view text;
  Span span;
};

// Types as bits, for the table of options.
constexpr uint8_t bit(SetType type) {
  return static_cast<uint8_t>(1u << static_cast<int>(type));
}
constexpr uint8_t kHash = bit(SetType::kHashIp) | bit(SetType::kHashNet) |
                          bit(SetType::kHashIpPort) | bit(SetType::kHashNetPort);
constexpr uint8_t kBitmap = bit(SetType::kBitmapPort);
constexpr uint8_t kList = bit(SetType::kListSet);
constexpr uint8_t kAll = kHash | kBitmap | kList;

enum class Option : uint8_t {
  kFamily,
  kInet,
  kInet6,
  kHashsize,
  kMaxelem,
  kBucketsize,
  kInitval,
  kNetmask,
  kTimeout,
  kCounters,
  kComment,
  kRange,
  kFrom,
  kTo,
  kSize,
  kIgnored,  // ipset takes it and does nothing
  kForeign,  // ipset has it, and we do not
};

struct OptionRow {
  std::string_view name;
  Option option;
  bool has_value;
  uint8_t types;
};

// What `create` takes, by type: each was tried with ipset 7.17. forceadd had no effect on
// Linux 6.18 with it: a full set refused, and `save` did not print it.
constexpr OptionRow kCreateOptions[] = {
    {"family", Option::kFamily, true, kHash},
    {"-4", Option::kInet, false, kHash},
    {"-6", Option::kInet6, false, kHash},
    {"hashsize", Option::kHashsize, true, kHash},
    {"maxelem", Option::kMaxelem, true, kHash},
    {"bucketsize", Option::kBucketsize, true, kHash},
    {"initval", Option::kInitval, true, kHash},
    {"netmask", Option::kNetmask, true, bit(SetType::kHashIp) | bit(SetType::kHashIpPort)},
    {"bitmask", Option::kForeign, true, bit(SetType::kHashIp) | bit(SetType::kHashIpPort)},
    {"timeout", Option::kTimeout, true, kAll},
    {"counters", Option::kCounters, false, kAll},
    {"comment", Option::kComment, false, kAll},
    {"skbinfo", Option::kForeign, false, kAll},
    {"forceadd", Option::kIgnored, false, kHash},
    {"probes", Option::kIgnored, true, kHash},
    {"resize", Option::kIgnored, true, kHash},
    {"gc", Option::kIgnored, true, kHash},
    {"range", Option::kRange, true, kBitmap},
    {"from", Option::kFrom, true, kBitmap},
    {"to", Option::kTo, true, kBitmap},
    {"from", Option::kIgnored, true, bit(SetType::kHashIpPort)},
    {"to", Option::kIgnored, true, bit(SetType::kHashIpPort)},
    {"size", Option::kSize, true, kList},
};

enum class AddWord : uint8_t {
  kTimeout,
  kPackets,
  kBytes,
  kComment,
  kNomatch,
  kBefore,
  kAfter,
  kForeign
};

struct AddRow {
  std::string_view name;
  AddWord word;
  bool has_value;
};

constexpr AddRow kAddOptions[] = {
    {"timeout", AddWord::kTimeout, true},  {"packets", AddWord::kPackets, true},
    {"bytes", AddWord::kBytes, true},      {"comment", AddWord::kComment, true},
    {"nomatch", AddWord::kNomatch, false}, {"before", AddWord::kBefore, true},
    {"after", AddWord::kAfter, true},      {"skbmark", AddWord::kForeign, true},
    {"skbprio", AddWord::kForeign, true},  {"skbqueue", AddWord::kForeign, true},
};

enum class Command : uint8_t {
  kCreate,
  kAdd,
  kDel,
  kTest,
  kFlush,
  kDestroy,
  kRename,
  kSwap,
  kNothing
};

struct CommandRow {
  std::string_view name;
  std::string_view letter;
  Command command;
  uint8_t least;  // words that must follow
  uint8_t most;
};

constexpr CommandRow kCommands[] = {
    {"create", "-N", Command::kCreate, 2, 255}, {"add", "-A", Command::kAdd, 2, 255},
    {"del", "-D", Command::kDel, 2, 255},       {"test", "-T", Command::kTest, 2, 255},
    {"flush", "-F", Command::kFlush, 0, 1},     {"destroy", "-X", Command::kDestroy, 0, 1},
    {"rename", "-E", Command::kRename, 2, 2},   {"swap", "-W", Command::kSwap, 2, 2},
    {"COMMIT", "", Command::kNothing, 0, 0},    {"quit", "", Command::kNothing, 0, 0},
};

std::string_view without_dashes(std::string_view word) {
  return word.starts_with("--") ? word.substr(2) : word;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

}  // namespace

class SetReader {
 public:
  SetReader(SetStore& store, Tick now, Diagnostics& diagnostics)
      : store_(store), now_(now), diagnostics_(diagnostics) {}

  void read(std::string_view text) {
    uint32_t number = 1;
    while (!text.empty()) {
      size_t end = text.find('\n');
      read_line(text.substr(0, end), number++);
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
  }

 private:
  // --- words ---

  void fail(const Span& span, std::string what, std::string hint = {}) {
    diagnostics_.add({span, std::move(what), std::move(hint)});
  }
  void fail(const Token& token, std::string what, std::string hint = {}) {
    fail(token.span, std::move(what), std::move(hint));
  }
  // An error inside a word: its span counts from the word's start.
  void fail_in(const Token& token, Diag diag) {
    diag.span = {token.span.line, token.span.column + diag.span.column, diag.span.length};
    diagnostics_.add(std::move(diag));
  }

  // Fills words_ and exist_; false after an error.
  bool split(std::string_view line, uint32_t number) {
    words_.clear();
    unquoted_.clear();
    unquoted_.reserve(line.size());  // views into it must stay valid
    exist_ = false;
    for (size_t at = 0; at < line.size();) {
      if (is_blank(line[at])) {
        at++;
        continue;
      }
      size_t start = at;
      size_t copy = unquoted_.size();
      bool quoted = false;
      bool any_quote = false;
      for (; at < line.size() && (quoted || !is_blank(line[at])); at++) {
        if (line[at] == '"') {
          quoted = !quoted;
          any_quote = true;
        } else {
          unquoted_ += line[at];
        }
      }
      Span span{number, static_cast<uint32_t>(start + 1), static_cast<uint32_t>(at - start)};
      if (quoted) {
        fail(span, "the closing quote is missing");
        return false;
      }
      std::string_view word = std::string_view(unquoted_).substr(copy);
      if (!any_quote && (word == "-exist" || word == "-!" || word == "--exist")) {
        exist_ = true;
      } else if (any_quote || (word != "-quiet" && word != "-q" && word != "--quiet")) {
        words_.push_back({word, span});
      }
    }
    return true;
  }

  // --- lines ---

  void read_line(std::string_view line, uint32_t number) {
    size_t start = 0;
    while (start < line.size() && is_blank(line[start])) start++;
    if (start == line.size() || line[start] == '#') return;
    if (!split(line, number) || words_.empty()) return;
    const Token& first = words_[0];
    auto row = std::ranges::find_if(kCommands, [&](const CommandRow& candidate) {
      return without_dashes(first.text) == candidate.name ||
             (first.text == candidate.letter && !first.text.empty());
    });
    if (row == std::end(kCommands)) {
      fail(first, fmt::format("unknown command '{}'", shown(first.text)),
           "create, add, del, flush, destroy, rename, swap");
      return;
    }
    if (words_.size() - 1 < row->least) {
      fail(words_.back(),
           fmt::format("{} needs {}", row->name,
                       row->command == Command::kCreate ? "a name and a type"
                       : row->command == Command::kRename || row->command == Command::kSwap
                           ? "two names"
                           : "a set and an element"));
      return;
    }
    if (words_.size() - 1 > row->most) {
      fail(words_[row->most + 1], fmt::format("{} takes nothing more", row->name));
      return;
    }
    run(row->command);
  }

  void run(Command command) {
    switch (command) {
      case Command::kCreate: return create();
      case Command::kAdd:
      case Command::kDel:
      case Command::kTest: return edit(command);
      case Command::kFlush:
        if (words_.size() == 1) {
          for (uint32_t set = 0; set < store_.sets_.size(); set++) store_.flush(set);
        } else if (uint32_t set = known_set(words_[1]); set != kNone) {
          store_.flush(set);
        }
        return;
      case Command::kDestroy:
        if (words_.size() == 1) {
          store_.destroy_all();
        } else if (uint32_t set = known_set(words_[1]); set != kNone) {
          check(words_[1], store_.destroy(set));
        }
        return;
      case Command::kRename:
        if (uint32_t set = known_set(words_[1]); set != kNone && good_name(words_[2])) {
          check(words_[2], store_.rename(set, words_[2].text));
        }
        return;
      case Command::kSwap: {
        uint32_t a = known_set(words_[1]);
        uint32_t b = known_set(words_[2]);
        if (a != kNone && b != kNone) check(words_[2], store_.swap(a, b));
        return;
      }
      case Command::kNothing: return;
    }
  }

  void check(const Token& token, const SetStore::Status& status, std::string hint = {}) {
    if (!status) fail(token, status.error(), std::move(hint));
  }

  bool good_name(const Token& token) {
    if (token.text.empty() || token.text.size() > kMostSetName) {
      fail(token, fmt::format("a set's name has 1 to {} characters", kMostSetName));
      return false;
    }
    if (token.text.starts_with('-')) {
      fail(token, "a set's name does not begin with '-'");
      return false;
    }
    // ipset takes blanks in names, and then prints a text that it cannot read.
    if (std::ranges::any_of(token.text, [](unsigned char c) { return c <= ' ' || c == 0x7f; })) {
      fail(token, "a set's name has no blanks or control characters");
      return false;
    }
    return true;
  }

  uint32_t known_set(const Token& token) {
    uint32_t set = store_.index_of(token.text);
    // A set whose create line was wrong: said once is enough.
    if (set == kNone && !not_created_.contains(token.text)) {
      fail(token, fmt::format("there is no set named '{}'", shown(token.text)));
    }
    return set;
  }

  // --- create ---

  void create() {
    const Token& name = words_[1];
    const Token& type = words_[2];
    size_t errors = diagnostics_.count();
    if (good_name(name)) {
      if (std::optional<SetType> known = find_set_type(type.text)) {
        SetOptions options;
        options.type = *known;
        if (create_options(options)) check(name, store_.create(name.text, options, exist_));
      } else if (is_foreign_set_type(type.text)) {
        fail(type, fmt::format("the set type {} is not supported", type.text),
             "supported: hash:ip hash:net hash:ip,port hash:net,port bitmap:port list:set");
      } else {
        fail(type, fmt::format("unknown set type '{}'", shown(type.text)));
      }
    }
    if (diagnostics_.count() != errors && store_.index_of(name.text) == kNone &&
        not_created_.size() < Diagnostics::kMost) {
      not_created_.emplace(name.text);
    }
  }

  bool create_options(SetOptions& options) {
    uint64_t seen = 0;
    bool fine = true;
    const Token* netmask = nullptr;
    bool from = false;
    bool to = false;
    for (size_t at = 3; at < words_.size(); at++) {
      const Token& word = words_[at];
      auto row = std::ranges::find_if(kCreateOptions, [&](const OptionRow& candidate) {
        return candidate.name == without_dashes(word.text) &&
               (candidate.types & bit(options.type)) != 0;
      });
      if (row == std::end(kCreateOptions)) {
        fail(word, fmt::format("{} has no option '{}'", options.info().name, shown(word.text)));
        return false;
      }
      const Token* value = nullptr;
      if (row->has_value) {
        if (++at == words_.size()) {
          fail(word, fmt::format("{} needs a value", row->name));
          return false;
        }
        value = &words_[at];
      }
      auto flag_of = [](Option option) { return uint64_t{1} << static_cast<int>(option); };
      uint64_t flag = flag_of(row->option);
      if (row->option == Option::kRange) flag = flag_of(Option::kFrom) | flag_of(Option::kTo);
      if (row->has_value && row->option < Option::kIgnored && (seen & flag) != 0) {
        fail(word, fmt::format("{} is given twice", row->name));
        return false;
      }
      seen |= flag;
      if (row->option == Option::kForeign) {
        fail(word, fmt::format("the option {} is not supported", row->name));
        fine = false;
        continue;
      }
      if (row->option == Option::kNetmask) netmask = value;
      from |= row->option == Option::kFrom || row->option == Option::kRange;
      to |= row->option == Option::kTo || row->option == Option::kRange;
      fine &= set_option(row->option, value, options);
    }
    // The family may come after the netmask.
    if (netmask != nullptr) {
      uint64_t bits = bits_of(options.family);
      uint64_t length = number(*netmask, 1, bits).value_or(0);
      fine &= length != 0;
      options.netmask = static_cast<uint8_t>(length == bits ? 0 : length);
    }
    if (options.type == SetType::kBitmapPort && fine && !(from && to)) {
      fail(words_[2], "bitmap:port needs a range", "range 0-1023");
      fine = false;
    }
    if (options.first_port > options.last_port) std::swap(options.first_port, options.last_port);
    return fine;
  }

  bool set_option(Option option, const Token* value, SetOptions& options) {
    auto word = [&](uint32_t& field, uint64_t most = UINT32_MAX) {
      std::optional<uint64_t> parsed = number(*value, 0, most);
      if (parsed) field = static_cast<uint32_t>(*parsed);
      return parsed.has_value();
    };
    switch (option) {
      case Option::kFamily:
        if (value->text == "inet" || value->text == "ipv4") {
          options.family = Family::kIpv4;
        } else if (value->text == "inet6" || value->text == "ipv6") {
          options.family = Family::kIpv6;
        } else {
          fail(*value, fmt::format("unknown family '{}'", shown(value->text)), "inet or inet6");
          return false;
        }
        return true;
      case Option::kInet: options.family = Family::kIpv4; return true;
      case Option::kInet6: options.family = Family::kIpv6; return true;
      case Option::kHashsize: {
        // The kernel cannot allocate more.
        if (!word(options.hashsize, 1u << 31)) return false;
        options.hashsize = std::bit_ceil(std::max(options.hashsize, 64u));
        return true;
      }
      case Option::kMaxelem: return word(options.maxelem);
      case Option::kBucketsize:
        if (!word(options.bucketsize, 255)) return false;
        options.bucketsize = std::clamp((options.bucketsize + 1) / 2 * 2, 2u, 12u);
        return true;
      case Option::kInitval: return word(options.initval.emplace());
      case Option::kTimeout: return word(options.timeout.emplace(), kMostTimeout);
      case Option::kCounters: options.counters = true; return true;
      case Option::kComment: options.comment = true; return true;
      case Option::kSize:
        if (!word(options.size)) return false;
        options.size = std::max(options.size, 4u);
        return true;
      case Option::kRange: return range(*value, true, options.first_port, options.last_port);
      case Option::kFrom: return range(*value, false, options.first_port, options.first_port);
      case Option::kTo: return range(*value, false, options.last_port, options.last_port);
      case Option::kNetmask:
      case Option::kIgnored:
      case Option::kForeign: return true;
    }
    return true;
  }

  bool range(const Token& token, bool two, uint16_t& first, uint16_t& last) {
    Result<SetPorts> ports = parse_ports(token.text);
    if (!ports) {
      fail_in(token, ports.error());
      return false;
    }
    if (two && token.text.find('-') == std::string_view::npos) {
      fail(token, "a range is FROM-TO");
      return false;
    }
    first = ports->first;
    last = ports->last;
    return true;
  }

  std::optional<uint64_t> number(const Token& token, uint64_t least, uint64_t most) {
    Result<uint64_t> parsed = parse_number(token.text, least, most);
    if (parsed) return *parsed;
    fail_in(token, parsed.error());
    return std::nullopt;
  }

  // --- add, del, test ---

  struct Addition {
    AddOptions options;
    std::optional<SetStore::Place> place;
  };

  void edit(Command command) {
    uint32_t set = known_set(words_[1]);
    if (set == kNone) return;
    const Token& element = words_[2];
    Addition addition;
    if (!add_options(set, command, addition)) return;
    if (store_.sets_[set].options.type == SetType::kListSet) {
      uint32_t member = known_set(element);
      if (member == kNone) return;
      if (command == Command::kAdd) {
        check(element, store_.add_member(set, member, addition.place, addition.options, now_));
      } else if (command == Command::kDel) {
        check(element, store_.remove_member(set, member, addition.place, exist_, now_));
      }
      return;
    }
    Result<ElementRange> range = parse_element(store_.sets_[set].options, element.text);
    if (!range) {
      fail_in(element, range.error());
    } else if (command == Command::kAdd) {
      check(element, store_.add_range(set, *range, addition.options, now_));
    } else if (command == Command::kDel) {
      check(element, store_.remove_range(set, *range, exist_, now_));
    }
  }

  bool add_options(uint32_t set, Command command, Addition& addition) {
    const SetOptions& options = store_.sets_[set].options;
    bool list = options.type == SetType::kListSet;
    bool add = command == Command::kAdd;
    addition.options.exist = exist_;
    uint32_t seen = 0;
    for (size_t at = 3; at < words_.size(); at++) {
      const Token& word = words_[at];
      auto row = std::ranges::find(kAddOptions, without_dashes(word.text), &AddRow::name);
      bool place = row != std::end(kAddOptions) &&
                   (row->word == AddWord::kBefore || row->word == AddWord::kAfter);
      if (row == std::end(kAddOptions) || (place ? !list : !add) ||
          (row->word == AddWord::kNomatch && !options.info().has_prefix)) {
        fail(word, fmt::format("an element of {} has no option '{}' here", options.info().name,
                               shown(word.text)));
        return false;
      }
      if (row->word == AddWord::kForeign) {
        fail(word, fmt::format("the option {} is not supported", row->name));
        return false;
      }
      if (row->has_value && at + 1 == words_.size()) {
        fail(word, fmt::format("{} needs a value", row->name));
        return false;
      }
      // before and after exclude each other.
      uint32_t flag =
          1u << static_cast<int>(row->word == AddWord::kAfter ? AddWord::kBefore : row->word);
      if (row->has_value && (seen & flag) != 0) {
        fail(word, fmt::format("{} is given twice", row->name));
        return false;
      }
      seen |= flag;
      const Token& value = row->has_value ? words_[++at] : word;
      if (!add_option(row->word, word, value, options, addition)) return false;
    }
    return true;
  }

  bool add_option(AddWord option, const Token& word, const Token& value, const SetOptions& set,
                  Addition& addition) {
    auto needs = [&](bool has, std::string_view what) {
      if (!has) {
        fail(word, fmt::format("the set was created without {}", what),
             fmt::format("add '{}' to its create line", what == "timeouts" ? "timeout 0" : what));
      }
      return has;
    };
    switch (option) {
      case AddWord::kTimeout: {
        if (!needs(set.timeout.has_value(), "timeouts")) return false;
        std::optional<uint64_t> seconds = number(value, 0, kMostTimeout);
        if (!seconds) return false;
        addition.options.timeout = static_cast<uint32_t>(*seconds);
        return true;
      }
      case AddWord::kPackets:
      case AddWord::kBytes: {
        if (!needs(set.counters, "counters")) return false;
        // ipset keeps the greatest number for itself.
        std::optional<uint64_t> count = number(value, 0, UINT64_MAX - 1);
        if (!count) return false;
        (option == AddWord::kPackets ? addition.options.packets : addition.options.bytes) = *count;
        return true;
      }
      case AddWord::kComment:
        if (!needs(set.comment, "comment")) return false;
        if (value.text.size() > kMostSetComment) {
          fail(value, fmt::format("a comment has at most {} characters", kMostSetComment));
          return false;
        }
        if (std::ranges::any_of(value.text, [](unsigned char c) { return c < ' ' || c == 0x7f; })) {
          fail(value, "a comment has no control characters");
          return false;
        }
        addition.options.comment = value.text;
        return true;
      case AddWord::kNomatch: addition.options.nomatch = true; return true;
      case AddWord::kBefore:
      case AddWord::kAfter: {
        uint32_t beside = known_set(value);
        if (beside == kNone) return false;
        addition.place = SetStore::Place{beside, option == AddWord::kBefore};
        return true;
      }
      case AddWord::kForeign: return true;
    }
    return true;
  }

  static constexpr uint32_t kNone = SetStore::kNone;

  SetStore& store_;
  Tick now_;
  Diagnostics& diagnostics_;
  std::vector<Token> words_;  // of the line at hand
  std::string unquoted_;      // their bytes
  bool exist_ = false;
  std::set<std::string, std::less<>> not_created_;
};

bool SetStore::restore(std::string_view text, Tick now, Diagnostics& diagnostics) {
  SetStore next = *this;
  next.expanded_ = 0;
  Diagnostics errors;
  SetReader(next, now, errors).read(text);
  for (const Diag& diag : errors.list()) diagnostics.add(diag);
  for (size_t i = errors.list().size(); i < errors.count(); i++) diagnostics.add({});
  if (!errors.empty()) return false;
  next.reserve(now);
  next.edits_++;
  *this = std::move(next);
  return true;
}

}  // namespace sallyport
