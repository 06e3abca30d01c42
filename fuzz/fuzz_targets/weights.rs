//! Fuzzes the reader of files of weights. It does not know what must hold; `src/weights.rs` does.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pipe_fuzz::weights::weights(bytes));
