//! The program `pipe`: parse, run, exit code.
//!
//! Does not know what a command does.

mod args;
mod commands;
mod failure;
mod library;
mod output;
mod terminal;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    commands::run(&args::parse())
}
