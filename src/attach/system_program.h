// Runs a program of the system's (nft, iptables, ipset), and waits for it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sallyport {

struct Ran {
  int code = -1;  // the exit code; -1: it could not be run
  std::string out;
  std::string errors;  // what it said of errors, without the last line end; or why it was not run
};

// `command` is looked for where the system has its programs, whatever PATH we were given, and runs
// with nothing else in its environment.
Ran run_program(std::vector<std::string> command, std::string_view input = {});

}  // namespace sallyport
