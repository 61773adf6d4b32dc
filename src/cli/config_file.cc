#include "cli/config_file.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>
#include <vector>

#include "cli/toml.h"

namespace sallyport {
namespace {

class ConfigReader {
 public:
  ConfigReader(const InputFile& file, const Subcommand& command,
               std::span<const std::string_view> not_here, Diagnostics& diagnostics)
      : folder_(std::filesystem::path(file.name).parent_path()), diagnostics_(diagnostics) {
    for (const Subcommand::Option& option : command.options()) {
      if (std::ranges::find(not_here, option.name()) == not_here.end()) keys_.push_back(option);
    }
  }

  void read(const toml::table& table) {
    for (const auto& [key, node] : table) {
      const auto option = std::ranges::find(keys_, key.str(), &Subcommand::Option::name);
      if (option != keys_.end()) {
        if (!option->given()) give(*option, node);
      } else {
        fail(span_of(key.source(), key.str().size()), fmt::format("unknown key '{}'", key.str()),
             fmt::format("the keys are {}", fmt::join(names(), ", ")));
      }
    }
  }

 private:
  void fail(Span span, std::string what, std::string hint = {}) {
    diagnostics_.add({span, std::move(what), std::move(hint)});
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names(keys_.size());
    std::ranges::transform(keys_, names.begin(), &Subcommand::Option::name);
    std::ranges::sort(names);
    return names;
  }

  void give(Subcommand::Option option, const toml::node& node) {
    std::vector<std::string> values;
    auto add = [&](const toml::node& one) {
      std::optional<std::string> text = text_of(one);
      if (!text) {
        fail(span_of(one.source()), fmt::format("'{}' is a string in quotes, a number, or a list "
                                                "of these",
                                                option.name()));
        return;
      }
      values.push_back(in_folder(option, *text));
    };
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& one : *array) add(one);
    } else {
      add(node);
    }
    if (values.empty()) return;
    std::expected<void, std::string> given = option.give(std::move(values));
    if (!given) fail(span_of(node.source()), given.error());
  }

  static std::optional<std::string> text_of(const toml::node& node) {
    if (const auto* value = node.as_string()) return value->get();
    if (const auto* value = node.as_integer()) return std::to_string(value->get());
    return std::nullopt;
  }

  // What an option says that it takes tells whether it is a file's name.
  std::string in_folder(Subcommand::Option option, const std::string& value) const {
    const std::string takes = option.taken();
    const bool file = takes.find("FILE") != std::string::npos;
    const bool knob = takes.starts_with("K=V") && value.find('=') != std::string::npos;
    return file && !knob ? (folder_ / value).string() : value;
  }

  std::filesystem::path folder_;
  std::vector<Subcommand::Option> keys_;
  Diagnostics& diagnostics_;
};

}  // namespace

void apply_config(const InputFile& file, const Subcommand& command,
                  std::span<const std::string_view> not_here, Diagnostics& diagnostics) {
  if (std::optional<toml::table> table = parse_toml(file, diagnostics)) {
    ConfigReader(file, command, not_here, diagnostics).read(*table);
  }
}

}  // namespace sallyport
