//! The state of every stage of an experiment: what its freshness says, and what the ledger saw last.
//!
//! The one place that decides it; `status` and `graph` show the same. Does not know how states are shown.

use std::collections::BTreeMap;

use pipe_engine::Verdict;
use pipe_store::{StageRow, StoreError};
use serde::Serialize;

use crate::session::Known;

/// The state of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Its result is there.
    Cached,
    /// Its recipe has no result and is not being tried.
    Run,
    /// It depends on what runs before; equal inputs make it cached.
    Perhaps,
    /// The present recipe was tried last, and failed.
    Failed,
    /// The present recipe was tried last, and whoever tried it was killed.
    Interrupted,
    /// A process is making its result now.
    Running,
    /// How many instances there are is not known before a stage has made its list.
    Open,
}

impl State {
    /// All states, in the order in which they are listed.
    pub(crate) const ALL: [Self; 7] =
        [Self::Cached, Self::Run, Self::Perhaps, Self::Failed, Self::Interrupted, Self::Running, Self::Open];

    /// The state in words.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Cached => "cached",
            Self::Run => "would run",
            Self::Perhaps => "perhaps",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Running => "running",
            Self::Open => "open",
        }
    }
}

/// A stage's state, and the run that tried its present recipe last without a result.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub state: State,
    pub tried: Option<i64>,
}

/// The state of every node, in the order of the plan.
pub(crate) fn states(known: &Known) -> Result<Vec<Seen>, StoreError> {
    let plan = &known.planned.plan;
    let rows: BTreeMap<String, StageRow> =
        known.store.stages(&plan.experiment)?.into_iter().map(|row| (row.stage.clone(), row)).collect();
    let seen = |(node, verdict): (usize, &Verdict)| match verdict {
        Verdict::Hit(_) => Seen { state: State::Cached, tried: None },
        Verdict::Unknown { .. } => Seen { state: State::Perhaps, tried: None },
        Verdict::Miss { fingerprint, .. } => {
            let tried = rows.get(&plan.nodes[node].id).filter(|row| row.fingerprint == *fingerprint);
            let state = match tried.map(|row| row.state.as_str()) {
                Some("failed") => State::Failed,
                // Who runs it holds its lease; a killed run holds nothing.
                Some("running") if matches!(known.store.holder(fingerprint), Ok(Some(_))) => State::Running,
                Some("running" | "interrupted") => State::Interrupted,
                _ => State::Run,
            };
            Seen { state, tried: tried.map(|row| row.run.0) }
        }
    };
    Ok(known.freshness.verdicts.iter().enumerate().map(seen).collect())
}
