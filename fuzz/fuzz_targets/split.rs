//! Fuzzes the reader of files of splits. It does not know what must hold; `src/sets.rs` does.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pipe_fuzz::sets::split(bytes));
