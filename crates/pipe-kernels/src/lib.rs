//! Hand-tuned CPU kernels for Burn's CPU backend.
//! Knows nothing of networks, data or training: tensors in, tensors out.
//!
//! Every kernel gives equal bytes at any number of threads. Work is cut into blocks whose borders
//! depend on shapes only, and partial results are added up in a fixed order. Tensors of another
//! backend, or of another element type than `f32`, take Burn's own operation instead.

mod batch_norm;
mod bilinear;
mod columns;
mod conv;
mod convolve;
mod depthwise;
mod extension;
mod geometry;
mod matrix;
mod normalize;
mod stretch;
mod sums;

pub use batch_norm::{batch_norm_relu_train, batch_norm_relu6_train, batch_norm_train};
pub use bilinear::bilinear;
pub use burn::tensor::ops::ConvOptions;
pub use conv::{conv2d, conv3d};
pub use stretch::Corners;
