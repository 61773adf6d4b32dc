// The subcommands. Each has a file, which adds its options to the program's and
// says, when chosen, what the exit code is.
#pragma once

namespace CLI {
class App;
}

namespace sallyport {

// Exit codes, a contract with scripts.
constexpr int kExitOk = 0;         // as asked
constexpr int kExitNo = 1;         // the answer is no: errors in a file, an expectation not met
constexpr int kExitUsage = 2;      // the command line makes no sense, a file cannot be read
constexpr int kExitUncertain = 3;  // with --strict: an answer hangs on what the input cannot show

void add_ask(CLI::App& app, int& exit_code);
void add_check(CLI::App& app, int& exit_code);
void add_compare(CLI::App& app, int& exit_code);
void add_control(CLI::App& app, int& exit_code);
void add_detach(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);
void add_explain(CLI::App& app, int& exit_code);
void add_fmt(CLI::App& app, int& exit_code);
void add_import(CLI::App& app, int& exit_code);
void add_replay(CLI::App& app, int& exit_code);
void add_run(CLI::App& app, int& exit_code);

}  // namespace sallyport
