//! `pipe graph`: the stages and what flows between them, coloured by state; one renderer a file.
//!
//! Does not decide states; `state` does.

mod dot;
mod fold;
mod layout;
mod mermaid;
mod palette;
mod picture;
mod svg;
mod text;

use std::sync::Arc;

use pipe_engine::Plan;
use pipe_store::Record;
use serde_json::json;

use self::picture::Picture;
use super::state::{Seen, State, states};
use crate::{
    args::{Format, Graph, Rendering},
    failure::Failure,
    output,
    session::Session,
};

pub(crate) fn graph(session: &Session, graph: &Graph) -> Result<(), Failure> {
    let picture = picture(session, graph)?;
    if graph.chosen.format == Format::Json {
        output::json(&data(&picture));
        return Ok(());
    }
    output::print(&match graph.rendering {
        Rendering::Text => text::text(&picture, graph.all, output::paint()),
        Rendering::Dot => dot::dot(&picture),
        Rendering::Mermaid => mermaid::mermaid(&picture),
        Rendering::Svg => svg::svg(&picture),
    });
    Ok(())
}

/// Boxes of a drawing within a page; more of them could not be read.
const BOXES: usize = 120;

/// The stages of a plan for a page: results that are there and those that are not; one box for the instances of a stage.
pub(crate) fn drawing(plan: &Plan, records: &[Option<Arc<Record>>]) -> Option<String> {
    let seen = |record: &Option<Arc<Record>>| {
        let state = if record.is_some() { State::Cached } else { State::Run };
        Seen { state, tried: None }
    };
    let folded = Picture::new(plan, Some(&records.iter().map(seen).collect::<Vec<_>>())).folded();
    // Within a page the name of the language is known, and nothing in it may look like an address.
    (folded.stages.len() <= BOXES).then(|| svg::svg(&folded).replace(" xmlns=\"http://www.w3.org/2000/svg\"", ""))
}

/// The graph with its states; without them where the data or the store cannot be read, for the graph needs neither.
fn picture(session: &Session, graph: &Graph) -> Result<Picture, Failure> {
    let known = session.known(&graph.chosen).and_then(|known| Ok((states(&known)?, known)));
    match known {
        Ok((states, known)) => Ok(Picture::new(&known.planned.plan, Some(&states))),
        Err(failure) => {
            // Where there is no plan, this says why.
            let planned = session.planned(&graph.chosen)?;
            let words = failure.words(output::colour());
            output::complain(&format!("the graph is drawn without states, for they are not known:\n{words}"));
            Ok(Picture::new(&planned.plan, None))
        }
    }
}

fn data(picture: &Picture) -> serde_json::Value {
    let stages: Vec<_> = picture
        .stages
        .iter()
        .map(|stage| json!({ "stage": stage.id, "kind": stage.kind, "axes": stage.axes, "state": stage.state }))
        .collect();
    let id = |stage: usize| &picture.stages[stage].id;
    let edges = picture.arrows.iter().flat_map(|arrow| {
        let edge =
            move |output: Option<&String>| json!({ "from": id(arrow.from), "to": id(arrow.to), "output": output });
        let order = arrow.outputs.is_empty().then(|| edge(None));
        arrow.outputs.iter().map(move |output| edge(Some(output))).chain(order)
    });
    json!({ "experiment": picture.experiment, "stages": stages, "edges": edges.collect::<Vec<_>>() })
}
