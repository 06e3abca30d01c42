//! Where NIfTI voxels lie: spacing and affine, with the precedence of the standard as nibabel's `get_best_affine` has it.
//! It does not know bytes.

use super::damaged;
use super::fields::Fields;
use crate::formats::read::FormatError;
use crate::formats::{Geometry, Space};

/// Gives spacing and affine in millimetres.
pub(super) fn geometry(fields: &Fields) -> Result<Geometry, FormatError> {
    let unit = match fields.xyzt_units & 7 {
        1 => 1000.0,
        3 => 0.001,
        // Millimetres, or unknown.
        _ => 1.0,
    };
    let sides: [f64; 3] = [fields.pixdim[1], fields.pixdim[2], fields.pixdim[3]].map(f64::abs);
    // Damaged headers say 0; an affine needs a length all the same.
    let lengths = sides.map(|side| if side == 0.0 { 1.0 } else { side });
    // Without a code nothing is told: nibabel then takes the centre of the volume for the origin, which is nowhere.
    let (affine, code) = if fields.sform_code > 0 {
        (Some(fields.srow), fields.sform_code)
    } else if fields.qform_code > 0 {
        (Some(qform(fields, lengths)), fields.qform_code)
    } else {
        (None, 1)
    };
    // Version 2 has room for codes that nobody has given a meaning.
    let space = i16::try_from(code).map_or(Space::SCANNER, Space);
    let affine = affine.map(|affine| affine.map(|row| row.map(|value| value * unit)));
    if sides.iter().chain(affine.iter().flatten().flatten()).any(|value| !value.is_finite()) {
        return Err(damaged("pixdim, the sform or the qform are no finite numbers"));
    }
    // Divided, so that a whole number of micrometres is the millimetres that people write.
    let scaled = |side: f64| if unit < 1.0 { side / 1000.0 } else { side * unit };
    // Version 2 has 64 bits, in which converted files keep numbers of 32.
    let side = |axis: usize| {
        let narrow = sides[axis] as f32;
        if f64::from(narrow) == sides[axis] { decimal(narrow) } else { sides[axis] }
    };
    let told = |axis: usize| if (axis as i64) < fields.dim[0] { scaled(side(axis)) } else { 0.0 };
    Ok(Geometry { spacing: [told(2), told(1), told(0)], affine, space })
}

/// Gives the shortest decimal number that a number of 32 bits stands for: 0.1 and not 0.10000000149011612, with which a distance of
/// exactly a tolerance would lie beyond it.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().expect("a finite number is written as one")
}

/// Gives the affine of the quaternion.
fn qform(fields: &Fields, lengths: [f64; 3]) -> [[f64; 4]; 3] {
    let [b, c, d] = fields.quaternion;
    let rest = 1.0 - (b * b + c * c + d * d);
    // Three floats leave this much of a half turn undecided.
    let precision = if fields.length == 348 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    let a = if rest < 3.0 * precision { 0.0 } else { rest.sqrt() };
    let norm = a * a + b * b + c * c + d * d;
    let turn = [
        [a * a + b * b - c * c - d * d, 2.0 * (b * c - a * d), 2.0 * (b * d + a * c)],
        [2.0 * (b * c + a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d - a * b)],
        [2.0 * (b * d - a * c), 2.0 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ];
    let handedness = if fields.pixdim[0] == -1.0 { -1.0 } else { 1.0 };
    let [x, y, z] = [lengths[0] / norm, lengths[1] / norm, lengths[2] * handedness / norm];
    std::array::from_fn(|row| [turn[row][0] * x, turn[row][1] * y, turn[row][2] * z, fields.qoffset[row]])
}
