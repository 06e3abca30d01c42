//! Carries out transforms: geometric ones become one affine map and one resampling, so that an image is blurred once.
//! It does not know where the random state comes from.

use rand::Rng as _;
use rand_pcg::Pcg64;

use super::affine::{Affine, resample};
use super::intensity;
use super::transform::{Along, Transform};
use crate::number::{PositiveRange, Probability};
use crate::{Image, Mask};

/// Gives a randomly changed image with its mask changed alike; equal random states give equal bytes.
///
/// Geometric changes act in the order of the list, then value changes in theirs; all frames and channels change alike.
///
/// # Panics
/// If image and mask are not equally large.
pub fn augment(
    transforms: &[Transform],
    image: &Image,
    mask: &Mask,
    rng: &mut Pcg64,
) -> (Image, Mask) {
    assert_eq!(
        (image.height, image.width),
        (mask.height, mask.width),
        "image and mask are a pair"
    );
    let mut drawn = Drawn {
        map: Affine::IDENTITY,
        values: Vec::new(),
    };
    transforms
        .iter()
        .for_each(|transform| draw(transform, image, rng, &mut drawn));
    let (mut image, mask) = if drawn.map == Affine::IDENTITY {
        (image.clone(), mask.clone())
    } else {
        resample(drawn.map, image, mask)
    };
    for change in drawn.values {
        match change {
            ValueChange::Linear {
                factor,
                offset,
                clip,
            } => intensity::linear(&mut image.data, factor, offset, clip),
            ValueChange::Gamma { exponent } => intensity::gamma(&mut image.data, exponent),
            ValueChange::Noise { most } => intensity::noise(&mut image.data, most, rng),
        }
    }
    (image, mask)
}

/// What was drawn for one image.
struct Drawn {
    map: Affine,
    values: Vec<ValueChange>,
}

enum ValueChange {
    Linear {
        factor: f64,
        offset: f64,
        clip: Option<[f64; 2]>,
    },
    Gamma {
        exponent: f64,
    },
    Noise {
        most: f64,
    },
}

fn draw(transform: &Transform, image: &Image, rng: &mut Pcg64, drawn: &mut Drawn) {
    let (Transform::FlipHorizontal { p }
    | Transform::FlipVertical { p }
    | Transform::Rotate { p, .. }
    | Transform::Scale { p, .. }
    | Transform::Crop { p, .. }
    | Transform::Shift { p, .. }
    | Transform::Shear { p, .. }
    | Transform::Intensity { p, .. }
    | Transform::Gamma { p, .. }
    | Transform::Noise { p, .. }
    | Transform::Sometimes { p, .. }) = transform;
    if !happens(*p, rng) {
        return;
    }
    let (height, width) = (image.height as f64, image.width as f64);
    let map = match transform {
        Transform::FlipHorizontal { .. } => Affine::scale(-1.0, 1.0),
        Transform::FlipVertical { .. } => Affine::scale(1.0, -1.0),
        Transform::Rotate { degrees, .. } => Affine::rotate(symmetric(rng, *degrees)),
        Transform::Scale { range, along, .. } => {
            let x = within(rng, *range);
            let y = match along {
                Along::Both => x,
                Along::Each => within(rng, *range),
            };
            Affine::scale(1.0 / x, 1.0 / y)
        }
        Transform::Crop { range, .. } => {
            let side = within(rng, *range).min(1.0);
            let (x, y) = (
                symmetric(rng, (1.0 - side) * width / 2.0),
                symmetric(rng, (1.0 - side) * height / 2.0),
            );
            Affine::shift(x, y).then(Affine::scale(side, side))
        }
        Transform::Shift { fraction, .. } => {
            let x = symmetric(rng, fraction * width);
            Affine::shift(x, symmetric(rng, fraction * height))
        }
        Transform::Shear { degrees, .. } => Affine::shear(symmetric(rng, *degrees)),
        Transform::Intensity {
            shift,
            factor,
            clip,
            ..
        } => {
            let factor = factor.map_or(1.0, |range| within(rng, range));
            let offset = symmetric(rng, *shift);
            return drawn.values.push(ValueChange::Linear {
                factor,
                offset,
                clip: *clip,
            });
        }
        Transform::Gamma { range, .. } => {
            return drawn.values.push(ValueChange::Gamma {
                exponent: within(rng, *range),
            });
        }
        Transform::Noise { deviation, .. } => {
            return drawn.values.push(ValueChange::Noise { most: *deviation });
        }
        Transform::Sometimes { transforms, .. } => {
            return transforms
                .iter()
                .for_each(|transform| draw(transform, image, rng, drawn));
        }
    };
    drawn.map = drawn.map.then(map);
}

/// Gives a number in `[0, 1)` of 53 bits; written out, so that a new release of a crate cannot change results.
pub(super) fn unit(rng: &mut Pcg64) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

pub(super) fn between(rng: &mut Pcg64, low: f64, high: f64) -> f64 {
    low + unit(rng) * (high - low)
}

fn within(rng: &mut Pcg64, range: PositiveRange) -> f64 {
    let (low, high) = range.get();
    between(rng, low, high)
}

fn symmetric(rng: &mut Pcg64, most: f64) -> f64 {
    between(rng, -most, most)
}

fn happens(p: Probability, rng: &mut Pcg64) -> bool {
    unit(rng) < p.get()
}
