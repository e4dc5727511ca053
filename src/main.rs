//! The program: parse the arguments, run, print the error. The only exit.

use std::process::ExitCode;

use clap::Parser;
use kvitto::cli;

fn main() -> ExitCode {
    match cli::run(cli::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kvitto: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
