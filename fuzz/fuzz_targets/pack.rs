//! Fuzzes the reader of packs and their indexes. It does not know what must hold; `src/packs.rs` does.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pipe_fuzz::packs::pack(bytes));
