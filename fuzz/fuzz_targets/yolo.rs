//! Fuzzes the reader of outlines in shares of the image. It does not know what must hold; `src/sets.rs` does.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pipe_fuzz::sets::yolo(bytes));
