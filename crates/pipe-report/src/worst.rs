//! The cases that a system does worst on, with the way to their pictures.
//!
//! Does not choose which cases have pictures.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::{Case, Overlay, Rank, Report, value};

/// Metrics beside each case: more would not fit on a page.
const METRICS: usize = 6;

/// Cases that went worst.
pub(crate) struct Worst {
    /// Names of the metrics.
    pub(crate) metrics: Vec<String>,
    /// The cases, system by system, the worst first.
    pub(crate) lines: Vec<WorstLine>,
}

/// A case that went badly.
pub(crate) struct WorstLine {
    pub(crate) system: String,
    pub(crate) case: String,
    pub(crate) patient: String,
    /// The evaluation that measured it.
    pub(crate) stage: String,
    /// Position of its picture.
    pub(crate) picture: usize,
    /// What it scores, in the order of the metrics.
    pub(crate) values: Vec<String>,
}

/// The pictures that are shown for one reason, with their positions.
fn of(report: &Report, rank: Rank) -> impl Iterator<Item = (usize, &Overlay)> {
    report.overlays.iter().enumerate().filter(move |(_, overlay)| overlay.rank == rank)
}

/// Gives the worst cases of a report, by system.
pub(crate) fn worst(report: &Report) -> Worst {
    // Of several classes their mean, which comes first.
    let class = report.cases.first().map_or("", |case| case.class.as_str());
    let measured: BTreeSet<&str> = report.cases.iter().map(|case| case.metric.as_str()).collect();
    let metrics = report.metrics.iter().filter(|metric| measured.contains(metric.key.as_str()));
    let metrics: Vec<_> = metrics.take(METRICS).collect();
    let mut values: IndexMap<(&str, &str), Vec<&Case>> = IndexMap::new();
    for case in report.cases.iter().filter(|case| case.class == class) {
        values.entry((&case.system, &case.case)).or_default().push(case);
    }
    let mut systems: IndexMap<&str, Vec<(usize, &Overlay)>> = IndexMap::new();
    for (at, overlay) in of(report, Rank::Worst) {
        systems.entry(&overlay.system).or_default().push((at, overlay));
    }
    let line = |(picture, overlay): &(usize, &Overlay)| WorstLine {
        system: overlay.system.clone(),
        case: overlay.case.clone(),
        patient: overlay.patient.clone(),
        stage: overlay.stage.clone(),
        picture: *picture,
        values: metrics
            .iter()
            .map(|metric| {
                let of = values.get(&(overlay.system.as_str(), overlay.case.as_str())).into_iter().flatten();
                let own = of.filter(|case| case.metric == metric.key).find(|case| case.axes == overlay.axes);
                value(own.and_then(|case| case.value.value()))
            })
            .collect(),
    };
    let mut lines = Vec::new();
    for overlays in systems.values() {
        lines.extend(overlays.iter().map(line));
    }
    Worst { metrics: metrics.iter().map(|metric| metric.label.clone()).collect(), lines }
}
