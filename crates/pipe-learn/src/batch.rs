//! Samples to tensors: order, augmentation, targets.
//! It does not know folds or files. What is drawn depends on seed, epoch and case id, never on threads or history.

use burn::Tensor;
use burn::tensor::{Device, TensorData};
use pipe_image::{Image, Mask, Transform, augment};
use rayon::prelude::*;

use crate::labels::Labels;
use crate::random::{generator, number, shuffled};

/// A case to learn from or to validate on.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its name; unique in its set.
    pub id: String,
    /// The prepared image.
    pub image: Image,
    /// What each pixel is.
    pub mask: Mask,
}

/// Several samples as tensors.
#[derive(Debug, Clone)]
pub struct Batch {
    /// `[batch, channels, frames, height, width]`.
    pub images: Tensor<5>,
    /// What they should become.
    pub target: Target,
}

/// What maps should become.
#[derive(Debug, Clone)]
pub struct Target {
    /// 0 and 1: `[batch, maps, depth, height, width]`.
    pub maps: Tensor<5>,
    /// 1 where a pixel counts and 0 where its label is unknown, `[batch, 1, depth, height, width]`; none where all count.
    pub counted: Option<Tensor<5>>,
}

/// Gives the order of samples in an epoch.
pub fn order(seed: u64, epoch: usize, count: usize) -> Vec<usize> {
    shuffled(count, &mut generator(seed, "order", &[epoch as u64]))
}

/// Gives a changed copy of each sample, the same for the same seed, epoch and id.
pub fn augmented(samples: &[&Sample], transforms: &[Transform], seed: u64, epoch: usize) -> Vec<Sample> {
    let change = |sample: &&Sample| {
        let mut random = generator(seed, "augment", &[epoch as u64, number(&sample.id)]);
        let (image, mask) = augment(transforms, &sample.image, &sample.mask, &mut random);
        Sample { id: sample.id.clone(), image, mask }
    };
    samples.par_iter().map(change).collect()
}

/// Lays samples of one size out as tensors.
pub fn assembled(samples: &[&Sample], labels: &Labels, device: &Device) -> Batch {
    let images: Vec<&Image> = samples.iter().map(|sample| &sample.image).collect();
    Batch { images: stacked(&images, device), target: target(samples, labels, device) }
}

/// Lays masks of one size out as maps of 0 and 1.
fn target(samples: &[&Sample], labels: &Labels, device: &Device) -> Target {
    let Mask { depth, height, width, .. } = samples[0].mask;
    let (batch, size) = (samples.len(), depth * height * width);
    let number = |is_so: bool| if is_so { 1.0f32 } else { 0.0 };
    let mut maps = Vec::with_capacity(batch * labels.maps * size);
    for sample in samples {
        for map in 0..labels.maps {
            maps.extend(labels.of_map(&sample.mask, map).map(number));
        }
    }
    let maps = Tensor::from_data(TensorData::new(maps, [batch, labels.maps, depth, height, width]), device);
    let counted: Vec<Option<Vec<bool>>> = samples.iter().map(|sample| labels.counted(&sample.mask)).collect();
    let counted = counted.iter().any(Option::is_some).then(|| {
        let numbers = counted.iter().flat_map(|counted| match counted {
            Some(counted) => counted.iter().map(|counts| number(*counts)).collect(),
            None => vec![1.0; size],
        });
        Tensor::from_data(TensorData::new(numbers.collect(), [batch, 1, depth, height, width]), device)
    });
    Target { maps, counted }
}

/// Lays images out as `[batch, channels, frames, height, width]`.
pub fn stacked(images: &[&Image], device: &Device) -> Tensor<5> {
    let [frames, channels, height, width] = images[0].shape();
    let mut values = Vec::with_capacity(images.len() * images[0].data.len());
    for image in images {
        for channel in 0..channels {
            (0..frames).for_each(|frame| values.extend_from_slice(image.plane(frame, channel)));
        }
    }
    Tensor::from_data(TensorData::new(values, [images.len(), channels, frames, height, width]), device)
}
