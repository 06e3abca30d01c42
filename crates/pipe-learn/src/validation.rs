//! Loss and Dice on validation cases, to choose the best epoch by.
//! It never sees test cases, and is not the evaluation that is reported.

use burn::tensor::Device;

use pipe_image::Mask;
use rayon::prelude::*;

use crate::batch::{Batch, Sample, arranged};
use crate::flat::together;
use crate::head::Head;
use crate::labels::Labels;
use crate::networks::blocks::Pass;
use crate::networks::{Network, NetworkConfig};
use crate::recipe::TrainConfig;

/// What validation found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Validation {
    /// The mean loss over cases.
    pub loss: f64,
    /// The mean Dice over cases and foreground classes, at threshold 0.5 or of the likeliest class.
    pub dice: f64,
    /// The mean Dice of each foreground class over cases that have it or were said to; empty for a single one.
    pub class_dice: Vec<Option<f64>>,
}

/// Validates a network that is not differentiated, on whole images; those of one size that follow each other share a batch.
pub(crate) fn validated(
    network: &Network,
    config: &NetworkConfig,
    training: &TrainConfig,
    samples: &[Sample],
    device: &Device,
) -> Validation {
    let labels = training.labels(config.classes());
    let mut loss_sum = 0.0;
    let mut dices: Vec<Vec<Option<f64>>> = Vec::new();
    let alike = samples.chunk_by(|one, next| one.image.shape() == next.image.shape());
    for chunk in alike.flat_map(|alike| alike.chunks(training.batch)) {
        let [frames, channels, height, width] = chunk[0].image.shape();
        let margin = config.margin([channels, frames, height, width]);
        let Batch { images, target } = arranged(chunk, &labels).on(device);
        let mut pass = Pass::predicting().in_precision(training.precision);
        let logits = network.fitted(images, &margin, &mut pass).main;
        let [_, maps, depth, height, width] = logits.dims();
        let value = training.loss.value(logits.clone(), &target, labels.head);
        // One waiting for both.
        let count = logits.shape().num_elements();
        let mut read = together(vec![value, logits.reshape([count])]);
        let mut next = || read.next().expect("two tensors are read");
        loss_sum += f64::from(next()[0]) * chunk.len() as f64;
        let logits = next();
        let of_each = chunk.par_iter().zip(logits.par_chunks(maps * depth * height * width));
        dices.par_extend(of_each.map(|(sample, logits)| dice(logits, &sample.mask, &labels)));
    }
    let mean = |found: &mut dyn Iterator<Item = f64>| {
        let (sum, count) = found.fold((0.0, 0), |(sum, count), dice| (sum + dice, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    // Nothing to find and nothing found in every case: there is nothing to improve.
    let dice = mean(&mut dices.iter().flatten().flatten().copied()).unwrap_or(1.0);
    let of = |class: usize| mean(&mut dices.iter().filter_map(|dices| dices[class]));
    let classes = labels.foreground().len();
    let class_dice = if classes > 1 { (0..classes).map(of).collect() } else { Vec::new() };
    Validation { loss: loss_sum / samples.len() as f64, dice, class_dice }
}

/// Gives Dice for each foreground class over the pixels that count; none where it is neither in the prediction nor in the mask.
fn dice(logits: &[f32], mask: &Mask, labels: &Labels) -> Vec<Option<f64>> {
    let size = mask.size();
    let largest = |pixel: usize| {
        let better =
            |best: usize, map: usize| if logits[map * size + pixel] > logits[best * size + pixel] { map } else { best };
        (1..labels.maps).fold(0, better)
    };
    let likeliest: Vec<usize> = match labels.head {
        Head::Softmax => (0..size).map(largest).collect(),
        Head::Sigmoid => Vec::new(),
    };
    let is_found = |map: usize, pixel: usize| match labels.head {
        Head::Softmax => likeliest[pixel] == map,
        // A logit of at least 0 is a probability of at least 0.5.
        Head::Sigmoid => logits[map * size + pixel] >= 0.0,
    };
    let counted = labels.counted(mask);
    let map_dice = |map: usize| {
        let (mut both, mut sum) = (0usize, 0usize);
        for (pixel, is_there) in labels.of_map(mask, map).enumerate() {
            if counted.as_ref().is_none_or(|counted| counted[pixel]) {
                let is_found = is_found(map, pixel);
                both += usize::from(is_found && is_there);
                sum += usize::from(is_found) + usize::from(is_there);
            }
        }
        (sum > 0).then(|| 2.0 * both as f64 / sum as f64)
    };
    labels.foreground().map(map_dice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(logits: &[f32], truth: &[u8], head: Head, maps: usize, expected: &[f64]) {
        let layers = truth.len() * maps / logits.len();
        let mask = Mask { layers, depth: 1, height: 1, width: logits.len() / maps, labels: truth.to_vec() };
        let found = dice(logits, &mask, &Labels { maps, head, ignored: Some(255) });
        assert_eq!(found.into_iter().flatten().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn dice_of_one_and_of_more_maps() {
        check(&[1.0, 0.0, -1.0, -2.0], &[1, 0, 3, 0], Head::Sigmoid, 1, &[0.5]);
        check(&[-1.0], &[0], Head::Sigmoid, 1, &[]);
        // Two pixels, three maps: predicted 1 and 2, true 1 and 1.
        check(&[0.0, 0.0, 1.0, 0.0, 0.5, 2.0], &[1, 1], Head::Softmax, 3, &[2.0 / 3.0, 0.0]);
        // Classes 1 and 2 as maps 0 and 1, both found in the first pixel.
        check(&[1.0, -1.0, 1.0, 1.0], &[1, 2], Head::Sigmoid, 2, &[1.0, 2.0 / 3.0]);
        // Both classes truly there in the first pixel.
        check(&[1.0, -1.0, 1.0, 1.0], &[1, 0, 1, 0], Head::Sigmoid, 2, &[1.0, 2.0 / 3.0]);
        // What is not known does not count.
        check(&[1.0, 1.0, -1.0], &[1, 255, 0], Head::Sigmoid, 1, &[1.0]);
    }
}
