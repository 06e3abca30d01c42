//! First weights from a file of another program: read, given our names, checked and laid into a network.
//!
//! A file is not trusted. Nothing in it is run, nothing is unpacked before its directory has been looked at, and only those
//! arrays are read that the network has a place for, in the shape that it has.

mod adapt;
mod archive;
mod card;
mod choice;
mod error;
mod file;
mod harmless;
mod likeness;
mod load;
mod names;
mod opcodes;
mod pickle;
mod problem;
mod safetensors;
mod torch;
mod values;

pub use card::{First, WeightsCard};
pub use choice::{NameMap, Part};
pub use error::PretrainedError;
pub use load::{Pretrained, pretrained};
pub use names::{Form, renamed};
pub use problem::WeightProblem;
