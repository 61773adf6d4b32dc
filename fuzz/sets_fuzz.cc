// Any text is either refused as a whole, with errors that point into it, or makes
// sets that print as a text that makes the same sets.
//
// Trusted: nothing. Set texts come from other machines (`ipset save`), and from
// downloaded lists of addresses.
#include <cstdlib>

#include "sets/set_store.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sallyport;
  constexpr Tick kNow = 1000;
  // Small limits: what a text costs is the unit tests' subject.
  constexpr SetStore::Limits kLimits{.elements = 2048, .expanded = 16384};
  std::string_view text(reinterpret_cast<const char*>(data), size);
  SetStore store(make_hash_key(1), kLimits);
  Diagnostics diagnostics;
  bool fine = store.restore(text, kNow, diagnostics);
  if (fine != diagnostics.empty()) std::abort();
  for (const Diag& diag : diagnostics.list()) {
    if (diag.span.line == 0 || diag.span.column == 0 || diag.what.size() > 300) std::abort();
  }
  diagnostics.render("fuzz", text);
  std::string saved = store.save(kNow);
  if (!fine && !saved.empty()) std::abort();
  SetStore again(make_hash_key(2), kLimits);
  if (!again.restore(saved, kNow, diagnostics) && fine) std::abort();
  if (again.save(kNow) != saved) std::abort();
  // What has expired must go without a trace.
  store.reserve(kNow + ticks(2));
  store.save(kNow + ticks(2));
  return 0;
}
