//! Fuzzes the reader of PNG. It does not know what must hold; `src/pictures.rs` does.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pipe_fuzz::pictures::png(bytes));
