//! A decoded picture with its samples untouched: palette indexes stay indexes, 16 bits stay 16 bits.
//! It does not know which file it came from.

/// A decoded picture: `samples` are `[height, width, channels]` in C order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
    /// 1 gray or palette index, 2 gray and alpha, 3 RGB, 4 RGBA.
    pub channels: usize,
    /// Bits a sample: 1, 2, 4, 8 or 16.
    pub bits: u32,
    /// The samples, not scaled.
    pub samples: Vec<u16>,
    /// The colours of a palette picture.
    pub palette: Option<Vec<[u8; 3]>>,
    /// Whether the format keeps values only approximately.
    pub lossy: bool,
}

impl Raster {
    /// Gives the largest possible value of a gray value or colour channel.
    pub fn value_full_scale(&self) -> u16 {
        if self.palette.is_some() { 255 } else { u16::try_from((1u32 << self.bits) - 1).unwrap_or(u16::MAX) }
    }

    /// Gives the brightest colour channel of every pixel, ignoring alpha.
    pub fn brightest(&self) -> Vec<u16> {
        let brightest_of = |colour: [u8; 3]| u16::from(colour.into_iter().max().unwrap_or(0));
        match &self.palette {
            Some(palette) => {
                let values: Vec<u16> = palette.iter().map(|colour| brightest_of(*colour)).collect();
                self.samples.iter().map(|index| values.get(usize::from(*index)).copied().unwrap_or(0)).collect()
            }
            None => {
                let colours = if self.channels >= 3 { 3 } else { 1 };
                let pixels = self.samples.chunks_exact(self.channels);
                pixels.map(|pixel| pixel[..colours].iter().copied().max().unwrap_or(0)).collect()
            }
        }
    }

    /// Gives the palette index or gray value of every pixel; nothing when the picture is truly in colour.
    pub fn indexes(&self) -> Option<Vec<u16>> {
        let pixels = self.samples.chunks_exact(self.channels);
        match self.channels {
            1 | 2 => Some(pixels.map(|pixel| pixel[0]).collect()),
            _ => pixels.map(|pixel| (pixel[0] == pixel[1] && pixel[1] == pixel[2]).then_some(pixel[0])).collect(),
        }
    }

    /// Gives the 8-bit colour of every pixel, ignoring alpha.
    pub fn colours(&self) -> Vec<[u8; 3]> {
        let full = u32::from(self.value_full_scale());
        let byte = |value: u16| u8::try_from((u32::from(value) * 255 + full / 2) / full).unwrap_or(u8::MAX);
        let pixels = self.samples.chunks_exact(self.channels);
        let colour = |pixel: &[u16]| match (&self.palette, pixel) {
            (Some(palette), [index, ..]) => palette.get(usize::from(*index)).copied().unwrap_or_default(),
            (None, [red, green, blue, ..]) => [byte(*red), byte(*green), byte(*blue)],
            (_, pixel) => [byte(pixel[0]); 3],
        };
        pixels.map(colour).collect()
    }

    /// Gives the picture as planes of floats: one plane for gray, three for colour; alpha is dropped.
    ///
    /// A palette of grays only is gray.
    pub fn planes(&self) -> Vec<Vec<f32>> {
        if let Some(palette) = &self.palette {
            let gray = palette.iter().all(|[red, green, blue]| red == green && green == blue);
            let colours = self.colours();
            let plane = |channel: usize| colours.iter().map(|colour| f32::from(colour[channel])).collect();
            return (0..if gray { 1 } else { 3 }).map(plane).collect();
        }
        let planes = if self.channels >= 3 { 3 } else { 1 };
        let plane =
            |channel: usize| self.samples.iter().skip(channel).step_by(self.channels).map(|v| f32::from(*v)).collect();
        (0..planes).map(plane).collect()
    }
}
