//! Kernels and operations for Burn's GPU backends, where theirs are missing, slow, or round more than asked for.
//!
//! | file | what |
//! |---|---|
//! | `operations` | what a layer calls, with gradients |
//! | `norms` | normalisation out of sums and element-wise operations |
//! | `primitives` | the kernels as operations of a backend |
//! | `sums`, `bilinear`, `weights` | the kernels |
//! | `planes` | a tensor as kernels see it |

mod bilinear;
mod norms;
mod operations;
mod planes;
mod primitives;
mod sums;
mod weights;

pub(crate) use operations::{Operations, Way};
pub(crate) use primitives::Over;

#[cfg(all(test, feature = "wgpu"))]
mod tests;
