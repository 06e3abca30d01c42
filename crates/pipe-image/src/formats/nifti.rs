//! NIfTI: single files of both versions and byte orders, plain or in gzip.
//! It does not know files, only bytes; extensions of the header are skipped.

mod fields;
#[cfg(test)]
mod real;
mod space;
#[cfg(test)]
mod tests;
mod write;

use std::io::{self, Read};

use super::gzip::{self, Inside};
use super::raster::Raster;
use super::read::{FormatError, Header, MOST_PIXELS};
use fields::Fields;

pub use write::{TooLong, Voxels, write};

const FORMAT: &str = "NIfTI";

/// How much is converted at once; a multiple of all sizes of numbers, colours included.
const PIECE: usize = 3 << 14;

/// Whether the bytes begin with the header's length, in either byte order: the only thing at the start of both versions.
pub(super) fn is_nifti(bytes: &[u8]) -> bool {
    [348_u32, 540].iter().any(|size| bytes.starts_with(&size.to_le_bytes()) || bytes.starts_with(&size.to_be_bytes()))
}

/// Gives the size from the header.
pub(super) fn header(bytes: &[u8]) -> Result<Header, FormatError> {
    Ok(Layout::of(&fields(bytes)?)?.size)
}

/// Decodes the volume.
pub(super) fn decode(bytes: &[u8]) -> Result<Raster, FormatError> {
    let fields = fields(bytes)?;
    let layout = Layout::of(&fields)?;
    let geometry = space::geometry(&fields)?;
    let samples = if gzip::is_gzip(bytes) {
        // So that memory is not claimed for more than there can be.
        if gzip::most_inside(bytes) < layout.end() {
            return Err(truncated(bytes));
        }
        let mut inside = Inside::of(bytes);
        inflated(&layout, &mut inside).map_err(|error| gzip::wrong(FORMAT, bytes, &error))?
    } else {
        let mut voxels = bytes.get(layout.start..layout.end()).ok_or_else(|| truncated(bytes))?;
        layout.samples(&mut voxels).map_err(|error| gzip::wrong(FORMAT, bytes, &error))?
    };
    let Header { slices, height, width } = layout.size;
    Ok(Raster {
        slices,
        height,
        width,
        channels: layout.volumes * layout.kind.colours(),
        samples,
        full_scale: if layout.scale.is_none() { layout.kind.full_scale() } else { None },
        alpha: layout.kind == Kind::Rgba,
        geometry: Some(geometry),
        ..Raster::default()
    })
}

fn inflated(layout: &Layout, inside: &mut Inside<'_>) -> io::Result<Vec<f32>> {
    let skipped = io::copy(&mut inside.take(layout.start as u64), &mut io::sink())?;
    if skipped < layout.start as u64 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let samples = layout.samples(inside)?;
    // The checksum is compared at the end; what follows the voxels is read only as far as padding goes.
    io::copy(&mut inside.take(PIECE as u64), &mut io::sink())?;
    Ok(samples)
}

/// Reads the fields of the header, which may lie in gzip.
fn fields(bytes: &[u8]) -> Result<Fields, FormatError> {
    if gzip::is_gzip(bytes) {
        let inside = gzip::start(bytes, fields::LONGEST)?;
        Fields::of(&inside).ok_or_else(|| truncated(bytes))?
    } else {
        Fields::of(bytes).ok_or_else(|| truncated(bytes))?
    }
}

/// Where the samples lie in the file, and how they become samples of a raster.
struct Layout {
    size: Header,
    /// Samples of a voxel that lie in volumes of their own: points in time, or components.
    volumes: usize,
    kind: Kind,
    big_endian: bool,
    scale: Option<(f64, f64)>,
    /// The first byte of the samples.
    start: usize,
}

impl Layout {
    fn of(fields: &Fields) -> Result<Self, FormatError> {
        let [width, height, slices, volumes] = extents(&fields.dim)?;
        let size = Header { slices, height, width };
        let kind = Kind::of(fields.datatype)?;
        if kind.colours() > 1 && volumes > 1 {
            return Err(unsupported("it has colours and more than three dimensions; save one volume as one file"));
        }
        let voxels = [width, height, slices].into_iter().fold(1, usize::saturating_mul);
        let samples = voxels.saturating_mul(volumes).saturating_mul(kind.colours());
        // Volumes count as slices do: they take the same memory.
        if samples > MOST_PIXELS {
            return Err(FormatError::TooLarge { header: Header { slices: slices.saturating_mul(volumes), ..size } });
        }
        let scale = if kind.colours() > 1 { None } else { scale(fields.slope, fields.intercept)? };
        Ok(Self { size, volumes, kind, big_endian: fields.big_endian, scale, start: start(fields)? })
    }

    /// The number of voxels of one volume.
    fn voxels(&self) -> usize {
        self.size.slices * self.size.height * self.size.width
    }

    /// The end of the samples in the file.
    fn end(&self) -> usize {
        self.start.saturating_add(self.voxels() * self.volumes * self.kind.bytes())
    }

    /// Reads the samples; in the file, the volumes lie one after the other.
    fn samples(&self, from: &mut impl Read) -> io::Result<Vec<f32>> {
        match self.kind {
            Kind::U8 | Kind::Rgb | Kind::Rgba => self.read(from, u8::from_le_bytes),
            Kind::I8 => self.read(from, i8::from_le_bytes),
            Kind::U16 => self.read(from, u16::from_le_bytes),
            Kind::I16 => self.read(from, i16::from_le_bytes),
            Kind::U32 => self.read(from, u32::from_le_bytes),
            Kind::I32 => self.read(from, i32::from_le_bytes),
            // `as`: 64-bit integers have no exact conversion; labels and counts are far below 2^53.
            Kind::U64 => self.read(from, |bytes| u64::from_le_bytes(bytes) as f64),
            Kind::I64 => self.read(from, |bytes| i64::from_le_bytes(bytes) as f64),
            Kind::F32 => self.read(from, f32::from_le_bytes),
            Kind::F64 => self.read(from, f64::from_le_bytes),
        }
    }

    fn read<const N: usize, T: Into<f64>>(
        &self,
        from: &mut impl Read,
        number: impl Fn([u8; N]) -> T,
    ) -> io::Result<Vec<f32>> {
        let in_volume = self.voxels() * self.kind.colours();
        let mut samples = vec![0.0; in_volume * self.volumes];
        let mut buffer = vec![0; PIECE.min(in_volume * N)];
        for volume in 0..self.volumes {
            let mut targets = samples[volume..].iter_mut().step_by(self.volumes);
            let mut left = in_volume * N;
            while left > 0 {
                let piece = &mut buffer[..left.min(PIECE)];
                from.read_exact(piece)?;
                left -= piece.len();
                for (bytes, target) in piece.as_chunks_mut::<N>().0.iter_mut().zip(targets.by_ref()) {
                    if self.big_endian {
                        bytes.reverse();
                    }
                    let value = number(*bytes).into();
                    *target = self.scale.map_or(value, |(slope, intercept)| value * slope + intercept) as f32;
                }
            }
        }
        Ok(samples)
    }
}

/// Gives columns, rows, slices and volumes.
fn extents(dim: &[i64; 8]) -> Result<[usize; 4], FormatError> {
    let count = usize::try_from(dim[0]).ok().filter(|count| (1..=7).contains(count));
    let count = count.ok_or_else(|| damaged(format!("the number of dimensions is {}, not 1 to 7", dim[0])))?;
    let mut sides = [1; 7];
    for (axis, side) in sides.iter_mut().enumerate().take(count) {
        let found = usize::try_from(dim[axis + 1]).ok().filter(|side| *side > 0);
        *side = found.ok_or_else(|| damaged(format!("dim[{}] is {}", axis + 1, dim[axis + 1])))?;
    }
    let [width, height, slices, rest @ ..] = sides;
    let mut volumes = rest.into_iter().filter(|side| *side > 1);
    match (volumes.next().unwrap_or(1), volumes.next()) {
        (volumes, None) => Ok([width, height, slices, volumes]),
        _ => Err(unsupported(format!(
            "more than one dimension beyond space is longer than 1 ({rest:?}); save one volume or one series as one file"
        ))),
    }
}

/// Gives slope and intercept where they change a value; a slope of 0 means that there is none.
fn scale(slope: f64, intercept: f64) -> Result<Option<(f64, f64)>, FormatError> {
    if slope == 0.0 || !slope.is_finite() || (slope == 1.0 && intercept == 0.0) {
        Ok(None)
    } else if intercept.is_finite() {
        Ok(Some((slope, intercept)))
    } else {
        Err(damaged(format!("scl_slope is {slope}, but scl_inter is {intercept}")))
    }
}

/// Gives the first byte of the samples; other readers disagree about 0, which the standard does not allow in a single file.
fn start(fields: &Fields) -> Result<usize, FormatError> {
    // Four bytes after the header say whether extensions follow.
    let least = fields.length + 4;
    let start = usize::try_from(fields.offset).ok().filter(|start| *start >= least);
    start.ok_or_else(|| damaged(format!("vox_offset is {}, within the header of {least} bytes", fields.offset)))
}

/// The types of samples that are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
    Rgb,
    Rgba,
}

impl Kind {
    fn of(datatype: i16) -> Result<Self, FormatError> {
        let name = match datatype {
            2 => return Ok(Self::U8),
            4 => return Ok(Self::I16),
            8 => return Ok(Self::I32),
            16 => return Ok(Self::F32),
            64 => return Ok(Self::F64),
            128 => return Ok(Self::Rgb),
            256 => return Ok(Self::I8),
            512 => return Ok(Self::U16),
            768 => return Ok(Self::U32),
            1024 => return Ok(Self::I64),
            1280 => return Ok(Self::U64),
            2304 => return Ok(Self::Rgba),
            1 => "single bits",
            32 | 1792 | 2048 => "complex numbers",
            1536 => "128-bit floats",
            _ => return Err(damaged(format!("there is no datatype {datatype}"))),
        };
        Err(unsupported(format!("its samples are {name} (datatype {datatype}); save it as float32")))
    }

    /// The number of samples of a voxel that lie side by side.
    fn colours(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba => 4,
            _ => 1,
        }
    }

    /// The number of bytes of a voxel of one volume.
    fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::Rgb => 3,
            Self::U32 | Self::I32 | Self::F32 | Self::Rgba => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }

    fn full_scale(self) -> Option<f32> {
        match self {
            Self::U8 | Self::Rgb | Self::Rgba => Some(255.0),
            Self::U16 => Some(65535.0),
            _ => None,
        }
    }
}

fn truncated(bytes: &[u8]) -> FormatError {
    FormatError::Truncated { format: FORMAT, bytes: bytes.len() }
}

fn damaged(reason: impl Into<String>) -> FormatError {
    FormatError::Damaged { format: FORMAT, reason: reason.into() }
}

fn unsupported(reason: impl Into<String>) -> FormatError {
    FormatError::UnsupportedKind { format: FORMAT, reason: reason.into() }
}
