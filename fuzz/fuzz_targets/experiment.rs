//! Fuzzes the reader of experiments: references, axes, overrides. It does not know what must hold; `src/experiments.rs` does.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pipe_fuzz::experiments::experiment(bytes));
