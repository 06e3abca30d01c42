//! How much memory a training takes, judged by the layers of one pass over a small input.
//! It does not measure anything; what it cannot see was measured once and stands in the constants.

use std::collections::BTreeSet;

use burn::Tensor;
use burn::tensor::{DType, Device};

use crate::networks::blocks::{Pass, Step};
use crate::networks::{NetworkConfig, NetworkError, Takes};
use crate::probe::trained;
use crate::recipe::TrainConfig;
use crate::weights::parameters;

/// What the layers of a network hold, at any size of the input.
#[derive(Debug, Clone)]
pub struct Footprint {
    network: NetworkConfig,
    parameters: usize,
    layers: Vec<Holding>,
    /// Pixels or voxels of the input that the layers were listed for, margin included.
    listed: usize,
}

/// What one layer holds, for one case of the listed size.
#[derive(Debug, Clone, Copy)]
struct Holding {
    /// Values that stay for the backward pass: what it gives, and what it reads where no layer gave that.
    values: usize,
    /// How many of those that a pass holds stay in 32 bits whatever the precision.
    full: usize,
    /// Values of each channel, where it normalises by the batch.
    normalised: Option<usize>,
    /// Whether it has one value a channel however large the input is.
    is_pooled: bool,
}

/// Memory of a training in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Weights, the optimizer's arrays, the cases, and the program itself.
    pub fixed: u64,
    /// The same with gradients, which come when most of a batch has gone: no training takes less.
    pub least: u64,
    /// What each case of a batch adds.
    pub each: u64,
}

impl Memory {
    /// Gives the bytes for a batch.
    pub fn of(&self, batch: usize) -> u64 {
        self.fixed.saturating_add(self.each.saturating_mul(batch as u64)).max(self.least)
    }

    /// Gives the largest batch that stays within `limit` bytes; none where not even one case does.
    pub fn largest_batch(&self, limit: u64) -> Option<usize> {
        if limit < self.least {
            return None;
        }
        let room = limit.checked_sub(self.fixed)? / self.each.max(1);
        usize::try_from(room).ok().filter(|batch| *batch > 0)
    }
}

/// What a batch must be where a normalisation by the batch sees one value of each case and channel.
pub const ONE_VALUE: &str = "at least 2: a batch normalisation would see one value a channel, and learn nothing";

/// Bytes of a value.
const FLOAT: u64 = 4;
/// Bytes of the program, its threads and small things.
const PROGRAM: u64 = 40 << 20;

/// Lists the layers for an input of some channels and frames; the input is the smallest that tells, so this is quick.
///
/// # Errors
/// The settings are out of range, or the network takes other channels or frames.
pub fn footprint(config: &NetworkConfig, channels: usize, frames: usize) -> Result<Footprint, NetworkError> {
    let [depth, height, width] = config.smallest();
    let depth = if matches!(config.takes(), Takes::Volumes(_)) { depth } else { frames };
    // Twice as wide as need be: what has one value a channel even so does not grow with the input.
    let shape = [channels, depth, height, 2 * width];
    config.check_input(shape)?;
    let device = Device::flex();
    let network = config.build(&device)?;
    let margin = config.margin(shape);
    let mut pass = Pass::listing();
    drop(network.fitted(Tensor::zeros([1, channels, depth, height, 2 * width], &device), &margin, &mut pass));
    let steps = pass.into_steps();
    let mut given = BTreeSet::new();
    let layers = steps.iter().map(|step| Holding::of(step, &mut given)).collect();
    let parameters = trained(&parameters(&network));
    Ok(Footprint { network: config.clone(), parameters, layers, listed: padded(config, shape) })
}

/// Pixels or voxels of an input with its margin.
fn padded(config: &NetworkConfig, shape: [usize; 4]) -> usize {
    let margin = config.margin(shape);
    (0..3).map(|axis| shape[axis + 1] + margin.before[axis] + margin.behind[axis]).product()
}

impl Holding {
    /// `given` are the shapes that layers before it gave, and the input's.
    fn of(step: &Step, given: &mut BTreeSet<Vec<usize>>) -> Self {
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        // Skips that were joined to what comes from below: no layer gave them as one array.
        let is_joined = !step.read.is_empty() && !given.is_empty() && !given.contains(&step.read);
        let read = if is_joined { count(&step.read) } else { 0 };
        // What it gives is laid out anew as a part of what is joined, and not needed itself.
        let own = if step.kind.starts_with("conv_transpose") { 0 } else { count(&step.shape) };
        // What a normalisation read, for which the layer before counts, and what an activation in 32 bits read.
        let read_in_full = if step.kind.ends_with("_norm") { count(&step.shape) } else { 0 };
        given.insert(step.shape.clone());
        let space = step.shape.get(2..).unwrap_or_default();
        Self {
            values: own + read + step.beside,
            full: read_in_full + step.beside,
            normalised: (step.kind == "batch_norm").then(|| count(space)),
            is_pooled: space.iter().all(|side| *side == 1),
        }
    }

    /// The factor by which it holds more at another size.
    fn scale(&self, scale: f64) -> f64 {
        if self.is_pooled { 1.0 } else { scale }
    }
}

impl Footprint {
    fn scale(&self, shape: [usize; 4]) -> f64 {
        padded(&self.network, shape) as f64 / self.listed as f64
    }

    /// Gives the fewest values that a normalisation by the batch sees of one case and channel; none where there is none.
    pub fn least_normalised(&self, shape: [usize; 4]) -> Option<usize> {
        let scale = self.scale(shape);
        let values = self.layers.iter().filter_map(|layer| Some(layer.normalised? as f64 * layer.scale(scale)));
        values.min_by(f64::total_cmp).map(|least| least.round().max(1.0) as usize)
    }

    /// Gives the memory that a training takes with inputs of one shape, `[channels, depth or frames, height, width]`, and so
    /// many values of cases held all the time.
    ///
    /// In 16 bits it is that of a GPU: there convolutions keep what they read in 16 bits, and normalisations in 32. The CPU computes
    /// both in 32 bits, and keeps as much as with `fp32`.
    pub fn memory(&self, shape: [usize; 4], training: &TrainConfig, held: usize) -> Memory {
        let scale = self.scale(shape);
        let scaled = |count: usize, layer: &Holding| (count as f64 * layer.scale(scale)) as u64;
        let format = DType::from(training.precision.of_layers()).size() as u64;
        let kept =
            |layer: &Holding| format * scaled(layer.values, layer) + (FLOAT - format) * scaled(layer.full, layer);
        let kept: u64 = self.layers.iter().map(kept).sum();
        let input = shape.iter().product::<usize>() as u64;
        let extra = u64::from(training.ema.is_some()) + u64::from(training.accumulate > 1);
        let arrays = 1 + training.optimizer.slots().len() as u64 + extra;
        let weights = |arrays: u64| self.parameters as u64 * arrays * FLOAT;
        let rest = PROGRAM + held as u64 * FLOAT;
        Memory {
            fixed: rest + weights(arrays),
            // Gradients as tensors and as plain arrays.
            least: rest + weights(arrays + 2),
            each: kept + input * FLOAT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(network: &str, size: usize, training: &str) -> Memory {
        let network: NetworkConfig = serde_json::from_str(network).expect("a network");
        let training = format!(
            r#"{{"loss": {{"dice": {{}}}}, "optimizer": {{"adam": {{}}}}, "epochs": 1, "batch": 1 {training}}}"#
        );
        let training: TrainConfig = serde_json::from_str(&training).expect("a recipe");
        footprint(&network, 1, 1).expect("a network").memory([1, 1, size, size], &training, 1000)
    }

    #[test]
    fn a_small_network_by_hand() {
        // One level: convolution and normalisation twice, pool, twice at the bottom, what is joined, twice again, and the head.
        let found = memory(r#"{"unet": {"width": 2, "depth": 1}}"#, 16, "");
        let (fine, coarse) = (16 * 16, 8 * 8);
        let values = 4 * 2 * fine + 2 * coarse + 4 * 4 * coarse + 4 * fine + 4 * 2 * fine + fine;
        assert_eq!(found.each, 4 * (values + fine));
        let parameters = 20 + 4 + 38 + 4 + 76 + 8 + 148 + 8 + 34 + 74 + 4 + 38 + 4 + 3;
        assert_eq!(found.fixed, PROGRAM + 4 * (3 * parameters + 1000));
        assert_eq!(found.least, found.fixed + 4 * 2 * parameters);
    }

    #[test]
    fn memory_grows_with_area_weights_and_batch() {
        let unet = r#"{"unet": {"width": 4, "depth": 2}}"#;
        let (small, large) = (memory(unet, 32, ""), memory(unet, 64, ""));
        assert_eq!((large.each, large.fixed), (4 * small.each, small.fixed));
        let averaged = memory(unet, 32, r#", "ema": {}"#);
        assert!(averaged.fixed > small.fixed && averaged.each == small.each);
        let half = memory(unet, 32, r#", "precision": "bf16""#);
        assert_eq!(half.fixed, small.fixed, "weights, gradients and the optimizer's arrays stay in 32 bits");
        assert!(half.each > small.each / 2 && half.each < small.each * 4 / 5, "what normalisations read does, too");
        let smooth = memory(r#"{"unet": {"width": 4, "depth": 2, "activation": "silu"}}"#, 32, "");
        assert!(smooth.each > small.each, "what the activation gave is kept too");
    }

    #[test]
    fn largest_batches() {
        let memory = Memory { fixed: 100, least: 120, each: 10 };
        assert_eq!((memory.of(1), memory.of(5)), (120, 150));
        assert_eq!(memory.largest_batch(149), Some(4));
        assert_eq!(memory.largest_batch(119), None);
        assert_eq!(memory.largest_batch(99), None);
    }

    #[test]
    fn values_that_a_normalisation_sees() {
        let least = |network: &str, size: usize| {
            let network: NetworkConfig = serde_json::from_str(network).expect("a network");
            footprint(&network, 1, 1).expect("a network").least_normalised([1, 1, size, size])
        };
        assert_eq!(least(r#"{"unet": {"width": 2, "depth": 2}}"#, 32), Some(64));
        assert_eq!(least(r#"{"unet": {"width": 2, "depth": 2, "norm": "none"}}"#, 32), None);
        let pooled = r#"{"deeplabv3_plus": {"encoder": {"resnet18": {"width": 4}}, "width": 8, "skip_width": 4}}"#;
        assert_eq!(least(pooled, 64), Some(1));
    }
}
