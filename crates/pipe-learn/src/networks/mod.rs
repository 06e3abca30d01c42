//! The networks: one file each, one line in [`NETWORKS`], one variant in [`NetworkConfig`] and in [`Network`].
//!
//! Networks give logits; the head (sigmoid or softmax) belongs to loss and prediction. They know nothing of training.

pub mod blocks;
mod config;
mod network;
mod svsnet;
mod unet;

pub use config::{Initialisation, NetworkConfig, NetworkError};
pub use network::Network;
pub use svsnet::{Label, SvsNet, SvsNetConfig};
pub use unet::{UNet, UNetConfig, UNetNorm, UpSampling};

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

/// The networks. A new one is a file, its `mod` line, its line here and a variant in the two enums.
pub const NETWORKS: &[NetworkKind] = &[unet::KIND, svsnet::KIND];
