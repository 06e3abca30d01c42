//! Online augmentation: one file a group of transforms, one enum for the configuration.
//! It does not know training; the caller gives the random state.

mod affine;
mod apply;
mod intensity;
mod transform;

pub use apply::augment;
pub use transform::{Along, Transform};

/// Raised when equal settings and random states would give other pixels than before.
pub const VERSION: u32 = 1;
