//! Which results a person wants to do without: by age, by size, by the last runs.
//!
//! Does not know which files that frees.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Serialize, Serializer};

use crate::{
    Age, Bytes, Digest,
    inventory::{Held, Inventory, Past},
};

/// What may be removed beside garbage; nothing where nothing is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policy {
    /// Results not made or used for that long.
    pub older_than: Option<Age>,
    /// The least recently used results, until the rest fits.
    pub max_size: Option<Bytes>,
    /// Results that the last so many runs of each experiment did not use.
    pub keep_last: Option<u32>,
}

/// Why a policy lets a result go.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// Not made or used for that long.
    Unused(Age),
    /// Others that were used later fill the size.
    Beyond(Bytes),
    /// The last so many runs of each experiment did without it.
    NotInLast(u32),
}

/// The results that every policy lets go, and the reasons.
pub(crate) fn doomed(
    inventory: &Inventory,
    policy: &Policy,
    kept: &BTreeSet<i64>,
    now: SystemTime,
) -> BTreeMap<i64, Vec<Why>> {
    let mut verdicts: Vec<BTreeMap<i64, Why>> = Vec::new();
    if let Some(limit) = policy.older_than {
        let old = |held: &Held| {
            let age = age(&held.used, now);
            (age >= limit).then_some((held.artifact, Why::Unused(age)))
        };
        verdicts.push(inventory.held.iter().filter_map(old).collect());
    }
    if let Some(limit) = policy.max_size {
        verdicts.push(beyond(inventory, limit, kept));
    }
    if let Some(runs) = policy.keep_last {
        let wanted = wanted_by_last(inventory, runs);
        let unwanted = inventory.held.iter().filter(|held| !wanted.contains(&held.artifact));
        verdicts.push(unwanted.map(|held| (held.artifact, Why::NotInLast(runs))).collect());
    }
    let Some(first) = verdicts.first() else { return BTreeMap::new() };
    let everywhere = |artifact: &i64| verdicts.iter().map(|goes| goes.get(artifact).cloned()).collect::<Option<_>>();
    first.keys().filter_map(|artifact| Some((*artifact, everywhere(artifact)?))).collect()
}

/// Results that do not fit, filling the size from the most recently used on; what must stay fills it first.
fn beyond(inventory: &Inventory, limit: Bytes, kept: &BTreeSet<i64>) -> BTreeMap<i64, Why> {
    let mut inside: BTreeSet<&Digest> = BTreeSet::new();
    let mut bytes = 0;
    let mut order: Vec<_> = inventory.held.iter().collect();
    order.sort_by_key(|held| (kept.contains(&held.artifact), held.used_by, held.artifact));
    let mut goes = BTreeMap::new();
    for held in order.into_iter().rev() {
        let more = inventory.bytes(held.files.iter().filter(|digest| !inside.contains(digest)));
        // Once one does not fit, those used before it go too, however small they are.
        let fits = goes.is_empty() && bytes + more <= limit.count();
        if !fits {
            goes.insert(held.artifact, Why::Beyond(limit));
        }
        if fits || kept.contains(&held.artifact) {
            bytes += more;
            inside.extend(&held.files);
        }
    }
    goes
}

/// What the last runs of each experiment used, and what was made since.
fn wanted_by_last(inventory: &Inventory, runs: u32) -> BTreeSet<i64> {
    let count = usize::try_from(runs).unwrap_or(usize::MAX);
    let mut experiments: BTreeMap<&str, Vec<&Past>> = BTreeMap::new();
    for past in inventory.runs.iter().rev() {
        experiments.entry(&past.experiment).or_default().push(past);
    }
    let mut wanted = BTreeSet::new();
    for (experiment, newest_first) in experiments {
        // A run that was killed before it could note anything says nothing about what is still wanted.
        let mut last: Vec<_> = newest_first.iter().filter(|past| past.used.is_some()).take(count).collect();
        if last.is_empty() {
            last = newest_first.iter().take(count).collect();
        }
        for past in &last {
            let list = past.used.and_then(|used| inventory.uses.get(&used));
            wanted.extend(list.into_iter().flatten().map(|(_, artifact)| *artifact));
        }
        if let Some(oldest) = last.last() {
            let is_later = |held: &&Held| held.experiment == experiment && held.run >= oldest.run;
            wanted.extend(inventory.held.iter().filter(is_later).map(|held| held.artifact));
        }
    }
    wanted
}

/// How long ago a time of the ledger is. A clock that went backwards makes nothing older than now, and neither does a
/// time that cannot be read.
fn age(at: &str, now: SystemTime) -> Age {
    let then = at.parse::<jiff::Timestamp>().map_or(now, SystemTime::from);
    Age::from(now.duration_since(then).unwrap_or(Duration::ZERO))
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unused(age) => write!(f, "unused for {age}"),
            Self::Beyond(limit) => write!(f, "beyond {limit}"),
            Self::NotInLast(0) => f.write_str("no run keeps it"),
            Self::NotInLast(1) => f.write_str("not used by the last run"),
            Self::NotInLast(runs) => write!(f, "not used by the last {runs} runs"),
        }
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
