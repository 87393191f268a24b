//! The program: runs the command line and turns its end into an exit code. The only place that prints an error.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use mimalloc::MiMalloc;
use tlsmend::cli::{self, CliError};

/// Costs a scan a tenth less CPU than the system's, and its memory does not creep with the number of targets (DESIGN.md).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(exit) => exit.into(),
        // The reader of our output went away (`| head`): nobody is left to tell.
        Err(CliError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            cli::Exit::Unusable.into()
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one place that prints an error")]
fn tell(error: &CliError) {
    eprintln!("tlsmend: {error}");
}
