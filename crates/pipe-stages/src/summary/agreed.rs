//! What several evaluations have in common: their metrics, and the conventions that a reader must know.
//!
//! Does not read evaluations.

use pipe_metrics::{Description, Evaluation, left_out};

/// What evaluations said so far.
#[derive(Default)]
pub(super) struct Agreed {
    /// The metrics of all of them.
    pub(super) metrics: Vec<Description>,
    thresholds: Vec<f64>,
    /// Whether the likeliest of several classes was taken.
    likeliest: bool,
    conventions: Vec<String>,
    /// Cases of which some pixels are not known, and all cases.
    partial: [usize; 2],
}

impl Agreed {
    /// Adds an evaluation, and gives the keys of its metrics: of one that is known in another unit, with the unit behind it, for
    /// millimetres and pixels are never one column.
    pub(super) fn add(&mut self, evaluation: &Evaluation) -> Vec<String> {
        // Results of earlier versions name a threshold there, too.
        let of_classes = evaluation.confusion.is_some() && evaluation.classes.len() > 1;
        match evaluation.threshold.filter(|_| !of_classes) {
            Some(threshold) if !self.thresholds.contains(&threshold) => self.thresholds.push(threshold),
            Some(_) => {}
            None => self.likeliest = true,
        }
        let convention = evaluation.empty.sentence(evaluation.recipe.iter());
        if !self.conventions.contains(&convention) {
            self.conventions.push(convention);
        }
        self.partial[0] += evaluation.cases.iter().filter(|case| case.ignored > 0).count();
        self.partial[1] += evaluation.cases.len();
        evaluation.metrics.iter().map(|metric| self.known(metric)).collect()
    }

    /// The key of a metric in its unit.
    fn known(&mut self, metric: &Description) -> String {
        let other_unit = self.metrics.iter().any(|known| known.key == metric.key && known.unit != metric.unit);
        let key = if other_unit { format!("{}_{}", metric.key, metric.unit) } else { metric.key.clone() };
        if self.metrics.iter().all(|known| known.key != key) {
            self.metrics.push(Description { key: key.clone(), ..metric.clone() });
        }
        key
    }

    /// The conventions in sentences.
    pub(super) fn notes(&self, by_patient: bool) -> Vec<String> {
        let thresholds: Vec<_> = self.thresholds.iter().map(ToString::to_string).collect();
        let of_whom = if by_patient {
            "All numbers are of test cases: patients that no training, checkpoint choice or threshold of their fold has seen."
        } else {
            "All numbers are of test cases. Where folds were cut by image, other images of the same patients were trained on, so these numbers say little about new patients."
        };
        let mut notes = vec![
            of_whom.to_owned(),
            "Each metric is computed case by case. SD over cases is taken over all test cases, SD over folds over the folds' means; both divide by n - 1.".to_owned(),
        ];
        if !thresholds.is_empty() {
            notes.push(format!("A pixel is foreground at a probability of at least {}.", thresholds.join(" / ")));
        }
        if self.likeliest {
            notes.push("Of classes that exclude each other a pixel has the likeliest.".to_owned());
        }
        notes.extend(self.conventions.iter().map(|convention| sentence(convention)));
        notes.extend(left_out(self.partial[0], self.partial[1]).as_deref().map(sentence));
        notes.push("Of several classes, `mean` is the mean over those that a case has a score for, background never among them. Masks are compared at the prepared size; clDice uses skeletons as scikit-image computes them.".to_owned());
        notes
    }
}

/// A convention as a sentence of its own.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use pipe_metrics::{LengthUnit, Metrics};

    use super::*;

    #[test]
    fn millimetres_and_pixels_are_two_columns() {
        let metrics: Metrics = serde_json::from_str(r#"["dice", "hd95"]"#).expect("metrics");
        let mut agreed = Agreed::default();
        let mut keys = |unit: LengthUnit| -> Vec<String> {
            metrics.descriptions(unit).iter().map(|metric| agreed.known(metric)).collect()
        };
        assert_eq!(keys(LengthUnit::Millimetre), ["dice", "hd95"]);
        assert_eq!(keys(LengthUnit::Pixel), ["dice", "hd95_px"]);
        assert_eq!(keys(LengthUnit::Pixel), ["dice", "hd95_px"]);
        assert_eq!(keys(LengthUnit::Millimetre), ["dice", "hd95"]);
        let units: Vec<_> = agreed.metrics.iter().map(|metric| (metric.key.as_str(), metric.unit.as_str())).collect();
        assert_eq!(units, [("dice", ""), ("hd95", "mm"), ("hd95_px", "px")]);
    }
}
