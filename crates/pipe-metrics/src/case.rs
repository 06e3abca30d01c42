//! All classes of one case.
//!
//! Does not know metrics; it takes a case apart into pairs, one a class.

use std::borrow::Cow;

use crate::{CaseError, Confusion, Pair, Spacing, pair::same_size};

/// What each pixel is, for several classes; class 0 is background.
#[derive(Clone, Copy, Debug)]
pub enum Classes<'m> {
    /// One label a pixel, from 0 to `classes - 1`: classes exclude each other.
    Labels(&'m [u8]),
    /// One mask after the other, those of classes 1 to `classes - 1`: classes may overlap.
    Layers(&'m [u8]),
}

/// Prediction and reference of all classes of one case.
///
/// # Shapes
/// Labels: `depth * height * width` in C order. Layers: as many for each class but background. Field of view: as labels.
/// Probabilities: as many for each class, background included, for labels; as layers, for layers; one map for a single class.
#[derive(Clone, Copy, Debug)]
pub struct Case<'m> {
    prediction: Classes<'m>,
    reference: Classes<'m>,
    classes: usize,
    shape: [usize; 3],
    spacing: Spacing,
    field: Option<&'m [u8]>,
    probabilities: Option<&'m [f32]>,
}

impl<'m> Case<'m> {
    /// A case of `classes` classes, background among them.
    ///
    /// # Errors
    /// Another size than `shape` (depth, height, width), or a label beyond the classes.
    pub fn new(
        prediction: Classes<'m>,
        reference: Classes<'m>,
        classes: usize,
        shape: [usize; 3],
        spacing: Spacing,
    ) -> Result<Self, CaseError> {
        for (what, pixels) in [("reference", reference), ("prediction", prediction)] {
            match pixels {
                Classes::Labels(labels) => {
                    same_size(what, labels.len(), shape)?;
                    if let Some(at) = labels.iter().position(|label| usize::from(*label) >= classes) {
                        return Err(CaseError::Label { what, label: labels[at], at, last: classes.saturating_sub(1) });
                    }
                }
                Classes::Layers(layers) => same_maps(what, layers.len(), classes.saturating_sub(1), shape)?,
            }
        }
        let case = Self { prediction, reference, classes, shape, spacing, field: None, probabilities: None };
        // What any class would find wrong is said before the first is measured.
        case.any().map(|_| case)
    }

    /// Restricts everything to a field of view: pixels where it is 0 are in no count and in no mask.
    ///
    /// # Errors
    /// It has another size.
    pub fn within(self, field: &'m [u8]) -> Result<Self, CaseError> {
        same_size("field of view", field.len(), self.shape)?;
        Ok(Self { field: Some(field), ..self })
    }

    /// Adds the probabilities that the prediction was decided from.
    ///
    /// # Errors
    /// Another number of them, or one that is not from 0 to 1.
    pub fn with_probabilities(self, probabilities: &'m [f32]) -> Result<Self, CaseError> {
        same_maps("map of probabilities", probabilities.len(), self.maps(probabilities.len()), self.shape)?;
        match probabilities.iter().position(|value| !(0.0..=1.0).contains(value)) {
            Some(at) => Err(CaseError::Probability { at, value: probabilities[at] }),
            None => Ok(Self { probabilities: Some(probabilities), ..self }),
        }
    }

    /// Counts the pixels outside of the field of view; none where all of the image is one.
    pub fn outside(&self) -> u64 {
        self.field.map_or(0, |field| field.iter().map(|pixel| u64::from(*pixel == 0)).sum())
    }

    /// Whether there are pixels within the field of view.
    pub(crate) fn has_inside(&self) -> bool {
        self.field.is_none_or(|field| field.iter().any(|pixel| *pixel != 0))
    }

    /// How many maps of probabilities so many values must be.
    fn maps(&self, values: usize) -> usize {
        match self.prediction {
            Classes::Labels(labels) if self.classes == 2 && values == labels.len() => 1,
            Classes::Labels(_) => self.classes,
            Classes::Layers(_) => self.classes.saturating_sub(1),
        }
    }

    /// How many classes there are, background among them.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// One class against everything else; 0 is background, which nothing here counts unless it is asked for.
    ///
    /// # Errors
    /// There is no such class.
    pub fn class(&self, class: usize) -> Result<Pair<'m>, CaseError> {
        if class >= self.classes {
            return Err(CaseError::Class { class, last: self.classes.saturating_sub(1) });
        }
        let pair =
            Pair::of(self.mask(self.prediction, class), self.mask(self.reference, class), self.shape, self.spacing)?;
        let pair = match self.field {
            Some(field) => pair.within(field)?,
            None => pair,
        };
        let Some(all) = self.probabilities else {
            return Ok(pair);
        };
        let size = self.size();
        let map = match (self.prediction, all.len() / size) {
            (Classes::Labels(_), 1) | (Classes::Layers(_), _) => class.checked_sub(1),
            _ => Some(class),
        };
        match map {
            Some(map) => pair.with_probabilities(&all[map * size..][..size]),
            None => Ok(pair),
        }
    }

    /// All classes but background, in order: what means over classes are of.
    ///
    /// # Errors
    /// As [`Case::class`].
    pub fn foreground(&self) -> Result<Vec<Pair<'m>>, CaseError> {
        (1..self.classes).map(|class| self.class(class)).collect()
    }

    /// Any class but background against background; without probabilities.
    ///
    /// # Errors
    /// As [`Pair::new`].
    pub fn any(&self) -> Result<Pair<'m>, CaseError> {
        let any = |classes: Classes<'m>| match classes {
            Classes::Labels(labels) => Cow::Borrowed(labels),
            Classes::Layers(layers) => {
                let mut any = vec![0_u8; self.size()];
                for layer in layers.chunks_exact(any.len()) {
                    any.iter_mut().zip(layer).for_each(|(any, pixel)| *any |= pixel);
                }
                Cow::Owned(any)
            }
        };
        let pair = Pair::of(any(self.prediction), any(self.reference), self.shape, self.spacing)?;
        match self.field {
            Some(field) => pair.within(field),
            None => Ok(pair),
        }
    }

    /// Pixels within the field of view by their labels; none where classes may overlap.
    pub fn confusion(&self) -> Option<Confusion> {
        match (self.prediction, self.reference) {
            (Classes::Labels(prediction), Classes::Labels(reference)) => {
                Some(Confusion::of(prediction, reference, self.field, self.classes))
            }
            _ => None,
        }
    }

    fn size(&self) -> usize {
        self.shape.iter().product()
    }

    fn mask(&self, classes: Classes<'m>, class: usize) -> Cow<'m, [u8]> {
        let size = self.size();
        match (classes, class.checked_sub(1)) {
            (Classes::Layers(layers), Some(layer)) => Cow::Borrowed(&layers[layer * size..][..size]),
            // Background of classes that may overlap is where none of them is.
            (Classes::Layers(layers), None) => {
                (0..size).map(|at| u8::from(layers.iter().skip(at).step_by(size).all(|pixel| *pixel == 0))).collect()
            }
            // The labels of a single class are a mask already.
            (Classes::Labels(labels), Some(0)) if self.classes == 2 => Cow::Borrowed(labels),
            (Classes::Labels(labels), _) => labels.iter().map(|label| u8::from(usize::from(*label) == class)).collect(),
        }
    }
}

fn same_maps(what: &'static str, found: usize, maps: usize, shape: [usize; 3]) -> Result<(), CaseError> {
    let expected = shape.iter().product::<usize>() * maps;
    if found == expected { Ok(()) } else { Err(CaseError::Shape { what, found, expected, shape }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EmptyMasks, Metric, Score};

    const SHAPE: [usize; 3] = [1, 2, 3];

    fn dice(pair: &Pair<'_>) -> Score {
        Metric::named("dice").expect("known").score(pair, EmptyMasks::default()).expect("masks")
    }

    #[test]
    fn labels_and_layers() {
        let (prediction, reference) = ([0, 1, 1, 2, 2, 0], [0, 1, 2, 2, 2, 0]);
        let case = Case::new(Classes::Labels(&prediction), Classes::Labels(&reference), 4, SHAPE, Spacing::PIXELS);
        let case = case.expect("labels");
        let scores: Vec<Score> = case.foreground().expect("classes").iter().map(dice).collect();
        // Class 3 is absent on both sides.
        assert_eq!(scores, [Score::Known(2.0 / 3.0), Score::Known(0.8), Score::Excluded]);
        assert_eq!(Score::mean(&scores), Score::Known((2.0 / 3.0 + 0.8) / 2.0));
        assert_eq!(dice(&case.any().expect("masks")), Score::Known(1.0));
        assert_eq!(dice(&case.class(0).expect("asked for")), Score::Known(1.0));
        let layers = |labels: &[u8; 6]| -> Vec<u8> {
            (1..4).flat_map(|class| labels.map(|label| u8::from(label == class))).collect()
        };
        let (prediction, reference) = (layers(&prediction), layers(&reference));
        let case = Case::new(Classes::Layers(&prediction), Classes::Layers(&reference), 4, SHAPE, Spacing::PIXELS);
        let case = case.expect("layers");
        assert_eq!(case.foreground().expect("classes").iter().map(dice).collect::<Vec<_>>(), scores);
        assert_eq!(dice(&case.any().expect("masks")), Score::Known(1.0));
        assert_eq!(dice(&case.class(0).expect("asked for")), Score::Known(1.0));
        assert!(case.confusion().is_none());
    }

    #[test]
    fn probabilities_of_classes() {
        let labels = [0, 1, 1, 2, 2, 0];
        let case =
            Case::new(Classes::Labels(&labels), Classes::Labels(&labels), 3, SHAPE, Spacing::PIXELS).expect("right");
        let maps: Vec<f32> =
            (0..3).flat_map(|class| labels.map(|label| if label == class { 0.8 } else { 0.1 })).collect();
        let case = case.with_probabilities(&maps).expect("three maps");
        for pair in case.foreground().expect("classes") {
            assert_eq!(pair.groups().and_then(crate::Groups::roc_auc), Some(1.0));
        }
        assert!(case.any().expect("masks").groups().is_none());
        let binary = Case::new(Classes::Labels(&[0, 1]), Classes::Labels(&[0, 1]), 2, [1, 1, 2], Spacing::PIXELS);
        let binary = binary.expect("right").with_probabilities(&[0.2, 0.9]).expect("one map");
        assert_eq!(binary.class(1).expect("there").groups().and_then(crate::Groups::roc_auc), Some(1.0));
    }

    #[track_caller]
    fn refused(case: Result<Case<'_>, CaseError>, reason: &str) {
        let error = case.expect_err("wrong").to_string();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn wrong_cases() {
        let labels = [0, 1, 1, 2, 2, 0];
        let of =
            |classes| Case::new(Classes::Labels(&labels), Classes::Labels(&labels), classes, SHAPE, Spacing::PIXELS);
        refused(of(2), "label 2 at pixel 3 (from 0, in C order), expected labels from 0 to 1");
        refused(of(0), "has label 0");
        let short = Case::new(Classes::Labels(&labels[1..]), Classes::Labels(&labels), 3, SHAPE, Spacing::PIXELS);
        refused(short, "the prediction has 5 pixels, the reference has 6 (1 x 2 x 3)");
        let layers = Case::new(Classes::Layers(&labels), Classes::Labels(&labels), 3, SHAPE, Spacing::PIXELS);
        refused(layers, "the prediction has 6 pixels");
        let case = of(3).expect("right");
        refused(case.with_probabilities(&[0.5; 17]), "the map of probabilities has 17 pixels");
        refused(case.with_probabilities(&[f32::NAN; 18]), "is NaN, expected a number from 0 to 1");
        refused(case.within(&[1; 5]), "the field of view has 5 pixels");
        assert_eq!(case.class(3).expect_err("none"), CaseError::Class { class: 3, last: 2 });
    }
}
