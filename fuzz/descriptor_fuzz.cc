// Any text is either a set of descriptors within the language's bounds or a list of
// errors that point into it.
//
// Trusted: nothing. A descriptor file is an administrator's, but may be a download.
#include <cstdlib>

#include "conntrack/discovery/descriptor.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sallyport;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<Descriptor> descriptors;
  Diagnostics diagnostics;
  parse_descriptors(text, descriptors, diagnostics);
  if (!diagnostics.empty() && !descriptors.empty()) std::abort();
  for (const Descriptor& descriptor : descriptors) {
    if (descriptor.name.empty() || descriptor.question.targets.empty()) std::abort();
    if (descriptor.answer.longest() == 0 || descriptor.answer.longest() > 600'000) std::abort();
    for (const Descriptor::Target& target : descriptor.question.targets) {
      if (target.ports.empty()) std::abort();
      if (!target.is_broadcast() && !target.group.is_multicast(target.family)) std::abort();
    }
  }
  for (const Diag& diag : diagnostics.list()) {
    if (diag.span.line == 0 || diag.span.column == 0 || diag.what.size() > 300) std::abort();
  }
  diagnostics.render("fuzz", text);
  return 0;
}
