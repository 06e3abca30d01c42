//! Predictions over their images: the best, the median and the worst cases of an evaluation.
//!
//! Does not draw them.

use indexmap::IndexMap;
use pipe_image::{Image, Mask, Pack};
use pipe_metrics::Evaluation;
use pipe_report::{Overlay, Rank};
use pipe_store::Store;

use super::{Artifact, Results};
use crate::failure::Failure;

/// Worst cases of a fold that are shown, where it has enough of them.
const WORST: usize = 3;
/// What is foreground where an evaluation does not say.
const THRESHOLD: f64 = 0.5;

impl Results<'_> {
    /// Best, median and worst cases by Dice.
    pub(super) fn overlays(
        &self,
        node: usize,
        system: &str,
        evaluation: &Evaluation,
        store: &Store,
    ) -> Result<Vec<Overlay>, Failure> {
        let pack = |port: &str, output: &str| -> Result<Option<Pack>, Failure> {
            let record = self.feeding(node, port).and_then(|from| self.records[from].as_ref());
            record.map(|record| Ok(Pack::open(&Artifact::of(&record.outputs, output, store)?.path)?)).transpose()
        };
        let (Some(data), Some(predictions)) = (pack("dataset", "dataset")?, pack("prediction", "prediction")?) else {
            return Ok(Vec::new());
        };
        let shown = Shown {
            stage: &self.plan.nodes[node].id,
            system,
            axes: &self.fold_axes(node),
            evaluation,
            data: &data,
            predictions: &predictions,
        };
        Ok(chosen(&ranked(evaluation)).into_iter().filter_map(|(rank, case)| shown.overlay(rank, case)).collect())
    }
}

/// Cases with their Dice, the best first.
pub(super) fn ranked(evaluation: &Evaluation) -> Vec<(f64, &str)> {
    let dice = evaluation.metric("dice");
    let value = |case| evaluation.score(case, None, dice?).value();
    let mut ranked: Vec<(f64, &str)> =
        evaluation.cases.iter().filter_map(|case| Some((value(case)?, case.case.as_str()))).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    ranked
}

/// The cases that are shown, each once.
fn chosen<'c>(ranked: &[(f64, &'c str)]) -> Vec<(Rank, (f64, &'c str))> {
    let n = ranked.len();
    let worst = if n > WORST + 1 { WORST } else { 1 };
    match n {
        0 => Vec::new(),
        1 => vec![(Rank::Median, ranked[0])],
        2 => vec![(Rank::Best, ranked[0]), (Rank::Worst, ranked[1])],
        _ => {
            let middle = (n / 2).min(n - worst - 1);
            let first = [(Rank::Best, ranked[0]), (Rank::Median, ranked[middle])];
            let last = ranked[n - worst..].iter().map(|case| (Rank::Worst, *case));
            first.into_iter().chain(last).collect()
        }
    }
}

/// Where the pictures of an evaluation come from.
pub(super) struct Shown<'s> {
    pub(super) stage: &'s str,
    pub(super) system: &'s str,
    pub(super) axes: &'s IndexMap<String, String>,
    pub(super) evaluation: &'s Evaluation,
    pub(super) data: &'s Pack,
    pub(super) predictions: &'s Pack,
}

impl Shown<'_> {
    /// A case with its prediction; none where a pack lacks it. Of a volume the slice with the most to see.
    pub(super) fn overlay(&self, rank: Rank, (dice, case): (f64, &str)) -> Option<Overlay> {
        let (data, predictions) = (self.data, self.predictions);
        let (at, predicted) = (data.find(case)?, predictions.find(case)?);
        let (image, mask, probabilities) = (data.image(at), data.mask(at)?, predictions.image(predicted));
        let threshold = self.evaluation.threshold.unwrap_or(THRESHOLD);
        let decided = Mask::decided(&probabilities, predictions.entries()[predicted].maps, threshold);
        let slice = mask.fullest();
        let frame = if mask.depth > 1 { slice } else { data.entries()[at].label_frame };
        let mut reference = mask.flat(slice).labels;
        if probabilities.channels == 1 {
            // A single map is the foreground, and so is any class of the reference.
            reference.iter_mut().for_each(|label| *label = (*label).min(1));
        }
        let mut prediction = decided.flat(slice).labels;
        if data.entries()[at].ignored > 0 {
            // What nobody knows is neither right nor wrong.
            let known = mask.known();
            let of_slice = &known[slice * prediction.len()..][..prediction.len()];
            prediction.iter_mut().zip(of_slice).for_each(|(label, known)| *label *= known);
        }
        Some(Overlay {
            stage: self.stage.to_owned(),
            system: self.system.to_owned(),
            axes: self.axes.clone(),
            case: case.to_owned(),
            patient: data.entries()[at].patient.clone(),
            rank,
            dice,
            height: image.height,
            width: image.width,
            image: gray(&image, frame),
            reference,
            prediction,
        })
    }
}

/// A frame's first channel, stretched from its smallest to its largest value.
fn gray(image: &Image, frame: usize) -> Vec<u8> {
    let plane = image.plane(frame, 0);
    let (low, high) =
        plane.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    let span = if high > low { high - low } else { 1.0 };
    plane.iter().map(|value| ((value - low) / span * 255.0).round() as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cases: usize, expected: &[(Rank, usize)]) {
        let names: Vec<String> = (0..cases).map(|at| at.to_string()).collect();
        let ranked: Vec<(f64, &str)> = names.iter().map(|name| (0.0, name.as_str())).collect();
        let shown: Vec<(Rank, usize)> =
            chosen(&ranked).into_iter().map(|(rank, (_, case))| (rank, case.parse().expect("a number"))).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn each_case_is_shown_once() {
        use Rank::{Best, Median, Worst};
        check(0, &[]);
        check(1, &[(Median, 0)]);
        check(2, &[(Best, 0), (Worst, 1)]);
        check(3, &[(Best, 0), (Median, 1), (Worst, 2)]);
        check(4, &[(Best, 0), (Median, 2), (Worst, 3)]);
        check(5, &[(Best, 0), (Median, 1), (Worst, 2), (Worst, 3), (Worst, 4)]);
        check(9, &[(Best, 0), (Median, 4), (Worst, 6), (Worst, 7), (Worst, 8)]);
    }
}
