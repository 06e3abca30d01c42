//! Affine maps of the plane about the centre of an image, and resampling through one.
//! It does not know where a map comes from.

use crate::{Image, Mask};

/// Takes a place in the new image to the place in the old one it shows; both relative to the centre, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Affine {
    /// `[x from x, x from y, x offset, y from x, y from y, y offset]`.
    terms: [f64; 6],
}

impl Affine {
    pub(super) const IDENTITY: Self = Self { terms: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0] };

    /// Scales by a factor for each axis (of the old place).
    pub(super) fn scale(x: f64, y: f64) -> Self {
        Self { terms: [x, 0.0, 0.0, 0.0, y, 0.0] }
    }

    /// Turns by an angle.
    pub(super) fn rotate(degrees: f64) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Self { terms: [cos, -sin, 0.0, sin, cos, 0.0] }
    }

    /// Moves by pixels.
    pub(super) fn shift(x: f64, y: f64) -> Self {
        Self { terms: [1.0, 0.0, x, 0.0, 1.0, y] }
    }

    /// Slants along the rows.
    pub(super) fn shear(degrees: f64) -> Self {
        Self { terms: [1.0, degrees.to_radians().tan(), 0.0, 0.0, 1.0, 0.0] }
    }

    /// Gives the map of first this change of the image, then `next`.
    ///
    /// Maps lead from the new image back to the old one, so `next` is applied to a place first.
    pub(super) fn then(self, next: Self) -> Self {
        let [a, b, c, d, e, f] = self.terms;
        let [g, h, i, j, k, l] = next.terms;
        Self {
            terms: [a * g + b * j, a * h + b * k, a * i + b * l + c, d * g + e * j, d * h + e * k, d * i + e * l + f],
        }
    }

    fn at(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.terms;
        (a * x + b * y + c, d * x + e * y + f)
    }
}

/// Resamples image (bilinear) and mask (nearest) through one map; beyond the border both are mirrored, so that they stay a pair.
pub(super) fn resample(map: Affine, image: &Image, mask: &Mask) -> (Image, Mask) {
    let [_, _, height, width] = image.shape();
    let size = height * width;
    let (centre_x, centre_y) = ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0);
    let mut taps = Vec::with_capacity(size);
    for row in 0..height {
        for column in 0..width {
            let (x, y) = map.at(column as f64 - centre_x, row as f64 - centre_y);
            let tap = Tap::new(snapped(x + centre_x), snapped(y + centre_y), height, width);
            taps.push(tap);
        }
    }
    let mut data = Vec::with_capacity(image.data.len());
    for plane in image.planes() {
        data.extend(taps.iter().map(|tap| tap.value(plane)));
    }
    let labels = mask.mapped(height, width, |plane| taps.iter().map(|tap| plane[tap.nearest]).collect());
    (Image { data, ..Image::filled([0; 4], 0.0) }.shaped(image), labels)
}

/// Takes rounding errors away, so that flips and whole shifts give the very values and not a mixture with weight 1e-16.
fn snapped(place: f64) -> f64 {
    let whole = place.round();
    if (place - whole).abs() < 1e-9 { whole } else { place }
}

impl Image {
    fn shaped(self, like: &Image) -> Image {
        let [frames, channels, height, width] = like.shape();
        Image { frames, channels, height, width, data: self.data }
    }
}

/// The four old pixels that make a new one, with their weights.
struct Tap {
    places: [usize; 4],
    weights: [f32; 4],
    nearest: usize,
}

impl Tap {
    fn new(x: f64, y: f64, height: usize, width: usize) -> Self {
        let (left, top) = (x.floor(), y.floor());
        let (right_part, low_part) = ((x - left) as f32, (y - top) as f32);
        let columns = [mirrored(left as i64, width), mirrored(left as i64 + 1, width)];
        let rows = [mirrored(top as i64, height), mirrored(top as i64 + 1, height)];
        let places =
            [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(row, column): (usize, usize)| rows[row] * width + columns[column]);
        let weights = [
            (1.0 - low_part) * (1.0 - right_part),
            (1.0 - low_part) * right_part,
            low_part * (1.0 - right_part),
            low_part * right_part,
        ];
        let nearest = places[usize::from(low_part >= 0.5) * 2 + usize::from(right_part >= 0.5)];
        Self { places, weights, nearest }
    }

    fn value(&self, plane: &[f32]) -> f32 {
        self.places.iter().zip(self.weights).map(|(place, weight)| plane[*place] * weight).sum()
    }
}

/// Mirrors a place at the border without repeating the border pixel.
fn mirrored(at: i64, side: usize) -> usize {
    let last = side as i64 - 1;
    if last == 0 {
        return 0;
    }
    let at = at.rem_euclid(2 * last);
    (if at > last { 2 * last - at } else { at }) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirroring_does_not_repeat_the_border() {
        let places: Vec<usize> = (-3..6).map(|at| mirrored(at, 3)).collect();
        assert_eq!(places, [1, 2, 1, 0, 1, 2, 1, 0, 1]);
    }

    #[test]
    fn order_of_changes_counts() {
        let moved_then_scaled = Affine::shift(1.0, 0.0).then(Affine::scale(2.0, 1.0));
        assert_eq!(moved_then_scaled.at(3.0, 0.0), (7.0, 0.0));
        let scaled_then_moved = Affine::scale(2.0, 1.0).then(Affine::shift(1.0, 0.0));
        assert_eq!(scaled_then_moved.at(3.0, 0.0), (8.0, 0.0));
    }
}
