// Matches and targets: one file each, one declaration each.
//
// An extension is a plain struct:
//
//   struct MarkMatch {
//     static constexpr Traits kTraits{.name = "mark", .summary = "the packet's mark"};
//     Arg<MarkMask> mark;
//     static constexpr auto options() { return std::tuple{option("--mark", &MarkMatch::mark)…}; }
//     MatchResult eval(Context& context) const;    // a target's gives a Verdict
//     void compile(Emitter& emitter) const;       // optional
//     void prepare(Emitter& emitter);             // of a target, optional: what its program needs
//     std::string finish(const Placement& place);  // optional
//     void list(const Scope& scope, std::string& out) const;  // optional: as `iptables -L` has it
//   };
//   constinit const MatchType kMarkMatch = match_type<MarkMatch>();
//
// and a line in registry.cc. `eval` is the meaning, slow and obvious. `compile`
// must agree with it; without one, the compiled program calls eval. `finish` is
// called once when a rule's words have been read: it refuses what no single option
// can see (the text says what is wrong), and drops what iptables-save would not print
// (by clearing `given`). A match with several options tells explain which of them
// failed by `describe(emitter, *this, "--dport")` before the tests of each.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "lang/option.h"
#include "program/context.h"
#include "program/emitter.h"

namespace sallyport {

class SetStore;

// Places, as bit sets.
constexpr uint8_t table_bit(TableId table) {
  return static_cast<uint8_t>(1u << static_cast<unsigned>(table));
}
constexpr uint8_t hook_bit(Hook hook) {
  return static_cast<uint8_t>(1u << static_cast<unsigned>(hook));
}
constexpr uint8_t kAnyTable = 0xff;
constexpr uint8_t kAnyHook = 0xff;
constexpr uint8_t kIpv4Only = 1, kIpv6Only = 2, kBothFamilies = 3;
constexpr uint8_t family_bit(Family family) {
  return family == Family::kIpv4 ? kIpv4Only : kIpv6Only;
}

// Where an extension may stand; iptables or the kernel refuse it elsewhere.
struct Traits {
  std::string_view name;
  std::string_view also;       // another name for the same
  std::string_view summary;    // a sentence for the help
  std::string_view listed;     // what `iptables -L` has before its options, "tcp"
  std::string_view listed_as;  // what it calls a target that has another name in the kernel
  uint8_t families = kBothFamilies;
  uint8_t tables = kAnyTable;
  uint8_t hooks = kAnyHook;  // of the built-in chains that lead to the rule
  uint8_t protocol = 0;      // needs `-p` with this number, not negated; 0: any
  bool implied = false;      // an option of its own, after that -p, brings it in without -m
  uint8_t depends = depends::kPacket;
  bool side_effects = false;  // being asked changes something
  bool needs_conntrack = false;
};

// Of the rule that an extension stands in.
struct Placement {
  Scope scope;
  uint8_t protocol = 0;  // of -p; 0: none
  bool protocol_negated = false;
  uint8_t hooks = 0;               // of this chain, where it is a built-in one
  const SetStore* sets = nullptr;  // null: no sets are known
};

struct ExtensionType {
  Traits traits;
  std::span<const OptionSpec> (*options)();
};

class Extension {
 public:
  virtual ~Extension() = default;
  virtual const Traits& traits() const = 0;
  virtual std::span<const OptionSpec> options() const = 0;
  virtual void* object() = 0;
  virtual const void* object() const = 0;
  // Empty, or what is wrong: a missing option, or the extension's own objection.
  virtual std::string finish(const Placement& place) = 0;
  // The hooks that this use of it allows, which its options may narrow.
  virtual uint8_t hooks() const = 0;
  virtual void compile(Emitter& emitter) const = 0;
  // As `iptables -nL` prints it, a blank before it: " mark match 0x1".
  virtual void list(const Scope& scope, std::string& out) const {
    if (!traits().listed.empty()) out += ' ';
    out += traits().listed;
    list_options(options(), object(), scope, out);
  }
  // " --mark 0x1"
  void write(const Scope& scope, std::string& out) const {
    write_options(options(), object(), scope, out);
  }
};

class Match : public Extension {
 public:
  virtual MatchResult eval(Context& context) const = 0;
};

class Target : public Extension {
 public:
  // kContinue: the next rule.
  virtual Verdict eval(Context& context) const = 0;
};

struct MatchType : ExtensionType {
  std::unique_ptr<Match> (*make)();
};
struct TargetType : ExtensionType {
  std::unique_ptr<Target> (*make)();
};

// Says which option of `self` the tests that follow come from.
template <typename T>
void describe(Emitter& emitter, const T& self, std::string_view option) {
  emitter.condition(option_text(specs_of<T>(), option, &self, Scope{emitter.family(), {}}));
}

// All of an extension's options, for one that is a single condition.
template <typename T>
std::string text_of(const T& self, Family family) {
  std::string text = "-m " + std::string(T::kTraits.name);
  write_options(specs_of<T>(), &self, Scope{family, {}}, text);
  return text;
}

// Tests by calling `self.eval`; an extension with a `tell` says to explain what it found.
template <typename T>
void compile_call(Emitter& emitter, const T& self, uint8_t depends) {
  Tell tell = nullptr;
  if constexpr (requires(const Context& context) { self.tell(context); }) {
    tell = [](const void* options, const Context& context) {
      return static_cast<const T*>(options)->tell(context);
    };
  }
  emitter.test_call([](const void* options,
                       Context& context) { return static_cast<const T*>(options)->eval(context); },
                    std::make_shared<const T>(self), depends, false, tell);
}

template <typename Base, typename T>
class ExtensionOf : public Base {
 public:
  const Traits& traits() const override { return T::kTraits; }
  std::span<const OptionSpec> options() const override { return specs_of<T>(); }
  void* object() override { return &self_; }
  const void* object() const override { return &self_; }
  std::string finish(const Placement& place) override {
    std::string wrong = missing_option(options(), &self_);
    if constexpr (requires { self_.finish(place); }) {
      if (wrong.empty()) wrong = self_.finish(place);
    }
    return wrong;
  }
  void list(const Scope& scope, std::string& out) const override {
    if constexpr (requires { self_.list(scope, out); }) {
      self_.list(scope, out);
    } else {
      Base::list(scope, out);
    }
  }
  uint8_t hooks() const override {
    if constexpr (requires { self_.hooks(); }) return self_.hooks();
    return T::kTraits.hooks;
  }

 protected:
  T self_;
};

template <typename T>
class MatchOf final : public ExtensionOf<Match, T> {
 public:
  MatchResult eval(Context& context) const override { return this->self_.eval(context); }
  void compile(Emitter& emitter) const override {
    if constexpr (requires { this->self_.compile(emitter); }) {
      this->self_.compile(emitter);
    } else {
      emitter.condition(text_of(this->self_, emitter.family()));
      compile_call(emitter, this->self_, T::kTraits.depends);
    }
  }
};

template <typename T>
class TargetOf final : public ExtensionOf<Target, T> {
 public:
  Verdict eval(Context& context) const override { return this->self_.eval(context); }
  void compile(Emitter& emitter) const override {
    auto compiled = std::make_shared<T>(this->self_);
    if constexpr (requires { compiled->prepare(emitter); }) compiled->prepare(emitter);
    emitter.action([](const void* options,
                      Context& context) { return static_cast<const T*>(options)->eval(context); },
                   std::move(compiled));
  }
};

template <typename T>
constexpr MatchType match_type() {
  return {{T::kTraits, specs_of<T>},
          []() -> std::unique_ptr<Match> { return std::make_unique<MatchOf<T>>(); }};
}
template <typename T>
constexpr TargetType target_type() {
  return {{T::kTraits, specs_of<T>},
          []() -> std::unique_ptr<Target> { return std::make_unique<TargetOf<T>>(); }};
}

constexpr MatchResult yes_if(bool condition) {
  return condition ? MatchResult::kYes : MatchResult::kNo;
}

}  // namespace sallyport
