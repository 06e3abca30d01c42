//! A prediction over its image.
//!
//! Does not choose cases.

use image::{ImageEncoder as _, RgbImage, codecs::png::PngEncoder};
use indexmap::IndexMap;
use serde::Serialize;

use crate::value;

/// Why a case is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// The best of its system, over all folds.
    Best,
    /// The median.
    Median,
    /// Among the worst.
    Worst,
    /// Among those that differ most between two systems.
    Changed,
}

impl Rank {
    /// Its name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Median => "median",
            Self::Worst => "worst",
            Self::Changed => "changed",
        }
    }
}

/// One case with its prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    /// The evaluation, e.g. `evaluate[fold=1]`.
    pub stage: String,
    /// The system whose prediction it is.
    pub system: String,
    /// The axes of its fold.
    pub axes: IndexMap<String, String>,
    /// The case.
    pub case: String,
    /// Its patient.
    pub patient: String,
    /// Why it is shown.
    pub rank: Rank,
    /// Name of the metric by which it was chosen.
    pub metric: String,
    /// What it scores.
    pub score: f64,
    /// Of a volume: which slice is shown, from 1, and how many there are.
    pub slice: Option<[usize; 2]>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The image, `height * width` gray values.
    pub image: Vec<u8>,
    /// The class of each pixel in the reference, 0 is background.
    pub reference: Vec<u8>,
    /// The class of each pixel in the prediction.
    pub prediction: Vec<u8>,
}

impl Overlay {
    /// Why it is shown, which case it is, and what it scores; of a volume, which slice is shown.
    pub fn caption(&self) -> String {
        let slice = self.slice.map(|[at, of]| format!(", slice {at} of {of}")).unwrap_or_default();
        let (case, stage, metric) = (&self.case, &self.stage, &self.metric);
        format!("{case}{slice} · {} · {stage} · {metric} {}", self.system, value(Some(self.score)))
    }
}

/// What the colours of a picture say, one a part.
pub(crate) const KEY: [(&str, &str); 6] = [
    ("#56b4e9", "outline of the reference"),
    ("#d55e00", "outline of the prediction"),
    ("#009e73", "in both"),
    ("#d55e00", "in the prediction alone"),
    ("#56b4e9", "in the reference alone"),
    ("#cc79a7", "in both, as another class"),
];

/// Foreground in both: bluish green. Colours of Okabe and Ito's palette.
const BOTH: [u8; 3] = [0, 158, 115];
/// In the prediction alone: vermilion.
const TOO_MUCH: [u8; 3] = [213, 94, 0];
/// In the reference alone: sky blue.
const MISSED: [u8; 3] = [86, 180, 233];
/// Taken for another class: reddish purple.
const OTHER_CLASS: [u8; 3] = [204, 121, 167];
/// How much of the image shows through.
const THROUGH: f32 = 0.35;
/// Side below which a picture is enlarged, pixel by pixel.
const SIDE: usize = 256;
/// Pixels between the parts.
const GAP: usize = 4;
/// An outline is a pixel wide for so many pixels of the longer side, so that it is still seen where the picture is shown smaller.
const PER_OUTLINE: usize = 384;
/// Length of the dashes where both outlines are one.
const DASH: usize = 6;

/// Image, image with outlines, and map of errors side by side, as PNG; small pictures are enlarged by a whole factor.
pub fn overlay_png(overlay: &Overlay) -> Vec<u8> {
    let Overlay { height, width, image, reference, prediction, .. } = overlay;
    let factor = (SIDE / (*height).max(*width).max(1)).max(1);
    let (rows, columns) = (height * factor, width * factor);
    let thick = (rows.max(columns)).div_ceil(PER_OUTLINE);
    let mut picture = RgbImage::from_pixel((3 * columns + 2 * GAP) as u32, rows as u32, image::Rgb([255; 3]));
    let at = |x: usize, y: usize| y / factor * width + x / factor;
    let is_outline = |labels: &[u8], x: usize, y: usize| {
        let own = labels[at(x, y)];
        let differs = |x: usize, y: usize| labels[at(x.min(columns - 1), y.min(rows - 1))] != own;
        let beside = |by: usize| {
            differs(x + by, y)
                || differs(x.saturating_sub(by), y)
                || differs(x, y + by)
                || differs(x, y.saturating_sub(by))
        };
        own != 0 && (1..=thick).any(beside)
    };
    for y in 0..rows {
        for x in 0..columns {
            let (gray, found, right) = (image[at(x, y)], prediction[at(x, y)], reference[at(x, y)]);
            let outline = match (is_outline(prediction, x, y), is_outline(reference, x, y)) {
                (true, true) if ((x + y) / (DASH * thick)).is_multiple_of(2) => Some(MISSED),
                (true, _) => Some(TOO_MUCH),
                (false, true) => Some(MISSED),
                (false, false) => None,
            };
            let error = match (found, right) {
                (0, 0) => None,
                (0, _) => Some(MISSED),
                (_, 0) => Some(TOO_MUCH),
                (found, right) if found == right => Some(BOTH),
                _ => Some(OTHER_CLASS),
            };
            let mix = |part: u8| (f32::from(part) * (1.0 - THROUGH) + f32::from(gray) * THROUGH).round() as u8;
            let parts = [[gray; 3], outline.unwrap_or([gray; 3]), error.map_or([gray; 3], |colour| colour.map(mix))];
            for (part, colour) in parts.into_iter().enumerate() {
                picture.put_pixel((part * (columns + GAP) + x) as u32, y as u32, image::Rgb(colour));
            }
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
        // The reference is the left half, of class 1 above and 2 below; the prediction is the upper half, all of it class 1, and
        // the left of the lowest quarter.
        let class = |at: usize| (at / 128, at % 128);
        let overlay = Overlay {
            stage: "evaluate".into(),
            system: "U-Net".into(),
            axes: IndexMap::new(),
            case: "a".into(),
            patient: "p".into(),
            rank: Rank::Best,
            metric: "Dice".into(),
            score: 0.5,
            slice: None,
            height: 128,
            width: 128,
            image: vec![0; 128 * 128],
            reference: (0..128 * 128)
                .map(|at| if class(at).1 < 64 { 1 + u8::from(class(at).0 >= 64) } else { 0 })
                .collect(),
            prediction: (0..128 * 128)
                .map(|at| u8::from(class(at).0 < 64 || (class(at).0 >= 96 && class(at).1 < 64)))
                .collect(),
        };
        let picture = image::load_from_memory(&overlay_png(&overlay)).expect("a PNG").to_rgb8();
        assert_eq!(picture.dimensions(), (3 * 256 + 2 * 4, 256));
        let mixed = |colour: [u8; 3]| colour.map(|part| (f32::from(part) * 0.65).round() as u8);
        let error = |x: u32, y: u32| picture.get_pixel(520 + x, y).0;
        assert_eq!(error(0, 0), mixed(BOTH));
        assert_eq!(error(255, 0), mixed(TOO_MUCH));
        assert_eq!(error(0, 150), mixed(MISSED));
        assert_eq!(error(0, 255), mixed(OTHER_CLASS));
        assert_eq!(error(255, 255), [0; 3]);
        let outline = |x: u32, y: u32| picture.get_pixel(260 + x, y).0;
        assert_eq!(outline(127, 60), MISSED, "the reference ends here");
        assert_eq!(outline(200, 127), TOO_MUCH, "the prediction ends here");
        assert_eq!((outline(60, 60), outline(200, 200)), ([0; 3], [0; 3]), "no outline within, nor outside");
        assert_eq!(outline(255, 60), [0; 3], "the picture's edge is no outline");
        let both: Vec<[u8; 3]> = (0..60).map(|x| outline(x, 127)).collect();
        assert!(both.contains(&MISSED) && both.contains(&TOO_MUCH), "both end here");
    }
}
