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
pub(crate) use primitives::{Over, skips};

/// Takes from Burn the kernels that compute element by element and reduce at once, before any device of this process is opened.
///
/// Over some orders of axes in memory they give wrong sums, or none (Burn 0.22.1: `(x.permute([1, 2, 3, 0]) * 2).sum_dim(2)` of
/// `[1, 64, 4, 4]`). A network has few reductions beside its normalisations, which have kernels of this crate.
///
/// # Panics
/// If a device was opened before.
pub fn forgo_fused_reductions() {
    for name in ["Reduce", "ReduceBroadcasted"] {
        debug_assert!(burn_cubecl::fusion::BUILTIN_NAMES.contains(&name), "{name} has another name now");
        burn_cubecl::fusion::remove(name).expect("no device is open yet");
    }
}

#[cfg(all(test, feature = "wgpu"))]
mod tests;
