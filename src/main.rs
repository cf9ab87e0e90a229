//! The program: runs the command line and maps its result to an exit status.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use rolegate::cli;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let exit = match cli::run(std::env::args_os(), std::env::vars_os()) {
        Ok(exit) => exit,
        Err(failure) => {
            eprintln!("rolegate: {failure}");
            failure.exit
        }
    };
    ExitCode::from(exit as u8)
}
