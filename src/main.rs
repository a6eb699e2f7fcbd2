//! The `rooftop` program. Everything is in the library; this parses the command line and sets the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    rooftop::cli::run()
}
