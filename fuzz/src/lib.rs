//! What must hold for every reader of files that come from outside, whatever bytes it is given: one function a fuzz target.
//! It does not know who makes the bytes up: libFuzzer does (`tests/fuzz`), and so do the tests that include these files.

pub mod experiments;
pub mod packs;
pub mod pictures;
pub mod sets;
pub mod weights;

/// A target: the name of its corpus, and the function that reads.
pub type Target = (&'static str, fn(&[u8]));

/// What the readers of weights name of the crate around them.
pub mod networks {
    /// Never there: no network is built here.
    #[derive(Debug, thiserror::Error)]
    pub enum NetworkError {}
}
