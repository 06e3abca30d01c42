//! Why weights cannot be taken from a file, as data.
//! It does not know which file formats there are ways to read.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::{NameMap, WeightProblem};
use crate::networks::NetworkError;

/// A file of weights that cannot be used.
#[derive(Debug, Error)]
pub enum PretrainedError {
    /// The network's own settings are wrong.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// There is nothing at the path.
    #[error("there is no file of weights {path}")]
    Missing {
        /// What was looked for.
        path: PathBuf,
    },
    /// A folder, where a file is expected.
    #[error("{path} is a folder, expected a file of weights (.pth, .pt or .safetensors)")]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of another kind.
    #[error("{path} holds no weights: {found}, expected a PyTorch file (.pth, .pt) or a .safetensors file")]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        found: String,
    },
    /// A file that ends too early, or whose parts contradict each other.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// A file that would take more room than its content can justify.
    #[error("{path} is refused: {reason}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is out of proportion.
        reason: String,
    },
    /// A pickle that names things to call which no file of weights needs.
    #[error(
        "{path} is refused: reading it as Python does would call {}; nothing of it was run. Save the bare weights instead: \
         `torch.save(model.state_dict(), file)`, or a .safetensors file",
        list(.names)
    )]
    Code {
        /// The file.
        path: PathBuf,
        /// What would be called.
        names: Vec<String>,
    },
    /// The network has no encoder of its own.
    #[error("the network `{network}` has no part that is called `encoder`; say `part: all`")]
    NoEncoder {
        /// The network.
        network: &'static str,
    },
    /// A whole network is asked for from names that know encoders only.
    #[error(
        "`map: {map}` knows the names of encoders alone; say `part: encoder`, or `map: smp` or `map: pipe` for a whole network"
    )]
    EncoderNames {
        /// Whose names.
        map: NameMap,
    },
    /// Weights that are not those of the network; all of them.
    #[error("{path} does not fit the network{}:\n{}", hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default(), lines(.problems))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What network the file seems to be of, in words.
        hint: Option<String>,
        /// Every weight that is missing, surplus or of another shape.
        problems: Vec<WeightProblem>,
    },
    /// Weights that are no numbers.
    #[error("{path} has weights that are no finite 32-bit numbers: {}", list(.names))]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The weights, by the network's names.
        names: Vec<String>,
    },
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn lines(problems: &[WeightProblem]) -> String {
    problems.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n")
}
