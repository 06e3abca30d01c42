//! U-Net++ on an encoder made for classification: skips go through nodes of their own.
//! It does not know encoders; any of them fits.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{DecoderBlock, Dictionary, Pass};
use super::encoder_unet::{Head, MULTIPLE, flat};
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

/// An encoder, and nodes between its maps: node (depth, column) doubles node (depth, column - 1) and joins it with all
/// nodes of its column that are deeper in the dictionary's sense, and with the encoder's map.
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
    /// By [`node`]. A column is a size: column 0 is at a 16th of the input. Depth 0 is the way up from the bottom.
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
        let mut maps = self.encoder.features(flat(x), pass);
        // The input itself is no skip.
        maps.remove(0);
        let blocks = &self.decoder.blocks;
        // A column by depth, the encoder's map last; column -1 is the encoder's deepest map alone.
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
