// The configuration file of `sallyport run` (docs/live.md): TOML, whose keys are the long flags of
// the command.
//
// So there is one list of what can be said, one check of each value, and one place that tells what
// it means. A flag that was given on the command line stands over the file.
#pragma once

#include <span>
#include <string_view>

#include "base/diagnostic.h"
#include "cli/command_line.h"
#include "cli/inputs.h"

namespace sallyport {

// Gives `command`, which has been parsed, the values of `file` for the flags that it was not given.
// Where a flag names a file, a relative name in here is relative to this file's folder. `not_here`
// are flags that make sense on the command line only, without their dashes. What is wrong goes to
// `diagnostics`.
void apply_config(const InputFile& file, const Subcommand& command,
                  std::span<const std::string_view> not_here, Diagnostics& diagnostics);

}  // namespace sallyport
