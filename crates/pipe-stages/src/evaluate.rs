//! `evaluate`: probabilities against reference masks, case by case.
//!
//! Does not know the network that made the probabilities.

use std::{collections::BTreeMap, fs};

use pipe_engine::{Context, Input, Inputs, Output, Ports, Presence, Stage, StageFailure};
use pipe_image::{Image, Maps, Mask, Pack, number::Probability};
use pipe_metrics::{
    Case, Classes, Description, EmptyMasks, Evaluation, LengthUnit, Measured, Metric, Metrics, NotMeasured, Pooled,
    Protocol, Spacing,
};
use pipe_store::{Digest, Direction, MetricRow, Output as Stored, Store};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    artifacts::{DATASET, EVALUATION, PREDICTION, TRUTH},
    failure::Failure,
    selection::{Selected, Selection, position},
};

/// Evaluates the test cases of one fold.
pub struct Evaluate;

/// How predictions are compared with references.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluateWith {
    /// Probabilities at or above it are foreground, if there is one map, or classes may overlap; of classes that exclude each other the likeliest wins.
    #[serde(default = "half")]
    pub threshold: Probability,
    /// The metrics, by name or with their settings: `[dice, hd95, { nsd: { tolerance: 2 } }]`.
    #[serde(default)]
    pub metrics: Metrics,
    /// What a case scores whose prediction, reference or both are empty.
    #[serde(default)]
    pub empty: EmptyMasks,
    /// Whether any class against background is measured too, beside each class and the mean over classes.
    #[serde(default)]
    pub any: bool,
}

fn half() -> Probability {
    Probability::HALF
}

/// File of the scores in an evaluation.
pub(crate) const SUMMARY: &str = "summary.json";
/// File of the sums over all pixels, by class: curves and calibration are drawn from them.
pub(crate) const POOLED: &str = "pooled.json";

/// Reads a file of an evaluation from the store.
pub(crate) fn stored<T: DeserializeOwned>(outputs: &[Stored], name: &str, store: &Store) -> Result<T, Failure> {
    let output = outputs.iter().find(|output| output.port == "evaluation");
    let absent = |port: &str| Failure::NoArtifact { port: port.to_owned() };
    let bytes = match output {
        Some(output) => store.read_in(&output.object, name)?.ok_or_else(|| absent(name))?,
        None => return Err(absent("evaluation")),
    };
    serde_json::from_slice(&bytes).map_err(|source| Failure::Format { path: name.into(), source })
}

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

    fn versions(with: &EvaluateWith) -> BTreeMap<String, String> {
        let version = |metric: &Metric| (format!("metric {}", metric.name()), metric.version().to_string());
        with.metrics.iter().map(version).collect()
    }

    fn run(with: EvaluateWith, context: &Context) -> Result<(), StageFailure> {
        evaluate(&with, context).map_err(StageFailure::of)
    }
}

fn evaluate(with: &EvaluateWith, context: &Context) -> Result<(), Failure> {
    let pack = Pack::open(context.input("dataset"))?;
    let predictions = Pack::open(context.input("prediction"))?;
    let selection = Selection::read(context.input("truth"))?;
    let protocol = Protocol { metrics: with.metrics.clone(), empty: with.empty, any: with.any };
    let unit = unit(&pack, &selection)?;
    let case = |selected: &Selected| -> Result<(String, String, Measured), Failure> {
        let measured = measure((with, &protocol), (&pack, &predictions), selected, unit)?;
        Ok((selected.id.clone(), selected.patient.clone(), measured))
    };
    let cases: Vec<_> = selection.test.par_iter().map(case).collect::<Result<_, Failure>>()?;
    let classes = cases.first().map_or(0, |(.., measured)| measured.scores.len());
    // A single map is the foreground, whatever classes the masks have.
    let names = if classes == 1 && selection.classes.len() > 1 { &[] } else { selection.classes.as_slice() };
    let (mut evaluation, pooled) = Evaluation::of(&protocol, unit, names, cases);
    // Of classes that exclude each other the likeliest is taken, whatever its probability.
    let likeliest = |entry: &pipe_image::Entry| entry.channels > 1 && entry.maps == Maps::Exclusive;
    evaluation.threshold = (!predictions.entries().iter().any(likeliest)).then_some(with.threshold.get());
    evaluation.truth = Some(truth(&selection.test));
    evaluation.leak = selection.leak.map(|leak| leak.to_string());
    for case in &evaluation.cases {
        case.unmeasured.iter().for_each(|why| context.warn(format!("the case `{}` is not measured: {why}", case.case)));
    }
    ledger(&evaluation, context);
    write(&evaluation, &pooled, context)
}

/// Millimetres and pixels are never averaged: lengths are in mm only where every case knows its spacing.
fn unit(pack: &Pack, selection: &Selection) -> Result<LengthUnit, Failure> {
    for selected in &selection.test {
        let entry = &pack.entries()[position(pack, selected)?];
        if !entry.spacing.is_some_and(|[slice, ..]| slice > 0.0 || entry.depth == 1) {
            return Ok(LengthUnit::Pixel);
        }
    }
    Ok(LengthUnit::Millimetre)
}

fn measure(
    (with, protocol): (&EvaluateWith, &Protocol),
    (pack, predictions): (&Pack, &Pack),
    selected: &Selected,
    unit: LengthUnit,
) -> Result<Measured, Failure> {
    let own = position(pack, selected)?;
    let reference = pack.mask(own).ok_or_else(|| Failure::NoMask { case: selected.id.clone() })?;
    let at = predictions.find(&selected.id).ok_or_else(|| Failure::CaseMissing { case: selected.id.clone() })?;
    let probabilities = predictions.image(at);
    let found = [probabilities.frames, probabilities.height, probabilities.width];
    let shape = [reference.depth, reference.height, reference.width];
    if found != shape {
        return Err(Failure::Sizes { case: selected.id.clone(), prediction: found, mask: shape });
    }
    let refused = |reason: String| Failure::Unmeasurable { case: selected.id.clone(), reason };
    let spacing = match (unit, pack.entries()[own].spacing) {
        (LengthUnit::Millimetre, Some(sides)) => {
            Spacing::millimetres(sides).map_err(|error| refused(error.to_string()))?
        }
        _ => Spacing::PIXELS,
    };
    let maps = predictions.entries()[at].maps;
    let prediction = Mask::decided(&probabilities, maps, with.threshold.get());
    let known = (pack.entries()[own].ignored > 0).then(|| reference.known());
    // A single map is the foreground, and so is any class of the reference.
    let reference = match probabilities.channels {
        1 => Mask { layers: 1, labels: reference.any(), ..reference },
        _ if known.is_some() => reference.without_ignored(),
        _ => reference,
    };
    let classes = match (probabilities.channels, maps) {
        (1, _) => 2,
        (maps, Maps::Exclusive) => maps,
        (maps, Maps::Overlapping) => maps + 1,
    };
    let by_map = channels_first(&probabilities);
    Case::new(by_class(&prediction), by_class(&reference), classes, shape, spacing)
        .and_then(|case| case.with_probabilities(&by_map))
        .and_then(|case| known.as_ref().map_or(Ok(case), |known| case.within(known)))
        .map_err(NotMeasured::from)
        .and_then(|case| protocol.measure(&case))
        .map_err(|error| refused(error.to_string()))
}

/// The labels of a mask, or its layers.
fn by_class(mask: &Mask) -> Classes<'_> {
    if mask.layers > 1 { Classes::Layers(&mask.labels) } else { Classes::Labels(&mask.labels) }
}

/// Probabilities map by map; an image has them slice by slice.
fn channels_first(image: &Image) -> Vec<f32> {
    let of_map = |map: usize| (0..image.frames).flat_map(move |slice| image.plane(slice, map)).copied();
    (0..image.channels).flat_map(of_map).collect()
}

/// Digest of which cases, of which patients, with which masks.
fn truth(cases: &[Selected]) -> String {
    Digest::of(&serde_json::to_vec(cases).expect("cases are plain data")).to_string()
}

/// Means over the cases, for comparisons of runs.
fn ledger(evaluation: &Evaluation, context: &Context) {
    for (class, view) in evaluation.views() {
        for (at, metric) in evaluation.metrics.iter().enumerate() {
            let direction = match metric.direction {
                pipe_metrics::Direction::Higher => Direction::Higher,
                pipe_metrics::Direction::Lower => Direction::Lower,
            };
            let of_class =
                if evaluation.classes.len() == 1 || view.is_none() { String::new() } else { format!("/{class}") };
            // The ledger has no other place for the word, and runs are compared by these names.
            let leaky = if evaluation.leak.is_some() { "leaky_" } else { "" };
            let (name, unit) = (format!("{leaky}{}{of_class}", metric.key), metric.unit.clone());
            let value = evaluation.summary(view, at).mean;
            context.metric(MetricRow { name, value, unit, direction, case: None });
        }
    }
}

fn write(evaluation: &Evaluation, pooled: &[Pooled], context: &Context) -> Result<(), Failure> {
    let folder = context.output("evaluation");
    fs::create_dir_all(folder).map_err(|source| Failure::write(folder, source))?;
    let mut table = csv::Writer::from_writer(Vec::new());
    let views = evaluation.views();
    let column = |(class, _): &(String, Option<usize>), metric: &Description| match evaluation.classes.len() {
        1 => metric.key.clone(),
        _ => format!("{}/{class}", metric.key),
    };
    let columns = views.iter().flat_map(|view| evaluation.metrics.iter().map(move |metric| column(view, metric)));
    table.write_record(["case", "patient"].map(str::to_owned).into_iter().chain(columns)).expect("writing to memory");
    for case in &evaluation.cases {
        let scores = views.iter().flat_map(|(_, view)| {
            (0..evaluation.metrics.len()).map(move |metric| evaluation.score(case, *view, metric))
        });
        let values = scores.map(|score| score.value().map(|value| value.to_string()).unwrap_or_default());
        let who = [case.case.clone(), case.patient.clone()];
        table.write_record(who.into_iter().chain(values)).expect("writing to memory");
    }
    let table = table.into_inner().expect("writing to memory");
    let summary = serde_json::to_vec_pretty(evaluation).expect("an evaluation is plain data");
    let pooled = serde_json::to_vec(pooled).expect("sums are plain data");
    for (name, bytes) in [("cases.csv", table), (SUMMARY, summary), (POOLED, pooled)] {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|source| Failure::write(&path, source))?;
    }
    Ok(())
}
