//! Contact sheets: many small pictures on one, masks outlined.
//! It does not know where the picture goes.

use crate::number::Size;
use crate::prepare::Interpolation;
use crate::resize;
use crate::{Image, Mask};

/// An 8-bit RGB picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
    /// The colours, three bytes a pixel, row by row.
    pub rgb: Vec<u8>,
}

/// One small picture of a contact sheet.
#[derive(Debug, Clone, Copy)]
pub struct Tile<'a> {
    /// What is shown, stretched from its least to its largest value.
    pub image: &'a Image,
    /// The frame that is shown.
    pub frame: usize,
    /// What is outlined; a dashed white line goes round what is known of it.
    pub mask: Option<&'a Mask>,
}

/// Space between tiles in pixels.
const GAP: usize = 4;
/// The colours of the outlines of classes 1, 2, 3 ... (Okabe and Ito: told apart by colour-blind readers too).
const COLOURS: [[u8; 3]; 7] =
    [[230, 159, 0], [86, 180, 233], [0, 158, 115], [240, 228, 66], [0, 114, 178], [213, 94, 0], [204, 121, 167]];

/// A dash and a gap of the outline of what is known, in pixels.
const DASH: usize = 6;

/// Gives a picture of all tiles, `columns` in a row, each fitted into a square of `side` pixels.
pub fn contact_sheet(tiles: &[Tile<'_>], columns: usize, side: usize) -> Picture {
    let columns = columns.clamp(1, tiles.len().max(1));
    let rows = tiles.len().div_ceil(columns).max(1);
    let (height, width) = (rows * (side + GAP) + GAP, columns * (side + GAP) + GAP);
    let mut sheet = Picture { height, width, rgb: vec![32; height * width * 3] };
    for (at, tile) in tiles.iter().enumerate() {
        let picture = tile.picture(side);
        let top = GAP + at / columns * (side + GAP) + (side - picture.height) / 2;
        let left = GAP + at % columns * (side + GAP) + (side - picture.width) / 2;
        for (row, line) in picture.rgb.chunks_exact(picture.width * 3).enumerate() {
            let start = ((top + row) * width + left) * 3;
            sheet.rgb[start..start + line.len()].copy_from_slice(line);
        }
    }
    sheet
}

/// Gives one picture, its longer side `side` pixels.
pub fn thumbnail(tile: &Tile<'_>, side: usize) -> Picture {
    tile.picture(side)
}

/// Gives the colour that outlines of a class have.
pub fn colour(class: u8) -> [u8; 3] {
    COLOURS[usize::from(class).saturating_sub(1) % COLOURS.len()]
}

impl Tile<'_> {
    fn picture(&self, side: usize) -> Picture {
        let Image { channels, height, width, .. } = *self.image;
        let scale = side as f64 / height.max(width).max(1) as f64;
        let fitted = |pixels: usize| ((pixels as f64 * scale).round() as usize).clamp(1, side);
        let size = Size { height: fitted(height), width: fitted(width) };
        let data = self.image.frame(self.frame).to_vec();
        let last = resize::image(Image { frames: 1, channels, height, width, data }, size, Interpolation::Area);
        let low = last.data.iter().copied().fold(f32::INFINITY, f32::min);
        let range = (last.data.iter().copied().fold(f32::NEG_INFINITY, f32::max) - low).max(f32::MIN_POSITIVE);
        let byte = |value: f32| ((value - low) / range * 255.0).round() as u8;
        let channel = |colour: usize| if channels >= 3 { colour } else { 0 };
        let pixels = (0..size.height * size.width).flat_map(|at| (0..3).map(move |colour| (at, colour)));
        let mut rgb: Vec<u8> = pixels.map(|(at, colour)| byte(last.plane(0, channel(colour))[at])).collect();
        if let Some(mask) = self.mask {
            let slice = if mask.depth > 1 { self.frame } else { 0 };
            outline_known(&mut rgb, mask, slice, size);
            let mask = resize::mask(mask.flat(slice), size);
            // A dark rim around the colour, which alone is lost on skin and in bright tissue.
            let (inside, rim): (Vec<usize>, Vec<usize>) = borders(&mask).partition(|at| mask.labels[*at] != 0);
            for at in inside {
                rgb[at * 3..at * 3 + 3].copy_from_slice(&colour(mask.labels[at]));
            }
            for at in rim {
                rgb[at * 3..at * 3 + 3].iter_mut().for_each(|value| *value /= 2);
            }
        }
        Picture { height: size.height, width: size.width, rgb }
    }
}

/// Draws a dashed line around what is known of a slice.
fn outline_known(rgb: &mut [u8], mask: &Mask, slice: usize, size: Size) {
    if mask.ignored() == 0 {
        return;
    }
    let area = mask.height * mask.width;
    let known = Mask::plane(mask.height, mask.width, mask.known()[slice * area..][..area].to_vec());
    let known = resize::mask(known, size);
    let is_dash = |at: &usize| (at / known.width + at % known.width) % DASH < DASH / 2;
    for at in borders(&known).filter(|at| known.labels[*at] != 0).filter(is_dash) {
        rgb[at * 3..at * 3 + 3].fill(u8::MAX);
    }
}

/// Gives the places of pixels with a neighbour of another class.
fn borders(mask: &Mask) -> impl Iterator<Item = usize> + '_ {
    let differs = |at: usize, row: usize, column: usize| mask.labels[row * mask.width + column] != mask.labels[at];
    (0..mask.labels.len()).filter(move |at| {
        let (row, column) = (at / mask.width, at % mask.width);
        (row > 0 && differs(*at, row - 1, column))
            || (row + 1 < mask.height && differs(*at, row + 1, column))
            || (column > 0 && differs(*at, row, column - 1))
            || (column + 1 < mask.width && differs(*at, row, column + 1))
    })
}

impl Picture {
    /// Gives the picture as the bytes of a PNG file.
    ///
    /// # Panics
    /// If `rgb` does not have three bytes a pixel.
    pub fn png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let side = |pixels: usize| u32::try_from(pixels).expect("pictures have sides below 2^32");
        let mut encoder = png::Encoder::new(&mut bytes, side(self.width), side(self.height));
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().expect("writing to memory does not fail");
        writer.write_image_data(&self.rgb).expect("there are three bytes a pixel");
        writer.finish().expect("writing to memory does not fail");
        bytes
    }

    /// Gives the picture as the bytes of a JPEG file of high quality: for pages with many pictures.
    ///
    /// # Panics
    /// If `rgb` does not have three bytes a pixel.
    pub fn jpeg(&self) -> Vec<u8> {
        const QUALITY: u8 = 88;
        let mut bytes = Vec::new();
        let side = |pixels: usize| u32::try_from(pixels).expect("pictures have sides below 2^32");
        let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, QUALITY);
        let written = encoder.encode(&self.rgb, side(self.width), side(self.height), image::ExtendedColorType::Rgb8);
        written.expect("writing to memory does not fail");
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_stand_in_rows_with_outlined_masks() {
        let image = Image { frames: 1, channels: 1, height: 8, width: 16, data: (0..128u8).map(f32::from).collect() };
        let labels = (0..128).map(|at| u8::from((4..12).contains(&(at % 16)) && (2..6).contains(&(at / 16)))).collect();
        let mask = Mask::plane(8, 16, labels);
        let tiles = [
            Tile { image: &image, frame: 0, mask: Some(&mask) },
            Tile { image: &image, frame: 0, mask: None },
            Tile { image: &image, frame: 0, mask: None },
        ];
        let sheet = contact_sheet(&tiles, 2, 16);
        assert_eq!((sheet.height, sheet.width), (2 * 20 + 4, 2 * 20 + 4));
        let outlined = sheet.rgb.chunks_exact(3).filter(|pixel| **pixel == COLOURS[0]).count();
        assert_eq!(outlined, 8 * 2 + 2 * 2);
        let raster = crate::formats::decode(&sheet.png()).expect("it is a good PNG");
        let jpeg = crate::formats::decode(&sheet.jpeg()).expect("it is a good JPEG");
        assert_eq!((jpeg.height, jpeg.width), (sheet.height, sheet.width));
        assert_eq!((raster.height, raster.width, raster.colours().concat()), (sheet.height, sheet.width, sheet.rgb));
        assert_eq!(thumbnail(&tiles[0], 16).width, 16);
    }

    #[test]
    fn what_is_known_has_a_dashed_outline() {
        let image = Image::filled([1, 1, 24, 24], 0.0);
        let mut mask = Mask::empty(24, 24);
        let whole = thumbnail(&Tile { image: &image, frame: 0, mask: Some(&mask) }, 24);
        assert!(whole.rgb.iter().all(|value| *value == 0));
        let field: Vec<u8> =
            (0..24 * 24).map(|at| u8::from((4..20).contains(&(at % 24)) && (4..20).contains(&(at / 24)))).collect();
        mask.ignore_outside(&field);
        let picture = thumbnail(&Tile { image: &image, frame: 0, mask: Some(&mask) }, 24);
        let white = picture.rgb.chunks_exact(3).filter(|pixel| **pixel == [255; 3]).count();
        // Half of the 60 pixels at the border of 16 x 16.
        assert!((24..=36).contains(&white), "{white}");
        assert_eq!(picture.rgb.iter().filter(|value| **value != 0).count(), white * 3, "what is not known is no class");
    }

    #[test]
    fn a_constant_image_and_no_tiles_are_no_problem() {
        let image = Image::filled([2, 3, 4, 4], 7.0);
        assert_eq!(contact_sheet(&[Tile { image: &image, frame: 0, mask: None }], 4, 8).width, 16);
        assert_eq!(contact_sheet(&[], 4, 8).height, 16);
    }
}
