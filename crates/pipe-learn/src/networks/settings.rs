//! What a network must tell of itself: its settings, the inputs it takes, its maps.
//! It does not know layers; each network's file has its own settings.

use burn::Tensor;
use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Int};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::Pass;
use super::{Maps, NetworkError, NetworkKind};

/// The settings of one kind of network.
pub(super) trait Settings {
    /// Its registry line.
    const KIND: NetworkKind;
    /// What it builds.
    type Built: Forward;

    /// Checks settings.
    ///
    /// # Errors
    /// A setting is out of its range, or two do not go together.
    fn check(&self) -> Result<(), NetworkError>;

    /// Gives what the input must have.
    fn takes(&self) -> Takes;

    /// Gives what depth, height and width must be multiples of; 1 where any size will do.
    fn multiple(&self) -> [usize; 3];

    /// Gives the smallest depth, height and width that leave something to see at the bottom.
    fn smallest(&self) -> [usize; 3] {
        self.multiple()
    }

    /// Tells whether one lone position at the bottom is too few: normalised by itself it is the same, whatever came in.
    fn needs_two(&self) -> bool {
        false
    }

    /// Gives what is put around an input so that the network takes it.
    fn margin(&self, size: [usize; 3]) -> Margin {
        Margin::behind(size, self.multiple())
    }

    /// Tells whether the network runs on an input as it is, without a margin; maps may then be smaller than the input.
    fn fits(&self, size: [usize; 3]) -> bool {
        self.margin(size).is_empty()
    }

    /// Gives the number of maps put out.
    fn classes(&self) -> usize;

    /// Gives the frame that the network was published to label, counted from 0; none for networks without frames.
    fn label_frame(&self) -> Option<usize> {
        None
    }

    /// Gives how weights start.
    fn initialisation(&self) -> Initialisation;

    /// Builds the network with zeros as weights; settings have been checked.
    fn build(&self, device: &Device) -> Self::Built;
}

/// A network at work.
pub(super) trait Forward {
    /// Gives logits.
    ///
    /// # Shapes
    /// `[batch, channels, depth or frames, height, width]`, of a size that the network takes.
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps;
}

/// What an input must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Images of so many channels; frames count as channels.
    Images(usize),
    /// Sequences of so many frames.
    Sequences {
        /// Channels of a frame.
        channels: usize,
        /// The number of frames.
        frames: usize,
    },
    /// Volumes of so many channels and any depth.
    Volumes(usize),
}

/// What is put around an input, and taken off the output again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Margin {
    /// Slices, rows and columns before.
    pub before: [usize; 3],
    /// Slices, rows and columns behind.
    pub behind: [usize; 3],
    /// What stands there.
    pub fill: Fill,
    /// Slices, rows and columns that the network itself takes off the padded input on each side.
    pub eaten: [usize; 3],
}

/// What a margin holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Zeros.
    Zeros,
    /// The image mirrored at its edge, again and again where the margin is wider than the image.
    Mirror,
}

impl Margin {
    /// Zeros behind, up to the next multiple.
    pub(super) fn behind(size: [usize; 3], multiple: [usize; 3]) -> Self {
        let behind = std::array::from_fn(|axis| size[axis].next_multiple_of(multiple[axis].max(1)) - size[axis]);
        Self { before: [0; 3], behind, fill: Fill::Zeros, eaten: [0; 3] }
    }

    /// Tells whether nothing is put around.
    pub fn is_empty(&self) -> bool {
        self.before == [0; 3] && self.behind == [0; 3]
    }

    /// Puts the margin around `x`.
    pub(super) fn around(&self, x: Tensor<5>) -> Tensor<5> {
        if self.is_empty() {
            return x;
        }
        if self.fill == Fill::Mirror {
            return (0..3).fold(x, |x, axis| mirrored(x, axis + 2, self.before[axis], self.behind[axis]));
        }
        let sides: [(usize, usize); 3] = std::array::from_fn(|axis| (self.before[axis], self.behind[axis]));
        x.pad(sides, PadMode::Constant(0.0))
    }

    /// Takes the margin off maps: gives the part that lies on the image, of `size`.
    pub(super) fn off(&self, maps: Tensor<5>, size: [usize; 3]) -> Tensor<5> {
        let found: [usize; 5] = maps.dims();
        let mut maps = maps;
        for axis in 0..3 {
            // A map of depth 1 is that of a whole sequence.
            if found[axis + 2] != size[axis] && (axis > 0 || found[2] > 1) {
                maps = maps.narrow(axis + 2, self.before[axis] - self.eaten[axis], size[axis]);
            }
        }
        maps
    }
}

/// Mirrors at both edges of an axis; the edge itself is not repeated.
fn mirrored(x: Tensor<5>, axis: usize, before: usize, behind: usize) -> Tensor<5> {
    if before + behind == 0 {
        return x;
    }
    let long = x.dims()[axis];
    let period = (2 * (long - 1)).max(1);
    let seen = |position: usize| {
        // `before` is as many whole periods ahead as keep the sum positive.
        let phase = (position + before * period - before) % period;
        phase.min(period - phase).min(long - 1) as i32
    };
    let positions: Vec<i32> = (0..before + long + behind).map(seen).collect();
    let positions = Tensor::<1, Int>::from_data(positions.as_slice(), &x.device());
    x.select(axis, positions)
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
    /// As PyTorch draws weights by default: uniform within 1 / sqrt(inputs).
    Pytorch,
}
