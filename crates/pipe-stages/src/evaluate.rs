//! `evaluate`: probabilities against reference masks, case by case.
//!
//! Does not know the network that made the probabilities.

use std::{collections::BTreeMap, fs};

use pipe_engine::{Context, Input, Inputs, Output, Ports, Presence, Stage, StageFailure};
use pipe_image::{Maps, Mask, Pack, number::Probability, split::Leak};
use pipe_metrics::{Description, EmptyMasks, LengthUnit, Metrics, Pair, Score, Spacing, Summary, summarise};
use pipe_store::{Direction, MetricRow};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifacts::{DATASET, EVALUATION, PREDICTION, TRUTH},
    failure::Failure,
    selection::{Selected, Selection, position},
};

/// Evaluates the test cases of one fold.
pub struct Evaluate;

/// From where on a pixel is foreground.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluateWith {
    /// Probabilities at or above it are foreground; of classes that exclude each other the likeliest wins, and those other than 0 together are foreground; of classes that may overlap, each has the threshold.
    #[serde(default = "half")]
    pub threshold: Probability,
}

fn half() -> Probability {
    Probability::HALF
}

/// The scores of one case, in the order of the metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CaseValues {
    pub case: String,
    pub patient: String,
    pub values: Vec<Score>,
}

/// What `evaluation/summary.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Evaluation {
    pub threshold: f64,
    pub metrics: Vec<Description>,
    pub cases: Vec<CaseValues>,
    pub summary: Vec<Summary>,
    /// How far the fold leaks whose cases these are; none where patients stay together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak: Option<Leak>,
}

/// File of the summary in an evaluation.
pub(crate) const SUMMARY: &str = "summary.json";

impl Stage for Evaluate {
    const NAME: &'static str = "evaluate";
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "compares predictions with reference masks, case by case";
    type With = EvaluateWith;

    fn ports(_: &EvaluateWith) -> Ports {
        Ports {
            inputs: Inputs::Typed(vec![
                Input::carried("dataset", DATASET),
                Input::counted("truth", TRUTH, Presence::Required),
                Input::counted("prediction", PREDICTION, Presence::Required),
            ]),
            outputs: vec![Output::folder("evaluation", EVALUATION)],
        }
    }

    fn versions(_: &EvaluateWith) -> BTreeMap<String, String> {
        Metrics::default()
            .iter()
            .map(|metric| (format!("metric {}", metric.name()), metric.version().to_string()))
            .collect()
    }

    fn run(with: EvaluateWith, context: &Context) -> Result<(), StageFailure> {
        evaluate(&with, context).map_err(StageFailure::of)
    }
}

/// Foreground of a prediction at a threshold: any class, over all slices.
pub(crate) fn foreground(probabilities: &pipe_image::Image, maps: Maps, threshold: f64) -> Vec<u8> {
    Mask::decided(probabilities, maps, threshold).any()
}

fn evaluate(with: &EvaluateWith, context: &Context) -> Result<(), Failure> {
    let pack = Pack::open(context.input("dataset"))?;
    let predictions = Pack::open(context.input("prediction"))?;
    let selection = Selection::read(context.input("truth"))?;
    let threshold = with.threshold.get();
    let (metrics, empty) = (Metrics::default(), EmptyMasks::default());
    // Millimetres and pixels are never averaged: lengths are in mm only where every case knows its spacing.
    let spaced = |selected: &Selected| -> Result<bool, Failure> {
        let entry = &pack.entries()[position(&pack, selected)?];
        let slices = pack.mask(position(&pack, selected)?).map_or(1, |mask| mask.depth);
        Ok(entry.spacing.is_some_and(|[z, ..]| z > 0.0 || slices == 1))
    };
    let all: Vec<bool> = selection.test.iter().map(spaced).collect::<Result<_, _>>()?;
    let unit = if all.contains(&false) { LengthUnit::Pixel } else { LengthUnit::Millimetre };
    let case = |selected: &Selected| -> Result<CaseValues, Failure> {
        let reference =
            pack.mask(position(&pack, selected)?).ok_or_else(|| Failure::NoMask { case: selected.id.clone() })?;
        let at = predictions.find(&selected.id).ok_or_else(|| Failure::CaseMissing { case: selected.id.clone() })?;
        let probabilities = predictions.image(at);
        let found = [probabilities.frames, probabilities.height, probabilities.width];
        let wanted = [reference.depth, reference.height, reference.width];
        if found != wanted {
            return Err(Failure::Sizes { case: selected.id.clone(), prediction: found, mask: wanted });
        }
        let prediction = foreground(&probabilities, predictions.entries()[at].maps, threshold);
        let reference = reference.any();
        let refused = |reason: String| Failure::Unmeasurable { case: selected.id.clone(), reason };
        let spacing = match (unit, pack.entries()[position(&pack, selected)?].spacing) {
            (LengthUnit::Millimetre, Some(sides)) => {
                Spacing::millimetres(sides).map_err(|error| refused(error.to_string()))?
            }
            _ => Spacing::PIXELS,
        };
        let pair = Pair::new(&prediction, &reference, wanted, spacing).map_err(|error| refused(error.to_string()))?;
        let values = metrics.scores(&pair, empty).map_err(|error| refused(error.to_string()))?;
        Ok(CaseValues { case: selected.id.clone(), patient: selected.patient.clone(), values })
    };
    let cases: Vec<CaseValues> = selection.test.par_iter().map(case).collect::<Result<_, _>>()?;
    let metrics = metrics.descriptions(unit);
    let summary: Vec<Summary> =
        (0..metrics.len()).map(|metric| summarise(cases.iter().map(|case| case.values[metric]))).collect();
    for (metric, summary) in metrics.iter().zip(&summary) {
        let direction = match metric.direction {
            pipe_metrics::Direction::Higher => Direction::Higher,
            pipe_metrics::Direction::Lower => Direction::Lower,
        };
        // The ledger has no other place for the word, and runs are compared by these names.
        let name = if selection.leak.is_some() { format!("leaky_{}", metric.key) } else { metric.key.clone() };
        let unit = metric.unit.clone();
        context.metric(MetricRow { name, value: summary.mean, unit, direction, case: None });
    }
    write(&Evaluation { threshold, metrics, cases, summary, leak: selection.leak }, context)
}

fn write(evaluation: &Evaluation, context: &Context) -> Result<(), Failure> {
    let folder = context.output("evaluation");
    fs::create_dir_all(folder).map_err(|source| Failure::write(folder, source))?;
    let mut table = csv::Writer::from_writer(Vec::new());
    let head = ["case", "patient"].into_iter().chain(evaluation.metrics.iter().map(|metric| metric.key.as_str()));
    table.write_record(head).expect("writing to memory");
    for CaseValues { case, patient, values } in &evaluation.cases {
        let values = values.iter().map(|score| score.value().map(|value| value.to_string()).unwrap_or_default());
        table.write_record([case.clone(), patient.clone()].into_iter().chain(values)).expect("writing to memory");
    }
    let table = table.into_inner().expect("writing to memory");
    let summary = serde_json::to_vec_pretty(evaluation).expect("an evaluation is plain data");
    for (name, bytes) in [("cases.csv", table), (SUMMARY, summary)] {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|source| Failure::write(&path, source))?;
    }
    Ok(())
}
