// random_script SEED...: prints the random scripts of these seeds.
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>

#include "kernel/random_script.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: random_script SEED...\n");
    return 2;
  }
  for (int i = 1; i < argc; i++) {
    char* end = nullptr;
    uint64_t seed = std::strtoull(argv[i], &end, 0);
    if (*end != '\0' || end == argv[i]) {
      fmt::print(stderr, "random_script: '{}' is not a seed\n", argv[i]);
      return 2;
    }
    fmt::print("{}", sallyport::testing::random_script(seed));
  }
  return 0;
}
