//! U-Net++ on an encoder made for classification: skips go through nodes of their own.
//! It does not know encoders; any of them fits.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{DecoderBlock, Dictionary, Pass, without_depth};
use super::encoder_unet::{Head, MULTIPLE};
use super::encoders::{Encoder, TAPS};
use super::{EncoderUNetConfig, Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "encoder_unet_plus_plus";
/// The columns of nodes with skips; one further node is the last.
const COLUMNS: usize = TAPS - 1;

/// Settings of [`EncoderUNetPlusPlus`]: those of the plain U-Net.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EncoderUNetPlusPlusConfig(pub EncoderUNetConfig);

impl Settings for EncoderUNetPlusPlusConfig {
    const KIND: NetworkKind = NetworkKind {
        name: NAME,
        version: 1,
        about: "U-Net++ on an encoder made for classification (ResNet and others)",
    };
    type Built = EncoderUNetPlusPlus;

    fn check(&self) -> Result<(), NetworkError> {
        self.0.check_as(NAME)
    }

    fn takes(&self) -> Takes {
        Takes::Images(self.0.in_channels)
    }

    fn multiple(&self) -> [usize; 3] {
        MULTIPLE
    }

    fn classes(&self) -> usize {
        self.0.out_channels
    }

    fn initialisation(&self) -> Initialisation {
        self.0.init
    }

    fn build(&self, device: &Device) -> EncoderUNetPlusPlus {
        EncoderUNetPlusPlus::new(&self.0, device)
    }
}

/// An encoder, and nodes between its maps.
///
/// Column c of nodes is at the size of one map of the encoder, the coarsest first. Node (d, c) doubles node (d, c - 1)
/// (for d = c the encoder's map one coarser), and joins it with nodes (d + 1, c) to (c, c) and the encoder's map.
///
/// # Source
/// `UnetPlusPlus` of segmentation_models.pytorch 0.6 (after Zhou et al.: UNet++, 2018), with its names of weights. Other
/// than in the paper, nodes have as many channels as the encoder at their size and there is no deep supervision.
#[derive(Module, Debug)]
pub struct EncoderUNetPlusPlus {
    encoder: Encoder,
    decoder: Decoder,
    segmentation_head: Head,
}

#[derive(Module, Debug)]
struct Decoder {
    /// By [`node`]; those of depth 0 are the way up from the bottom.
    blocks: Dictionary<DecoderBlock>,
}

fn node(depth: usize, column: usize) -> String {
    format!("x_{depth}_{column}")
}

impl EncoderUNetPlusPlus {
    /// A network of zeros.
    pub fn new(config: &EncoderUNetConfig, device: &Device) -> Self {
        let encoder = config.encoder(device);
        let mut maps = encoder.channels();
        maps.reverse();
        let widths = config.decoder_widths;
        let block = |channels| DecoderBlock::new(channels, config.decoder_style(), device);
        let mut blocks = Vec::new();
        for column in 0..COLUMNS {
            let skip = maps[column + 1];
            for depth in 0..=column {
                let channels = match (depth, column) {
                    (0, 0) => [maps[0], skip, widths[0]],
                    (0, _) => [widths[column - 1], skip * (column + 1), widths[column]],
                    _ => [maps[column], skip * (column + 1 - depth), skip],
                };
                blocks.push((node(depth, column), block(channels)));
            }
        }
        blocks.push((node(0, COLUMNS), block([widths[COLUMNS - 1], 0, widths[COLUMNS]])));
        Self {
            encoder,
            decoder: Decoder { blocks: blocks.into_iter().collect() },
            segmentation_head: config.head(device),
        }
    }
}

impl Forward for EncoderUNetPlusPlus {
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let mut maps = self.encoder.features(without_depth(x), pass);
        // The input itself is no skip.
        maps.remove(0);
        let blocks = &self.decoder.blocks;
        // A column by depth, behind it the encoder's map of its size; below all columns is the deepest map alone.
        let mut column = vec![maps.pop().expect("an encoder gives five maps")];
        for number in 0..COLUMNS {
            let mut finer = vec![maps.pop().expect("an encoder gives five maps")];
            for (depth, coarse) in column.into_iter().enumerate().rev() {
                let skip = Tensor::cat(finer.clone(), 1); // [batch, (number + 1 - depth) * c, h, w]
                finer.insert(0, blocks.at(&node(depth, number)).forward(coarse, Some(skip), pass));
            }
            column = finer;
        }
        let x = blocks.at(&node(0, COLUMNS)).forward(column.swap_remove(0), None, pass);
        Maps::of(self.segmentation_head.0.forward(x, pass))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::NetworkConfig;
    use crate::weights::parameters;

    #[test]
    fn weights_have_the_names_of_public_code() {
        let settings = r#"{"encoder_unet_plus_plus": {"encoder": {"efficientnet_b0": {}}, "attention": "scse"}}"#;
        let config: NetworkConfig = serde_json::from_str(settings).expect("the settings are right");
        let network = config.build(&Device::flex()).expect("the settings are in range");
        let names: Vec<String> = parameters(&network).into_iter().map(|parameter| parameter.name).collect();
        for expected in [
            "encoder._conv_stem.weight",
            "encoder._blocks.0._se_reduce.bias",
            "encoder._blocks.15._bn2.running_var",
            "encoder._bn1.weight",
            "decoder.blocks.x_0_0.conv1.0.weight",
            "decoder.blocks.x_1_3.conv2.1.running_mean",
            "decoder.blocks.x_2_3.attention1.attention.cSE.3.bias",
            "decoder.blocks.x_0_4.attention2.attention.sSE.0.weight",
            "segmentation_head.0.bias",
        ] {
            assert!(names.iter().any(|name| name == expected), "no {expected}");
        }
    }

    #[test]
    fn settings_that_do_not_fit() {
        let refused = |settings: &str| {
            let config: NetworkConfig = serde_json::from_str(settings).expect("the form is right");
            config.check().expect_err("out of range").to_string()
        };
        assert_eq!(
            refused(r#"{"encoder_unet_plus_plus": {"norm": "instance"}}"#),
            "`norm` of encoder_unet_plus_plus is instance, expected `batch` or `none`"
        );
        assert_eq!(
            refused(r#"{"encoder_unet": {"head_kernel": 2}}"#),
            "`head_kernel` of encoder_unet is 2, expected an odd number from 1 to 15"
        );
        let form = |settings| serde_json::from_str::<NetworkConfig>(settings).is_err();
        assert!(form(r#"{"encoder_unet": {"decoder_widths": [8, 8, 8]}}"#));
        assert!(form(r#"{"encoder_unet_plus_plus": {"width": 64}}"#));
    }
}
