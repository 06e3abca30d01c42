//! `predict`: a fold's test images and its model to probabilities.
//!
//! Does not know masks or thresholds: a changed threshold costs no new prediction.

use std::collections::BTreeMap;

use pipe_engine::{Context, Input, Inputs, Output, Ports, Presence, Stage, StageFailure};
use pipe_image::{Dtype, EntryMeta, Maps, Pack, PackWriter};
use pipe_learn::{Head, Model, Precision};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifacts::{DATASET, IMAGES, MODEL, PREDICTION},
    failure::Failure,
    meaning::meaning,
    selection::{Selection, position},
    train::{NUMERICS, place},
};

/// Predicts the test cases of one fold.
pub struct Predict;

/// What decides a prediction besides its inputs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PredictWith {
    /// In which number format the network computes, whichever it was trained in.
    #[serde(default, skip_serializing_if = "Precision::is_default")]
    pub precision: Precision,
}

impl Stage for Predict {
    const NAME: &'static str = "predict";
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "writes the probabilities of a fold's test cases, as f16";
    const COMPUTES: bool = true;
    type With = PredictWith;

    fn ports(_: &PredictWith) -> Ports {
        Ports {
            inputs: Inputs::Typed(vec![
                Input::carried("dataset", DATASET),
                Input::counted("images", IMAGES, Presence::Required),
                Input::counted("model", MODEL, Presence::Required),
            ]),
            outputs: vec![Output::file("prediction", PREDICTION)],
        }
    }

    fn versions(_: &PredictWith) -> BTreeMap<String, String> {
        BTreeMap::from([("numerics".to_owned(), NUMERICS.to_owned())])
    }

    fn meaning(_: &PredictWith, context: &Context, failure: StageFailure) -> StageFailure {
        meaning(failure, context, None)
    }

    fn run(with: PredictWith, context: &Context) -> Result<(), StageFailure> {
        predict(&with, context).map_err(StageFailure::of)
    }
}

fn predict(with: &PredictWith, context: &Context) -> Result<(), Failure> {
    let model = Model::open(context.input("model"), &place(context)?)?.in_precision(with.precision)?;
    let pack = Pack::open(context.input("dataset"))?;
    let selection = Selection::read(context.input("images"))?;
    let mut writer = PackWriter::create(context.output("prediction"), &selection.classes)?;
    let maps = match model.card().head {
        Head::Sigmoid if model.card().classes > 1 => Maps::Overlapping,
        Head::Sigmoid | Head::Softmax => Maps::Exclusive,
    };
    let all = selection.test.len() as u64;
    for (done, case) in selection.test.iter().enumerate() {
        let at = position(&pack, case)?;
        let probabilities = model.probabilities(&pack.image(at))?;
        let meta = EntryMeta { label_frame: 0, maps, ..pack.entries()[at].meta() };
        writer.push(meta, &probabilities, Dtype::F16, None)?;
        context.progress(done as u64 + 1, Some(all), "cases", "");
    }
    writer.finish()?;
    Ok(())
}
