// The names of conntrack labels, as /etc/xtables/connlabel.conf gives them to iptables and
// conntrack: a line "NUMBER NAME" each, the number decimal, 0x hexadecimal or 0 octal.
//
// A name has letters, digits and '-'. As those tools do (seen with iptables 1.8.9 and conntrack
// 1.4.7), a line of any other form is passed over, and of two lines for one number, or for one
// name, the first counts.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport {

constexpr size_t kMostLabels = 128;  // of a flow, from 0

class LabelNames {
 public:
  LabelNames() = default;
  explicit LabelNames(std::string_view text);

  std::optional<uint8_t> find(std::string_view name) const;
  // Empty: it has none.
  const std::string& of(uint8_t label) const { return names_[label]; }

 private:
  std::array<std::string, kMostLabels> names_;
};

}  // namespace sallyport
