//! Learning-rate schedules: the share of the base rate in each epoch.
//! They do not know optimizers, and carry no state: epoch and number of epochs decide.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which schedule, with its settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduleConfig {
    /// The base rate in every epoch.
    #[default]
    Constant,
    /// Times `factor` after every so many epochs.
    Step {
        /// So many epochs.
        #[schemars(range(min = 1))]
        every: usize,
        /// What the rate is multiplied by.
        #[serde(default = "tenth")]
        factor: f64,
    },
    /// Times `factor` at each of these epochs, counted from 0.
    Milestones {
        /// The epochs.
        at: Vec<usize>,
        /// What the rate is multiplied by.
        #[serde(default = "tenth")]
        factor: f64,
    },
    /// `(1 - epoch / epochs)` to a power, as nnU-Net does with 0.9.
    Polynomial {
        /// The power.
        #[serde(default = "nine_tenths")]
        power: f64,
    },
    /// Half a cosine from 1 down to `floor`.
    Cosine {
        /// The share that it ends at.
        #[serde(default)]
        floor: f64,
    },
}

fn tenth() -> f64 {
    0.1
}

fn nine_tenths() -> f64 {
    0.9
}

impl ScheduleConfig {
    /// Gives the share of the base rate in an epoch, counted from 0.
    pub fn share(&self, epoch: usize, epochs: usize) -> f64 {
        let done = epoch as f64 / epochs.max(1) as f64;
        match self {
            Self::Constant => 1.0,
            Self::Step { every, factor } => power(*factor, epoch / (*every).max(1)),
            Self::Milestones { at, factor } => power(*factor, at.iter().filter(|start| **start <= epoch).count()),
            Self::Polynomial { power } => (1.0 - done).max(0.0).powf(*power),
            Self::Cosine { floor } => floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
        }
    }
}

fn power(factor: f64, times: usize) -> f64 {
    (0..times).fold(1.0, |product, _| product * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schedule: &ScheduleConfig, epoch: usize, expected: f64) {
        let share = schedule.share(epoch, 100);
        assert!((share - expected).abs() < 1e-12, "{schedule:?} at {epoch}: {share}");
    }

    #[test]
    fn shares() {
        check(&ScheduleConfig::Constant, 99, 1.0);
        check(&ScheduleConfig::Step { every: 30, factor: 0.5 }, 29, 1.0);
        check(&ScheduleConfig::Step { every: 30, factor: 0.5 }, 60, 0.25);
        check(&ScheduleConfig::Milestones { at: vec![20, 40], factor: 0.1 }, 19, 1.0);
        check(&ScheduleConfig::Milestones { at: vec![20, 40], factor: 0.1 }, 40, 0.01);
        check(&ScheduleConfig::Polynomial { power: 2.0 }, 50, 0.25);
        check(&ScheduleConfig::Cosine { floor: 0.0 }, 0, 1.0);
        check(&ScheduleConfig::Cosine { floor: 0.2 }, 50, 0.6);
    }
}
