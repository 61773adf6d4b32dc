#include "cli/config_file.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/toml.h"

namespace sallyport {
namespace {

class ConfigReader {
 public:
  ConfigReader(const InputFile& file, CLI::App& command, std::span<const std::string_view> not_here,
               Diagnostics& diagnostics)
      : folder_(std::filesystem::path(file.name).parent_path()),
        command_(command),
        not_here_(not_here),
        diagnostics_(diagnostics) {}

  void read(const toml::table& table) {
    for (const auto& [key, node] : table) {
      if (CLI::Option* option = find(key.str())) {
        if (option->count() == 0) give(*option, node);
      } else {
        fail(span_of(key.source(), key.str().size()), fmt::format("unknown key '{}'", key.str()),
             fmt::format("the keys are {}", fmt::join(keys(), ", ")));
      }
    }
  }

 private:
  void fail(Span span, std::string what, std::string hint = {}) {
    diagnostics_.add({span, std::move(what), std::move(hint)});
  }

  bool is_key(const CLI::Option& option) const {
    const std::vector<std::string>& names = option.get_lnames();
    if (names.empty() || names.front() == "help") return false;
    return std::ranges::find(not_here_, names.front()) == not_here_.end();
  }
  CLI::Option* find(std::string_view key) {
    CLI::Option* option = command_.get_option_no_throw("--" + std::string(key));
    return option && is_key(*option) ? option : nullptr;
  }
  std::vector<std::string> keys() const {
    std::vector<std::string> names;
    for (const CLI::Option* option : std::as_const(command_).get_options()) {
      if (is_key(*option)) names.push_back(option->get_lnames().front());
    }
    std::ranges::sort(names);
    return names;
  }

  void give(CLI::Option& option, const toml::node& node) {
    std::vector<std::string> values;
    auto add = [&](const toml::node& one) {
      std::optional<std::string> text = text_of(one);
      if (!text) {
        fail(span_of(one.source()), fmt::format("'{}' is a string in quotes, a number, or a list "
                                                "of these",
                                                option.get_lnames().front()));
        return;
      }
      values.push_back(in_folder(option, std::move(*text)));
    };
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& one : *array) add(one);
    } else {
      add(node);
    }
    if (values.empty()) return;
    try {
      option.add_result(std::move(values));
      option.run_callback();
    } catch (const CLI::ParseError& error) {
      fail(span_of(node.source()), error.what());
    }
  }

  static std::optional<std::string> text_of(const toml::node& node) {
    if (const auto* value = node.as_string()) return value->get();
    if (const auto* value = node.as_integer()) return std::to_string(value->get());
    return std::nullopt;
  }

  // What an option says that it takes tells whether it is a file's name.
  std::string in_folder(const CLI::Option& option, std::string value) const {
    const std::string takes = option.get_option_text();
    const bool file = takes.find("FILE") != std::string::npos;
    const bool knob = takes.starts_with("K=V") && value.find('=') != std::string::npos;
    return file && !knob ? (folder_ / value).string() : value;
  }

  std::filesystem::path folder_;
  CLI::App& command_;
  std::span<const std::string_view> not_here_;
  Diagnostics& diagnostics_;
};

}  // namespace

void apply_config(const InputFile& file, CLI::App& command,
                  std::span<const std::string_view> not_here, Diagnostics& diagnostics) {
  if (std::optional<toml::table> table = parse_toml(file, diagnostics)) {
    ConfigReader(file, command, not_here, diagnostics).read(*table);
  }
}

}  // namespace sallyport
