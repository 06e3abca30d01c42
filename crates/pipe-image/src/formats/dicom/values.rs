//! What stored values mean: slope and intercept, the colours of a palette.
//! It does not know how frames are stored.

use dicom_dictionary_std::tags;

use super::dataset::DataSet;
use super::pixels::Look;
use super::{damaged, not_read};
use crate::formats::read::FormatError;

/// Slope and intercept, once for all frames or frame by frame.
pub(super) struct Rescale(Vec<(f64, f64)>);

impl Rescale {
    pub(super) fn of(data: &DataSet<'_>, frames: usize) -> Result<Self, FormatError> {
        let first = |tag| data.numbers(tag).and_then(|numbers| numbers.first().copied());
        let grouped = |tag| data.grouped(tag).into_iter().filter_map(|numbers| numbers.first().copied());
        let single = (first(tags::RESCALE_SLOPE), first(tags::RESCALE_INTERCEPT));
        let pairs: Vec<(f64, f64)> = match single {
            (None, None) => grouped(tags::RESCALE_SLOPE).zip(grouped(tags::RESCALE_INTERCEPT)).collect(),
            (slope, intercept) => vec![(slope.unwrap_or(1.0), intercept.unwrap_or(0.0))],
        };
        if pairs.len() > 1 && pairs.len() != frames {
            return Err(damaged(format!("{} slopes for {frames} frames", pairs.len())));
        }
        Ok(Self(if pairs.iter().all(|pair| *pair == (1.0, 0.0)) { Vec::new() } else { pairs }))
    }

    /// Whether values are those stored.
    pub(super) fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn apply(&self, value: i64, frame: usize) -> f32 {
        match self.0.get(frame).or_else(|| self.0.first()) {
            Some((slope, intercept)) => (value as f64 * slope + intercept) as f32,
            None => value as f32,
        }
    }
}

/// The colours of a palette.
pub(super) struct Palette {
    first: i64,
    tables: [Vec<f32>; 3],
    pub(super) full_scale: f32,
}

impl Palette {
    pub(super) fn of(data: &DataSet<'_>, look: &Look) -> Result<Self, FormatError> {
        let tags = [
            (tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA),
            (tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA),
            (tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA),
        ];
        let (mut tables, mut first, mut bits) = ([Vec::new(), Vec::new(), Vec::new()], 0, 8);
        for (table, (descriptor, values)) in tables.iter_mut().zip(tags) {
            let described = data.bytes_of(descriptor).and_then(|bytes| bytes.get(..6));
            let values = data.bytes_of(values).ok_or_else(|| not_read("its palette is missing or in segments"))?;
            let described = described.ok_or_else(|| damaged("the palette is not described"))?;
            let number = |at: usize| data.pair([described[2 * at], described[2 * at + 1]]);
            // 65536 entries do not fit the descriptor, which says 0 then.
            let entries = if number(0) == 0 { 1 << 16 } else { usize::from(number(0)) };
            first = if look.signed { i64::from(number(1) as i16) } else { i64::from(number(1)) };
            bits = number(2);
            let bytes = bits == 8 && values.len() < 2 * entries;
            *table = match bytes {
                true => values.iter().take(entries).map(|byte| f32::from(*byte)).collect(),
                false => {
                    values.chunks_exact(2).take(entries).map(|two| f32::from(data.pair([two[0], two[1]]))).collect()
                }
            };
            if table.len() < entries {
                return Err(damaged(format!("the palette has {} of {entries} entries", table.len())));
            }
        }
        let full_scale = if bits == 8 { 255.0 } else { 65535.0 };
        Ok(Self { first, tables, full_scale })
    }

    /// Gives the colour of an index; those outside of the palette have its first or last colour.
    pub(super) fn colour(&self, index: i64) -> [f32; 3] {
        self.tables.each_ref().map(|table| {
            let place = (index - self.first).clamp(0, table.len() as i64 - 1);
            table.get(place as usize).copied().unwrap_or(0.0)
        })
    }
}
