//! Predictions over their images: the best, the median and the worst cases of each system.
//!
//! Does not draw them.

use std::collections::{BTreeMap, btree_map::Entry};

use indexmap::IndexMap;
use pipe_image::{Image, Mask, Pack};
use pipe_metrics::{Direction, Evaluation};
use pipe_report::{Overlay, Rank};
use pipe_store::Store;

use super::{Artifact, Results};
use crate::failure::Failure;

/// Worst cases of a system that are shown, where it has enough of them.
const WORST: usize = 6;
/// What is foreground where an evaluation does not say.
const THRESHOLD: f64 = 0.5;

/// An evaluation, whose system it measures, and the node that made it.
pub(super) struct Measured {
    pub(super) node: usize,
    pub(super) system: String,
    pub(super) evaluation: Evaluation,
}

/// A score, and the evaluation and the case that it is of.
type Ranked<'m> = (f64, (&'m Measured, &'m str));

impl Results<'_> {
    /// The best, the median and the worst cases of each system over all its folds.
    pub(super) fn overlays(&self, measured: &[Measured], store: &Store) -> Result<Vec<Overlay>, Failure> {
        let mut systems: IndexMap<&str, Vec<Ranked<'_>>> = IndexMap::new();
        for of in measured {
            let cases = ranked(&of.evaluation).into_iter().map(|(score, case)| (score, (of, case)));
            systems.entry(&of.system).or_default().extend(cases);
        }
        let mut packs: BTreeMap<usize, Option<[Pack; 2]>> = BTreeMap::new();
        let mut overlays = Vec::new();
        for ranked in systems.values_mut() {
            // Cases of one system are ranked by one metric.
            let best_first = |score: f64, of: &Measured| score * sign(&of.evaluation);
            ranked.sort_by(|(one, a), (other, b)| {
                best_first(*other, b.0).total_cmp(&best_first(*one, a.0)).then_with(|| a.1.cmp(b.1))
            });
            for (rank, (score, (of, case))) in chosen(ranked) {
                let packs = match packs.entry(of.node) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(self.packs(of.node, store)?),
                };
                let Some([data, predictions]) = packs else { continue };
                let shown = Shown {
                    stage: &self.plan.nodes[of.node].id,
                    system: &of.system,
                    axes: &self.fold_axes(of.node),
                    evaluation: &of.evaluation,
                    data,
                    predictions,
                };
                overlays.extend(shown.overlay(rank, (score, case)));
            }
        }
        Ok(overlays)
    }

    /// The data and the predictions that a node has compared.
    fn packs(&self, node: usize, store: &Store) -> Result<Option<[Pack; 2]>, Failure> {
        let pack = |port: &str, output: &str| -> Result<Option<Pack>, Failure> {
            let record = self.feeding(node, port).and_then(|from| self.records[from].as_ref());
            record.map(|record| Ok(Pack::open(&Artifact::of(&record.outputs, output, store)?.path)?)).transpose()
        };
        let (data, predictions) = (pack("dataset", "dataset")?, pack("prediction", "prediction")?);
        Ok(data.zip(predictions).map(|(data, predictions)| [data, predictions]))
    }
}

/// The metric by which cases are ranked: Dice, or the first there is.
fn ranking(evaluation: &Evaluation) -> usize {
    evaluation.metric("dice").unwrap_or(0)
}

/// 1 where more is better, else -1.
fn sign(evaluation: &Evaluation) -> f64 {
    match evaluation.metrics[ranking(evaluation)].direction {
        Direction::Higher => 1.0,
        Direction::Lower => -1.0,
    }
}

/// Cases with their scores, the best first.
pub(super) fn ranked(evaluation: &Evaluation) -> Vec<(f64, &str)> {
    let metric = ranking(evaluation);
    let value = |case| evaluation.score(case, None, metric).value();
    let mut ranked: Vec<(f64, &str)> =
        evaluation.cases.iter().filter_map(|case| Some((value(case)?, case.case.as_str()))).collect();
    let sign = sign(evaluation);
    ranked.sort_by(|a, b| (sign * b.0).total_cmp(&(sign * a.0)).then_with(|| a.1.cmp(b.1)));
    ranked
}

/// The cases that are shown, each once.
fn chosen<C: Copy>(ranked: &[(f64, C)]) -> Vec<(Rank, (f64, C))> {
    let n = ranked.len();
    match n {
        0 => Vec::new(),
        1 => vec![(Rank::Median, ranked[0])],
        2 => vec![(Rank::Best, ranked[0]), (Rank::Worst, ranked[1])],
        _ => {
            // At most as many as lie below the median.
            let worst = WORST.min((n - 1) / 2);
            let first = [(Rank::Best, ranked[0]), (Rank::Median, ranked[n / 2 - usize::from(n / 2 >= n - worst)])];
            let last = ranked[n - worst..].iter().rev().map(|case| (Rank::Worst, *case));
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
    pub(super) fn overlay(&self, rank: Rank, (score, case): (f64, &str)) -> Option<Overlay> {
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
            metric: self.evaluation.metrics[ranking(self.evaluation)].label.clone(),
            score,
            slice: (mask.depth > 1).then_some([slice + 1, mask.depth]),
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
        let ranked: Vec<(f64, usize)> = (0..cases).map(|at| (0.0, at)).collect();
        let shown: Vec<(Rank, usize)> = chosen(&ranked).into_iter().map(|(rank, (_, case))| (rank, case)).collect();
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
        check(5, &[(Best, 0), (Median, 2), (Worst, 4), (Worst, 3)]);
        check(6, &[(Best, 0), (Median, 3), (Worst, 5), (Worst, 4)]);
        let worst = (14..20).rev().map(|case| (Worst, case));
        check(20, &[(Best, 0), (Median, 10)].into_iter().chain(worst).collect::<Vec<_>>());
    }
}
