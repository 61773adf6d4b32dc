#include "lang/names.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <unordered_map>
#include <vector>

#include "lang/value.h"

namespace sallyport {
namespace {

// IANA's numbers of the protocols that the engine or its rules treat by name, spelled as Debian's
// /etc/protocols spells them; and the names that iptables knows beside that file (tried with
// iptables 1.8.9 in a namespace without /etc/protocols).
struct Protocol {
  std::string_view name;
  uint8_t number;
};
constexpr Protocol kProtocols[] = {
    {"tcp", 6},        {"udp", 17},  {"udplite", 136}, {"icmp", 1},   {"icmpv6", 58},
    {"ipv6-icmp", 58}, {"esp", 50},  {"ah", 51},       {"sctp", 132}, {"ipv6-mh", 135},
    {"mh", 135},       {"dccp", 33}, {"igmp", 2},      {"gre", 47},   {"ipv6-frag", 44},
};

struct Database {
  std::unordered_map<std::string, uint8_t> protocols;
  std::vector<std::string> protocol_names = std::vector<std::string>(256);
  // "domain/udp"; the first one of any protocol: "domain/".
  std::unordered_map<std::string, uint16_t> services;
};

constexpr std::streamsize kMostBytes = 1 << 20;

std::string file_text(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMostBytes, '\0');
  file.read(text.data(), kMostBytes);
  text.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return text;
}

// "NAME VALUE ALIAS…", a # begins a comment.
template <typename Take>
void each_entry(const char* path, Take take) {
  std::istringstream lines(file_text(path));
  std::string line;
  while (std::getline(lines, line)) {
    line.resize(std::min(line.size(), line.find('#')));
    std::istringstream words(line);
    std::string name, value, alias;
    if (!(words >> name >> value)) continue;
    std::vector<std::string> names{name};
    while (words >> alias) names.push_back(alias);
    take(names, value);
  }
}

Database load() {
  Database database;
  auto add = [&](std::string_view name, uint8_t number) {
    database.protocols.try_emplace(lower_case(name), number);
  };
  each_entry("/etc/protocols",
             [&](const std::vector<std::string>& names, const std::string& value) {
               std::optional<uint64_t> number = read_decimal(value);
               if (!number || *number > 255) return;
               std::string& printed = database.protocol_names[*number];
               if (printed.empty()) printed = names[0];
               for (const std::string& name : names) add(name, static_cast<uint8_t>(*number));
             });
  for (const Protocol& protocol : kProtocols) {
    add(protocol.name, protocol.number);
    std::string& printed = database.protocol_names[protocol.number];
    if (printed.empty()) printed = protocol.name;
  }
  each_entry("/etc/services", [&](const std::vector<std::string>& names, const std::string& value) {
    size_t slash = value.find('/');
    if (slash == std::string::npos) return;
    std::optional<uint64_t> port = read_decimal(std::string_view(value).substr(0, slash));
    if (!port || *port > 65535) return;
    for (const std::string& name : names) {
      database.services.try_emplace(name + value.substr(slash), static_cast<uint16_t>(*port));
      database.services.try_emplace(name + "/", static_cast<uint16_t>(*port));
    }
  });
  return database;
}

const Database& database() {
  static const Database loaded = load();
  return loaded;
}

}  // namespace

std::optional<uint8_t> protocol_number(std::string_view text) {
  if (std::optional<uint64_t> number = read_number(text)) {
    if (*number > 255) return std::nullopt;
    return static_cast<uint8_t>(*number);
  }
  std::string name = lower_case(text);
  if (name == "all") return uint8_t{0};
  auto found = database().protocols.find(name);
  if (found == database().protocols.end()) return std::nullopt;
  return found->second;
}

std::string protocol_name(uint8_t number) {
  const std::string& name = database().protocol_names[number];
  return name.empty() ? std::to_string(number) : name;
}

std::optional<uint16_t> service_port(std::string_view name, std::string_view protocol) {
  auto found = database().services.find(std::string(name) + "/" + std::string(protocol));
  if (found == database().services.end()) return std::nullopt;
  return found->second;
}

}  // namespace sallyport
