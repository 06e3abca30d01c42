//! Preparation: frames and channels chosen, resized, normalised; case by case, so nothing is fitted over cases.
//! It does not know data sets, splits or networks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::Size;
use crate::resize;
use crate::{Case, EntryMeta, Image, Maps, Mask};

/// How a case becomes input of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Preparation {
    /// The size `[height, width]` to resize to; null keeps the size of the file.
    pub size: Option<Size>,
    /// How images are resized; masks always take the nearest pixel.
    pub interpolation: Interpolation,
    /// How values are scaled.
    pub normalise: Normalise,
    /// The number of frames: of a longer sequence those that end with the labelled one, where there are enough before it; in front of a
    /// shorter one the first frame is repeated. Null keeps what there is.
    #[schemars(range(min = 1, max = 64))]
    pub frames: Option<usize>,
    /// Gray or colour.
    pub channels: Channels,
}

impl Default for Preparation {
    fn default() -> Self {
        Self {
            size: None,
            interpolation: Interpolation::Area,
            normalise: Normalise::Max,
            frames: None,
            channels: Channels::Gray,
        }
    }
}

/// How images are resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// Each new pixel is the mean of the area it covers.
    #[default]
    Area,
    /// Linear between pixels, with a wider triangle when shrinking, so that thin things stay.
    Bilinear,
}

/// How values are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Normalise {
    /// Each frame is divided by its largest value.
    #[default]
    Max,
    /// Mean 0 and standard deviation 1 over all values of the case.
    ZScore,
    /// Divided by the largest value that the file could hold; of signed, scaled or floating-point samples by the largest of the case.
    Unit,
    /// As the file has them.
    None,
    /// Each channel by itself, as if it were alone: for modalities, whose values have nothing to do with each other.
    EachChannel(Scale),
}

/// How the values of a channel are scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Each frame is divided by its largest value.
    Max,
    /// Mean 0 and standard deviation 1 over all values.
    ZScore,
    /// Divided by the largest value that the file could hold; of signed, scaled or floating-point samples by the largest there is.
    Unit,
}

/// Gray or colour. What is neither, for instance several modalities, keeps its channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channels {
    /// One channel; colour is weighted 0.299 red, 0.587 green, 0.114 blue (ITU-R BT.601).
    #[default]
    Gray,
    /// Three channels; gray is repeated.
    Rgb,
    /// As many as the files have.
    All,
}

impl Channels {
    /// Gives the channels that a case keeps of so many; `colour` says whether three of them are red, green and blue.
    pub fn kept(self, channels: usize, colour: bool) -> usize {
        match (self, channels) {
            (Self::Gray, 3) if colour => 1,
            (Self::Rgb, 1) => 3,
            (Self::Gray | Self::Rgb | Self::All, channels) => channels,
        }
    }
}

/// A case that is ready for a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Who and what it is, with the size that it had.
    pub meta: EntryMeta,
    /// The prepared values.
    pub image: Image,
    /// The mask at the prepared size.
    pub mask: Option<Mask>,
}

/// Prepares a case.
pub fn prepare(case: Case, preparation: &Preparation) -> Prepared {
    let Case { id, patient, site, part, image, colour, full_scale, label_frame, mask, spacing, native, tags } = case;
    let (height, width) = (image.height, image.width);
    let size = preparation.size.unwrap_or(Size { height, width });
    // The frames of a volume are its slices, and each has its own part of the mask.
    let is_volume = mask.as_ref().is_some_and(|mask| mask.depth > 1);
    let (image, label_frame) = with_frames(image, label_frame, preparation.frames.filter(|_| !is_volume));
    let image = with_channels(image, colour, preparation.channels);
    let mut image = resize::image(image, size, preparation.interpolation);
    match preparation.normalise {
        Normalise::Max => scale(&mut image, Scale::Max, full_scale),
        Normalise::ZScore => scale(&mut image, Scale::ZScore, full_scale),
        Normalise::Unit => scale(&mut image, Scale::Unit, full_scale),
        Normalise::None => {}
        Normalise::EachChannel(how) => by_channel(&mut image, |channel| scale(channel, how, full_scale)),
    }
    let mask = mask.map(|mask| resize::mask(mask, size));
    let spacing = spacing.map(|[slice, row, column]| {
        [slice, row * height as f64 / size.height as f64, column * width as f64 / size.width as f64]
    });
    let maps = Maps::Exclusive;
    let meta = EntryMeta { id, patient, site, part, label_frame, spacing, native, tags, maps };
    Prepared { meta, image, mask }
}

/// The frames that are kept, and the place of the labelled one among them.
fn with_frames(mut image: Image, label: usize, frames: Option<usize>) -> (Image, usize) {
    let Some(frames) = frames.filter(|frames| *frames != image.frames && *frames > 0) else {
        return (image, label);
    };
    let size = image.channels * image.height * image.width;
    if frames < image.frames {
        let first = (label + 1).saturating_sub(frames);
        let data = image.data[first * size..(first + frames) * size].to_vec();
        (Image { frames, data, ..image }, label - first)
    } else {
        let mut data = image.data[..size].repeat(frames - image.frames);
        data.append(&mut image.data);
        let label = label + frames - image.frames;
        (Image { frames, data, ..image }, label)
    }
}

fn with_channels(image: Image, colour: bool, channels: Channels) -> Image {
    let [frames, from, height, width] = image.shape();
    match (channels, from) {
        (Channels::Gray, 3) if colour => {
            let gray = |frame: usize| {
                let colours = image.plane(frame, 0).iter().zip(image.plane(frame, 1)).zip(image.plane(frame, 2));
                colours.map(|((red, green), blue)| 0.299 * red + 0.587 * green + 0.114 * blue)
            };
            let data = (0..frames).flat_map(gray).collect();
            Image { frames, channels: 1, height, width, data }
        }
        (Channels::Rgb, 1) => {
            let data = (0..frames).flat_map(|frame| image.plane(frame, 0).repeat(3)).collect();
            Image { frames, channels: 3, height, width, data }
        }
        (Channels::Gray | Channels::Rgb | Channels::All, _) => image,
    }
}

/// Does something to each channel as an image of its own.
fn by_channel(image: &mut Image, mut change: impl FnMut(&mut Image)) {
    let [frames, channels, height, width] = image.shape();
    let size = height * width;
    for channel in 0..channels {
        let data = (0..frames).flat_map(|frame| image.plane(frame, channel)).copied().collect();
        let mut alone = Image { frames, channels: 1, height, width, data };
        change(&mut alone);
        for (frame, plane) in alone.planes().enumerate() {
            image.data[(frame * channels + channel) * size..][..size].copy_from_slice(plane);
        }
    }
}

fn scale(image: &mut Image, how: Scale, full_scale: Option<f32>) {
    let frame_size = (image.channels * image.height * image.width).max(1);
    match how {
        Scale::Unit => {
            // Where the sample type has no largest value, the case has.
            let largest = || image.data.iter().copied().fold(0.0, f32::max);
            let scale = full_scale.unwrap_or_else(largest);
            if scale > 0.0 {
                image.data.iter_mut().for_each(|value| *value /= scale);
            }
        }
        Scale::Max => {
            for frame in image.data.chunks_exact_mut(frame_size) {
                let largest = frame.iter().copied().fold(0.0, f32::max);
                // A black frame stays black instead of becoming NaN.
                if largest > 0.0 {
                    frame.iter_mut().for_each(|value| *value /= largest);
                }
            }
        }
        Scale::ZScore => {
            let count = image.data.len().max(1) as f64;
            let mean = image.data.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
            let variance = image.data.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count;
            // A constant image becomes 0 everywhere instead of NaN.
            let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
            image.data.iter_mut().for_each(|value| *value = ((f64::from(*value) - mean) / deviation) as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn case(image: Image, mask: Option<Mask>) -> Case {
        Case { spacing: Some([3.0, 0.5, 0.5]), ..fixture::case(["a", "p"], image, mask) }
    }

    #[test]
    fn frames_are_kept_around_the_labelled_one() {
        let image = Image { frames: 4, channels: 1, height: 1, width: 1, data: vec![1.0, 2.0, 4.0, 8.0] };
        let kept = |label, frames| {
            let (image, label) = with_frames(image.clone(), label, Some(frames));
            (image.data, label)
        };
        assert_eq!(kept(2, 1), (vec![4.0], 0));
        assert_eq!(kept(2, 2), (vec![2.0, 4.0], 1));
        assert_eq!(kept(0, 2), (vec![1.0, 2.0], 0));
        assert_eq!(kept(3, 3), (vec![2.0, 4.0, 8.0], 2));
        assert_eq!(kept(2, 4), (vec![1.0, 2.0, 4.0, 8.0], 2));
        assert_eq!(kept(2, 6), (vec![1.0, 1.0, 1.0, 2.0, 4.0, 8.0], 4));
    }

    #[test]
    fn every_frame_is_divided_by_its_largest_value() {
        let image = Image { frames: 2, channels: 1, height: 1, width: 2, data: vec![1.0, 2.0, 0.0, 0.0] };
        assert_eq!(prepare(case(image, None), &Preparation::default()).image.data, [0.5, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn z_score_has_mean_zero_and_deviation_one() {
        let image = Image { frames: 1, channels: 1, height: 1, width: 4, data: vec![1.0, 1.0, 3.0, 3.0] };
        let preparation = Preparation { normalise: Normalise::ZScore, ..Preparation::default() };
        assert_eq!(prepare(case(image, None), &preparation).image.data, [-1.0, -1.0, 1.0, 1.0]);
    }

    #[test]
    fn channels_are_scaled_each_by_itself() {
        let data = vec![1.0, 3.0, 100.0, 0.0, 3.0, 1.0, 0.0, 300.0];
        let image = Image { frames: 2, channels: 2, height: 1, width: 2, data };
        let with = |normalise| {
            let case = case(image.clone(), None);
            prepare(case, &Preparation { normalise, channels: Channels::All, ..Preparation::default() }).image.data
        };
        let scores = with(Normalise::EachChannel(Scale::ZScore));
        assert_eq!([scores[0], scores[1], scores[4], scores[5]], [-1.0, 1.0, 1.0, -1.0]);
        assert!((scores[2] - 0.0).abs() < 1e-6 && scores[3] == scores[6], "{scores:?}");
        let largest = with(Normalise::EachChannel(Scale::Max));
        assert_eq!(largest, [1.0 / 3.0, 1.0, 1.0, 0.0, 1.0, 1.0 / 3.0, 0.0, 1.0]);
        assert_eq!(
            with(Normalise::EachChannel(Scale::Unit)),
            image.data.iter().map(|value| value / 255.0).collect::<Vec<_>>()
        );
        let written = serde_json::to_string(&Normalise::EachChannel(Scale::ZScore)).expect("plain data");
        assert_eq!(written, r#"{"each_channel":"z_score"}"#);
    }

    #[test]
    fn three_modalities_are_no_colours() {
        let image = Image { frames: 1, channels: 3, height: 1, width: 1, data: vec![10.0, 20.0, 40.0] };
        let none = Preparation { normalise: Normalise::None, ..Preparation::default() };
        let case = Case { colour: false, ..case(image.clone(), None) };
        assert_eq!(prepare(case, &none).image, image);
    }

    #[test]
    fn image_and_mask_shrink_alike_and_spacing_grows() {
        let image =
            Image { frames: 1, channels: 1, height: 2, width: 4, data: vec![0.0, 0.0, 8.0, 8.0, 0.0, 0.0, 8.0, 8.0] };
        let mask = Mask { layers: 1, depth: 1, height: 2, width: 4, labels: vec![0, 0, 1, 1, 0, 0, 1, 1] };
        let size = Some(Size { height: 1, width: 2 });
        let prepared = prepare(case(image, Some(mask)), &Preparation { size, ..Preparation::default() });
        assert_eq!([Channels::Gray.kept(1, false), Channels::All.kept(4, false)], [prepared.image.channels, 4]);
        assert_eq!(prepared.image.data, [0.0, 1.0]);
        assert_eq!(prepared.mask.expect("there was a mask").labels, [0, 1]);
        assert_eq!((prepared.meta.native.height, prepared.meta.spacing), (2, Some([3.0, 1.0, 1.0])));
    }

    #[test]
    fn colour_becomes_gray_and_back() {
        let image = Image { frames: 1, channels: 3, height: 1, width: 1, data: vec![100.0, 100.0, 100.0] };
        let none = Preparation { normalise: Normalise::None, ..Preparation::default() };
        let gray = prepare(case(image.clone(), None), &none);
        assert_eq!((gray.image.shape(), Channels::Gray.kept(3, true)), ([1, 1, 1, 1], 1));
        assert!((gray.image.data[0] - 100.0).abs() < 1e-4);
        let gray = Image { channels: 1, data: vec![7.0], ..image };
        let rgb = prepare(case(gray, None), &Preparation { channels: Channels::Rgb, ..none });
        assert_eq!((rgb.image.data, Channels::Rgb.kept(1, false)), (vec![7.0; 3], 3));
    }
}
