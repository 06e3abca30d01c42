//! A prediction over its image.
//!
//! Does not choose cases.

use image::{ImageEncoder as _, RgbImage, codecs::png::PngEncoder};
use serde::Serialize;

/// Why a case is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// The highest Dice of its fold.
    Best,
    /// The median.
    Median,
    /// The lowest.
    Worst,
}

impl Rank {
    /// Its name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Median => "median",
            Self::Worst => "worst",
        }
    }
}

/// One case with its prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    /// The evaluation, e.g. `evaluate[fold=1]`.
    pub stage: String,
    /// The case.
    pub case: String,
    /// Why it is shown.
    pub rank: Rank,
    /// Its Dice.
    pub dice: f64,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The image, `height * width` gray values.
    pub image: Vec<u8>,
    /// The reference, anything but 0 is foreground.
    pub reference: Vec<u8>,
    /// The prediction.
    pub prediction: Vec<u8>,
}

/// Foreground in both: bluish green. Colours of Okabe and Ito's palette.
const BOTH: [f32; 3] = [0.0, 158.0, 115.0];
/// In the prediction alone: vermilion.
const TOO_MUCH: [f32; 3] = [213.0, 94.0, 0.0];
/// In the reference alone: sky blue.
const MISSED: [f32; 3] = [86.0, 180.0, 233.0];
/// How much of the image shows through.
const THROUGH: f32 = 0.35;
/// Side below which a picture is enlarged, pixel by pixel.
const SIDE: usize = 256;

/// Image and overlay side by side, as PNG; small pictures are enlarged by a whole factor.
pub fn overlay_png(overlay: &Overlay) -> Vec<u8> {
    let Overlay { height, width, image, reference, prediction, .. } = overlay;
    let factor = (SIDE / (*height).max(*width).max(1)).max(1);
    let gap = 4;
    let mut picture =
        RgbImage::from_pixel(((2 * width * factor) + gap) as u32, (height * factor) as u32, image::Rgb([255; 3]));
    for y in 0..height * factor {
        for x in 0..width * factor {
            let at = y / factor * width + x / factor;
            let gray = image[at];
            let colour = match (prediction[at] != 0, reference[at] != 0) {
                (true, true) => Some(BOTH),
                (true, false) => Some(TOO_MUCH),
                (false, true) => Some(MISSED),
                (false, false) => None,
            };
            let mixed = colour.map_or([gray; 3], |colour| {
                colour.map(|c| (c * (1.0 - THROUGH) + f32::from(gray) * THROUGH).round() as u8)
            });
            picture.put_pixel(x as u32, y as u32, image::Rgb([gray; 3]));
            picture.put_pixel((x + width * factor + gap) as u32, y as u32, image::Rgb(mixed));
        }
    }
    let mut png = Vec::new();
    let (width, height) = picture.dimensions();
    PngEncoder::new(&mut png)
        .write_image(picture.as_raw(), width, height, image::ExtendedColorType::Rgb8)
        .expect("writing to memory");
    png
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_say_what_differs() {
        let overlay = Overlay {
            stage: "evaluate".into(),
            case: "a".into(),
            rank: Rank::Best,
            dice: 0.5,
            height: 128,
            width: 128,
            image: vec![0; 128 * 128],
            reference: (0..128 * 128).map(|at| u8::from(at % 128 < 64)).collect(),
            prediction: (0..128 * 128).map(|at| u8::from(at / 128 < 64)).collect(),
        };
        let picture = image::load_from_memory(&overlay_png(&overlay)).expect("a PNG").to_rgb8();
        assert_eq!(picture.dimensions(), (2 * 256 + 4, 256));
        let at = |x: u32, y: u32| picture.get_pixel(260 + x, y).0;
        assert!(at(0, 0)[1] > at(0, 0)[0], "both: green");
        assert!(at(255, 0)[0] > at(255, 0)[2], "too much: red");
        assert!(at(0, 255)[2] > at(0, 255)[0], "missed: blue");
        assert_eq!(at(255, 255), [0; 3]);
    }
}
