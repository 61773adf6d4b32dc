// Asks a running Sallyport over its control socket (control/control_server.h).
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command_line.h"

namespace sallyport {

// Where a Sallyport is administered unless --control says otherwise: SALLYPORT_CONTROL of the
// environment, or /run/sallyport/control.sock.
std::string control_socket();
// That option: `socket` is control_socket() unless it is given.
Subcommand::Option add_control_option(Subcommand& command, std::string& socket,
                                      std::string_view help = "whom to ask");

// Sends the command, prints what comes back as it comes, and returns the exit code; kExitUsage, and
// said, where nobody listens.
int ask_daemon(const std::string& socket, const std::vector<std::string>& command,
               const std::string& input = {});

// The same without a word printed: what it says on standard output, or why there is no answer in
// time.
std::expected<std::string, std::string> ask_text(const std::string& socket,
                                                 const std::vector<std::string>& command);

// Whether it is on trial (`run --for`), or why that cannot be told.
std::expected<bool, std::string> ask_whether_on_trial(const std::string& socket);

// `iptables`, `ipset` … with their words, which are the personality's own to understand, but for
// --control SOCKET, and --state FILE in front (state_file.h). What the program would read from
// standard input or a file is read here.
int run_personality(const std::string& name, std::vector<std::string> words);

}  // namespace sallyport
