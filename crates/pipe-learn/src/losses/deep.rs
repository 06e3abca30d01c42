//! Deep supervision: the loss of a network's further, mostly coarser, maps beside that of its main ones.
//! It does not know networks; how coarse maps are is seen from their size.

use burn::Tensor;
use burn::tensor::{Int, TensorData};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LossConfig, LossError};
use crate::batch::Target;
use crate::head::Head;
use crate::networks::{Maps, Margin};

/// What the losses of a network's outputs count: first its main maps, then the further ones, the finest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeepSupervision {
    /// 1, 1/2, 1/4 and so on, but 0 for the last, divided by their sum, as nnU-Net has it.
    Halving,
    /// The mean of all, as U-Net++ has it.
    Equal,
    /// These numbers, as they are.
    Weights(Vec<f64>),
}

impl DeepSupervision {
    /// Checks the numbers, before anything is known of a network.
    ///
    /// # Errors
    /// There are none, or one of them is none.
    pub fn check(&self) -> Result<(), LossError> {
        let Self::Weights(weights) = self else { return Ok(()) };
        super::regions::check_weights(weights, weights.len().max(1))
    }

    /// Gives a weight for each of so many outputs.
    fn weights(&self, outputs: usize) -> Result<Vec<f64>, LossError> {
        let shares: Vec<f64> = match self {
            Self::Weights(weights) if weights.len() != outputs => {
                return Err(LossError::DeepWeights { found: weights.len(), expected: outputs });
            }
            Self::Weights(weights) => return Ok(weights.clone()),
            Self::Equal => vec![1.0; outputs],
            Self::Halving => {
                let counted = if outputs > 1 { outputs - 1 } else { 1 };
                (0..outputs).map(|at| if at < counted { 0.5f64.powi(at as i32) } else { 0.0 }).collect()
            }
        };
        let sum: f64 = shares.iter().sum();
        Ok(shares.into_iter().map(|share| share / sum).collect())
    }
}

/// Gives the loss of all outputs of a learning pass.
///
/// The target of coarser maps is the nearest pixel of the target, at the centre of theirs, as nnU-Net samples it
/// (PyTorch's `nearest-exact`); what lies in the margin that was put around the input does not count. Without `choice`, maps are
/// weighted by [`Halving`](DeepSupervision::Halving) if any is coarser than the target, and are else
/// [`Equal`](DeepSupervision::Equal).
///
/// # Errors
/// `choice` does not fit the number of outputs.
pub fn supervised(
    loss: &LossConfig,
    maps: &Maps,
    target: &Target,
    head: Head,
    choice: Option<&DeepSupervision>,
    margin: &Margin,
) -> Result<Tensor<1>, LossError> {
    if maps.deep.is_empty() {
        return match choice {
            Some(_) => Err(LossError::NothingDeep),
            None => Ok(loss.value(maps.main.clone(), target, head)),
        };
    }
    let [_, _, depth, height, width] = target.maps.dims();
    let around = Around { size: [depth, height, width], margin };
    let is_coarse = |deep: &Tensor<5>| (0..3).any(|axis| deep.dims()[axis + 2] < around.size[axis]);
    let usual = if maps.deep.iter().any(is_coarse) { DeepSupervision::Halving } else { DeepSupervision::Equal };
    let weights = choice.unwrap_or(&usual).weights(maps.deep.len() + 1)?;
    let main = loss.value(maps.main.clone(), target, head) * weights[0];
    let deep = maps.deep.iter().zip(&weights[1..]).filter(|(_, weight)| **weight != 0.0);
    Ok(deep.fold(main, |sum, (deep, weight)| {
        sum + loss.value(deep.clone(), &around.seen_by(deep, target), head) * *weight
    }))
}

/// Where a target lies in what a network was given.
struct Around<'a> {
    /// Slices, rows and columns of the target.
    size: [usize; 3],
    margin: &'a Margin,
}

impl Around<'_> {
    /// Gives the target of maps of any size.
    fn seen_by(&self, deep: &Tensor<5>, target: &Target) -> Target {
        let [batch, _, depth, height, width] = deep.dims();
        let found = [depth, height, width];
        if found == self.size && self.margin.is_empty() {
            return target.clone();
        }
        let device = target.maps.device();
        let (mut maps, mut counted) = (target.maps.clone(), target.counted.clone());
        let mut inside: Tensor<5> = Tensor::ones([batch, 1, depth, height, width], &device);
        let mut is_all_inside = true;
        for axis in 0..3 {
            let places = self.places(axis, found[axis]);
            let rows: Vec<i64> = places.iter().map(|(place, _)| *place as i64).collect();
            let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [found[axis]]), &device);
            maps = maps.select(axis + 2, rows.clone());
            counted = counted.map(|counted| counted.select(axis + 2, rows));
            is_all_inside &= places.iter().all(|(_, is_inside)| *is_inside);
            let shares: Vec<f32> = places.iter().map(|(_, is_inside)| if *is_inside { 1.0 } else { 0.0 }).collect();
            let mut shape = [1; 5];
            shape[axis + 2] = found[axis];
            inside = inside * Tensor::<5>::from_data(TensorData::new(shares, shape), &device);
        }
        let counted = match counted {
            Some(counted) => Some(counted * inside),
            None => (!is_all_inside).then_some(inside),
        };
        Target { maps, counted }
    }

    /// Where the centres of so many pixels lie along an axis of the target, and whether that is inside of it.
    fn places(&self, axis: usize, found: usize) -> Vec<(usize, bool)> {
        let (before, size) = (self.margin.before[axis], self.size[axis]);
        let padded = before + size + self.margin.behind[axis];
        let place = |at: usize| {
            let padded_place = (2 * at + 1) * padded / (2 * found);
            let is_inside = (before..before + size).contains(&padded_place);
            (padded_place.saturating_sub(before).min(size - 1), is_inside)
        };
        (0..found).map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::networks::Fill;
    use crate::weights::floats;

    fn margin(behind: usize) -> Margin {
        Margin { before: [0; 3], behind: [0, 0, behind], fill: Fill::Zeros, eaten: [0; 3] }
    }

    fn row(values: &[f32]) -> Tensor<5> {
        Tensor::from_data(TensorData::new(values.to_vec(), [1, 1, 1, 1, values.len()]), &Device::flex())
    }

    #[test]
    fn weights_of_outputs() {
        let sevenths = [4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0, 0.0];
        let found = DeepSupervision::Halving.weights(4).expect("any number");
        assert!(found.iter().zip(sevenths).all(|(found, expected)| (found - expected).abs() < 1e-12), "{found:?}");
        assert_eq!(DeepSupervision::Equal.weights(2), Ok(vec![0.5, 0.5]));
        let two = DeepSupervision::Weights(vec![1.0, 0.5]);
        assert_eq!(two.weights(2), Ok(vec![1.0, 0.5]));
        assert_eq!(two.weights(3), Err(LossError::DeepWeights { found: 2, expected: 3 }));
        assert!(DeepSupervision::Weights(vec![f64::NAN]).check().is_err());
        assert!(DeepSupervision::Weights(Vec::new()).check().is_err());
    }

    #[test]
    fn coarse_targets_are_pixels_at_centres_and_margins_do_not_count() {
        let target = Target { maps: row(&[0.0, 1.0, 0.0, 0.0, 1.0, 1.0]), counted: None };
        let (none, two) = (margin(0), margin(2));
        let seen = |margin, width| {
            let around = Around { size: [1, 1, 6], margin };
            let seen = around.seen_by(&Tensor::zeros([1, 1, 1, 1, width], &Device::flex()), &target);
            (floats(seen.maps), seen.counted.map(floats))
        };
        // `nearest-exact` of PyTorch takes pixels 1, 3, 5 of six, and 1, 4 of two.
        assert_eq!(seen(&none, 3), (vec![1.0, 0.0, 1.0], None));
        assert_eq!(seen(&none, 2), (vec![1.0, 1.0], None));
        assert_eq!(seen(&two, 4), (vec![1.0, 0.0, 1.0, 1.0], Some(vec![1.0, 1.0, 1.0, 0.0])));
        assert_eq!(seen(&two, 8).1, Some(vec![1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]));
    }

    #[test]
    fn the_sum_over_outputs() {
        let loss: LossConfig = serde_json::from_str(r#"{"binary_cross_entropy": {}}"#).expect("in range");
        let target = Target { maps: row(&[0.0, 1.0, 0.0, 1.0]), counted: None };
        let coarse = Maps { main: row(&[0.0; 4]), deep: vec![row(&[100.0, 100.0]), row(&[-7.0])] };
        let value = |maps: &Maps, choice: Option<&DeepSupervision>| {
            supervised(&loss, maps, &target, Head::Sigmoid, choice, &margin(0)).map(|value| floats(value)[0])
        };
        // ln 2 for the main maps, 0 for the next, which sees two ones, and the last does not count.
        let found = value(&coarse, None).expect("halving");
        assert!((found - 2.0 / 3.0 * 2f32.ln()).abs() < 1e-6, "{found}");
        let fine = Maps { main: row(&[0.0; 4]), deep: vec![row(&[0.0; 4])] };
        assert!((value(&fine, None).expect("equal") - 2f32.ln()).abs() < 1e-6);
        let plain = Maps { main: row(&[0.0; 4]), deep: Vec::new() };
        assert!((value(&plain, None).expect("one output") - 2f32.ln()).abs() < 1e-6);
        assert_eq!(value(&plain, Some(&DeepSupervision::Equal)), Err(LossError::NothingDeep));
    }
}
