// Random .flow scripts (docs/flow.md): rules, sets, sysctls and packets from a
// seed, without expectations. What the kernel and the engine make of them is to
// be the same.
#pragma once

#include <cstdint>
#include <string>

namespace sallyport::testing {

// The same text for the same seed, on every machine. It always parses and
// always loads.
std::string random_script(uint64_t seed);

}  // namespace sallyport::testing
