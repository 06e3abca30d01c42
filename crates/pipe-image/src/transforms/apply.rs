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
pub fn augment(transforms: &[Transform], image: &Image, mask: &Mask, rng: &mut Pcg64) -> (Image, Mask) {
    assert_eq!((image.height, image.width), (mask.height, mask.width), "image and mask are a pair");
    let mut drawn = Drawn { map: Affine::IDENTITY, values: Vec::new() };
    transforms.iter().for_each(|transform| draw(transform, image, rng, &mut drawn));
    let (mut image, mask) =
        if drawn.map == Affine::IDENTITY { (image.clone(), mask.clone()) } else { resample(drawn.map, image, mask) };
    for change in drawn.values {
        match change {
            ValueChange::Linear { factor, offset, clip } => intensity::linear(&mut image.data, factor, offset, clip),
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
    Linear { factor: f64, offset: f64, clip: Option<[f64; 2]> },
    Gamma { exponent: f64 },
    Noise { most: f64 },
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
            let (x, y) = (symmetric(rng, (1.0 - side) * width / 2.0), symmetric(rng, (1.0 - side) * height / 2.0));
            Affine::shift(x, y).then(Affine::scale(side, side))
        }
        Transform::Shift { fraction, .. } => {
            let x = symmetric(rng, fraction * width);
            Affine::shift(x, symmetric(rng, fraction * height))
        }
        Transform::Shear { degrees, .. } => Affine::shear(symmetric(rng, *degrees)),
        Transform::Intensity { shift, factor, clip, .. } => {
            let factor = factor.map_or(1.0, |range| within(rng, range));
            let offset = symmetric(rng, *shift);
            return drawn.values.push(ValueChange::Linear { factor, offset, clip: *clip });
        }
        Transform::Gamma { range, .. } => {
            return drawn.values.push(ValueChange::Gamma { exponent: within(rng, *range) });
        }
        Transform::Noise { deviation, .. } => {
            return drawn.values.push(ValueChange::Noise { most: *deviation });
        }
        Transform::Sometimes { transforms, .. } => {
            return transforms.iter().for_each(|transform| draw(transform, image, rng, drawn));
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

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn pair() -> (Image, Mask) {
        let data = (0..2 * 6 * 6u8).map(f32::from).collect();
        let image = Image { frames: 2, channels: 1, height: 6, width: 6, data };
        let labels = (0..36).map(|at| u8::from(at % 6 > 3 && at / 6 < 2)).collect();
        (image, Mask::plane(6, 6, labels))
    }

    fn changed(transforms: &str, seed: u64) -> (Image, Mask) {
        let transforms: Vec<Transform> = serde_json::from_str(transforms).expect("the transforms are good");
        let (image, mask) = pair();
        augment(&transforms, &image, &mask, &mut Pcg64::seed_from_u64(seed))
    }

    #[test]
    fn flips_are_exact() {
        let (image, mask) = pair();
        let (flipped, flipped_mask) = changed(r#"[{"flip_horizontal": {"p": 1}}]"#, 0);
        for row in 0..6 {
            for column in 0..6 {
                assert_eq!(flipped.plane(1, 0)[row * 6 + column], image.plane(1, 0)[row * 6 + 5 - column]);
                assert_eq!(flipped_mask.labels[row * 6 + column], mask.labels[row * 6 + 5 - column]);
            }
        }
        let twice = changed(r#"[{"flip_vertical": {"p": 1}}, {"flip_vertical": {"p": 1}}]"#, 0);
        assert_eq!(twice, pair());
    }

    #[test]
    fn equal_states_give_equal_bytes_and_probability_zero_changes_nothing() {
        let all = r#"[{"sometimes": {"p": 0.8, "transforms": [{"rotate": {"degrees": 10}}, {"crop": {"range": [0.78, 1]}}]}},
            {"scale": {"range": [0.8, 1.2], "along": "each"}}, {"shift": {"fraction": 0.2}}, {"shear": {"degrees": 2}},
            {"intensity": {"shift": 0.2, "clip": [0, 1]}}, {"gamma": {"range": [0.5, 2]}}, {"noise": {"deviation": 0.1}}]"#;
        assert_eq!(changed(all, 5), changed(all, 5));
        assert_ne!(changed(all, 5), changed(all, 6));
        assert_eq!(changed(r#"[{"rotate": {"degrees": 90, "p": 0}}, {"noise": {"deviation": 9, "p": 0}}]"#, 1), pair());
    }

    #[test]
    fn image_and_mask_stay_a_pair() {
        // The image is the mask: wherever bilinear and nearest agree that a pixel is pure, both must say the same.
        let labels: Vec<u8> =
            (0..64 * 64usize).map(|at| u8::from((at % 64).abs_diff(30) + (at / 64).abs_diff(20) < 12)).collect();
        let data = labels.iter().map(|label| f32::from(*label)).collect();
        let (image, mask) = (Image { data, ..Image::filled([1, 1, 64, 64], 0.0) }, Mask::plane(64, 64, labels));
        let text = r#"[{"flip_horizontal": {}}, {"rotate": {"degrees": 30, "p": 1}}, {"crop": {"range": [0.6, 1], "p": 1}}, {"shift": {"fraction": 0.2, "p": 1}}]"#;
        let transforms: Vec<Transform> = serde_json::from_str(text).expect("the transforms are good");
        for seed in 0..20 {
            let (image, mask) = augment(&transforms, &image, &mask, &mut Pcg64::seed_from_u64(seed));
            let agree = image.data.iter().zip(&mask.labels).filter(|(value, _)| **value == 0.0 || **value == 1.0);
            assert!(
                agree.clone().count() > 3000 && agree.clone().all(|(value, label)| *value == f32::from(*label)),
                "seed {seed}"
            );
        }
    }

    #[test]
    fn intensity_is_clipped_and_leaves_the_mask() {
        let (image, mask) = changed(r#"[{"intensity": {"shift": 50, "clip": [0, 10], "p": 1}}]"#, 3);
        assert!(image.data.iter().all(|value| (0.0..=10.0).contains(value)));
        assert_eq!(mask, pair().1);
    }

    #[test]
    fn a_constant_image_stays_constant_under_geometry() {
        let image = Image::filled([1, 2, 9, 5], 0.25);
        let text = r#"[{"rotate": {"degrees": 180, "p": 1}}, {"scale": {"range": [0.2, 0.3], "p": 1}}, {"shear": {"degrees": 40, "p": 1}}]"#;
        let transforms: Vec<Transform> = serde_json::from_str(text).expect("the transforms are good");
        let (changed, _) = augment(&transforms, &image, &Mask::empty(9, 5), &mut Pcg64::seed_from_u64(1));
        assert!(changed.data.iter().all(|value| (value - 0.25).abs() < 1e-6) && changed.shape() == image.shape());
    }

    #[test]
    fn wrong_amounts_are_refused() {
        for wrong in
            [r#"{"flip_horizontal": {"p": 2}}"#, r#"{"scale": {"range": [0, 1]}}"#, r#"{"rotate": {"angle": 3}}"#]
        {
            assert!(serde_json::from_str::<Transform>(wrong).is_err(), "{wrong}");
        }
    }
}
