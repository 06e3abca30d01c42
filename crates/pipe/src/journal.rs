//! What a run planned and what happened, in the folder of the run.
//!
//! Does not decide anything; it is written for people and for `pipe why --waiting`.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
};

use pipe_engine::{Event, Freshness, Plan};
use serde_json::json;

pub(crate) use pipe_mlflow::EVENTS;

use crate::commands::planned_lines;

/// File of the plan, in a run's folder.
const PLAN: &str = "plan.json";

/// The files of one run.
pub(crate) struct Journal {
    events: BufWriter<File>,
}

impl Journal {
    /// A journal; none where it cannot be written, as no result depends on it.
    pub(crate) fn new(folder: &Path, plan: &Plan, freshness: &Freshness) -> Option<Self> {
        fs::create_dir_all(folder).ok()?;
        let mut file = BufWriter::new(File::create(folder.join(PLAN)).ok()?);
        let planned = json!({ "experiment": plan.experiment, "stages": planned_lines(plan, &freshness.verdicts) });
        serde_json::to_writer_pretty(&mut file, &planned).ok()?;
        file.flush().ok()?;
        let events = BufWriter::new(File::create(folder.join(EVENTS)).ok()?);
        Some(Self { events })
    }

    pub(crate) fn note(&mut self, event: &Event) {
        let line = json!({ "at": jiff::Timestamp::now().to_string(), "event": event });
        drop(writeln!(self.events, "{line}"));
        if !matches!(event, Event::Progress { .. } | Event::Cached { .. }) {
            drop(self.events.flush());
        }
    }
}
