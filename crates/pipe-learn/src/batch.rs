//! Samples to tensors: images and targets, laid out on the host first.
//! It does not know folds or files, or which samples come together.

use std::borrow::Borrow;

use burn::Tensor;
use burn::tensor::{Device, TensorData};
use pipe_image::{Image, Mask};

use crate::labels::Labels;

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

/// Several samples laid out as tensors will be, on the host.
#[derive(Debug, Clone)]
pub(crate) struct Arranged {
    images: TensorData,
    maps: TensorData,
    counted: Option<TensorData>,
}

impl Arranged {
    /// Gives the tensors on a device.
    pub(crate) fn on(self, device: &Device) -> Batch {
        let there = |data: TensorData| Tensor::from_data(data, device);
        let Self { images, maps, counted } = self;
        Batch { images: there(images), target: Target { maps: there(maps), counted: counted.map(there) } }
    }
}

/// Lays samples of one size out.
pub(crate) fn arranged(samples: &[impl Borrow<Sample>], labels: &Labels) -> Arranged {
    let samples: Vec<&Sample> = samples.iter().map(Borrow::borrow).collect();
    let images: Vec<&Image> = samples.iter().map(|sample| &sample.image).collect();
    let (maps, counted) = target(&samples, labels);
    Arranged { images: laid_out(&images), maps, counted }
}

/// Lays masks of one size out as maps of 0 and 1, and what counts of them.
fn target(samples: &[&Sample], labels: &Labels) -> (TensorData, Option<TensorData>) {
    let Mask { depth, height, width, .. } = samples[0].mask;
    let (batch, size) = (samples.len(), depth * height * width);
    let number = |is_so: bool| if is_so { 1.0f32 } else { 0.0 };
    let mut maps = Vec::with_capacity(batch * labels.maps * size);
    for sample in samples {
        for map in 0..labels.maps {
            maps.extend(labels.of_map(&sample.mask, map).map(number));
        }
    }
    let maps = TensorData::new(maps, [batch, labels.maps, depth, height, width]);
    let counted: Vec<Option<Vec<bool>>> = samples.iter().map(|sample| labels.counted(&sample.mask)).collect();
    let counted = counted.iter().any(Option::is_some).then(|| {
        let numbers = counted.iter().flat_map(|counted| match counted {
            Some(counted) => counted.iter().map(|counts| number(*counts)).collect(),
            None => vec![1.0; size],
        });
        TensorData::new(numbers.collect(), [batch, 1, depth, height, width])
    });
    (maps, counted)
}

/// Lays images out as `[batch, channels, frames, height, width]`.
pub fn stacked(images: &[&Image], device: &Device) -> Tensor<5> {
    Tensor::from_data(laid_out(images), device)
}

fn laid_out(images: &[&Image]) -> TensorData {
    let [frames, channels, height, width] = images[0].shape();
    let mut values = Vec::with_capacity(images.len() * images[0].data.len());
    for image in images {
        for channel in 0..channels {
            (0..frames).for_each(|frame| values.extend_from_slice(image.plane(frame, channel)));
        }
    }
    TensorData::new(values, [images.len(), channels, frames, height, width])
}
