//! The `network:` choice as it is written in YAML, and what can be wrong with it.
//! It does not know layers; each network's file has its own settings.

use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Label, NETWORKS, Network, NetworkKind, SvsNet, SvsNetConfig, UNet, UNetConfig};

/// Which network, with its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NetworkConfig {
    /// U-Net (Ronneberger et al. 2015), padded, with or without batch normalisation.
    #[serde(rename = "unet")]
    UNet(UNetConfig),
    /// SVS-net (Hao et al. 2020): sequence in, the vessels of one frame out.
    #[serde(rename = "svsnet")]
    SvsNet(SvsNetConfig),
}

/// How weights of convolutions start; biases start at 0, normalisations at scale 1 and shift 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Initialisation {
    /// Uniform with variance 2 / inputs (He et al. 2015).
    #[default]
    He,
    /// Uniform with variance 2 / (inputs + outputs) (Glorot and Bengio 2010), Keras' default.
    Glorot,
}

/// A network that cannot be built, or an input that does not fit it.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum NetworkError {
    /// A setting out of its range.
    #[error("`{field}` of {network} is {value}, expected {expected}")]
    Setting {
        /// Name of the network.
        network: &'static str,
        /// The setting.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// The input is halved more often than it can be.
    #[error(
        "input {height}x{width} does not fit {network}: height and width must be multiples of {multiple}; \
         the nearest sizes are {} and {}", nearest(*height, *multiple), nearest(*width, *multiple)
    )]
    Size {
        /// Name of the network.
        network: &'static str,
        /// Rows of the input.
        height: usize,
        /// Columns of the input.
        width: usize,
        /// What both must be a multiple of.
        multiple: usize,
    },
    /// Another number of channels or frames than the network was built for.
    #[error(
        "{network} takes {expected} {what}, the input has {found}; set `{field}: {found}` or prepare the data alike"
    )]
    Count {
        /// Name of the network.
        network: &'static str,
        /// `frames` or `channels`.
        what: &'static str,
        /// The setting that says how many.
        field: &'static str,
        /// What the network takes.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// An input that no machine holds.
    #[error("input shape {shape:?} has more than 2^26 values")]
    TooLarge {
        /// What came.
        shape: Vec<usize>,
    },
    /// A shape with another number of dimensions.
    #[error(
        "input shape {shape:?} is neither [batch, channels, height, width] nor [batch, channels, frames, height, width]"
    )]
    Rank {
        /// What came.
        shape: Vec<usize>,
    },
}

fn nearest(size: usize, multiple: usize) -> usize {
    ((size + multiple / 2) / multiple).max(1) * multiple
}

impl NetworkConfig {
    /// Gives the registry line of the network.
    pub fn kind(&self) -> NetworkKind {
        let position = match self {
            Self::UNet(_) => 0,
            Self::SvsNet(_) => 1,
        };
        NETWORKS[position]
    }

    /// Gives the number of maps the network puts out: 1 for a sigmoid, more for a softmax.
    pub fn classes(&self) -> usize {
        match self {
            Self::UNet(config) => config.out_channels,
            Self::SvsNet(config) => config.out_channels,
        }
    }

    /// Gives the frame that the network was published to label, counted from 0; none for networks without frames.
    pub fn label_frame(&self) -> Option<usize> {
        match self {
            Self::UNet(_) => None,
            Self::SvsNet(SvsNetConfig { label: Label::Last, frames, .. }) => Some(frames.saturating_sub(1)),
            Self::SvsNet(SvsNetConfig { label: Label::Index(index), .. }) => Some(*index),
        }
    }

    /// Gives how weights start.
    pub fn initialisation(&self) -> Initialisation {
        match self {
            Self::UNet(config) => config.init,
            Self::SvsNet(config) => config.init,
        }
    }

    /// Checks settings.
    ///
    /// # Errors
    /// A setting is out of its range.
    pub fn check(&self) -> Result<(), NetworkError> {
        match self {
            Self::UNet(config) => config.check(),
            Self::SvsNet(config) => config.check(),
        }
    }

    /// Checks that an input fits; `shape` is `[channels, frames, height, width]`.
    ///
    /// # Errors
    /// The size, or the number of channels or frames, is another than the network takes.
    pub fn check_input(&self, shape: [usize; 4]) -> Result<(), NetworkError> {
        match self {
            Self::UNet(config) => config.check_input(shape),
            Self::SvsNet(config) => config.check_input(shape),
        }
    }

    /// Builds the network with zeros as weights.
    ///
    /// # Errors
    /// A setting is out of its range.
    pub fn build(&self, device: &Device) -> Result<Network, NetworkError> {
        self.check()?;
        Ok(match self {
            Self::UNet(config) => Network::UNet(UNet::new(config, device)),
            Self::SvsNet(config) => Network::SvsNet(SvsNet::new(config, device)),
        })
    }
}

/// Checks one number against a range, for the settings of a network.
pub(super) fn within<T: PartialOrd + ToString + Copy>(
    network: &'static str,
    field: &'static str,
    value: T,
    range: std::ops::RangeInclusive<T>,
    expected: &'static str,
) -> Result<(), NetworkError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(NetworkError::Setting { network, field, value: value.to_string(), expected })
}
