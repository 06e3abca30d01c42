//! What the losses of overlap share: which pixels and maps their sums run over, and the mean of what comes out.
//! It does not know a formula.

use burn::Tensor;
use burn::tensor::TensorData;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LossError;
use crate::batch::Target;
use crate::head::Head;

/// What the sums of a loss of overlap run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// All pixels of the batch at once.
    #[default]
    Batch,
    /// The pixels of each sample, then the mean over samples.
    Sample,
    /// All pixels of the batch and all maps that count at once.
    BatchAndMaps,
}

/// Whether the first map counts where maps are classes that exclude each other. A single map, and the maps of overlapping
/// classes (head `sigmoid`), are never background and always count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Background {
    /// It does not.
    #[default]
    Ignored,
    /// It does.
    Counted,
}

/// What becomes of a map without any pixel in the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// Its loss counts as any other, so that what is found there costs something.
    #[default]
    Counted,
    /// It is left out of the mean.
    Skipped,
    /// Its loss is 0, and the mean is over it, too.
    Perfect,
}

/// The settings that losses of overlap have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Regions<'a> {
    pub over: Over,
    pub background: Background,
    pub absent: Absent,
    pub weights: Option<&'a [f64]>,
}

/// Probabilities and targets of the maps that count, 0 in pixels that do not.
///
/// # Shapes
/// `[batch, maps, depth, height, width]`.
pub(super) struct Compared {
    pub probabilities: Tensor<5>,
    pub targets: Tensor<5>,
    /// 1 where a sample has a pixel that counts, `[batch, 1, 1]`; none where all pixels count.
    seen: Option<Tensor<3>>,
}

impl Regions<'_> {
    /// Checks weights against the number of maps that count.
    pub(super) fn check(&self, maps: usize, head: Head) -> Result<(), LossError> {
        let Some(weights) = self.weights else { return Ok(()) };
        if self.over == Over::BatchAndMaps {
            return Err(LossError::WeightsOfOne);
        }
        check_weights(weights, maps - self.first(maps, head))
    }

    /// The first map that counts.
    fn first(&self, maps: usize, head: Head) -> usize {
        usize::from(maps > 1 && head == Head::Softmax && self.background == Background::Ignored)
    }

    /// Gives probabilities and targets of the maps and pixels that count.
    pub(super) fn compared(&self, logits: Tensor<5>, target: &Target, head: Head) -> Compared {
        let maps = logits.dims()[1];
        let first = self.first(maps, head);
        let of = |x: Tensor<5>| if first > 0 { x.narrow(1, first, maps - first) } else { x };
        let (p, t) = (of(head.probabilities(logits)), of(target.maps.clone()));
        let Some(counted) = target.counted.clone() else {
            return Compared { probabilities: p, targets: t, seen: None };
        };
        let [batch, _, depth, height, width] = counted.dims();
        let seen = counted.clone().reshape([batch, 1, depth * height * width]).sum_dim(2);
        let seen = Some(seen.greater_elem(0.0).float());
        Compared { probabilities: p * counted.clone(), targets: t * counted, seen }
    }

    /// Sums over what the settings say.
    ///
    /// # Shapes
    /// `[batch, maps, depth, height, width]` to `[batch or 1, maps or 1, 1]`.
    pub(super) fn sum(&self, x: Tensor<5>) -> Tensor<3> {
        let [batch, maps, depth, height, width] = x.dims();
        let sums = x.reshape([batch, maps, depth * height * width]).sum_dim(2); // [batch, maps, 1]
        match self.over {
            Over::Sample => sums,
            Over::Batch => sums.sum_dim(0),
            Over::BatchAndMaps => sums.sum_dim(0).sum_dim(1),
        }
    }

    /// Gives the weighted mean of a score that is 1 where all is found.
    ///
    /// `score` is given what it must add below: 1 where a quotient has no meaning, so that none is 0 / 0, and else 0.
    ///
    /// # Shapes
    /// `score` gives `[batch or 1, maps or 1, 1]`; the mean is `[1]`.
    pub(super) fn mean_score(
        &self,
        compared: &Compared,
        score: impl FnOnce(Option<Tensor<3>>) -> Tensor<3>,
    ) -> Tensor<1> {
        if self.absent == Absent::Counted && self.weights.is_none() && compared.seen.is_none() {
            return score(None).mean();
        }
        -self.mean_loss(compared, score, |missing| missing) + 1.0
    }

    /// Gives the weighted mean of the `loss` of what is missing of a score.
    pub(super) fn mean_loss(
        &self,
        compared: &Compared,
        score: impl FnOnce(Option<Tensor<3>>) -> Tensor<3>,
        loss: impl FnOnce(Tensor<3>) -> Tensor<3>,
    ) -> Tensor<1> {
        let present = match self.absent {
            Absent::Counted => None,
            Absent::Skipped | Absent::Perfect => Some(self.sum(compared.targets.clone()).greater_elem(0.0).float()),
        };
        // A sample without a pixel that counts says nothing; over the batch, only one without any such sample does.
        let seen = compared.seen.clone().map(|seen| match self.over {
            Over::Sample => seen,
            Over::Batch | Over::BatchAndMaps => seen.max_dim(0),
        });
        let meant = match (present, seen.clone()) {
            (Some(present), Some(seen)) => Some(present * seen),
            (one, other) => one.or(other),
        };
        let values = loss(-score(meant.clone().map(|meant| -meant + 1.0)) + 1.0);
        let Some(meant) = meant else { return self.weighted(values, None) };
        let values = values * meant.clone();
        match self.absent {
            Absent::Perfect => self.weighted(values, seen),
            Absent::Counted | Absent::Skipped => self.weighted(values, Some(meant)),
        }
    }

    /// The mean of `values`, each counting by its map's weight and by `share`.
    fn weighted(&self, values: Tensor<3>, share: Option<Tensor<3>>) -> Tensor<1> {
        let shape = values.dims();
        let share = match (self.weights, share) {
            (None, None) => return values.mean(),
            (None, Some(share)) => share.expand(shape),
            (Some(weights), share) => {
                let weights = row(weights, &values).reshape([1, shape[1], 1]).expand(shape);
                share.map_or(weights.clone(), |share| weights * share)
            }
        };
        // Nothing counts: nothing is lost.
        (values * share.clone()).sum() / share.sum().clamp_min(1e-12)
    }
}

/// Checks that there are so many weights and that they are of use.
pub(super) fn check_weights(weights: &[f64], expected: usize) -> Result<(), LossError> {
    if weights.len() != expected {
        return Err(LossError::Weights { found: weights.len(), expected });
    }
    let wrong = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0));
    if let Some(weight) = wrong {
        return Err(LossError::Setting { field: "weights", value: weight.to_string(), expected: "at least 0" });
    }
    if weights.iter().all(|weight| *weight == 0.0) {
        let value = "0 in every place".to_owned();
        return Err(LossError::Setting { field: "weights", value, expected: "one above 0" });
    }
    Ok(())
}

/// Weights of maps as a tensor `[maps]` where `like` is.
pub(super) fn row<const D: usize>(weights: &[f64], like: &Tensor<D>) -> Tensor<1> {
    let values: Vec<f32> = weights.iter().map(|weight| *weight as f32).collect();
    Tensor::from_data(TensorData::new(values, [weights.len()]), &like.device())
}

/// Checks that numbers are finite and at least 0.
pub(super) fn check_numbers(numbers: &[(&'static str, f64)]) -> Result<(), LossError> {
    let wrong = numbers.iter().find(|(_, value)| !(*value >= 0.0 && value.is_finite()));
    wrong.map_or(Ok(()), |(field, value)| {
        Err(LossError::Setting { field, value: value.to_string(), expected: "at least 0" })
    })
}

/// Tells whether a setting is as before it existed; such settings leave no trace in old fingerprints.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Adds `blank` to a denominator, see [`Regions::mean_score`].
pub(super) fn blanked(denominator: Tensor<3>, blank: Option<Tensor<3>>) -> Tensor<3> {
    match blank {
        Some(blank) => denominator + blank,
        None => denominator,
    }
}
