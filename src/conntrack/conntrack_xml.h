// Flows as `conntrack -o xml` prints them, in a listing and as events, from the same FlowLine as
// its text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "conntrack/conntrack_text.h"

namespace sallyport {

// Around the flows; nothing at all where there is none.
constexpr std::string_view kXmlBegin = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<conntrack>\n";
constexpr std::string_view kXmlEnd = "</conntrack>\n";

// A <flow> in one line, without its end. The id is always there; labels are with their names.
std::string xml_text(const FlowLine& line, const LabelNames* labels);
// As `conntrack -E` has it, with the time, if there is one, as the local clock shows it.
std::string event_xml(const FlowEvent& event, const Knobs& knobs, const LabelNames* labels,
                      std::optional<Instant> when);

}  // namespace sallyport
