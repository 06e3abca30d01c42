//! What results cost: time and memory by stage, from how they were made.
//!
//! Does not measure.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::Serialize;

use crate::Provenance;

/// What all instances of a stage cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// The stage, without its axes.
    pub stage: String,
    /// Its results.
    pub results: usize,
    /// Seconds of all of them together, one after the other.
    pub seconds: f64,
    /// Seconds of the longest.
    pub longest: f64,
    /// Processor seconds of those that were measured.
    pub cpu_seconds: Option<f64>,
    /// Most memory that one of them held, in bytes.
    pub peak_memory: Option<u64>,
    /// Devices that computed.
    pub devices: BTreeSet<String>,
}

/// Gives the costs by stage, in the order in which stages appear; a result that serves several instances counts once.
pub fn costs(provenance: &[Provenance]) -> Vec<Cost> {
    let mut costs: IndexMap<&str, Cost> = IndexMap::new();
    let mut seen = BTreeSet::new();
    for made in provenance.iter().filter(|made| seen.insert((&made.fingerprint, &made.made_at))) {
        let stage = made.stage.split('[').next().unwrap_or_default();
        let cost = costs.entry(stage).or_insert_with(|| Cost { stage: stage.to_owned(), ..Cost::default() });
        cost.results += 1;
        cost.seconds += made.seconds;
        cost.longest = cost.longest.max(made.seconds);
        cost.cpu_seconds = match (cost.cpu_seconds, made.cpu_seconds) {
            (Some(all), Some(one)) => Some(all + one),
            (all, one) => all.or(one),
        };
        cost.peak_memory = cost.peak_memory.max(made.peak_memory);
        cost.devices.extend(Some(made.device.clone()).filter(|device| !device.is_empty()));
    }
    costs.into_values().collect()
}

/// Gives seconds as people say them: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        _ if seconds < 9.95 => format!("{:.1} s", seconds.max(0.0)),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Gives bytes as MiB or GiB.
pub(crate) fn bytes(bytes: u64) -> String {
    let mebibytes = bytes as f64 / (1 << 20) as f64;
    if mebibytes < 1024.0 { format!("{mebibytes:.0} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(stage: &str, fingerprint: &str, seconds: f64, peak_memory: Option<u64>) -> Provenance {
        Provenance {
            stage: stage.into(),
            fingerprint: fingerprint.into(),
            outputs: IndexMap::new(),
            made_at: "2026-01-01T00:00:00Z".into(),
            run: 1,
            commit: None,
            device: "cpu".into(),
            seed: None,
            seconds,
            cpu_seconds: peak_memory.map(|_| 2.0 * seconds),
            peak_memory,
            facts: serde_json::Value::Null,
        }
    }

    #[test]
    fn instances_add_up_and_a_shared_result_counts_once() {
        let all = [
            made("train[fold=0]", "a", 60.0, Some(100)),
            made("train[fold=1]", "b", 30.0, Some(300)),
            made("evaluate[fold=0,threshold=0.5]", "c", 1.0, None),
            made("train[fold=1,threshold=0.6]", "b", 30.0, Some(300)),
        ];
        let costs = costs(&all);
        let said: Vec<_> =
            costs.iter().map(|cost| (cost.stage.as_str(), cost.results, cost.seconds, cost.longest)).collect();
        assert_eq!(said, [("train", 2, 90.0, 60.0), ("evaluate", 1, 1.0, 1.0)]);
        assert_eq!((costs[0].cpu_seconds, costs[0].peak_memory), (Some(180.0), Some(300)));
        assert_eq!((costs[1].cpu_seconds, costs[1].peak_memory), (None, None), "unknown is not zero");
    }

    #[test]
    fn durations_and_sizes() {
        let said = [0.04, 9.94, 9.96, 59.6, 125.0, 7500.0].map(duration);
        assert_eq!(said, ["0.0 s", "9.9 s", "10 s", "1 min 0 s", "2 min 5 s", "2 h 5 min"]);
        assert_eq!([bytes(150 << 20), bytes(3 << 29)], ["150 MiB", "1.5 GiB"]);
    }
}
