//! How attempts end: with a result, or why without one, and what they cost.
//!
//! Does not decide what is done about it.

use pipe_spec::Bytes;
use serde_json::{Value as Json, json};

use crate::{
    DueTo,
    attempts::Attempted,
    context::Findings,
    executors::{Exit, Said},
    job::{OUTCOME, Outcome},
};

/// Why an attempt gave no result.
pub(crate) struct Lost {
    pub outcome: String,
    pub chain: Vec<String>,
    pub due_to: DueTo,
}

impl Lost {
    pub(crate) fn new(outcome: &str, chain: Vec<String>) -> Self {
        Self { outcome: outcome.to_owned(), chain, due_to: DueTo::Stage }
    }

    pub(crate) fn failed(chain: Vec<String>) -> Self {
        Self::new("failed", chain)
    }
}

/// What an attempt's end means: its findings, or why it failed.
pub(crate) fn verdict(
    attempted: &Attempted<'_>,
    status: std::io::Result<std::process::ExitStatus>,
) -> Result<Findings, Lost> {
    use std::os::unix::process::ExitStatusExt as _;
    let failed = |text: String| Lost::failed(vec![text]);
    let status = status.map_err(|error| failed(error.to_string()))?;
    let worker = attempted.prepared.program.as_ref().is_ok_and(|program| program.output == Said::ToEngine);
    let told =
        std::fs::read(attempted.attempt.folder.join(OUTCOME)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    let end = match (status.signal(), told) {
        (Some(9), _) => failed("killed by signal 9; if nobody did that, the machine may be out of memory".to_owned()),
        (Some(signal), _) => failed(format!("ended by signal {signal}")),
        (None, Some(Outcome::Failed { chain, due_to })) if worker => Lost { due_to, ..Lost::failed(chain) },
        (None, Some(Outcome::Done(findings))) if worker && status.success() => return Ok(findings),
        (None, _) if !worker && status.success() => return Ok(Findings::default()),
        (None, _) => failed(format!("ended with exit code {}", status.code().unwrap_or(-1))),
    };
    Err(match &attempted.lost_device {
        Some(text) => {
            let chain = std::iter::once(text.clone()).chain(end.chain).collect();
            Lost { chain, due_to: DueTo::LostDevice, ..end }
        }
        None => end,
    })
}

/// `killed for memory (limit 8 GiB, peak 8.1 GiB)`.
pub(crate) fn over_memory(limit: Option<Bytes>, peak: Option<u64>) -> String {
    let limit = limit.map(|limit| format!("limit {limit}"));
    let peak = peak.map(|peak| format!("peak {}", Bytes::new(peak)));
    let known: Vec<_> = limit.into_iter().chain(peak).collect();
    format!("killed for memory ({})", known.join(", "))
}

/// What is known of an attempt's cost.
pub(crate) fn facts(attempted: &Attempted<'_>, exit: &Exit) -> Json {
    let code = exit.status.as_ref().ok().and_then(std::process::ExitStatus::code);
    let mut facts = json!({
        "seconds": attempted.ran().as_secs_f64(),
        "cpu_seconds": exit.cpu_seconds,
        "peak_memory": exit.peak_memory,
        "exit_code": code,
    });
    if !attempted.cards.is_empty() {
        facts["cards"] = json!(attempted.cards);
    }
    facts
}
