//! Writes NIfTI-1 in gzip: what other programs read a prediction from. The same voxels give the same bytes.
//! It does not know files, or what labels mean.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::PIECE;
use crate::formats::{Geometry, Space};

/// How far a qform may be from the sform, as a part of a voxel's side; a larger difference is shear, or another spacing.
const SAME: f64 = 1e-4;

/// The bytes before the voxels: the header, and four that say that no extension follows.
const START: usize = 352;

/// What is written.
#[derive(Debug, Clone, Copy)]
pub enum Voxels<'a> {
    /// Class ids, as uint8.
    Labels(&'a [u8]),
    /// Values, as float32.
    Values(&'a [f32]),
}

/// A side that NIfTI-1 has no number for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a side of {0} voxels does not fit into a NIfTI file, whose sides are at most 32767")]
pub struct TooLong(pub usize);

/// Gives a `.nii.gz` file of voxels `[slices, height, width, channels]`, in C order as a [`Raster`](crate::formats::Raster) has them.
///
/// The sform is the affine, in millimetres and with the code of its space. The qform is too, where it can be: it knows no shear, and its
/// lengths are those of the spacing.
///
/// # Errors
/// If a side is too long for the format.
///
/// # Panics
/// If the number of voxels is not that of the shape.
pub fn write(voxels: Voxels<'_>, shape: [usize; 4], geometry: Option<&Geometry>) -> Result<Vec<u8>, TooLong> {
    let (count, datatype, bits) = match voxels {
        Voxels::Labels(labels) => (labels.len(), 2_i16, 8_i16),
        Voxels::Values(values) => (values.len(), 16, 32),
    };
    assert_eq!(count, shape.iter().product::<usize>(), "as many voxels as the shape has");
    let [slices, height, width, channels] = shape;
    let mut head = [0; START];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &348_i32.to_le_bytes());
    // Not used since 1989, but Analyze readers look for it.
    put(38, b"r");
    // A picture whose file said nothing of slices stays one.
    let flat = slices == 1 && geometry.is_some_and(|geometry| geometry.spacing[0] == 0.0);
    let dimensions = match channels {
        1 if flat => 2_i16,
        1 => 3,
        _ => 4,
    };
    put(40, &dimensions.to_le_bytes());
    for (axis, side) in [width, height, slices, channels, 1, 1, 1].into_iter().enumerate() {
        put(42 + axis * 2, &i16::try_from(side).map_err(|_| TooLong(side))?.to_le_bytes());
    }
    put(70, &datatype.to_le_bytes());
    put(72, &bits.to_le_bytes());
    let mut floats = |at: usize, values: &[f64]| {
        for (index, value) in values.iter().enumerate() {
            put(at + index * 4, &(*value as f32).to_le_bytes());
        }
    };
    let affine = geometry.and_then(|geometry| geometry.affine);
    let sides = sides(geometry);
    let qform = affine.and_then(|affine| Qform::of(&affine, sides));
    floats(
        76,
        &[qform.as_ref().map_or(1.0, |qform| qform.handedness), sides[0], sides[1], sides[2], 1.0, 1.0, 1.0, 1.0],
    );
    floats(108, &[START as f64, 1.0]);
    if let Some(affine) = &affine {
        floats(280, affine.as_flattened());
    }
    if let (Some(affine), Some(qform)) = (&affine, &qform) {
        floats(256, &qform.quaternion);
        floats(268, &[affine[0][3], affine[1][3], affine[2][3]]);
    }
    let code = geometry.map_or(Space::SCANNER, |geometry| geometry.space).0;
    put(252, &if qform.is_some() { code } else { 0 }.to_le_bytes());
    put(254, &if affine.is_some() { code } else { 0 }.to_le_bytes());
    put(123, &[if geometry.is_some() { 2 } else { 0 }]);
    put(344, b"n+1\0");
    // No file name and no time in the gzip header: the same voxels give the same bytes.
    let mut file = GzEncoder::new(Vec::new(), Compression::default());
    let written = file.write_all(&head).and_then(|()| match voxels {
        Voxels::Labels(labels) => volumes(&mut file, labels, channels, |label| [*label]),
        Voxels::Values(values) => volumes(&mut file, values, channels, |value| value.to_le_bytes()),
    });
    Ok(written.and_then(|()| file.finish()).expect("writing to memory works"))
}

/// Writes channel after channel.
fn volumes<T, const N: usize>(
    file: &mut GzEncoder<Vec<u8>>,
    samples: &[T],
    channels: usize,
    bytes: impl Fn(&T) -> [u8; N],
) -> std::io::Result<()> {
    for channel in 0..channels {
        let mut piece = Vec::with_capacity(PIECE);
        for sample in samples.iter().skip(channel).step_by(channels) {
            piece.extend(bytes(sample));
            if piece.len() + N > PIECE {
                file.write_all(&piece)?;
                piece.clear();
            }
        }
        file.write_all(&piece)?;
    }
    Ok(())
}

/// Gives the lengths of a voxel along columns, rows and slices; never 0, which other programs refuse.
fn sides(geometry: Option<&Geometry>) -> [f64; 3] {
    let side = |axis: usize| {
        let spacing = geometry.map(|geometry| geometry.spacing[2 - axis]);
        let length = geometry.and_then(|geometry| geometry.affine).map(|affine| length(column(&affine, axis)));
        [spacing, length].into_iter().flatten().find(|side| *side > 0.0).unwrap_or(1.0)
    };
    std::array::from_fn(side)
}

fn column(affine: &[[f64; 4]; 3], axis: usize) -> [f64; 3] {
    affine.map(|row| row[axis])
}

fn dot(one: [f64; 3], other: [f64; 3]) -> f64 {
    one.into_iter().zip(other).map(|(one, other)| one * other).sum()
}

fn length(vector: [f64; 3]) -> f64 {
    dot(vector, vector).sqrt()
}

/// An affine as a turn: `quatern_b`, `quatern_c`, `quatern_d`, and whether slices run against it.
struct Qform {
    quaternion: [f64; 3],
    handedness: f64,
}

impl Qform {
    /// Gives the turn; nothing where the affine has shear, or lengths other than these.
    fn of(affine: &[[f64; 4]; 3], sides: [f64; 3]) -> Option<Self> {
        let axes: [[f64; 3]; 3] = std::array::from_fn(|axis| column(affine, axis).map(|value| value / sides[axis]));
        for (at, axis) in axes.iter().enumerate() {
            let others = axes[..at].iter().all(|other| dot(*axis, *other).abs() < SAME);
            if !others || (length(*axis) - 1.0).abs() >= SAME {
                return None;
            }
        }
        let [x, y, z] = axes;
        let cross = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]];
        let handedness = if dot(cross, z) < 0.0 { -1.0 } else { 1.0 };
        let z = z.map(|value| value * handedness);
        // The largest of the four is computed first, the others by dividing by it.
        let squares =
            [1.0 + x[0] + y[1] + z[2], 1.0 + x[0] - y[1] - z[2], 1.0 - x[0] + y[1] - z[2], 1.0 - x[0] - y[1] + z[2]];
        let largest = (1..4).fold(0, |largest, at| if squares[at] > squares[largest] { at } else { largest });
        let [a, b, c, d] = match largest {
            0 => [squares[0], y[2] - z[1], z[0] - x[2], x[1] - y[0]],
            1 => [y[2] - z[1], squares[1], x[1] + y[0], z[0] + x[2]],
            2 => [z[0] - x[2], x[1] + y[0], squares[2], y[2] + z[1]],
            _ => [x[1] - y[0], z[0] + x[2], y[2] + z[1], squares[3]],
        };
        // `a` is not written: it is what the others leave of 1, and not negative.
        let norm = (a * a + b * b + c * c + d * d).sqrt() * if a < 0.0 { -1.0 } else { 1.0 };
        Some(Self { quaternion: [b, c, d].map(|value| value / norm), handedness })
    }
}
