//! Keeps artifacts and their records: the only crate that knows SQLite and the artifact layout.
