// Reads a set text from standard input and prints what `ipset save` would after
// `ipset restore` of it, or the errors (exit code 1). For sets.py.
#include <iostream>
#include <iterator>

#include "sets/set_store.h"

int main() {
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  sallyport::SetStore store(sallyport::make_hash_key(1));
  sallyport::Diagnostics diagnostics;
  if (!store.restore(text, 0, diagnostics)) {
    std::cout << diagnostics.render("stdin", text);
    return 1;
  }
  std::cout << store.save(0);
  return 0;
}
