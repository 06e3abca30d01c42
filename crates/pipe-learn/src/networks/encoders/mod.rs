//! Encoders: what gives a decoder maps at several sizes; one file each.
//! They do not know decoders or heads.

pub mod mobilenet_v2;

pub use mobilenet_v2::MobileNetV2;
