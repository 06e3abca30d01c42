//! Fuzzes the reader of TIFF and BigTIFF. It does not know what must hold; `src/pictures.rs` does.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pipe_fuzz::pictures::tiff(bytes));
