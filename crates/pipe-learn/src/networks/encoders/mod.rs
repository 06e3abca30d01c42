//! Encoders: what gives a decoder maps at several sizes; one file each.
//! They do not know decoders or heads.

mod config;
mod efficientnet;
mod encoder;
pub mod mobilenet_v2;
mod resnet;

pub use config::{EfficientNetSettings, EncoderConfig, MobileNetSettings, OutputStride, ResNetSettings};
pub use efficientnet::{EfficientNet, EfficientNetPlan, Sixteenth};
pub use encoder::{Encoder, TAPS};
pub use mobilenet_v2::MobileNetV2;
pub use resnet::{ResNet, ResNetPlan, Residual};
