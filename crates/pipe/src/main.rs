//! The program `pipe`: parse, run, exit code.
//!
//! Does not know what a command does.

mod args;
mod backends;
mod commands;
#[cfg(feature = "cuda")]
mod cuda;
mod failure;
mod journal;
mod library;
mod output;
mod provenance;
mod search;
mod session;
mod terminal;
mod tracking;
mod workspace;

fn main() -> std::process::ExitCode {
    commands::run(&args::parse())
}
