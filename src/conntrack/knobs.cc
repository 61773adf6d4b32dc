#include "conntrack/knobs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <string>

namespace sallyport {
namespace {

struct Knob {
  std::string_view name;
  uint32_t Knobs::* member;
  uint32_t lowest;
  uint32_t highest;
};

constexpr Knob kKnobs[] = {
#define X(member, name, initial, lowest, highest) {name, &Knobs::member, lowest, highest},
    SALLYPORT_CONNTRACK_KNOBS(X)
#undef X
};

// Knobs that Linux has and that change nothing that a packet could tell here: sizes
// of its tables, its logs, its events. /proc/sys/net/netfilter of Linux 6.18, and
// names that older kernels had and that people's sysctl.conf still holds.
constexpr std::string_view kWithoutEffect[] = {
    "net.netfilter.nf_conntrack_buckets",
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_dccp_loose",
    "net.netfilter.nf_conntrack_events",
    "net.netfilter.nf_conntrack_events_retry_timeout",
    "net.netfilter.nf_conntrack_frag6_low_thresh",
    "net.netfilter.nf_conntrack_helper",
    "net.netfilter.nf_conntrack_log_invalid",
    "net.nf_conntrack_max",
};

constexpr std::string_view kBlank = " \t\r\f\v";

std::string_view trimmed(std::string_view text) {
  size_t begin = text.find_first_not_of(kBlank);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// sysctl(8) takes "net/netfilter/…" as well.
std::string dotted(std::string_view name) {
  std::string result(name);
  std::ranges::replace(result, '/', '.');
  return result;
}

const Knob* find_knob(std::string_view name) {
  auto knob = std::ranges::find(kKnobs, name, &Knob::name);
  return knob == std::end(kKnobs) ? nullptr : knob;
}

bool is_ours(std::string_view name) {
  return name.starts_with("net.netfilter.") || name.starts_with("sallyport.") || find_knob(name);
}

Diag at(Span span, std::string what, std::string hint) {
  return Diag{span, std::move(what), std::move(hint)};
}

// `span` is that of the name, `value_span` that of the value.
Result<void> set_one(Knobs& knobs, std::string_view written, Span span, std::string_view value,
                     Span value_span) {
  std::string name = dotted(written);
  const Knob* knob = find_knob(name);
  if (!knob) {
    if (std::ranges::find(kWithoutEffect, name) != std::end(kWithoutEffect)) return {};
    std::string whole = "net.netfilter." + name;
    std::string hint = find_knob(whole) ? "the name is " + whole : std::string{};
    return std::unexpected(at(span, fmt::format("no such knob: {}", written), hint));
  }
  uint64_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  bool whole = error == std::errc{} && end == value.data() + value.size();
  if (!whole || number < knob->lowest || number > knob->highest) {
    return std::unexpected(at(value_span,
                              fmt::format("{} takes a number from {} to {}, not \"{}\"", name,
                                          knob->lowest, knob->highest, value),
                              {}));
  }
  knobs.*knob->member = static_cast<uint32_t>(number);
  return {};
}

Span span_of(uint32_t line, std::string_view whole, std::string_view part) {
  return {line, static_cast<uint32_t>(part.data() - whole.data()) + 1,
          static_cast<uint32_t>(part.size())};
}

}  // namespace

Result<void> Knobs::set(std::string_view name, std::string_view value) {
  return set_one(*this, trimmed(name), {}, trimmed(value), {});
}

std::optional<uint32_t> Knobs::get(std::string_view name) const {
  const Knob* knob = find_knob(dotted(trimmed(name)));
  if (!knob) return std::nullopt;
  return this->*knob->member;
}

void Knobs::set_all(std::string_view text, Diagnostics& diagnostics) {
  Knobs changed = *this;
  bool good = true;
  auto wrong = [&](Diag diag) {
    diagnostics.add(std::move(diag));
    good = false;
  };
  uint32_t number = 0;
  while (!text.empty()) {
    number++;
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::string_view body = trimmed(line);
    if (body.empty() || body[0] == '#' || body[0] == ';') continue;
    if (body[0] == '-') body = trimmed(body.substr(1));  // sysctl: "failing to set it is no error"
    size_t equals = body.find('=');
    if (equals == body.npos) {
      if (is_ours(dotted(body))) {
        wrong(at(span_of(number, line, body), "a knob without a value", "write NAME = VALUE"));
      }
      continue;
    }
    std::string_view name = trimmed(body.substr(0, equals));
    std::string_view value = trimmed(body.substr(equals + 1));
    if (!is_ours(dotted(name))) continue;
    if (value.empty()) value = body.substr(equals + 1, 0);
    auto result =
        set_one(changed, name, span_of(number, line, name), value, span_of(number, line, value));
    if (!result) wrong(std::move(result.error()));
  }
  if (good) *this = changed;
}

std::vector<std::string_view> Knobs::names() {
  std::vector<std::string_view> result;
  for (const Knob& knob : kKnobs) result.push_back(knob.name);
  return result;
}

}  // namespace sallyport
