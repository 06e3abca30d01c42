//! The networks: one file each, its `mod` line, and its line in the list below.
//!
//! Networks give logits; the head (sigmoid or softmax) belongs to loss and prediction. They know nothing of training.

pub mod blocks;
mod config;
mod deeplabv3_plus_eca;
mod encoder_unet;
mod encoder_unet_plus_plus;
pub mod encoders;
mod error;
mod maps;
mod network;
mod registry;
mod settings;
mod svsnet;
mod unet;

pub use deeplabv3_plus_eca::{DeepLabV3PlusEca, DeepLabV3PlusEcaConfig};
pub use encoder_unet::{EncoderUNet, EncoderUNetConfig};
pub use encoder_unet_plus_plus::{EncoderUNetPlusPlus, EncoderUNetPlusPlusConfig};
pub use error::NetworkError;
pub use maps::Maps;
pub use settings::{Fill, Initialisation, Margin, Takes};
pub use svsnet::{Label, SvsNet, SvsNetConfig};
pub use unet::{UNet, UNetConfig, UpSampling};

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
    /// SVS-net (Hao et al. 2020): sequence in, the vessels of one frame out.
    "svsnet" SvsNet(SvsNetConfig) => SvsNet,
    /// DeepLabV3+ on MobileNetV2 with efficient channel attention.
    "deeplabv3_plus_eca" DeepLabV3PlusEca(DeepLabV3PlusEcaConfig) => DeepLabV3PlusEca,
    /// U-Net on an encoder made for classification.
    "encoder_unet" EncoderUNet(EncoderUNetConfig) => EncoderUNet,
    /// U-Net++ on an encoder made for classification.
    "encoder_unet_plus_plus" EncoderUNetPlusPlus(EncoderUNetPlusPlusConfig) => EncoderUNetPlusPlus,
}
