// The subcommands. Each has a file, which adds its options to the program's and
// says, when chosen, what the exit code is.
#pragma once

namespace sallyport {

class CommandLine;

// Exit codes, a contract with scripts.
constexpr int kExitOk = 0;         // as asked
constexpr int kExitNo = 1;         // the answer is no: errors in a file, an expectation not met
constexpr int kExitUsage = 2;      // the command line makes no sense, a file cannot be read
constexpr int kExitUncertain = 3;  // with --strict: an answer hangs on what the input cannot show

void add_ask(CommandLine& line);
void add_check(CommandLine& line);
void add_compare(CommandLine& line);
void add_control(CommandLine& line);
void add_detach(CommandLine& line);
void add_doctor(CommandLine& line);
void add_top(CommandLine& line);
void add_explain(CommandLine& line);
void add_fmt(CommandLine& line);
void add_import(CommandLine& line);
void add_replay(CommandLine& line);
void add_run(CommandLine& line);

}  // namespace sallyport
