//! One class of one case: a prediction and its reference.
//!
//! Does not know metrics; what several of them need is computed here, once, when the first one asks.

use std::{borrow::Cow, cell::OnceCell};

use thiserror::Error;

use crate::{
    Counts, Emptiness, LengthUnit, Spacing, Surfaces,
    mask::{Bits, Bounds, Components, Connectivity, Crop, Skeletons},
    probability::Groups,
};

/// Prediction and reference of one class of one case, as masks of equal shape; anything but 0 is foreground.
///
/// # Shapes
/// Masks, field and probabilities: `depth * height * width` in C order. A depth of 1 is an image: its surfaces and skeletons
/// lie in the plane, and it has no neighbours in z.
#[derive(Debug)]
pub struct Pair<'m> {
    prediction: Cow<'m, [u8]>,
    reference: Cow<'m, [u8]>,
    shape: [usize; 3],
    spacing: Spacing,
    field: Option<&'m [u8]>,
    probabilities: Option<&'m [f32]>,
    counts: OnceCell<Counts>,
    bounds: OnceCell<Option<Bounds>>,
    crop: OnceCell<Option<Crop>>,
    pixels: OnceCell<Option<Surfaces>>,
    grid: OnceCell<Option<Surfaces>>,
    surfels: OnceCell<Option<Surfaces>>,
    surfels_of_grid: OnceCell<Option<Surfaces>>,
    skeletons: OnceCell<Option<Skeletons>>,
    components: [OnceCell<Option<[Components; 2]>>; 2],
    groups: OnceCell<Groups>,
}

/// How surfaces are made of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elements {
    /// Pixels of a mask that touch background.
    Pixels,
    /// Elements between pixels, weighted by their size.
    Surfels,
}

/// Why a case cannot be measured.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum CaseError {
    /// Not as many pixels as the reference has.
    #[error("the {what} has {found} pixels, the reference has {expected} ({depth} x {height} x {width})", depth = shape[0], height = shape[1], width = shape[2])]
    Shape {
        /// What has another number.
        what: &'static str,
        /// How many it has.
        found: usize,
        /// How many it must have.
        expected: usize,
        /// Slices, rows, columns.
        shape: [usize; 3],
    },
    /// No pixels at all, or more than can be counted.
    #[error("an image of {} x {} x {} pixels cannot be measured, expected 1 to {} pixels", .0[0], .0[1], .0[2], u32::MAX)]
    Size([usize; 3]),
    /// A volume whose spacing between slices is unknown.
    #[error("the spacing between {0} slices is unknown")]
    UnknownSpacing(usize),
    /// A probability that is none.
    #[error("the probability of pixel {at} (from 0, in C order) is {value}, expected a number from 0 to 1")]
    Probability {
        /// Where.
        at: usize,
        /// What.
        value: f32,
    },
    /// A label beyond the classes.
    #[error("the {what} has label {label} at pixel {at} (from 0, in C order), expected labels from 0 to {last}")]
    Label {
        /// In what.
        what: &'static str,
        /// The label.
        label: u8,
        /// Where.
        at: usize,
        /// The last class.
        last: usize,
    },
    /// A class that does not exist.
    #[error("there is no class {class}, expected 0 to {last}")]
    Class {
        /// The class asked for.
        class: usize,
        /// The last class.
        last: usize,
    },
}

pub(crate) fn same_size(what: &'static str, found: usize, shape: [usize; 3]) -> Result<(), CaseError> {
    let expected = size(shape)?;
    if found == expected { Ok(()) } else { Err(CaseError::Shape { what, found, expected, shape }) }
}

fn size(shape: [usize; 3]) -> Result<usize, CaseError> {
    let size = shape[0].checked_mul(shape[1]).and_then(|size| size.checked_mul(shape[2]));
    size.filter(|size| (1..=u32::MAX as usize).contains(size)).ok_or(CaseError::Size(shape))
}

impl<'m> Pair<'m> {
    /// A pair of masks.
    ///
    /// # Errors
    /// Masks of other sizes than `shape` (depth, height, width), or a volume without spacing between its slices.
    pub fn new(
        prediction: &'m [u8],
        reference: &'m [u8],
        shape: [usize; 3],
        spacing: Spacing,
    ) -> Result<Self, CaseError> {
        Self::of(Cow::Borrowed(prediction), Cow::Borrowed(reference), shape, spacing)
    }

    pub(crate) fn of(
        prediction: Cow<'m, [u8]>,
        reference: Cow<'m, [u8]>,
        shape: [usize; 3],
        spacing: Spacing,
    ) -> Result<Self, CaseError> {
        same_size("reference", reference.len(), shape)?;
        same_size("prediction", prediction.len(), shape)?;
        if shape[0] > 1 && spacing.sides()[0] == 0.0 {
            return Err(CaseError::UnknownSpacing(shape[0]));
        }
        Ok(Self {
            prediction,
            reference,
            shape,
            spacing,
            field: None,
            probabilities: None,
            counts: OnceCell::new(),
            bounds: OnceCell::new(),
            crop: OnceCell::new(),
            pixels: OnceCell::new(),
            grid: OnceCell::new(),
            surfels: OnceCell::new(),
            surfels_of_grid: OnceCell::new(),
            skeletons: OnceCell::new(),
            components: [OnceCell::new(), OnceCell::new()],
            groups: OnceCell::new(),
        })
    }

    /// Restricts everything to a field of view: pixels where it is 0 are in no count and in no mask.
    ///
    /// # Errors
    /// It has another size.
    pub fn within(self, field: &'m [u8]) -> Result<Self, CaseError> {
        same_size("field of view", field.len(), self.shape)?;
        let cut = |mask: Cow<'m, [u8]>| -> Cow<'m, [u8]> {
            mask.iter().zip(field).map(|(pixel, field)| if *field == 0 { 0 } else { *pixel }).collect()
        };
        let (prediction, reference) = (cut(self.prediction), cut(self.reference));
        let fresh = Self::of(prediction, reference, self.shape, self.spacing)?;
        Ok(Self { field: Some(field), probabilities: self.probabilities, ..fresh })
    }

    /// Adds the probabilities of the foreground that the prediction was decided from.
    ///
    /// # Errors
    /// Another number of them, or one that is not from 0 to 1 (not a number, for one).
    pub fn with_probabilities(self, probabilities: &'m [f32]) -> Result<Self, CaseError> {
        same_size("map of probabilities", probabilities.len(), self.shape)?;
        match probabilities.iter().position(|value| !(0.0..=1.0).contains(value)) {
            Some(at) => Err(CaseError::Probability { at, value: probabilities[at] }),
            None => Ok(Self { probabilities: Some(probabilities), groups: OnceCell::new(), ..self }),
        }
    }

    /// The prediction, within the field of view.
    pub fn prediction(&self) -> &[u8] {
        &self.prediction
    }

    /// The reference, within the field of view.
    pub fn reference(&self) -> &[u8] {
        &self.reference
    }

    /// Slices, rows, columns.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// How far apart pixels are.
    pub fn spacing(&self) -> Spacing {
        self.spacing
    }

    /// Pixels within the field of view by what they are in both masks.
    pub fn counts(&self) -> Counts {
        *self.counts.get_or_init(|| {
            let mut counts = Counts::of(&self.prediction, &self.reference);
            // Outside the field both masks are background.
            counts.true_negative -=
                self.field.map_or(0, |field| field.iter().map(|pixel| u64::from(*pixel == 0)).sum::<u64>());
            counts
        })
    }

    /// Which masks are empty.
    pub fn emptiness(&self) -> Emptiness {
        self.counts().emptiness()
    }

    /// Distances between the surfaces; none where a mask is empty.
    ///
    /// In the unit of the spacing, or in pixels: then every side of a pixel is 1.
    pub fn surfaces(&self, elements: Elements, unit: LengthUnit) -> Option<&Surfaces> {
        let of_grid = unit == LengthUnit::Pixel && self.spacing != Spacing::PIXELS;
        let (cell, sides) = match (elements, of_grid) {
            (Elements::Pixels, false) => (&self.pixels, self.spacing.sides()),
            (Elements::Pixels, true) => (&self.grid, Spacing::PIXELS.sides()),
            (Elements::Surfels, false) => (&self.surfels, self.spacing.sides()),
            (Elements::Surfels, true) => (&self.surfels_of_grid, Spacing::PIXELS.sides()),
        };
        let make = || {
            let bounds = self.bounds().filter(|_| self.emptiness() == Emptiness::Neither)?;
            let bits = |mask: &[u8]| Bits::within(mask, self.shape, bounds);
            Some(match elements {
                Elements::Pixels => Surfaces::of_pixels([&bits(&self.prediction), &bits(&self.reference)], sides),
                Elements::Surfels => Surfaces::of_surfels(self.crop()?, sides),
            })
        };
        cell.get_or_init(make).as_ref()
    }

    /// Both masks where either has anything; none where both are empty.
    pub(crate) fn crop(&self) -> Option<&Crop> {
        let cut = |bounds| Crop::of(&self.prediction, &self.reference, self.shape, bounds);
        self.crop.get_or_init(|| self.bounds().map(cut)).as_ref()
    }

    /// The box that holds both masks; none where both are empty.
    fn bounds(&self) -> Option<&Bounds> {
        self.bounds.get_or_init(|| Bounds::of(&self.prediction, &self.reference, self.shape)).as_ref()
    }

    /// Both skeletons; none where both masks are empty.
    pub(crate) fn skeletons(&self) -> Option<&Skeletons> {
        self.skeletons.get_or_init(|| self.crop().map(Skeletons::of)).as_ref()
    }

    /// Components of prediction and reference; none where both masks are empty.
    pub(crate) fn components(&self, connectivity: Connectivity) -> Option<&[Components; 2]> {
        let [full, faces] = &self.components;
        let cell = match connectivity {
            Connectivity::Full => full,
            Connectivity::Faces => faces,
        };
        let make = || {
            let crop = self.crop()?;
            Some([&crop.prediction, &crop.reference].map(|mask| Components::of(mask, crop.shape, connectivity)))
        };
        cell.get_or_init(make).as_ref()
    }

    /// Pixels within the field of view by their probability; none without probabilities.
    pub fn groups(&self) -> Option<&Groups> {
        let probabilities = self.probabilities?;
        Some(self.groups.get_or_init(|| Groups::of(probabilities, &self.reference, self.field)))
    }

    /// Probabilities and the field of view, as they were given.
    pub(crate) fn probabilities(&self) -> Option<(&[f32], Option<&[u8]>)> {
        self.probabilities.map(|probabilities| (probabilities, self.field))
    }
}
