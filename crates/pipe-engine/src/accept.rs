//! An existing output taken as the result of the present recipe, on a person's word; and what such words touch.
//!
//! Does not decide when that is right.

use std::{fmt, sync::Arc};

use pipe_store::{Claim, Holder, NewAttempt, NewRecord, Record, RunId, Store, StoreError};
use serde::Serialize;
use serde_json::{Value as Json, json};
use thiserror::Error;

use crate::{
    Freshness, Plan, Reason, Verdict, explain,
    freshen::{Externals, recipe},
};

/// The fact of a result that says that somebody accepted it, and for what.
pub(crate) const ACCEPTED: &str = "accepted";

/// What was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The instance.
    pub stage: String,
    /// The result, now that of the present recipe too.
    pub record: Record,
    /// What differs between the recipe that made it and the present one.
    pub differences: Vec<Reason>,
}

/// Why nothing was accepted.
#[derive(Debug, Error)]
pub enum NotAccepted {
    /// It has a result.
    #[error("`{stage}` has a result for its present recipe; there is nothing to accept")]
    Cached {
        /// The instance.
        stage: String,
    },
    /// What it takes from has none.
    #[error("the recipe of `{stage}` is not known before {above} has a result; run or accept that first")]
    Unknown {
        /// The instance.
        stage: String,
        /// What it takes from.
        above: String,
    },
    /// It never had one.
    #[error("`{stage}` never had a result in this experiment that could be accepted")]
    Never {
        /// The instance.
        stage: String,
    },
    /// The bytes are gone.
    #[error("the last result of `{stage}` is no longer in the store")]
    Gone {
        /// The instance.
        stage: String,
    },
    /// Its outputs are others.
    #[error("the last result of `{stage}` has other outputs than the present recipe")]
    OtherOutputs {
        /// The instance.
        stage: String,
    },
    /// It is being made.
    #[error("another process is making the result of `{stage}`")]
    Held {
        /// The instance.
        stage: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Takes the last result of a stage as that of its present recipe.
///
/// # Errors
/// There is nothing to take, or nothing to take it for.
pub fn accept(
    plan: &Plan,
    freshness: &Freshness,
    node: usize,
    store: &Store,
    workspace: &std::path::Path,
    run: RunId,
) -> Result<Accepted, NotAccepted> {
    let planned = &plan.nodes[node];
    let stage = planned.id.clone();
    let record_of = |from: usize| freshness.verdicts[from].record().map(|record| &**record);
    match &freshness.verdicts[node] {
        Verdict::Hit(_) => return Err(NotAccepted::Cached { stage }),
        Verdict::Unknown { .. } => {
            let above = plan.upstream(node).find(|from| record_of(*from).is_none());
            let above = above.map_or_else(String::new, |from| format!("`{}`", plan.nodes[from].id));
            return Err(NotAccepted::Unknown { stage, above });
        }
        Verdict::Miss { .. } => {}
    }
    let mut externals = Externals::new(workspace);
    let recipe = recipe(plan, node, &record_of, store, &mut externals)?;
    let Some(last) = store.last_result(&plan.experiment, &stage)? else {
        return Err(NotAccepted::Never { stage });
    };
    let ports = |names: &mut dyn Iterator<Item = &str>| names.map(str::to_owned).collect::<Vec<_>>();
    let had = ports(&mut last.outputs.iter().map(|output| output.port.as_str()));
    if had != ports(&mut planned.outputs.iter().map(|output| output.name.as_str())) {
        return Err(NotAccepted::OtherOutputs { stage });
    }
    if !last.outputs.iter().all(|output| store.present(&output.object)) {
        return Err(NotAccepted::Gone { stage });
    }
    let parse = |text: &str| serde_json::from_str::<Json>(text).unwrap_or_default();
    // What was accepted before still comes from the recipe that made it.
    let made_for = last.made.facts.get(ACCEPTED).and_then(|accepted| accepted["made_for"].as_str()?.parse().ok());
    let made_for = made_for.unwrap_or(last.fingerprint);
    let old = store.manifest(&made_for)?.unwrap_or_default();
    let differences = explain(&parse(&old), &parse(&recipe.manifest));
    let holder = Holder::here(run, &plan.experiment, &stage);
    // What a program told of belongs to the recipe that it ran for, and is asked about again.
    let Claim::Miss(lease) = store.claim_anew(&recipe.fingerprint, &holder)? else {
        return Err(NotAccepted::Held { stage });
    };
    let attempt = store.begin_attempt(&NewAttempt {
        run,
        experiment: &plan.experiment,
        stage: &stage,
        fingerprint: recipe.fingerprint,
        kind: planned.kind.name,
        manifest: &recipe.manifest,
        reason: &serde_json::to_string(&differences).expect("reasons are plain data"),
    })?;
    let mut made = last.made.clone();
    let words: Vec<_> = differences.iter().map(ToString::to_string).collect();
    made.facts[ACCEPTED] = json!({
        "at": jiff::Timestamp::now().to_string(),
        "run": run,
        "made_for": made_for.to_string(),
        "differences": words,
    });
    let new = NewRecord {
        kind: planned.kind.name,
        manifest: &recipe.manifest,
        outputs: last.outputs.clone(),
        metrics: store.metrics(last.id)?,
        lineage: plan.nodes[node].feeds.iter().filter_map(|feed| lineage(record_of(feed.from), &feed.output)).collect(),
        made,
    };
    let record = lease.publish(&new, &attempt, &json!({ "accepted": true }))?;
    Ok(Accepted { stage, record, differences })
}

fn lineage(record: Option<&Record>, output: &str) -> Option<pipe_store::Digest> {
    record?.outputs.iter().find(|made| made.port == output).map(|made| made.object.digest)
}

/// A result that does not come from the present recipe.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Mark {
    /// The instance.
    pub stage: String,
    /// Why it stands.
    pub why: Standing,
    /// What differs between the recipe that made it and the present one, where that is known.
    pub differences: Vec<String>,
}

/// Why a result stands that the present recipe did not make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The stage is frozen.
    Frozen,
    /// Somebody accepted it.
    Accepted,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stage, why, differences } = self;
        match why {
            Standing::Frozen => write!(f, "`{stage}` is frozen")?,
            Standing::Accepted => write!(f, "the result of `{stage}` was accepted for another recipe")?,
        }
        if !differences.is_empty() {
            write!(f, " ({})", differences.join("; "))?;
        }
        Ok(())
    }
}

/// The stages of a plan whose results stand on a person's word: everything that they feed must say so.
///
/// # Errors
/// The store cannot be read.
pub fn marks(plan: &Plan, records: &[Option<Arc<Record>>], store: &Store) -> Result<Vec<Mark>, StoreError> {
    let mut marks = Vec::new();
    for (node, record) in plan.nodes.iter().zip(records) {
        let Some(record) = record else { continue };
        if let Some(accepted) = record.made.facts.get(ACCEPTED) {
            let words = accepted["differences"].as_array().into_iter().flatten();
            let differences = words.filter_map(Json::as_str).map(str::to_owned).collect();
            marks.push(Mark { stage: node.id.clone(), why: Standing::Accepted, differences });
        } else if node.frozen {
            let old = store.manifest(&record.fingerprint)?.unwrap_or_default();
            let old = serde_json::from_str::<Json>(&old).unwrap_or_default();
            let new = crate::manifest(node, &Default::default(), &Default::default());
            let mut differences = explain(&old, &new);
            // Contents of inputs are not compared: what stands above a frozen stage need not even be there.
            differences.retain(|reason| matches!(reason, Reason::With { .. } | Reason::Version { .. }));
            let differences = differences.iter().map(ToString::to_string).collect();
            marks.push(Mark { stage: node.id.clone(), why: Standing::Frozen, differences });
        }
    }
    Ok(marks)
}
