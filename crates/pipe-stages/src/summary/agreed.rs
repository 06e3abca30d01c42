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
    conventions: Vec<String>,
    /// Cases of which some pixels are not known, and all cases.
    partial: [usize; 2],
}

impl Agreed {
    pub(super) fn add(&mut self, evaluation: &Evaluation) {
        if let Some(threshold) = evaluation.threshold.filter(|threshold| !self.thresholds.contains(threshold)) {
            self.thresholds.push(threshold);
        }
        let convention = evaluation.empty.sentence(evaluation.recipe.iter());
        if !self.conventions.contains(&convention) {
            self.conventions.push(convention);
        }
        self.partial[0] += evaluation.cases.iter().filter(|case| case.ignored > 0).count();
        self.partial[1] += evaluation.cases.len();
        for metric in &evaluation.metrics {
            if self.metrics.iter().all(|known| known.key != metric.key) {
                self.metrics.push(metric.clone());
            }
        }
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
            format!("A pixel is foreground at a probability of at least {}.", thresholds.join(" / ")),
            "Each metric is computed case by case. SD over cases is taken over all test cases, SD over folds over the folds' means; both divide by n - 1.".to_owned(),
        ];
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
