//! Hand-tuned kernels for Burn's CPU backend, and for its GPU backends where theirs fall short.
//! Knows nothing of networks, data or training: tensors in, tensors out.
//!
//! Every kernel gives equal bytes at any number of threads. Work is cut into blocks whose borders
//! depend on shapes only, and partial results are added up in a fixed order. On the CPU, tensors of
//! another element type than `f32` take Burn's own operation instead. On a GPU (feature `gpu`) there
//! are kernels for what Burn lacks or does slowly, and Burn's own for the rest.

mod batch_norm;
mod bilinear;
mod columns;
mod conv;
mod convolve;
mod depthwise;
mod extension;
mod geometry;
#[cfg(feature = "gpu")]
mod gpu;
mod matrix;
mod normalize;
mod stretch;
mod sums;

pub use batch_norm::{
    batch_norm_relu_train, batch_norm_relu6_train, batch_norm_train, instance_norm, instance_norm_relu,
};
pub use bilinear::bilinear;
pub use burn::tensor::ops::ConvOptions;
pub use conv::{conv2d, conv2d_exact, conv3d, conv3d_exact};
#[cfg(feature = "gpu")]
pub use gpu::forgo_fused_reductions;
pub use stretch::Corners;
