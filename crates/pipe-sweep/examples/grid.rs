//! How long the trials of a search take to become a plan, part by part: `grid WORKSPACE FILE` prints processor seconds as JSON.
//!
//! For samplers that ask nothing of earlier trials. A plan is made where all stages are commands. Does not know the store.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use pipe_engine::{COMMAND, StageKind};
use pipe_spec::{Library, Lists, Request, Swept, bind, compose, expand};
use pipe_sweep::Sweep;
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

/// The kinds that need no other crate.
const KINDS: &[StageKind] = &[COMMAND];

fn main() -> Result<(), Failure> {
    let [_, workspace, file] = &std::env::args().collect::<Vec<_>>()[..] else {
        return Err("expected a workspace and a file".into());
    };
    let library = Library { workspace: PathBuf::from(workspace), embedded: &[] };
    let request = Request { file: Path::new(file), profiles: &[], sweep: None, overrides: &[], environment: &|_| None };
    let composed = compose(&library, &request)?;
    let section = composed.sweep().ok_or("there is no search")?;
    let sweep: Sweep = bind(section, "sweep").map_err(|list| format!("{list:?}"))?;
    let study = sweep.study()?;
    let begin = used()?;
    let points = (0..sweep.wanted(&study)?).map_while(|number| Some((number, study.suggest(&[], number)?)));
    let trials: Vec<_> = points.map(|(number, point)| (number, point.settings(study.space()))).collect();
    let suggested = used()?;
    let space = section.get("space").ok_or("there is no space")?;
    let set = Swept::new(&composed, space)?.trials(&composed, &trials, &[])?;
    let laid_out = used()?;
    let experiment = expand(&set, &Lists::new())?;
    let expanded = used()?;
    let is_command = experiment.stages.iter().all(|stage| stage.kind == COMMAND.name);
    let planned = if is_command {
        let plan = pipe_engine::plan(KINDS, &experiment, &Lists::new())?;
        assert_eq!(plan.nodes.len(), experiment.stages.len(), "every instance is planned");
        Some(used()? - expanded)
    } else {
        None
    };
    let (trials, stages) = (trials.len(), experiment.stages.len());
    let seconds = json!({
        "suggested": suggested - begin, "set": laid_out - suggested, "expanded": expanded - laid_out, "planned": planned,
    });
    let line = json!({ "trials": trials, "stages": stages, "seconds": seconds });
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Processor seconds of this thread so far.
fn used() -> Result<f64, Failure> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split_whitespace().next().ok_or("the kernel counts no time of threads")?;
    Ok(nanoseconds.parse::<u64>()? as f64 * 1e-9)
}
