//! How the pixels of a file are described: sizes, which bits count, what colours mean; and all of it put together.
//! It does not know how frames are compressed, or where voxels lie in space.

use dicom_dictionary_std::tags;

use super::dataset::{DataSet, Pixels};
use super::frames::{Coding, Frames};
use super::values::{Palette, Rescale};
use super::{damaged, not_read};
use crate::formats::raster::Raster;
use crate::formats::read::{FormatError, Header, MOST_PIXELS};

/// How the pixels of a file are described.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) header: Header,
    pub(super) samples: usize,
    pub(super) allocated: usize,
    stored: u32,
    /// How far the stored bits are shifted within those allocated.
    shift: u32,
    pub(super) signed: bool,
    pub(super) planar: bool,
    pub(super) colours: Colours,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Colours {
    /// Small values are bright.
    Monochrome1,
    Monochrome2,
    Palette,
    Rgb,
    /// Luminance and chrominance.
    Ybr,
    /// The same, two pixels sharing their chrominance where frames are not compressed.
    Ybr422,
}

impl Look {
    /// Reads the description and refuses what contradicts itself.
    pub(super) fn of(data: &DataSet<'_>) -> Result<Self, FormatError> {
        if matches!(data.pixels, Pixels::None) {
            let kind = data.text(tags::MODALITY).unwrap_or_else(|| "none".to_string());
            return Err(not_read(format!("it holds no image (modality: {kind})")));
        }
        let short = |tag, name: &str| data.short(tag).ok_or_else(|| damaged(format!("{name} is missing")));
        let height = usize::from(short(tags::ROWS, "Rows")?);
        let width = usize::from(short(tags::COLUMNS, "Columns")?);
        let frames = match data.text(tags::NUMBER_OF_FRAMES) {
            None => 1,
            Some(text) => text.parse().map_err(|_| damaged(format!("NumberOfFrames is `{text}`")))?,
        };
        let header = Header { slices: frames, height, width };
        if frames == 0 || height == 0 || width == 0 {
            return Err(damaged(format!("the header says {header} pixels")));
        }
        if height.saturating_mul(width).saturating_mul(frames) > MOST_PIXELS {
            return Err(FormatError::TooLarge { header });
        }
        let samples = usize::from(data.short(tags::SAMPLES_PER_PIXEL).unwrap_or(1));
        let named = data.text(tags::PHOTOMETRIC_INTERPRETATION);
        let colours = match (named.as_deref().unwrap_or("MONOCHROME2"), samples) {
            ("MONOCHROME1", 1) => Colours::Monochrome1,
            ("MONOCHROME2", 1) => Colours::Monochrome2,
            ("PALETTE COLOR", 1) => Colours::Palette,
            ("RGB", 3) => Colours::Rgb,
            ("YBR_FULL", 3) => Colours::Ybr,
            ("YBR_FULL_422", 3) => Colours::Ybr422,
            // Steps of JPEG 2000, which its decoder takes back.
            ("YBR_RCT" | "YBR_ICT", 3) => Colours::Rgb,
            (name, samples) => return Err(not_read(format!("its pixels are `{name}` of {samples} samples"))),
        };
        let allocated = short(tags::BITS_ALLOCATED, "BitsAllocated")?;
        let stored = data.short(tags::BITS_STORED).unwrap_or(allocated);
        if !matches!(allocated, 1 | 8 | 16 | 32) {
            return Err(not_read(format!("its samples take {allocated} bits")));
        }
        if stored == 0 || stored > allocated {
            return Err(damaged(format!("{stored} of {allocated} bits are stored")));
        }
        // A high bit that contradicts the others is a writer's slip, and decoders take the lowest bits then.
        let high =
            data.short(tags::HIGH_BIT).filter(|high| (stored - 1..allocated).contains(high)).unwrap_or(stored - 1);
        Ok(Self {
            header,
            samples,
            allocated: usize::from(allocated),
            stored: u32::from(stored),
            shift: u32::from(high + 1 - stored),
            signed: data.short(tags::PIXEL_REPRESENTATION) == Some(1),
            planar: samples == 3 && data.short(tags::PLANAR_CONFIGURATION) == Some(1),
            colours,
        })
    }

    pub(super) fn pixels(&self) -> usize {
        self.header.height * self.header.width
    }

    /// The bits of an uncompressed frame; `MOST_PIXELS` keeps their number small enough.
    pub(super) fn bits(&self) -> usize {
        let samples = if self.colours == Colours::Ybr422 { 2 } else { self.samples };
        self.pixels() * samples * self.allocated
    }

    /// The bytes of all uncompressed frames.
    pub(super) fn bytes(&self) -> usize {
        (self.bits() * self.header.slices).div_ceil(8)
    }

    /// Where uncompressed frames end; nothing where they are in items.
    pub(super) fn end(&self, data: &DataSet<'_>) -> Option<usize> {
        match &data.pixels {
            Pixels::Plain { range, .. } => Some(range.start + self.bytes().min(range.len())),
            Pixels::Encapsulated { .. } | Pixels::None => None,
        }
    }

    fn colour(&self) -> bool {
        !matches!(self.colours, Colours::Monochrome1 | Colours::Monochrome2)
    }

    pub(super) fn highest(&self) -> i64 {
        if self.signed { (1 << (self.stored - 1)) - 1 } else { (1 << self.stored) - 1 }
    }

    /// Gives the stored value of a sample.
    pub(super) fn value(&self, sample: u32) -> i64 {
        let kept = (i64::from(sample) >> self.shift) & ((1 << self.stored) - 1);
        if self.signed && kept > self.highest() { kept - (1 << self.stored) } else { kept }
    }

    /// Gives a stored value with dark and bright exchanged, within its stored bits.
    fn turned(&self, value: i64) -> i64 {
        let lowest = if self.signed { -(1 << (self.stored - 1)) } else { 0 };
        lowest + self.highest() - value
    }
}

/// Decodes all frames.
pub(super) fn raster(data: &DataSet<'_>, look: &Look) -> Result<Raster, FormatError> {
    let Header { slices, height, width } = look.header;
    let coding = Coding::of(data)?;
    let frames = Frames::of(data, look, coding)?;
    let palette = if look.colours == Colours::Palette { Some(Palette::of(data, look)?) } else { None };
    let channels = if look.colour() { 3 } else { 1 };
    let rescale = Rescale::of(data, slices)?;
    let counts = matches!(data.text(tags::MODALITY).as_deref(), Some("PT" | "NM"));
    let turn = look.colours == Colours::Monochrome1 && !counts;
    let mut samples = Vec::with_capacity(slices * look.pixels() * channels);
    for frame in 0..slices {
        let stored = frames.samples(look, coding, frame)?;
        match &palette {
            Some(palette) => samples.extend(stored.iter().flat_map(|sample| palette.colour(look.value(*sample)))),
            None if look.colour() => samples.extend(stored.iter().map(|sample| look.value(*sample) as f32)),
            None => samples.extend(stored.iter().map(|sample| {
                let value = look.value(*sample);
                rescale.apply(if turn { look.turned(value) } else { value }, frame)
            })),
        }
    }
    let integer = !look.signed && look.stored <= 16 && (look.colour() || rescale.is_none());
    let highest = palette.as_ref().map_or(look.highest() as f32, |palette| palette.full_scale);
    let lossy = matches!(coding, Coding::LossyJpeg | Coding::LossyJpeg2000)
        || data.text(tags::LOSSY_IMAGE_COMPRESSION).as_deref() == Some("01");
    let full_scale = (integer || palette.is_some()).then_some(highest);
    Ok(Raster { slices, height, width, channels, samples, full_scale, lossy, ..Raster::default() })
}
