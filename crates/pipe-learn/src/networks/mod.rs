//! The networks: one file each, its `mod` line, and its line in the list below.
//!
//! Networks give logits; the head (sigmoid or softmax) belongs to loss and prediction. They know nothing of training.

mod attention_unet;
pub mod blocks;
mod config;
mod deeplabv3;
mod deeplabv3_plus;
mod deeplabv3_plus_eca;
mod encoder_decoder;
mod encoder_unet;
mod encoder_unet_plus_plus;
pub mod encoders;
mod error;
mod maps;
mod network;
mod nnunet;
mod nnunet_residual;
mod outline;
mod registry;
mod resunet_plus_plus;
mod settings;
mod svsnet;
mod unet;
mod unet_plus_plus;

pub use attention_unet::{AttentionUNet, AttentionUNetConfig};
pub use blocks::{Activation, NormKind, UpSampling};
pub use deeplabv3::{DeepLabV3, DeepLabV3Config};
pub use deeplabv3_plus::{DeepLabV3Plus, DeepLabV3PlusConfig};
pub use deeplabv3_plus_eca::{DeepLabV3PlusEca, DeepLabV3PlusEcaConfig};
pub use encoder_decoder::{EncoderDecoder, EncoderDecoderConfig};
pub use encoder_unet::{EncoderUNet, EncoderUNetConfig};
pub use encoder_unet_plus_plus::{EncoderUNetPlusPlus, EncoderUNetPlusPlusConfig};
pub use error::NetworkError;
pub use maps::Maps;
pub use nnunet::{NnUNet, NnUNetConfig};
pub use nnunet_residual::{ResidualNnUNet, ResidualNnUNetConfig};
pub use resunet_plus_plus::{ResUNetPlusPlus, ResUNetPlusPlusConfig};
pub use settings::{Fill, Initialisation, Margin, Takes};
pub use svsnet::{EvenKernels, Label, SvsNet, SvsNetConfig};
pub use unet::{Edge, UNet, UNetConfig};
pub use unet_plus_plus::{Output, UNetPlusPlus, UNetPlusPlusConfig};

use settings::{Forward, Settings};

/// One kind of network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkKind {
    /// Its name in YAML.
    pub name: &'static str,
    /// Raised when equal settings give another network than before.
    pub version: u32,
    /// One sentence.
    pub about: &'static str,
}

// The networks. A new one is a file, its `mod` line above, and its line here: name in YAML, variant, settings, module.
registry::networks! {
    /// U-Net (Ronneberger et al. 2015), padded or not, with or without normalisation.
    "unet" UNet(UNetConfig) => UNet,
    /// U-Net++ (Zhou et al. 2018), with deep supervision and pruning.
    "unet_plus_plus" UNetPlusPlus(UNetPlusPlusConfig) => UNetPlusPlus,
    /// Attention U-Net (Oktay et al. 2018): gates on the skips.
    "attention_unet" AttentionUNet(AttentionUNetConfig) => AttentionUNet,
    /// SVS-net (Hao et al. 2020): sequence in, the vessels of one frame out.
    "svsnet" SvsNet(SvsNetConfig) => SvsNet,
    /// ResUNet++ (Jha et al. 2019): squeeze and excitation, pyramids of dilations, attention.
    "resunet_plus_plus" ResUNetPlusPlus(ResUNetPlusPlusConfig) => ResUNetPlusPlus,
    /// Encoder and decoder with a pyramid of dilations between them; a choice of our own.
    "encoder_decoder" EncoderDecoder(EncoderDecoderConfig) => EncoderDecoder,
    /// DeepLabV3 (Chen et al. 2017) on an encoder.
    "deeplabv3" DeepLabV3(DeepLabV3Config) => DeepLabV3,
    /// DeepLabV3+ (Chen et al. 2018) on an encoder.
    "deeplabv3_plus" DeepLabV3Plus(DeepLabV3PlusConfig) => DeepLabV3Plus,
    /// DeepLabV3+ on MobileNetV2 with efficient channel attention.
    "deeplabv3_plus_eca" DeepLabV3PlusEca(DeepLabV3PlusEcaConfig) => DeepLabV3PlusEca,
    /// U-Net on an encoder made for classification.
    "encoder_unet" EncoderUNet(EncoderUNetConfig) => EncoderUNet,
    /// U-Net++ on an encoder made for classification.
    "encoder_unet_plus_plus" EncoderUNetPlusPlus(EncoderUNetPlusPlusConfig) => EncoderUNetPlusPlus,
    /// nnU-Net's plain network (Isensee et al. 2021), for images and volumes.
    "nnunet" NnUNet(NnUNetConfig) => NnUNet,
    /// nnU-Net's network with a residual encoder (Isensee et al. 2024), for images and volumes.
    "nnunet_residual" ResidualNnUNet(ResidualNnUNetConfig) => ResidualNnUNet,
}
