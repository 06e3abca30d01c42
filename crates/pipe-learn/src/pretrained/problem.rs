//! One weight of a file that does not fit.
//! It does not know the file.

use thiserror::Error;

/// A weight that keeps a file from being used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WeightProblem {
    /// The network has it, the file does not.
    #[error("missing: `{name}` {expected:?}")]
    Missing {
        /// The weight, by the network's name.
        name: String,
        /// Its shape in the network.
        expected: Vec<usize>,
    },
    /// The file has it, the network does not.
    #[error("surplus: `{name}` {found:?}")]
    Surplus {
        /// The weight, by the file's name.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
    },
    /// Both have it, in different shapes.
    #[error("shape: `{name}` is {found:?} in the file, {expected:?} in the network")]
    Shape {
        /// The weight, by the network's name.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// Its shape in the network.
        expected: Vec<usize>,
    },
    /// The file holds other numbers than floats.
    #[error("type: `{name}` holds {found} in the file, expected floats")]
    Type {
        /// The weight, by the network's name.
        name: String,
        /// What it holds.
        found: String,
    },
    /// Two arrays of the file stand for one weight.
    #[error("twice: `{name}` is both `{first}` and `{second}` in the file")]
    Twice {
        /// The weight, by the network's name.
        name: String,
        /// The one name in the file.
        first: String,
        /// The other.
        second: String,
    },
}
