//! A decoded file with its samples untouched: palette indexes stay indexes, 16 bits stay 16 bits, pages and slices stay in order.
//! It does not know which file it came from, or what its values mean.

use super::geometry::Geometry;

/// A decoded file: `samples` are `[slices, height, width, channels]` in C order.
///
/// Every sample type of the formats that are read fits: integers up to 24 bits are exact.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Raster {
    /// The number of slices of a volume, pages or frames; 1 for a picture.
    pub slices: usize,
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
    /// 1 gray or palette index, 3 colours, or as many as a file has side by side.
    pub channels: usize,
    /// The samples, not scaled, or in the units that the file itself scales them to (Hounsfield units of a DICOM file).
    pub samples: Vec<f32>,
    /// The largest value that the sample type can hold; nothing for signed, scaled and floating-point samples.
    pub full_scale: Option<f32>,
    /// The last channel is opacity, by what the format says of it.
    pub alpha: bool,
    /// The colours of a palette picture.
    pub palette: Option<Vec<[u8; 3]>>,
    /// Whether the format keeps values only approximately.
    pub lossy: bool,
    /// Where the voxels lie in space, where the format tells.
    pub geometry: Option<Geometry>,
}

impl Raster {
    /// Gives some slices in the order in which they are named; the geometry stays that of all.
    ///
    /// # Panics
    /// If there is no such slice.
    pub fn of_slices(&self, order: &[usize]) -> Self {
        let size = self.height * self.width * self.channels;
        let samples = order.iter().flat_map(|at| &self.samples[at * size..(at + 1) * size]).copied().collect();
        Self { slices: order.len(), samples, palette: self.palette.clone(), ..*self }
    }

    /// Gives the slices with their rows, their columns, or both in reverse order; the geometry stays as it is.
    pub fn turned(&self, [rows, columns]: [bool; 2]) -> Self {
        let mut samples = Vec::with_capacity(self.samples.len());
        let (line, channels) = ((self.width * self.channels).max(1), self.channels.max(1));
        for slice in self.samples.chunks_exact((self.height * line).max(1)) {
            for row in 0..self.height {
                let row = &slice[if rows { self.height - 1 - row } else { row } * line..][..line];
                if columns {
                    samples.extend(row.rchunks_exact(channels).flatten());
                } else {
                    samples.extend_from_slice(row);
                }
            }
        }
        Self { samples, palette: self.palette.clone(), ..*self }
    }

    /// Gives the largest possible value of a gray value or colour channel.
    pub fn value_full_scale(&self) -> Option<f32> {
        if self.palette.is_some() { Some(255.0) } else { self.full_scale }
    }

    /// How many channels show something: all but opacity.
    pub fn shown(&self) -> usize {
        (self.channels - usize::from(self.alpha)).max(1)
    }

    fn pixels(&self) -> std::slice::ChunksExact<'_, f32> {
        self.samples.chunks_exact(self.channels.max(1))
    }

    fn colour_of(&self, index: f32) -> [u8; 3] {
        let palette = self.palette.as_deref().unwrap_or_default();
        palette.get(index as usize).copied().unwrap_or_default()
    }

    /// Gives the brightest channel of every pixel, ignoring opacity.
    pub fn brightest(&self) -> Vec<f32> {
        if self.palette.is_some() {
            let brightest = |index: &f32| f32::from(self.colour_of(*index).into_iter().max().unwrap_or(0));
            return self.samples.iter().map(brightest).collect();
        }
        let shown = self.shown();
        self.pixels().map(|pixel| pixel[..shown].iter().copied().fold(f32::NEG_INFINITY, f32::max)).collect()
    }

    /// Gives the palette index or gray value of every pixel; nothing when the picture is truly in colour.
    pub fn indexes(&self) -> Option<Vec<f32>> {
        let shown = self.shown();
        self.pixels().map(|pixel| pixel[1..shown].iter().all(|value| *value == pixel[0]).then_some(pixel[0])).collect()
    }

    /// Gives the 8-bit colour of every pixel, ignoring opacity.
    pub fn colours(&self) -> Vec<[u8; 3]> {
        let full = self.value_full_scale().unwrap_or(255.0);
        let byte = |value: f32| (value * 255.0 / full).round() as u8;
        let colour = |pixel: &[f32]| match (&self.palette, pixel) {
            (Some(_), [index, ..]) => self.colour_of(*index),
            (None, [red, green, blue, ..]) => [byte(*red), byte(*green), byte(*blue)],
            (_, pixel) => [byte(pixel[0]); 3],
        };
        self.pixels().map(colour).collect()
    }

    /// Gives each slice as planes of floats, slice by slice: one plane for gray, three for colour, all that there are otherwise;
    /// opacity is dropped.
    ///
    /// A palette of grays only is gray.
    pub fn planes(&self) -> Vec<Vec<f32>> {
        let size = (self.height * self.width).max(1);
        if let Some(palette) = &self.palette {
            let gray = palette.iter().all(|[red, green, blue]| red == green && green == blue);
            let colours = self.colours();
            let plane =
                |slice: &[[u8; 3]], channel: usize| slice.iter().map(|colour| f32::from(colour[channel])).collect();
            let planes = |slice| (0..if gray { 1 } else { 3 }).map(move |channel| plane(slice, channel));
            return colours.chunks_exact(size).flat_map(planes).collect();
        }
        let plane =
            |slice: &[f32], channel: usize| slice.iter().skip(channel).step_by(self.channels).copied().collect();
        let planes = |slice| (0..self.shown()).map(move |channel| plane(slice, channel));
        self.samples.chunks_exact(size * self.channels.max(1)).flat_map(planes).collect()
    }
}
