//! The fields of a NIfTI header that matter for reading, the same for both versions.
//! It does not know what they mean together.

use super::{damaged, unsupported};
use crate::formats::read::FormatError;

/// The length of the longer header, that of version 2.
pub(super) const LONGEST: usize = 540;

/// The fields, with the names of the standard where they are its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fields {
    /// The length of the header, `sizeof_hdr`.
    pub(super) length: usize,
    pub(super) big_endian: bool,
    pub(super) dim: [i64; 8],
    pub(super) datatype: i16,
    pub(super) pixdim: [f64; 8],
    /// `vox_offset`.
    pub(super) offset: i64,
    /// `scl_slope`.
    pub(super) slope: f64,
    /// `scl_inter`.
    pub(super) intercept: f64,
    pub(super) xyzt_units: u8,
    pub(super) qform_code: i32,
    pub(super) sform_code: i32,
    /// `quatern_b`, `quatern_c`, `quatern_d`.
    pub(super) quaternion: [f64; 3],
    /// `qoffset_x`, `qoffset_y`, `qoffset_z`.
    pub(super) qoffset: [f64; 3],
    /// `srow_x`, `srow_y`, `srow_z`.
    pub(super) srow: [[f64; 4]; 3],
}

impl Fields {
    /// Reads the fields; nothing when the bytes end within the header.
    pub(super) fn of(bytes: &[u8]) -> Option<Result<Self, FormatError>> {
        let first: [u8; 4] = *bytes.first_chunk()?;
        let big_endian = first[0] == 0;
        let length = if big_endian { u32::from_be_bytes(first) } else { u32::from_le_bytes(first) } as usize;
        let reader = Reader { bytes: bytes.get(..length.min(LONGEST))?, big_endian };
        Some(match length {
            348 => reader.version_1(),
            LONGEST => reader.version_2(),
            _ => Err(damaged(format!("the header's length is {length}, not 348 or {LONGEST}"))),
        })
    }
}

/// A header of the right length.
struct Reader<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Reader<'_> {
    fn version_1(&self) -> Result<Fields, FormatError> {
        match &self.bytes[344..348] {
            b"n+1\0" => {}
            b"ni1\0" => return Err(pair()),
            // Analyze 7.5 has the same length and none of the fields that say where left is.
            _ if (1..=7).contains(&self.i16(40)) => {
                return Err(unsupported(
                    "it is Analyze 7.5, which does not tell left from right; convert it to .nii.gz",
                ));
            }
            _ => return Err(damaged("the magic string is missing")),
        }
        Ok(Fields {
            length: self.bytes.len(),
            big_endian: self.big_endian,
            dim: self.row(40, 2, |at| self.i16(at).into()),
            datatype: self.i16(70),
            pixdim: self.row(76, 4, |at| self.f32(at)),
            // Saturates; no number at all becomes 0, which is refused.
            offset: self.f32(108) as i64,
            slope: self.f32(112),
            intercept: self.f32(116),
            xyzt_units: self.bytes[123],
            qform_code: self.i16(252).into(),
            sform_code: self.i16(254).into(),
            quaternion: self.row(256, 4, |at| self.f32(at)),
            qoffset: self.row(268, 4, |at| self.f32(at)),
            srow: self.row(280, 16, |at| self.row(at, 4, |at| self.f32(at))),
        })
    }

    fn version_2(&self) -> Result<Fields, FormatError> {
        match (&self.bytes[4..8], &self.bytes[8..12]) {
            (b"n+2\0", b"\r\n\x1a\n" | b"\0\0\0\0") => {}
            (b"n+2\0", _) => return Err(damaged("a text-mode transfer has changed line ends")),
            (b"ni2\0", _) => return Err(pair()),
            _ => return Err(damaged("the magic string is missing")),
        }
        Ok(Fields {
            length: self.bytes.len(),
            big_endian: self.big_endian,
            dim: self.row(16, 8, |at| self.i64(at)),
            datatype: self.i16(12),
            pixdim: self.row(104, 8, |at| self.f64(at)),
            offset: self.i64(168),
            slope: self.f64(176),
            intercept: self.f64(184),
            // The lowest byte of an i32; the others are not used.
            xyzt_units: self.i32(500).to_le_bytes()[0],
            qform_code: self.i32(344),
            sform_code: self.i32(348),
            quaternion: self.row(352, 8, |at| self.f64(at)),
            qoffset: self.row(376, 8, |at| self.f64(at)),
            srow: self.row(400, 32, |at| self.row(at, 8, |at| self.f64(at))),
        })
    }

    fn row<T, const COUNT: usize>(&self, at: usize, step: usize, field: impl Fn(usize) -> T) -> [T; COUNT] {
        std::array::from_fn(|index| field(at + index * step))
    }

    fn little_endian<const SIZE: usize>(&self, at: usize) -> [u8; SIZE] {
        std::array::from_fn(|byte| self.bytes[at + if self.big_endian { SIZE - 1 - byte } else { byte }])
    }

    fn i16(&self, at: usize) -> i16 {
        i16::from_le_bytes(self.little_endian(at))
    }

    fn i32(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.little_endian(at))
    }

    fn i64(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.little_endian(at))
    }

    fn f32(&self, at: usize) -> f64 {
        f32::from_le_bytes(self.little_endian(at)).into()
    }

    fn f64(&self, at: usize) -> f64 {
        f64::from_le_bytes(self.little_endian(at))
    }
}

fn pair() -> FormatError {
    unsupported("it is the header of a pair, the voxels are in the .img file beside it; convert the pair to .nii.gz")
}
