//! Runs told to a real MLflow server, and read back by its own Python client: all of it, once, in order, whatever goes wrong between.
//!
//! Skips where PIPE_TEST_MLFLOW names no server.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod case;
mod death;
#[expect(dead_code, reason = "the end-to-end tests share it and use more of it")]
#[path = "../../../../tests/mlflow.rs"]
mod mlflow;
mod search;
mod whole;
mod wrong;
