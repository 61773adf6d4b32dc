#include "cli/comparison.h"

#include <algorithm>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/json.h"
#include "cli/table.h"
#include "cli/words.h"

namespace sallyport {
namespace {

// What is to be known of the capture before any policy sees it.
struct Scan {
  std::vector<Instant> times;
  std::vector<std::optional<uint64_t>> packets;  // the first record for each filter
  std::vector<std::optional<uint64_t>> exposures;
};

Scan scan(PolicyFile& file, const CaptureFile& capture) {
  Scan found{.times = {},
             .packets = std::vector<std::optional<uint64_t>>(file.packets.size()),
             .exposures = std::vector<std::optional<uint64_t>>(file.exposures.size())};
  auto look = [](CaptureFilter& filter, const Record& record, std::optional<uint64_t>& first) {
    if (!first && filter.matches(record)) first = record.index;
  };
  Capture records = capture.read();
  std::vector<Record> burst(256);
  for (size_t count; (count = records.read(burst)) > 0;) {
    for (const Record& record : std::span(burst).first(count)) {
      found.times.push_back(record.time);
      for (size_t i = 0; i < file.packets.size(); i++) {
        look(file.packets[i].filter, record, found.packets[i]);
      }
      for (size_t i = 0; i < file.exposures.size(); i++) {
        look(file.exposures[i].after, record, found.exposures[i]);
      }
    }
  }
  return found;
}

// What matches nothing is an error: the table would lie by leaving it out.
Diagnostics check(const PolicyFile& file, const Scan& found, const std::string& capture) {
  Diagnostics diagnostics;
  auto need = [&](const std::optional<uint64_t>& first, const Span& span) {
    if (!first) diagnostics.add({span, fmt::format("no packet of {} matches", capture), {}});
  };
  for (size_t i = 0; i < file.packets.size(); i++) need(found.packets[i], file.packets[i].span);
  for (size_t i = 0; i < file.exposures.size(); i++) {
    need(found.exposures[i], file.exposures[i].span);
  }
  return diagnostics;
}

std::optional<std::vector<Outcome>> judge(const Sources& sources, const CaptureFile& capture,
                                          const Scan& found, std::vector<std::string>& notes,
                                          std::ostream& errors) {
  std::unique_ptr<Session> session = Session::make(sources, capture, errors);
  if (!session) return std::nullopt;
  for (const std::string& note : session->notes()) {
    if (std::ranges::find(notes, note) == notes.end()) notes.push_back(note);
  }
  std::vector<Outcome> outcomes(found.packets.size());
  std::span<const Judged> burst;
  while (session->replay().next(burst)) {
    for (const Judged& judged : burst) {
      for (size_t i = 0; i < outcomes.size(); i++) {
        if (judged.record.index == *found.packets[i]) outcomes[i] = judged.outcome;
      }
    }
  }
  return outcomes;
}

// As it should be in small letters.
Cell verdict_cell(const Outcome& outcome, bool unwanted) {
  bool in = outcome.fate == Outcome::Fate::kAccept;
  bool right = in != unwanted;
  std::string text = in ? (right ? "yes" : "YES") : (right ? "no" : "NO");
  if (!outcome.certain) text += '?';
  return {{std::move(text)}, right ? Cell::Mood::kGood : Cell::Mood::kBad};
}

TextTable table_of(const Comparison& comparison) {
  TextTable table;
  table.header.push_back("policy");
  for (const Comparison::Packet& packet : comparison.packets) table.header.push_back(packet.name);
  if (comparison.probed) table.header.push_back("what else it admits");
  for (const Comparison::Policy& policy : comparison.policies) {
    std::vector<Cell>& row = table.rows.emplace_back();
    row.push_back({{policy.name}});
    for (size_t i = 0; i < comparison.packets.size(); i++) {
      row.push_back(verdict_cell(policy.outcomes[i], comparison.packets[i].unwanted));
    }
    if (!comparison.probed) continue;
    Cell& admits = row.emplace_back();
    for (const Admission& admission : policy.admits) {
      admits.paragraphs.push_back(fmt::format("{}, {}", admission.what, admission.time_text()));
    }
    if (policy.admits.empty()) admits.paragraphs.push_back("nothing that was tried");
  }
  return table;
}

bool any_uncertain(const Comparison& comparison) {
  return std::ranges::any_of(comparison.policies, [](const Comparison::Policy& policy) {
    return std::ranges::any_of(policy.outcomes,
                               [](const Outcome& outcome) { return !outcome.certain; });
  });
}

}  // namespace

std::optional<Comparison> compare(const InputFile& file, PolicyFile policies,
                                  const CaptureFile& capture, std::ostream& errors) {
  Scan found = scan(policies, capture);
  Diagnostics diagnostics = check(policies, found, capture.name());
  errors << diagnostics.render(file.name, file.text);
  bool right = diagnostics.empty();

  Comparison comparison{.probed = !policies.exposures.empty()};
  for (size_t i = 0; i < policies.packets.size() && right; i++) {
    const PolicyFile::Packet& packet = policies.packets[i];
    comparison.packets.push_back({packet.name, *found.packets[i], packet.unwanted});
  }
  for (const PolicyFile::Policy& policy : policies.policies) {
    std::optional<Sources> sources = read_sources(policy.inputs, errors);
    if (!right) continue;
    std::optional<std::vector<Outcome>> outcomes;
    if (sources) outcomes = judge(*sources, capture, found, comparison.notes, errors);
    right = outcomes.has_value();
    if (!right) continue;
    Comparison::Policy& row = comparison.policies.emplace_back();
    row.name = policy.name;
    row.outcomes = std::move(*outcomes);
    ExposureMeter meter(*sources, capture, found.times);
    for (size_t i = 0; i < policies.exposures.size(); i++) {
      std::ranges::move(meter.measure(policies.exposures[i], *found.exposures[i]),
                        std::back_inserter(row.admits));
    }
  }
  return right ? std::optional(std::move(comparison)) : std::nullopt;
}

void print_text(std::ostream& out, const Style& style, const Comparison& comparison) {
  constexpr size_t kWidth = 130;
  for (const std::string& note : comparison.notes) out << fmt::format("note: {}\n", note);
  table_of(comparison).print(out, style, kWidth);
  out << "\nyes: accepted, no: not; in capitals where it should be the other way\n";
  if (any_uncertain(comparison)) {
    out << "?: hangs on what the capture does not show\n";
  }
}

void print_markdown(std::ostream& out, const Comparison& comparison) {
  table_of(comparison).print_markdown(out);
}

std::string comparison_json(const Comparison& comparison) {
  using Json = nlohmann::ordered_json;
  Json json{{"packets", Json::array()}, {"policies", Json::array()}};
  for (const Comparison::Packet& packet : comparison.packets) {
    json["packets"].push_back(
        {{"name", packet.name}, {"i", packet.index}, {"unwanted", packet.unwanted}});
  }
  for (const Comparison::Policy& policy : comparison.policies) {
    Json verdicts = Json::array(), admits = Json::array();
    for (const Outcome& outcome : policy.outcomes) {
      Json verdict{{"verdict", verdict_word(outcome.fate)},
                   {"state", nullptr},
                   {"reason", reason_name(outcome.reason)},
                   {"certain", outcome.certain}};
      if (outcome.info != CtInfo::kNone) verdict["state"] = ct_info_name(outcome.info);
      verdicts.push_back(std::move(verdict));
    }
    for (const Admission& admission : policy.admits) {
      Json one{{"what", admission.what}, {"seconds", nullptr}, {"always", admission.always}};
      if (admission.time < Admission::kLongest) {
        one["seconds"] = std::chrono::duration<double>(admission.shown()).count();
      }
      admits.push_back(std::move(one));
    }
    json["policies"].push_back(
        {{"name", policy.name}, {"verdicts", std::move(verdicts)}, {"admits", std::move(admits)}});
  }
  return json_text(json);
}

}  // namespace sallyport
