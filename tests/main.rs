//! End-to-end tests: the one binary drives `pipe` in temporary workspaces. One behaviour a file.
//!
//! Knows `pipe` by its command line, its files and its exit codes alone.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod harness;

mod bad_input;
mod cache;
mod cli;
mod damage;
mod disk_full;
mod interrupt;
mod leakage;
mod real_data;
mod science;
