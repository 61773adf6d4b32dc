// -m pkttype: how the frame was addressed.
#include "extensions/registry.h"

namespace sallyport {
namespace {

constexpr uint32_t number(PacketType type) {
  return static_cast<uint32_t>(type);
}
constexpr Named kTypes[] = {
    {"unicast", number(PacketType::kHost)},        {"broadcast", number(PacketType::kBroadcast)},
    {"multicast", number(PacketType::kMulticast)}, {"otherhost", number(PacketType::kOtherHost)},
    {"host", number(PacketType::kHost)},           {"bcast", number(PacketType::kBroadcast)},
    {"mcast", number(PacketType::kMulticast)},
};

struct FrameType {
  uint32_t value = 0;
};
std::string read(Text text, const Scope&, FrameType& out) {
  const Named* named = find_named(text, kTypes, Spelling::kAnyCase);
  if (named == nullptr) return unknown_name("packet type", text, kTypes);
  out.value = named->value;
  return {};
}
void write(const FrameType& type, const Scope&, std::string& out) {
  out += name_of(type.value, kTypes);
}

struct PkttypeMatch {
  static constexpr Traits kTraits{.name = "pkttype", .summary = "how the frame was addressed"};

  Arg<FrameType> type;

  static constexpr auto options() {
    return std::tuple{option("--pkt-type", &PkttypeMatch::type)
                          .listed("PKTTYPE = ", "PKTTYPE != ")
                          .negatable()
                          .mandatory()
                          .help("type", "unicast, broadcast, multicast or otherhost")};
  }

  MatchResult eval(Context& context) const {
    uint32_t have = context.packet.fields[Field::kPacketType];
    return yes_if((have == type.value.value) != type.negated);
  }

  void compile(Emitter& emitter) const {
    describe(emitter, *this, "--pkt-type");
    emitter.test(Field::kPacketType, 0xff, type.value.value, type.negated);
  }
};

}  // namespace

constinit const MatchType kPkttypeMatch = match_type<PkttypeMatch>();

}  // namespace sallyport
