//! The numbers of a weight, flat: on the host as plain floats, or on a device as a tensor that nobody waits for.
//! It does not know what they are: a gradient, a mean of gradients, an averaged weight.

use std::borrow::Cow;

use burn::Tensor;
use burn::tensor::{Device, TensorData, Transaction};
use rayon::prelude::*;

use crate::optimizers::moved;
use crate::weights::{floats, values};

/// The numbers of a weight in C order.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "there are a few hundred, one a weight")]
pub(crate) enum Flat {
    /// In the memory of this process.
    Host(Vec<f32>),
    /// Where the network is, without gradients.
    Device(Tensor<1>),
}

impl Flat {
    /// Copies a tensor to the host, which waits for it.
    pub(crate) fn copied(tensor: Tensor<1>) -> Self {
        Self::Host(floats(tensor))
    }

    /// Gives the number of numbers.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Host(values) => values.len(),
            Self::Device(tensor) => tensor.dims()[0],
        }
    }

    /// Gives the device, if it is on one.
    pub(crate) fn device(&self) -> Option<Device> {
        match self {
            Self::Host(_) => None,
            Self::Device(tensor) => Some(tensor.device()),
        }
    }

    /// Gives it as a tensor on a device; what is there already stays.
    pub(crate) fn on(self, device: &Device) -> Tensor<1> {
        match self {
            Self::Host(values) => {
                let count = values.len();
                Tensor::from_data(TensorData::new(values, [count]), device)
            }
            Self::Device(tensor) => tensor,
        }
    }

    /// Gives the floats; waits for a device.
    pub(crate) fn into_host(self) -> Vec<f32> {
        match self {
            Self::Host(values) => values,
            Self::Device(tensor) => floats(tensor),
        }
    }

    /// Shows the floats; waits for a device.
    pub(crate) fn seen(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Host(values) => Cow::Borrowed(values),
            Self::Device(tensor) => Cow::Owned(floats(tensor.clone())),
        }
    }

    /// Moves it by `share` of the way towards `new`, there where `new` is.
    pub(crate) fn follow(self, new: Self, share: f32) -> Self {
        match new {
            Self::Host(new) => {
                let mut old = self.into_host();
                old.par_iter_mut().zip(&new).for_each(|(old, new)| *old = moved(*old, *new, share));
                Self::Host(old)
            }
            Self::Device(new) => {
                let old = self.on(&new.device());
                Self::Device(moved(old, new, share))
            }
        }
    }
}

/// Copies the numbers of many weights out, waiting seldom for those that are on a device.
pub(crate) fn read<'a>(flats: impl IntoIterator<Item = &'a Flat>) -> Vec<Vec<f32>> {
    let flats: Vec<&Flat> = flats.into_iter().collect();
    let tensor = |flat: &&Flat| match flat {
        Flat::Host(_) => None,
        Flat::Device(tensor) => Some(tensor.clone()),
    };
    let mut tensors = together(flats.iter().filter_map(tensor).collect());
    let copy = |flat: &&Flat| match flat {
        Flat::Host(values) => values.clone(),
        Flat::Device(_) => tensors.next().expect("each tensor was read"),
    };
    flats.iter().map(copy).collect()
}

/// Tensors that are copied out together: many of them cost one waiting, and few of them little memory beside the copies.
const TOGETHER: usize = 32;

/// Copies tensors out, waiting seldom.
pub(crate) fn together<const D: usize>(tensors: Vec<Tensor<D>>) -> impl Iterator<Item = Vec<f32>> {
    let mut tensors = tensors.into_iter().peekable();
    let groups = std::iter::from_fn(move || {
        tensors.peek()?;
        Some(tensors.by_ref().take(TOGETHER).fold(Transaction::default(), Transaction::register))
    });
    groups.flat_map(|group| group.execute().into_iter().map(|data| values(&data)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_a_device_follows_as_on_the_host() {
        let device = Device::flex();
        let host = |values: &[f32]| Flat::Host(values.to_vec());
        let there = |values: &[f32]| Flat::Device(host(values).on(&device));
        let (old, new) = ([1.0, -2.0, 0.5], [3.0, 2.0, 0.5]);
        let expected = vec![1.5, -1.0, 0.5];
        let found = [
            host(&old).follow(host(&new), 0.25),
            there(&old).follow(there(&new), 0.25),
            host(&old).follow(there(&new), 0.25),
            there(&old).follow(host(&new), 0.25),
        ];
        assert_eq!(found.each_ref().map(|flat| flat.device().is_some()), [false, true, true, false]);
        assert_eq!(read(&found), vec![expected; 4]);
    }
}
