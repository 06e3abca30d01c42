//! The scores of all cases of an evaluation, class by class, and how they were measured.
//!
//! Does not know any metric, files or how masks were predicted.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::statistics::{Over, Summary, summarise};
use crate::{
    Case, CaseError, Confusion, Description, EmptyMasks, LengthUnit, MeasureError, Metrics, Pair, Pooled, Score,
};

/// What is measured of every case.
#[derive(Clone, Debug, PartialEq)]
pub struct Protocol {
    /// The metrics, in the order of tables.
    pub metrics: Metrics,
    /// What empty masks score.
    pub empty: EmptyMasks,
    /// Whether any class but background against background is measured too, where there are several classes.
    pub any: bool,
}

/// A case that cannot be measured.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotMeasured {
    /// Its masks do not fit together.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// It lacks what a metric needs.
    #[error(transparent)]
    Metric(#[from] MeasureError),
    /// A metric that gives no number.
    #[error("`{metric}` is {value}")]
    NotFinite {
        /// Key of the metric.
        metric: String,
        /// What it gives.
        value: f64,
    },
}

/// What was measured of one case; by class from 1, any class behind them if it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Scores in the order of the metrics.
    pub scores: Vec<Vec<Score>>,
    /// Pixels or voxels of the reference.
    pub pixels: Vec<u64>,
    /// Its pixels, to be added to those of other cases.
    pub pooled: Vec<Pooled>,
    /// Its pixels by both labels, where classes exclude each other.
    pub confusion: Option<Confusion>,
    /// Pixels outside of the field of view, or without a label: they are in nothing of the above.
    pub ignored: u64,
    /// Why nothing was measured, if so.
    pub unmeasured: Option<Unmeasured>,
}

/// Why nothing was measured of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmeasured {
    /// All of it lies outside of the field of view, or has no label.
    NothingKnown,
}

impl fmt::Display for Unmeasured {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NothingKnown => "no pixel lies within its field of view and has a label",
        })
    }
}

impl Protocol {
    /// Measures a case. One without a pixel within its field of view is excluded by every metric, whatever empty masks score.
    ///
    /// # Errors
    /// The case lacks what a metric needs.
    pub fn measure(&self, case: &Case<'_>) -> Result<Measured, NotMeasured> {
        let mut pairs = case.foreground()?;
        if self.has_any(pairs.len()) {
            pairs.push(case.any()?);
        }
        let mut measured = Measured {
            scores: Vec::new(),
            pixels: Vec::new(),
            pooled: Vec::new(),
            confusion: case.confusion(),
            ignored: case.outside(),
            unmeasured: None,
        };
        if !case.has_inside() {
            let scores = vec![vec![Score::Excluded; self.metrics.iter().count()]; pairs.len()];
            let (pixels, pooled) = (vec![0; pairs.len()], vec![Pooled::default(); pairs.len()]);
            return Ok(Measured { scores, pixels, pooled, unmeasured: Some(Unmeasured::NothingKnown), ..measured });
        }
        for pair in &pairs {
            let scores = self.metrics.scores(pair, self.empty)?;
            for (metric, score) in self.metrics.iter().zip(&scores) {
                if let Some(value) = score.value().filter(|value| !value.is_finite()) {
                    return Err(NotMeasured::NotFinite { metric: metric.description(LengthUnit::Pixel).key, value });
                }
            }
            measured.scores.push(scores);
            measured.pixels.push(reference(pair));
            let mut pooled = Pooled::default();
            pooled.add(pair);
            measured.pooled.push(pooled);
        }
        Ok(measured)
    }

    /// Gives the names of what is measured of so many classes; classes without a name have a number.
    pub fn names(&self, names: &[String], classes: usize) -> Vec<String> {
        let name = |at: usize| match names.get(at) {
            Some(name) => name.clone(),
            None if classes == 1 => FOREGROUND.to_owned(),
            None => format!("class {}", at + 1),
        };
        let any = self.has_any(classes).then(|| ANY.to_owned());
        (0..classes).map(name).chain(any).collect()
    }

    fn has_any(&self, classes: usize) -> bool {
        self.any && classes > 1
    }
}

fn reference(pair: &Pair<'_>) -> u64 {
    let counts = pair.counts();
    counts.true_positive + counts.false_negative
}

/// The name of a single class that has none.
const FOREGROUND: &str = "foreground";
/// The name of any class against background.
const ANY: &str = "any class";
/// The name of the mean over classes.
pub const MEAN: &str = "mean";

/// The scores of one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseScores {
    /// The case.
    pub case: String,
    /// Its patient.
    pub patient: String,
    /// Pixels or voxels of the reference, by class.
    pub pixels: Vec<u64>,
    /// Scores by class, and then by metric.
    pub scores: Vec<Vec<Score>>,
    /// Pixels or voxels that were left out of both masks: outside of the field of view, or without a label.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ignored: u64,
    /// Why nothing was measured, if so; every score then is excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmeasured: Option<Unmeasured>,
}

// The form in which serde asks.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(pixels: &u64) -> bool {
    *pixels == 0
}

/// What an evaluation found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// From which probability on a pixel is foreground; none where masks were compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// What empty masks score.
    pub empty: EmptyMasks,
    /// What lengths are counted in.
    pub unit: LengthUnit,
    /// The classes from 1; behind them any class, if it was measured.
    pub classes: Vec<String>,
    /// The metrics, as they were asked for.
    pub recipe: Metrics,
    /// What they are called.
    pub metrics: Vec<Description>,
    /// The cases.
    pub cases: Vec<CaseScores>,
    /// By class and metric the value of all pixels of all cases together; none where a metric has no such value.
    pub pooled: Vec<Vec<Option<Score>>>,
    /// All pixels by both labels, background first, where classes exclude each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confusion: Option<Confusion>,
    /// Digest of the references: which cases, of which patients, with which masks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<String>,
    /// How far the fold leaks whose cases these are; none where patients stay together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak: Option<String>,
}

impl Evaluation {
    /// Gathers what was measured, with the sums of all cases, one a class.
    ///
    /// # Panics
    /// There is no case, or one has another number of classes.
    pub fn of(
        protocol: &Protocol,
        unit: LengthUnit,
        names: &[String],
        cases: Vec<(String, String, Measured)>,
    ) -> (Self, Vec<Pooled>) {
        let measured = cases.first().map_or(0, |(.., measured)| measured.scores.len());
        let mut sums = vec![Pooled::default(); measured];
        let mut confusion = cases.first().and_then(|(.., first)| first.confusion.clone());
        let mut rows = Vec::with_capacity(cases.len());
        for (at, (case, patient, found)) in cases.into_iter().enumerate() {
            assert_eq!(found.scores.len(), measured, "as many classes in each case");
            sums.iter_mut().zip(&found.pooled).for_each(|(sum, pooled)| sum.merge(pooled));
            confusion = match (confusion, &found.confusion) {
                (Some(mut sum), Some(own)) if at > 0 => {
                    sum += own;
                    Some(sum)
                }
                (sum, Some(_)) => sum,
                (_, None) => None,
            };
            let Measured { pixels, scores, ignored, unmeasured, .. } = found;
            rows.push(CaseScores { case, patient, pixels, scores, ignored, unmeasured });
        }
        // Any class stands behind several.
        let classes = if protocol.has_any(measured.saturating_sub(1)) { measured - 1 } else { measured };
        let pooled = |sum: &Pooled| protocol.metrics.iter().map(|metric| metric.pooled(sum, protocol.empty)).collect();
        let evaluation = Self {
            threshold: None,
            empty: protocol.empty,
            unit,
            classes: protocol.names(names, classes),
            recipe: protocol.metrics.clone(),
            metrics: protocol.metrics.descriptions(unit),
            cases: rows,
            pooled: sums.iter().map(pooled).collect(),
            confusion,
            truth: None,
            leak: None,
        };
        (evaluation, sums)
    }

    /// Gives the conventions behind the numbers, a sentence each.
    pub fn conventions(&self) -> Vec<String> {
        let partial = self.cases.iter().filter(|case| case.ignored > 0).count();
        [self.empty.to_string()].into_iter().chain(left_out(partial, self.cases.len())).collect()
    }

    /// Gives the place of a metric by its key.
    pub fn metric(&self, key: &str) -> Option<usize> {
        self.metrics.iter().position(|metric| metric.key == key)
    }

    /// Gives the classes of which means are taken: all but any class.
    pub fn single_classes(&self) -> usize {
        self.classes.len() - usize::from(self.classes.len() > 1 && self.classes.last().is_some_and(|name| name == ANY))
    }

    /// Gives what a case scores in a class; without one the mean over classes, or the score of the only one.
    pub fn score(&self, case: &CaseScores, class: Option<usize>, metric: usize) -> Score {
        match (class, self.single_classes()) {
            (Some(class), _) => case.scores[class][metric],
            (None, 1) => case.scores[0][metric],
            (None, classes) => {
                Score::mean(&case.scores[..classes].iter().map(|scores| scores[metric]).collect::<Vec<_>>())
            }
        }
    }

    /// Summarises what all cases score in a class, or in the mean over classes.
    pub fn summary(&self, class: Option<usize>, metric: usize) -> Summary {
        let scores: Vec<Score> = self.cases.iter().map(|case| self.score(case, class, metric)).collect();
        summarise(&scores, Over::Cases).expect("neither measuring nor JSON gives what is not finite")
    }

    /// Gives all columns of a table of this evaluation: the mean over classes first where there are several, then each class.
    pub fn views(&self) -> Vec<(String, Option<usize>)> {
        let each = self.classes.iter().enumerate().map(|(at, name)| (name.clone(), Some(at)));
        if self.classes.len() == 1 {
            each.collect()
        } else {
            [(MEAN.to_owned(), None)].into_iter().chain(each).collect()
        }
    }
}

/// Says that pixels of some of the cases were left out; nothing where there are none.
pub fn left_out(partial: usize, cases: usize) -> Option<String> {
    let have = if cases == 1 { "1 case has" } else { &format!("{cases} cases have") };
    (partial > 0).then(|| {
        format!(
            "pixels outside the field of view or without a label are left out of both masks ({partial} of {have} such)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Classes, Spacing};

    fn measured(protocol: &Protocol, prediction: &[u8], reference: &[u8]) -> Measured {
        let case = Case::new(Classes::Labels(prediction), Classes::Labels(reference), 3, [1, 2, 3], Spacing::PIXELS);
        protocol.measure(&case.expect("labels")).expect("masks alone")
    }

    fn protocol(any: bool) -> Protocol {
        let metrics = serde_json::from_str(r#"["dice", "recall"]"#).expect("metrics");
        Protocol { metrics, empty: EmptyMasks::default(), any }
    }

    #[test]
    fn classes_means_and_sums() {
        let protocol = protocol(true);
        let one = measured(&protocol, &[0, 1, 1, 2, 2, 0], &[0, 1, 2, 2, 2, 0]);
        let two = measured(&protocol, &[0, 1, 0, 0, 0, 0], &[0, 1, 1, 0, 0, 0]);
        let cases = vec![("a".to_owned(), "p".to_owned(), one), ("b".to_owned(), "q".to_owned(), two)];
        let (found, sums) = Evaluation::of(&protocol, LengthUnit::Pixel, &["left".to_owned()], cases);
        assert_eq!(found.classes, ["left", "class 2", "any class"]);
        assert_eq!((found.single_classes(), sums.len()), (2, 3));
        let dice = found.metric("dice").expect("it was asked for");
        let scores = |class| found.cases.iter().map(|case| found.score(case, class, dice)).collect::<Vec<_>>();
        assert_eq!(scores(Some(0)), [Score::Known(2.0 / 3.0); 2]);
        // The second case has no class 2, neither predicted nor real: its mean is that of the other.
        assert_eq!(scores(None), [Score::Known((2.0 / 3.0 + 0.8) / 2.0), Score::Known(2.0 / 3.0)]);
        assert_eq!(scores(Some(2)), [Score::Known(1.0), Score::Known(2.0 / 3.0)]);
        // Pixels of both cases: 2 right, 1 too many, 1 missed.
        assert_eq!(found.pooled[0][dice], Some(Score::Known(4.0 / 6.0)));
        assert_eq!(found.confusion.as_ref().expect("classes exclude each other").counts[0], [6, 0, 0]);
        assert_eq!(found.cases[0].pixels, [1, 3, 4]);
        let views: Vec<_> = found.views().into_iter().map(|(name, _)| name).collect();
        assert_eq!(views, ["mean", "left", "class 2", "any class"]);
        let text = serde_json::to_string(&found).expect("plain data");
        assert_eq!(serde_json::from_str::<Evaluation>(&text).expect("its own"), found);
    }

    #[test]
    fn what_lies_outside_of_the_field_counts_nowhere() {
        let metrics = serde_json::from_str(r#"["dice", "recall", "specificity"]"#).expect("metrics");
        let protocol = Protocol { metrics, empty: "both=one,one=worst".parse().expect("a convention"), any: true };
        let (prediction, reference, field) = ([2, 1, 1, 0, 2, 0], [0, 1, 0, 0, 2, 1], [0, 1, 1, 1, 1, 0]);
        let case = || {
            let (prediction, reference) = (Classes::Labels(&prediction), Classes::Labels(&reference));
            Case::new(prediction, reference, 3, [1, 2, 3], Spacing::PIXELS).expect("labels")
        };
        let found = protocol.measure(&case().within(&field).expect("as large")).expect("masks alone");
        // Of four pixels, class 1 is right in one and too much in one; class 2 is right in one.
        let dice: Vec<Score> = found.scores.iter().map(|scores| scores[0]).collect();
        assert_eq!(dice, [Score::Known(2.0 / 3.0), Score::Known(1.0), Score::Known(0.8)]);
        assert_eq!(found.scores[0][1..], [Score::Known(1.0), Score::Known(2.0 / 3.0)]);
        assert_eq!((found.pixels.as_slice(), found.ignored), ([1, 1, 2].as_slice(), 2));
        assert_eq!(found.confusion.as_ref().expect("labels").counts, [[1, 1, 0], [0, 1, 0], [0, 0, 1]]);
        let nothing = protocol.measure(&case().within(&[0; 6]).expect("as large")).expect("masks alone");
        assert_eq!((nothing.unmeasured, nothing.ignored), (Some(Unmeasured::NothingKnown), 6));
        assert!(nothing.scores.iter().flatten().all(|score| *score == Score::Excluded), "not 1 by convention");
        let whole = protocol.measure(&case()).expect("masks alone");
        assert_eq!((whole.ignored, whole.unmeasured), (0, None));
        let of = |name: &str, found| (name.to_owned(), name.to_owned(), found);
        let cases = vec![of("none", nothing), of("part", found.clone()), of("whole", whole)];
        let (found_all, sums) = Evaluation::of(&protocol, LengthUnit::Pixel, &[], cases);
        // Of all six pixels class 1 is right in one, too much in one and missed in one.
        let counts = sums[0].counts;
        assert_eq!(
            [counts.true_positive, counts.false_positive, counts.false_negative, counts.true_negative],
            [2, 2, 1, 5]
        );
        assert_eq!(found_all.summary(Some(1), 0).mean, Some(f64::midpoint(1.0, 2.0 / 3.0)));
        let said =
            "pixels outside the field of view or without a label are left out of both masks (2 of 3 cases have such)";
        assert_eq!(found_all.conventions()[1..], [said.to_owned()]);
        let text = serde_json::to_string(&found_all).expect("plain data");
        assert_eq!(serde_json::from_str::<Evaluation>(&text).expect("its own"), found_all);
        let (alone, _) = Evaluation::of(&protocol, LengthUnit::Pixel, &[], vec![of("whole", found)]);
        assert!(!serde_json::to_string(&alone).expect("plain data").contains("unmeasured"));
        assert_eq!(left_out(0, 3), None);
        assert_eq!(left_out(1, 1).map(|text| text.ends_with("(1 of 1 case has such)")), Some(true));
    }

    #[test]
    fn one_class_has_no_mean() {
        let protocol = protocol(true);
        let case = Case::new(Classes::Labels(&[0, 1]), Classes::Labels(&[1, 1]), 2, [1, 1, 2], Spacing::PIXELS);
        let found = protocol.measure(&case.expect("labels")).expect("masks alone");
        let cases = vec![("a".to_owned(), "a".to_owned(), found)];
        let (found, _) = Evaluation::of(&protocol, LengthUnit::Pixel, &[], cases);
        assert_eq!(
            (found.classes.clone(), found.views()),
            (vec![FOREGROUND.to_owned()], vec![(FOREGROUND.to_owned(), Some(0))])
        );
    }
}
