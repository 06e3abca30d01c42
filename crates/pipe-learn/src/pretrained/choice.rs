//! What may be said about a file of weights in YAML.
//! It does not know where files are.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which part of a network gets its first weights from a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Every weight; the file must hold them all.
    All,
    /// The weights whose names start with `encoder.`; the others start as without a file.
    #[default]
    Encoder,
}

/// Whose names the file uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NameMap {
    /// Our own, as in `best.safetensors` of a trained model.
    Pipe,
    /// torchvision's: ResNet, MobileNetV2, EfficientNet.
    Torchvision,
    /// Those of segmentation_models.pytorch, of a whole model or of an encoder alone.
    #[default]
    Smp,
    /// timm's: `resnet*`, `mobilenetv2_*`, `efficientnet_b0` and `_b1`.
    Timm,
    /// Those of nnU-Net's checkpoints, which name most layers twice.
    Nnunet,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Encoder => "encoder",
        })
    }
}

impl fmt::Display for NameMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pipe => "pipe",
            Self::Torchvision => "torchvision",
            Self::Smp => "smp",
            Self::Timm => "timm",
            Self::Nnunet => "nnunet",
        })
    }
}
