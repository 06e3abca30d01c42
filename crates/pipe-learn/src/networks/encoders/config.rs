//! The `encoder:` choice as it is written in YAML, and what the variants of a family differ in.
//! It does not know layers.

use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mobilenet_v2::{FormerlyStrided, LastConvolution, steps};
use super::{EfficientNet, EfficientNetPlan, Encoder, MobileNetV2, ResNet, ResNetPlan, Residual, Sixteenth};
use crate::networks::NetworkError;
use crate::networks::error::within;

/// Which encoder, with its settings; the defaults are the published networks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EncoderConfig {
    /// ResNet with 18 layers (He et al. 2016).
    Resnet18(ResNetSettings),
    /// ResNet with 34 layers.
    Resnet34(ResNetSettings),
    /// ResNet with 50 layers, in blocks of three convolutions.
    Resnet50(ResNetSettings),
    /// MobileNetV2 (Sandler et al. 2018).
    MobilenetV2(MobileNetSettings),
    /// EfficientNet-B0 (Tan and Le 2019).
    EfficientnetB0(EfficientNetSettings),
    /// EfficientNet-B1: a tenth deeper.
    EfficientnetB1(EfficientNetSettings),
}

/// Settings of a ResNet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResNetSettings {
    /// Channels of the first convolution and of the first layer; each layer below has twice as many.
    #[schemars(range(min = 1, max = 128))]
    pub width: usize,
}

impl Default for ResNetSettings {
    fn default() -> Self {
        Self { width: 64 }
    }
}

/// Settings of MobileNetV2.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MobileNetSettings {
    /// What the channels are multiplied by.
    #[schemars(range(min = 0.01, max = 4.0))]
    pub width: f64,
}

impl Default for MobileNetSettings {
    fn default() -> Self {
        Self { width: 1.0 }
    }
}

/// Settings of an EfficientNet.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EfficientNetSettings {
    /// What the channels are multiplied by; 1.0 in B0 and B1 if not given.
    #[schemars(range(min = 0.01, max = 4.0))]
    pub width: Option<f64>,
    /// What the numbers of blocks are multiplied by; 1.0 in B0 and 1.1 in B1 if not given.
    #[schemars(range(min = 0.1, max = 8.0))]
    pub depth: Option<f64>,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self::Resnet34(ResNetSettings::default())
    }
}

/// By how much the deepest map is smaller than the input; where it is less than 32, dilation stands for strides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStride {
    /// 8.
    Eighth,
    /// 16.
    Sixteenth,
    /// 32, as published.
    ThirtySecond,
}

impl OutputStride {
    /// Gives the dilations of the parts at a 16th and at a 32nd of the input; 1 leaves a part its stride.
    pub fn dilations(self) -> [usize; 2] {
        match self {
            Self::Eighth => [2, 4],
            Self::Sixteenth => [1, 2],
            Self::ThirtySecond => [1, 1],
        }
    }
}

impl EncoderConfig {
    /// Checks settings, for a network of this name.
    ///
    /// # Errors
    /// A setting is out of its range.
    pub(in crate::networks) fn check(&self, network: &'static str) -> Result<(), NetworkError> {
        match self {
            Self::Resnet18(settings) | Self::Resnet34(settings) | Self::Resnet50(settings) => {
                within(network, "encoder.width", settings.width, 1..=128, "1 to 128")
            }
            Self::MobilenetV2(settings) => within(network, "encoder.width", settings.width, 0.01..=4.0, "0.01 to 4"),
            Self::EfficientnetB0(settings) | Self::EfficientnetB1(settings) => {
                within(network, "encoder.width", settings.width.unwrap_or(1.0), 0.01..=4.0, "0.01 to 4")?;
                within(network, "encoder.depth", settings.depth.unwrap_or(1.0), 0.1..=8.0, "0.1 to 8")
            }
        }
    }

    /// Builds the encoder with zeros as weights; settings have been checked.
    pub fn build(&self, in_channels: usize, stride: OutputStride, device: &Device) -> Encoder {
        let dilations = stride.dilations();
        let resnet = |settings: &ResNetSettings, residual, blocks| {
            let plan = ResNetPlan { in_channels, width: settings.width, residual, blocks, dilations };
            Encoder::ResNet(ResNet::new(&plan, device))
        };
        let efficientnet = |settings: &EfficientNetSettings, depth: f64, image, sixteenth| {
            let (width, depth) = (settings.width.unwrap_or(1.0), settings.depth.unwrap_or(depth));
            let plan = EfficientNetPlan { in_channels, width, depth, image, sixteenth, dilations };
            Encoder::EfficientNet(EfficientNet::new(&plan, device))
        };
        match self {
            Self::Resnet18(settings) => resnet(settings, Residual::Basic, [2, 2, 2, 2]),
            Self::Resnet34(settings) => resnet(settings, Residual::Basic, [3, 4, 6, 3]),
            Self::Resnet50(settings) => resnet(settings, Residual::Bottleneck, [3, 4, 6, 3]),
            Self::MobilenetV2(settings) => {
                let steps = steps(dilations, FormerlyStrided::Whole);
                let last = LastConvolution::Kept;
                Encoder::MobileNetV2(MobileNetV2::new(in_channels, settings.width, steps, last, device))
            }
            Self::EfficientnetB0(settings) => efficientnet(settings, 1.0, 224, Sixteenth::First),
            Self::EfficientnetB1(settings) => efficientnet(settings, 1.1, 240, Sixteenth::Last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(yaml: &str, expected: &EncoderConfig) {
        assert_eq!(serde_json::from_str::<EncoderConfig>(yaml).ok().as_ref(), Some(expected));
    }

    #[test]
    fn names_in_settings() {
        check(r#"{"resnet18": {"width": 8}}"#, &EncoderConfig::Resnet18(ResNetSettings { width: 8 }));
        check(r#"{"resnet34": {}}"#, &EncoderConfig::default());
        check(r#"{"resnet50": {}}"#, &EncoderConfig::Resnet50(ResNetSettings::default()));
        check(r#"{"mobilenet_v2": {}}"#, &EncoderConfig::MobilenetV2(MobileNetSettings { width: 1.0 }));
        check(r#"{"efficientnet_b0": {}}"#, &EncoderConfig::EfficientnetB0(EfficientNetSettings::default()));
        let narrow = EfficientNetSettings { width: Some(0.5), depth: None };
        check(r#"{"efficientnet_b1": {"width": 0.5}}"#, &EncoderConfig::EfficientnetB1(narrow));
        assert!(serde_json::from_str::<EncoderConfig>(r#"{"resnet18": {"depth": 1}}"#).is_err());
    }

    #[test]
    fn settings_out_of_range() {
        let config = EncoderConfig::Resnet18(ResNetSettings { width: 0 });
        let error = config.check("encoder_unet").expect_err("no channels");
        assert_eq!(error.to_string(), "`encoder.width` of encoder_unet is 0, expected 1 to 128");
    }
}
