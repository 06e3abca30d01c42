//! The layers that networks are built from: thin modules over the CPU kernels, with PyTorch's parameter names.
//! They do not know which network uses them, and hold zeros until `init` or a checkpoint fills them.

mod activation;
mod aspp;
mod attention;
mod convolution;
mod decoder;
mod dictionary;
mod dropout;
mod eca;
mod format;
mod normalisation;
mod order;
mod pass;
mod pool;
mod resample;
mod residual;
mod scse;
mod sequence;
mod spatial;
mod squeeze;
mod style;
mod transposed;
mod window;

pub use activation::{Activation, Nonlinearity};
pub use aspp::{Aspp, AsppPlan, Branch, SeparableConv, separable_conv, separated};
pub use attention::{ChannelAttention, ChannelFusion};
pub use convolution::{Bias, Conv2d, Conv3d};
pub use decoder::{Attention, DecoderBlock, DecoderStyle, Interpolation};
pub use dictionary::Dictionary;
pub use dropout::{dropout, sample_dropout, spatial_dropout};
pub use eca::Eca;
pub use format::{full, gated, in_full};
pub use normalisation::{BatchNorm, InstanceNorm, Norm, NormKind, NormOptions};
pub use order::{in_order, with_depth, without_depth};
pub use pass::{Pass, Statistics, Step};
pub use pool::max_pool_three;
pub use resample::{Corners, UpSampling, bilinear, bilinear_twice, global_mean, max_pool_half, nearest_twice};
pub use residual::{ResidualBlock2d, ResidualBlock3d};
pub use scse::Scse;
pub use sequence::{Sequence, Weightless};
pub use spatial::{Conv, ConvNorm, ConvTranspose, Dimensions, mean_pool};
pub use squeeze::SqueezeExcitation;
pub use style::{ConvNorm2d, DoubleConv2d, Style};
pub use transposed::{ConvTranspose2d, ConvTranspose3d};
pub use window::{Padding, Window};
