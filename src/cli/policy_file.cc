#include "cli/policy_file.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/toml.h"

namespace sallyport {
namespace {

// A text and where it stands.
struct Text {
  std::string value;
  Span span;
};

// One table of the file. A key that was never asked for is unknown, so nothing is listed twice.
class Section {
 public:
  Section(const toml::table& table, Diagnostics& diagnostics)
      : table_(table), diagnostics_(diagnostics) {}

  void fail(Span span, std::string what, std::string hint = {}) {
    diagnostics_.add({span, std::move(what), std::move(hint)});
  }

  std::optional<Text> text(std::string_view key) {
    const toml::node* node = find(key);
    if (!node) return std::nullopt;
    return text_of(*node, key);
  }

  std::optional<Text> required(std::string_view key) {
    std::optional<Text> found = text(key);
    if (!table_.contains(key)) fail(span_of(table_.source()), fmt::format("'{}' is missing", key));
    if (!found || !found->value.empty()) return found;
    fail(found->span, fmt::format("'{}' is empty", key));
    return std::nullopt;
  }

  // A string, or an array of strings.
  std::optional<std::vector<Text>> texts(std::string_view key) {
    const toml::node* node = find(key);
    if (!node) return std::nullopt;
    std::vector<Text> list;
    auto add = [&](const toml::node& one) {
      if (std::optional<Text> found = text_of(one, key)) list.push_back(std::move(*found));
    };
    if (const toml::array* array = node->as_array()) {
      for (const toml::node& one : *array) add(one);
    } else {
      add(*node);
    }
    return list;
  }

  std::optional<bool> flag(std::string_view key) {
    const toml::node* node = find(key);
    if (!node) return std::nullopt;
    if (const toml::value<bool>* value = node->as_boolean()) return value->get();
    fail(span_of(node->source()), fmt::format("'{}' is true or false", key));
    return std::nullopt;
  }

  // [[key]], in order.
  std::vector<Section> sections(std::string_view key) {
    std::vector<Section> list;
    const toml::node* node = find(key);
    if (!node) return list;
    const toml::array* array = node->as_array();
    if (!array || !array->is_homogeneous(toml::node_type::table)) {
      fail(span_of(node->source()), fmt::format("'{}' is a list of tables", key),
           fmt::format("begin each with a line [[{}]]", key));
      return list;
    }
    for (const toml::node& one : *array) list.emplace_back(*one.as_table(), diagnostics_);
    return list;
  }

  // After everything was asked for.
  void finish() {
    for (const auto& [key, node] : table_) {
      if (std::ranges::find(asked_, key.str()) != asked_.end()) continue;
      fail(span_of(key.source(), key.str().size()), fmt::format("unknown key '{}'", key.str()),
           fmt::format("the keys here are {}", fmt::join(asked_, ", ")));
    }
  }

 private:
  const toml::node* find(std::string_view key) {
    asked_.push_back(key);
    return table_.get(key);
  }

  std::optional<Text> text_of(const toml::node& node, std::string_view key) {
    if (const toml::value<std::string>* value = node.as_string()) {
      return Text{value->get(), span_of(node.source(), value->get().size() + 2)};
    }
    fail(span_of(node.source()), fmt::format("'{}' is a string in quotes", key));
    return std::nullopt;
  }

  const toml::table& table_;
  Diagnostics& diagnostics_;
  std::vector<std::string_view> asked_;
};

class PolicyReader {
 public:
  PolicyReader(const InputFile& file, Diagnostics& diagnostics)
      : folder_(std::filesystem::path(file.name).parent_path()), diagnostics_(diagnostics) {}

  PolicyFile read(const toml::table& table) {
    Section root(table, diagnostics_);
    PolicyFile file;
    Inputs common;
    read_inputs(root, common);
    for (Section& section : root.sections("policy")) {
      PolicyFile::Policy& policy = file.policies.emplace_back();
      policy.inputs = common;
      if (std::optional<Text> name = section.required("name")) policy.name = name->value;
      read_inputs(section, policy.inputs);
      section.finish();
    }
    for (Section& section : root.sections("packet")) read_packet(section, file);
    for (Section& section : root.sections("exposure")) read_exposure(section, file);
    root.finish();
    if (file.policies.empty()) root.fail({1, 1, 0}, "no [[policy]]", "see docs/compare.md");
    if (file.packets.empty()) root.fail({1, 1, 0}, "no [[packet]]", "see docs/compare.md");
    return file;
  }

 private:
  std::string path(const Text& name) const { return (folder_ / name.value).string(); }

  void read_choice(Section& section, std::string_view key,
                   const std::vector<std::string_view>& choices, std::string& value) {
    std::optional<Text> text = section.text(key);
    if (!text) return;
    if (std::ranges::find(choices, text->value) == choices.end()) {
      section.fail(text->span, fmt::format("'{}' cannot be '{}'", key, text->value),
                   fmt::format("{}", fmt::join(choices, " or ")));
    }
    value = text->value;
  }

  void read_list(Section& section, std::string_view key, std::vector<std::string>& values) {
    std::optional<std::vector<Text>> texts = section.texts(key);
    if (!texts) return;
    values.clear();
    for (const Text& text : *texts) values.push_back(text.value);
  }

  void read_inputs(Section& section, Inputs& inputs) {
    for (auto [key, file] :
         {std::pair("rules", &inputs.rules), std::pair("rules6", &inputs.rules6),
          std::pair("sets", &inputs.sets), std::pair("conntrack", &inputs.conntrack),
          std::pair("labels", &inputs.labels)}) {
      if (std::optional<Text> name = section.text(key)) *file = path(*name);
    }
    if (std::optional<std::vector<Text>> names = section.texts("discovery")) {
      inputs.discovery.clear();
      for (const Text& name : *names) inputs.discovery.push_back(path(name));
    }
    if (std::optional<std::vector<Text>> knobs = section.texts("sysctl")) {
      inputs.sysctls.clear();
      for (const Text& knob : *knobs) {
        bool is_knob = knob.value.find('=') != std::string::npos;
        inputs.sysctls.push_back(is_knob ? knob.value : path(knob));
      }
    }
    read_list(section, "host", inputs.hosts);
    read_list(section, "inside", inputs.inside);
    read_list(section, "group", inputs.groups);
    if (std::optional<Text> name = section.text("in-if")) inputs.in_if = name->value;
    if (std::optional<Text> name = section.text("out-if")) inputs.out_if = name->value;
    if (std::optional<Text> name = section.text("bridge")) inputs.bridge = name->value;
    inputs.forward = section.flag("forward").value_or(inputs.forward);
    read_choice(section, "compat", {"linux", ""}, inputs.compat);
    read_choice(section, "checksums", {"verify", "ignore"}, inputs.checksums);
  }

  std::optional<CaptureFilter> read_filter(Section& section, std::string_view key, Span& span) {
    std::optional<Text> text = section.required(key);
    if (!text) return std::nullopt;
    span = text->span;
    std::expected<CaptureFilter, std::string> filter = CaptureFilter::compile(text->value);
    if (filter) return std::move(*filter);
    section.fail(text->span, fmt::format("'{}': {}", key, filter.error()),
                 "this is tcpdump's language, see pcap-filter(7)");
    return std::nullopt;
  }

  void read_packet(Section& section, PolicyFile& file) {
    std::optional<Text> name = section.required("name");
    Span span;
    std::optional<CaptureFilter> filter = read_filter(section, "filter", span);
    bool unwanted = section.flag("unwanted").value_or(false);
    section.finish();
    if (name && filter) file.packets.push_back({name->value, std::move(*filter), span, unwanted});
  }

  // A line of docs/flow.md, without time and expectation. Its errors are placed as if the string
  // had no escapes.
  std::optional<ScriptPacket> read_line(Section& section, const Text& text) {
    Diagnostics errors;
    std::optional<ScriptPacket> packet =
        parse_script_line(text.value, text.span.line, std::nullopt, errors);
    for (Diag error : errors.list()) {
      error.span.column += text.span.column;
      diagnostics_.add(std::move(error));
    }
    if (packet && (packet->time != Duration::zero() || packet->expected)) {
      section.fail(text.span, "a probe has no time and no expectation", "these are measured");
    }
    return packet;
  }

  void read_exposure(Section& section, PolicyFile& file) {
    Span span;
    std::optional<CaptureFilter> after = read_filter(section, "after", span);
    std::vector<PolicyFile::Probe> probes;
    for (Section& one : section.sections("probe")) {
      std::optional<Text> admits = one.required("admits");
      std::optional<Text> question = one.text("question");
      std::optional<Text> packet = one.required("packet");
      one.finish();
      PolicyFile::Probe& probe = probes.emplace_back();
      if (admits) probe.admits = admits->value;
      if (question) probe.question = read_line(one, *question);
      if (std::optional<ScriptPacket> line = packet ? read_line(one, *packet) : std::nullopt) {
        probe.packet = std::move(*line);
      }
    }
    section.finish();
    if (after) file.exposures.push_back({std::move(*after), span, std::move(probes)});
  }

  std::filesystem::path folder_;
  Diagnostics& diagnostics_;
};

}  // namespace

std::optional<PolicyFile> parse_policy_file(const InputFile& file, Diagnostics& diagnostics) {
  const std::optional<toml::table> table = parse_toml(file, diagnostics);
  if (!table) return std::nullopt;
  PolicyFile read = PolicyReader(file, diagnostics).read(*table);
  if (!diagnostics.empty()) return std::nullopt;
  return read;
}

}  // namespace sallyport
