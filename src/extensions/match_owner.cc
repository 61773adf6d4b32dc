// -m owner: whose socket sends the packet. Only a live firewall can tell; a capture holds no owner.
//
// A packet without a socket (a reset of the kernel's, an ICMP answer) matches if everything that is
// asked is negated, and else not: --socket-exists included (Linux 6.18, tests/live/run_test.py).
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>

#include "extensions/registry.h"

namespace sallyport {
namespace {

struct IdRange {
  uint32_t low = 0, high = 0;
};

bool read_id(Text text, uint32_t& out) {
  const std::optional<uint64_t> number = read_decimal(text);
  if (!number || *number >= ~0u) return false;
  out = static_cast<uint32_t>(*number);
  return true;
}

// A number, a range of them, or a name that this machine knows.
template <typename Find>
std::string read_ids(Text text, std::string_view what, Find find, IdRange& out) {
  const size_t dash = text.find('-');
  if (read_id(text.substr(0, dash), out.low)) {
    out.high = out.low;
    if (dash == Text::npos) return {};
    if (read_id(text.substr(dash + 1), out.high) && out.low <= out.high) return {};
  } else if (std::optional<uint32_t> id = find(std::string(text))) {
    out.low = out.high = *id;
    return {};
  }
  return fmt::format("'{}' is no {}, its number, or a range of numbers", text, what);
}

struct Users : IdRange {};
std::string read(Text text, const Scope&, Users& out) {
  return read_ids(
      text, "user",
      [](const std::string& name) -> std::optional<uint32_t> {
        const passwd* found = ::getpwnam(name.c_str());
        return found ? std::optional(uint32_t{found->pw_uid}) : std::nullopt;
      },
      out);
}
struct Groups : IdRange {};
std::string read(Text text, const Scope&, Groups& out) {
  return read_ids(
      text, "group",
      [](const std::string& name) -> std::optional<uint32_t> {
        const group* found = ::getgrnam(name.c_str());
        return found ? std::optional(uint32_t{found->gr_gid}) : std::nullopt;
      },
      out);
}
void write(const IdRange& range, const Scope&, std::string& out) {
  out += std::to_string(range.low);
  if (range.high != range.low) out += '-' + std::to_string(range.high);
}

struct OwnerMatch {
  static constexpr Traits kTraits{.name = "owner",
                                  .summary = "whose socket sends the packet",
                                  .hooks = hook_bit(Hook::kOutput) | hook_bit(Hook::kPostrouting)};

  Arg<Users> user;
  Arg<Groups> group;
  Arg<Flag> exists;

  static constexpr auto options() {
    using Self = OwnerMatch;
    return std::tuple{option("--socket-exists", &Self::exists)
                          .negatable()
                          .listed("owner socket exists", "! owner socket exists")
                          .help("", "a socket sends it"),
                      option("--uid-owner", &Self::user)
                          .negatable()
                          .listed("owner UID match ", "! owner UID match ")
                          .help("user[-user]", "one of this user"),
                      option("--gid-owner", &Self::group)
                          .negatable()
                          .listed("owner GID match ", "! owner GID match ")
                          .help("group[-group]", "one of this group")};
  }

  std::string finish(const Placement&) const {
    if (user.given || group.given || exists.given) return {};
    return "--uid-owner, --gid-owner or --socket-exists is needed";
  }

  MatchResult eval(Context& context) const {
    const Packet& packet = context.packet;
    if (packet.owner == Packet::Owner::kUnknown) {
      context.not_captured = true;
      return MatchResult::kNo;
    }
    if (packet.owner == Packet::Owner::kNone) {
      const bool asked = (user.given && !user.negated) || (group.given && !group.negated) ||
                         (exists.given && !exists.negated);
      return yes_if(!asked);
    }
    if (exists.given && exists.negated) return MatchResult::kNo;
    return yes_if(holds(user, packet.uid) && holds(group, packet.gid));
  }

 private:
  template <typename Range>
  static bool holds(const Arg<Range>& range, uint32_t id) {
    return !range.given || (id >= range.value.low && id <= range.value.high) != range.negated;
  }
};

}  // namespace

constinit const MatchType kOwnerMatch = match_type<OwnerMatch>();

}  // namespace sallyport
