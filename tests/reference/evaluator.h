// The slow evaluator of a ruleset: the tree, walked as it is read.
//
// It is what the compiled program is compared with, so it shares nothing with it
// but the meaning of each extension, eval(): no instructions, no offsets, a
// recursion for every jump. Linked into tests only. What a match remembers is its
// own, by its place in the tree.
#pragma once

#include <map>
#include <string>

#include "rules/ruleset.h"

namespace sallyport::reference {

struct Answer {
  Verdict verdict = Verdict::kAccept;
  std::string chain;    // of the rule that decided
  uint32_t number = 0;  // from 1; 0: the policy
  bool hotdrop = false;
};

using Memories = std::map<const void*, Memory>;

// The table must have a chain for the context's hook.
Answer evaluate(const Ruleset& rules, TableId table, Context& context, Memories& memories);

}  // namespace sallyport::reference
