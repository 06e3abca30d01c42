//! Loss and Dice on validation cases, to choose the best epoch by.
//! It never sees test cases, and is not the evaluation that is reported.

use burn::tensor::Device;

use crate::batch::{Sample, assembled};
use crate::head::Head;
use crate::losses::LossConfig;
use crate::networks::blocks::Pass;
use crate::networks::{Network, NetworkConfig};
use crate::weights::floats;

/// What validation found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Validation {
    /// The mean loss over cases.
    pub loss: f64,
    /// The mean Dice over cases and foreground classes at threshold 0.5.
    pub dice: f64,
    /// The mean Dice of each foreground class over cases that have it or were said to; empty for a single one.
    pub class_dice: Vec<Option<f64>>,
}

/// Validates a network that is not differentiated, on whole images; those of one size that follow each other share a batch.
pub(crate) fn validated(
    network: &Network,
    config: &NetworkConfig,
    samples: &[Sample],
    loss: &LossConfig,
    head: Head,
    batch: usize,
    device: &Device,
) -> Validation {
    let mut loss_sum = 0.0;
    let mut dices: Vec<Vec<Option<f64>>> = Vec::new();
    let alike = samples.chunk_by(|one, next| one.image.shape() == next.image.shape());
    for chunk in alike.flat_map(|alike| alike.chunks(batch)) {
        let [frames, channels, height, width] = chunk[0].image.shape();
        let margin = config.margin([channels, frames, height, width]);
        let chunk: Vec<&Sample> = chunk.iter().collect();
        let mut pass = Pass::predicting();
        let images = assembled(&chunk, 1, device).images;
        let logits = network.fitted(images, &margin, &mut pass).main;
        let [_, classes, depth, height, width] = logits.dims();
        let target = assembled(&chunk, classes, device).target;
        let value = floats(loss.value(logits.clone(), &target, head))[0];
        loss_sum += f64::from(value) * chunk.len() as f64;
        let logits = floats(logits);
        for (sample, logits) in chunk.iter().zip(logits.chunks(classes * depth * height * width)) {
            dices.push(dice(logits, &sample.mask.labels, classes));
        }
    }
    let mean = |found: &mut dyn Iterator<Item = f64>| {
        let (sum, count) = found.fold((0.0, 0), |(sum, count), dice| (sum + dice, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    // Nothing to find and nothing found in every case: there is nothing to improve.
    let all = mean(&mut dices.iter().flatten().flatten().copied()).unwrap_or(1.0);
    let classes = dices.first().map_or(0, Vec::len);
    let of = |class: usize| mean(&mut dices.iter().filter_map(|dices| dices[class]));
    let class_dice = if classes > 1 { (0..classes).map(of).collect() } else { Vec::new() };
    Validation { loss: loss_sum / samples.len() as f64, dice: all, class_dice }
}

/// Gives Dice for each foreground class; none where it is neither in the prediction nor in the mask.
fn dice(logits: &[f32], labels: &[u8], classes: usize) -> Vec<Option<f64>> {
    let size = labels.len();
    let largest = |pixel: usize| {
        let better = |best: usize, class: usize| {
            if logits[class * size + pixel] > logits[best * size + pixel] { class } else { best }
        };
        (1..classes).fold(0, better)
    };
    // A logit of at least 0 is a probability of at least 0.5.
    let predicted: Vec<usize> = match classes {
        1 => logits.iter().map(|logit| usize::from(*logit >= 0.0)).collect(),
        _ => (0..size).map(largest).collect(),
    };
    let truth = |label: u8| {
        if classes == 1 { usize::from(label != 0) } else { usize::from(label) }
    };
    let class_dice = |class: usize| {
        let mut counts = [0usize; 2];
        for (predicted, label) in predicted.iter().zip(labels) {
            let (found, there) = (*predicted == class, truth(*label) == class);
            counts[0] += usize::from(found && there);
            counts[1] += usize::from(found) + usize::from(there);
        }
        let [both, sum] = counts;
        (sum > 0).then(|| 2.0 * both as f64 / sum as f64)
    };
    (1..classes.max(2)).map(class_dice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_of_one_and_of_more_maps() {
        assert_eq!(dice(&[1.0, 0.0, -1.0, -2.0], &[1, 0, 3, 0], 1), vec![Some(0.5)]);
        assert_eq!(dice(&[-1.0], &[0], 1), vec![None]);
        // Two pixels, three maps: predicted 1 and 2, true 1 and 1.
        assert_eq!(dice(&[0.0, 0.0, 1.0, 0.0, 0.5, 2.0], &[1, 1], 3), vec![Some(2.0 / 3.0), Some(0.0)]);
    }
}
