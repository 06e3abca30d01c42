//! The built-in stage kinds: the only crate that sees both the engine and the science.
