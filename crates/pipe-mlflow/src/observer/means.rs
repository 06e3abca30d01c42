//! Means of final numbers over parts that differ in repetitions alone: for the run over its parts, for a trial over its own.
//!
//! Does not know when they are told.

use std::collections::BTreeMap;

use pipe_store::WHOLE;

use super::Observer;
use crate::{
    limits::{METRICS, key},
    message::{Message, Metric},
    number::Number,
};

/// Axes whose values are repetitions: of what differs in nothing else, the mean says something.
const REPEATED: &[&str] = &["fold", "inner", "seed"];

/// Final numbers by their names.
#[derive(Default)]
struct Values(BTreeMap<String, Vec<f64>>);

impl Values {
    /// Adds the numbers of a point.
    fn add<'m>(&mut self, point: &[(String, String)], metrics: impl Iterator<Item = &'m Metric>) {
        let others = point.iter().filter(|(axis, _)| !REPEATED.contains(&axis.as_str()));
        let end = others.fold(String::new(), |end, (axis, value)| format!("{end}/{axis}.{value}"));
        for metric in metrics.filter(|metric| metric.value.0.is_finite()) {
            self.0.entry(format!("{}{end}", metric.key)).or_default().push(metric.value.0);
        }
    }

    /// Means and standard deviations (n - 1); those of fewer than `least` numbers are left out.
    fn means(self, least: usize, at: i64) -> Vec<Metric> {
        let of = |name: &str, value: f64| Metric { key: key(name), value: Number(value), timestamp: at, step: 0 };
        let mut means = Vec::new();
        for (name, values) in self.0.iter().filter(|(_, values)| values.len() >= least) {
            let n = values.len() as f64;
            let mean = values.iter().sum::<f64>() / n;
            means.push(of(name, mean));
            if values.len() > 1 {
                let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
                means.push(of(&format!("{name}_sd"), sd));
            }
        }
        means
    }
}

impl Observer {
    /// Tells of the run what its repetitions have in the mean. Trials are none.
    pub(super) fn means_of_run(&mut self, at: i64) {
        let mut values = Values::default();
        for (name, tally) in self.tallies.iter().filter(|(_, tally)| !tally.finals.is_empty()) {
            let part = &self.outline.parts[name];
            if part.trial.is_none() && part.point.iter().any(|(axis, _)| REPEATED.contains(&axis.as_str())) {
                values.add(&part.point, tally.finals.values().flatten());
            }
        }
        self.tell_means(WHOLE, &values.means(2, at));
    }

    /// Tells of a trial what its parts have in the mean, also where it has one alone: trials are to be compared.
    pub(super) fn means_of_trial(&mut self, trial: &str, at: i64) {
        let from = self.outline.parts[trial].point.len();
        let mut values = Values::default();
        for name in &self.tallies[trial].below {
            values.add(&self.outline.parts[name].point[from..], self.tallies[name].finals.values().flatten());
        }
        self.tell_means(trial, &values.means(1, at));
    }

    fn tell_means(&mut self, part: &str, means: &[Metric]) {
        means.chunks(METRICS).for_each(|means| self.tell(part, Message::Metrics(means.to_vec())));
    }
}
