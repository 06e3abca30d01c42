//! Samples to tensors: images and one-hot targets.
//! It does not know folds or files, or which samples come together.

use burn::Tensor;
use burn::tensor::{Device, TensorData};
use pipe_image::{Image, Mask};

/// A case to learn from or to validate on.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its name; unique in its set.
    pub id: String,
    /// The prepared image.
    pub image: Image,
    /// The class of each pixel.
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

/// Lays samples of one size out as tensors.
pub fn assembled(samples: &[&Sample], classes: usize, device: &Device) -> Batch {
    let images: Vec<&Image> = samples.iter().map(|sample| &sample.image).collect();
    let Mask { depth, height, width, .. } = samples[0].mask;
    let mut targets = Vec::with_capacity(samples.len() * classes * depth * height * width);
    for sample in samples {
        for class in 0..classes {
            // One map is foreground against background, whatever the class ids.
            let is_hit = |label: u8| {
                if classes == 1 { label != 0 } else { usize::from(label) == class }
            };
            targets.extend(sample.mask.labels.iter().map(|label| if is_hit(*label) { 1.0f32 } else { 0.0 }));
        }
    }
    let targets = TensorData::new(targets, [samples.len(), classes, depth, height, width]);
    let target = Target { maps: Tensor::from_data(targets, device), counted: None };
    Batch { images: stacked(&images, device), target }
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
