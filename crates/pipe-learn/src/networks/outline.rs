//! What nnU-Net's networks have in common: their plan stage by stage, and the decoder.
//! It does not know how a stage of the encoder looks inside.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;

use super::blocks::{Bias, Conv, ConvNorm, ConvTranspose, Dimensions, Nonlinearity, Pass, Style};
use super::error::within;
use super::{Maps, NetworkError, Takes};

/// The plan of a network as its settings have it; what they leave open is filled in.
#[derive(Debug)]
pub(super) struct Outline<'a> {
    pub(super) name: &'static str,
    pub(super) dimensions: usize,
    pub(super) channels: [usize; 2],
    pub(super) widths: &'a Option<Vec<usize>>,
    pub(super) stages: Option<usize>,
    pub(super) kernels: &'a Option<Vec<Vec<usize>>>,
    pub(super) strides: &'a Option<Vec<Vec<usize>>>,
    pub(super) decoder_convolutions: usize,
    pub(super) style: Style,
    pub(super) deep_supervision: bool,
}

impl Outline<'_> {
    /// Checks everything but what the encoder's stages have inside; `inside` is the length of their list, if there is one.
    pub(super) fn check(&self, inside: (&'static str, Option<usize>)) -> Result<(), NetworkError> {
        let name = self.name;
        within(name, "dimensions", self.dimensions, 2..=3, "2 or 3")?;
        within(name, "in_channels", self.channels[0], 1..=256, "1 to 256")?;
        within(name, "out_channels", self.channels[1], 1..=256, "1 to 256")?;
        within(name, "decoder_convolutions", self.decoder_convolutions, 1..=8, "1 to 8")?;
        self.style.check(name)?;
        let stages = self.count();
        within(name, "stages", stages, 2..=10, "2 to 10")?;
        self.long("widths", self.widths.as_ref().map(Vec::len))?;
        self.long("kernels", self.kernels.as_ref().map(Vec::len))?;
        self.long("strides", self.strides.as_ref().map(Vec::len))?;
        self.long(inside.0, inside.1)?;
        for width in self.widths() {
            within(name, "widths", width, 1..=2048, "a list of numbers from 1 to 2048")?;
        }
        for kernel in self.kernels.iter().flatten() {
            within(
                name,
                "kernels",
                kernel.len(),
                self.dimensions..=self.dimensions,
                "as many numbers as `dimensions`",
            )?;
            for side in kernel {
                within(name, "kernels", *side, 1..=15, "odd numbers from 1 to 15")?;
                // An even kernel has no middle.
                if side % 2 == 0 {
                    let expected = "odd numbers from 1 to 15";
                    return Err(NetworkError::Setting {
                        network: name,
                        field: "kernels",
                        value: side.to_string(),
                        expected,
                    });
                }
            }
        }
        for stride in self.strides.iter().flatten() {
            within(
                name,
                "strides",
                stride.len(),
                self.dimensions..=self.dimensions,
                "as many numbers as `dimensions`",
            )?;
            for step in stride {
                within(name, "strides", *step, 1..=8, "numbers from 1 to 8")?;
            }
        }
        if self.strides()[0] != [1; 3] {
            let reason = "the first stage must keep the size of the image; begin `strides` with ones".to_owned();
            return Err(NetworkError::Combination { network: name, reason });
        }
        Ok(())
    }

    /// A list must have an item a stage.
    fn long(&self, field: &'static str, found: Option<usize>) -> Result<(), NetworkError> {
        let stages = self.count();
        match found {
            Some(found) if found != stages => {
                let reason = format!("`{field}` has {found} items, expected one for each of the {stages} stages");
                Err(NetworkError::Combination { network: self.name, reason })
            }
            _ => Ok(()),
        }
    }

    /// The number of stages: as said, or as there are widths, or what nnU-Net takes at most.
    pub(super) fn count(&self) -> usize {
        let usual = if self.dimensions == 2 { 8 } else { 6 };
        self.stages.or(self.widths.as_ref().map(Vec::len)).unwrap_or(usual)
    }

    /// Channels of each stage.
    pub(super) fn widths(&self) -> Vec<usize> {
        let most = if self.dimensions == 2 { 512 } else { 320 };
        let doubled = || (0..self.count()).map(|stage| (32 << stage.min(8)).min(most)).collect();
        self.widths.clone().unwrap_or_else(doubled)
    }

    /// Kernels of each stage.
    pub(super) fn kernels(&self) -> Vec<[usize; 3]> {
        match self.kernels {
            Some(kernels) => kernels.iter().map(|kernel| with_depth(kernel)).collect(),
            None => vec![self.sides(3); self.count()],
        }
    }

    /// Strides of each stage.
    pub(super) fn strides(&self) -> Vec<[usize; 3]> {
        match self.strides {
            Some(strides) => strides.iter().map(|stride| with_depth(stride)).collect(),
            None => (0..self.count()).map(|stage| self.sides(if stage == 0 { 1 } else { 2 })).collect(),
        }
    }

    /// As long on each axis that there is.
    fn sides(&self, long: usize) -> [usize; 3] {
        with_depth(&vec![long; self.dimensions])
    }

    pub(super) fn dimensions(&self) -> Dimensions {
        if self.dimensions == 2 { Dimensions::Two } else { Dimensions::Three }
    }

    pub(super) fn takes(&self) -> Takes {
        if self.dimensions == 2 { Takes::Images(self.channels[0]) } else { Takes::Volumes(self.channels[0]) }
    }

    /// Voxels of the input across one of the bottom.
    pub(super) fn multiple(&self) -> [usize; 3] {
        let strides = self.strides();
        std::array::from_fn(|axis| strides.iter().map(|stride| stride[axis]).product())
    }

    /// The decoder, of zeros.
    pub(super) fn decoder(&self, device: &Device) -> Decoder {
        let (dimensions, style) = (self.dimensions(), &self.style);
        let (widths, kernels, strides) = (self.widths(), self.kernels(), self.strides());
        let levels_up = || (0..self.count() - 1).rev();
        let stage = |level: usize| {
            let channels = [2 * widths[level], widths[level]];
            Stacked::new(dimensions, channels, [kernels[level], [1; 3]], self.decoder_convolutions, style, device)
        };
        let up = |level: usize| {
            let channels = [widths[level + 1], widths[level]];
            ConvTranspose::new(dimensions, channels, strides[level + 1], style.bias(), device)
        };
        let head = |level: usize| {
            let channels = [widths[level], self.channels[1]];
            Conv::new(dimensions, channels, [1; 3], [1; 3], Bias::Learned, device)
        };
        Decoder {
            stages: levels_up().map(stage).collect(),
            transpconvs: levels_up().map(up).collect(),
            seg_layers: levels_up().map(head).collect(),
            deep_supervision: self.deep_supervision,
        }
    }
}

/// `[height, width]` or `[depth, height, width]`, images with a depth of 1.
fn with_depth(sides: &[usize]) -> [usize; 3] {
    match *sides {
        [height, width] => [1, height, width],
        [depth, height, width] => [depth, height, width],
        // Refused by `check`, which asks for strides before it has looked at all of them.
        _ => [1; 3],
    }
}

/// Convolutions one after the other, each with normalisation and activation; the first may have a stride.
#[derive(Module, Debug)]
pub(super) struct Stacked {
    convs: Vec<ConvNorm>,
    #[module(skip)]
    activation: Nonlinearity,
}

impl Stacked {
    pub(super) fn new(
        dimensions: Dimensions,
        [input, output]: [usize; 2],
        [kernel, stride]: [[usize; 3]; 2],
        count: usize,
        style: &Style,
        device: &Device,
    ) -> Self {
        let conv = |index: usize| {
            let (input, stride) = if index == 0 { (input, stride) } else { (output, [1; 3]) };
            ConvNorm::new(dimensions, [input, output], [kernel, stride], style.bias(), style, device)
        };
        Self { convs: (0..count).map(conv).collect(), activation: style.activation }
    }

    /// # Shapes
    /// `[batch, in, depth, height, width]` to `[batch, out, depth / stride, ..]`.
    pub(super) fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Tensor<5> {
        self.convs.iter().fold(x, |x, conv| conv.forward_active(x, self.activation, pass))
    }
}

/// Doubles stage by stage, with the skips of the encoder, and a head on every stage.
#[derive(Module, Debug)]
pub(super) struct Decoder {
    /// From the bottom up, as are the others.
    stages: Vec<Stacked>,
    transpconvs: Vec<ConvTranspose>,
    seg_layers: Vec<Conv>,
    #[module(skip)]
    deep_supervision: bool,
}

impl Decoder {
    /// Gives maps; `skips` are the outputs of the encoder's stages, the finest first and the bottom last.
    ///
    /// Coarser heads are run in a learning pass with deep supervision alone.
    pub(super) fn forward(&self, mut skips: Vec<Tensor<5>>, pass: &mut Pass) -> Maps {
        let mut x = skips.pop().expect("an encoder has at least two stages");
        let coarser = self.deep_supervision && pass.is_learning();
        let mut maps = Vec::new();
        for (step, (stage, up)) in self.stages.iter().zip(&self.transpconvs).enumerate() {
            let up = up.forward(x, pass);
            let skip = skips.pop().expect("there is a skip for each stage of the decoder");
            x = stage.forward(Tensor::cat(vec![up, skip], 1), pass);
            if coarser || step + 1 == self.stages.len() {
                maps.push(self.seg_layers[step].forward(x.clone(), pass));
            }
        }
        let main = maps.pop().expect("the last stage has a head");
        maps.reverse();
        Maps { main, deep: maps }
    }
}
