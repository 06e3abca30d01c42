//! End-to-end tests: the one binary drives `pipe` in temporary workspaces. One behaviour a file.
//!
//! Knows `pipe` by its command line, its files and its exit codes alone.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod harness;

mod bad_input;
mod bad_network;
mod cache;
mod cards;
mod choosing;
mod cli;
mod damage;
mod data_check;
mod data_sets;
mod disk_full;
mod every_network;
mod explain;
mod fail_points;
mod fan_out;
mod first_weights;
mod fitting;
mod housekeeping;
mod interrupt;
mod kills;
mod leakage;
mod longer;
#[expect(dead_code, reason = "the tests of pipe-mlflow share it and use more of it")]
mod mlflow;
mod nested;
mod on_device;
mod prediction_files;
mod programs;
mod pruning;
mod python_stage;
mod real_data;
mod report;
mod resources;
mod science;
mod stand_in;
mod sweep;
mod tables;
mod together;
mod track;
mod track_tls;
mod tried_again;
mod unknown_pixels;
