//! Learning-rate schedules: the share of the base rate at each point of a training.
//! They do not know optimizers, and carry no state: the point and the history up to it decide.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::history::{HistoryRow, Metric};
use crate::setting::{SettingError, above_0, at_least_0, at_least_1, expect, share};

/// How the learning rate changes: at most one shape (none is `constant`), over a horizon, after a warm-up.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScheduleConfig {
    /// The epochs that the shape is laid over; `epochs` by default. With more than `epochs` the training can be continued.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon: Option<usize>,
    /// A rise to the shape in the first epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<WarmUp>,
    /// The base rate in every epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constant: Option<Constant>,
    /// Times `factor` after every so many epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepShape>,
    /// Times `factor` at each of some epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milestones: Option<Milestones>,
    /// `(1 - epoch / horizon)` to a power, as nnU-Net does with 0.9.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polynomial: Option<Polynomial>,
    /// Half a cosine from 1 down to `floor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine: Option<Cosine>,
    /// Times `factor` whenever a number of validation has not become better for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plateau: Option<Plateau>,
}

/// A rise from `from` to 1, with each update; it multiplies the shape, which is not shifted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// The epochs it takes.
    #[schemars(range(min = 1))]
    pub epochs: usize,
    /// The share of the first update.
    #[serde(default = "tenth")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub from: f64,
}

/// The base rate in every epoch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Constant {}

/// Times `factor` after every so many epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepShape {
    /// So many epochs.
    #[schemars(range(min = 1))]
    pub every: usize,
    /// What the rate is multiplied by.
    #[serde(default = "tenth")]
    pub factor: f64,
}

/// Times `factor` at each of these epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Milestones {
    /// The epochs, counted from 0.
    pub at: Vec<usize>,
    /// What the rate is multiplied by.
    #[serde(default = "tenth")]
    pub factor: f64,
}

/// `(1 - epoch / horizon)` to a power.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Polynomial {
    /// The power.
    pub power: f64,
    /// How often the rate changes.
    pub per: Per,
}

impl Default for Polynomial {
    fn default() -> Self {
        Self { power: 0.9, per: Per::Epoch }
    }
}

/// Half a cosine from 1 down to `floor`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cosine {
    /// The share that it ends at.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub floor: f64,
    /// How often the rate changes.
    pub per: Per,
}

/// How often a rate changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// Once an epoch.
    #[default]
    Epoch,
    /// With each update.
    Update,
}

/// Times `factor` whenever a number of validation has not become better for more than `patience` epochs.
///
/// # Source
/// `torch.optim.lr_scheduler.ReduceLROnPlateau`, its step taken once after each epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Plateau {
    /// The number.
    pub metric: Metric,
    /// The epochs without a better one that are borne.
    pub patience: usize,
    /// What the rate is multiplied by.
    pub factor: f64,
    /// The smallest learning rate: a rate, not a share.
    #[schemars(range(min = 0.0))]
    pub minimum: f64,
    /// By how much a number must be better, as a share of the best one (`threshold_mode: relative`) or as it is.
    #[schemars(range(min = 0.0))]
    pub threshold: f64,
    /// Whether the threshold is a share. Take `absolute` for a loss that falls below 0.
    pub threshold_mode: ThresholdMode,
    /// The epochs after a change that do not count.
    pub cooldown: usize,
}

impl Default for Plateau {
    fn default() -> Self {
        let (metric, threshold_mode) = (Metric::Dice, ThresholdMode::Relative);
        Self { metric, patience: 10, factor: 0.1, minimum: 0.0, threshold: 1e-4, threshold_mode, cooldown: 0 }
    }
}

/// What a threshold is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThresholdMode {
    /// Shares of the best number.
    #[default]
    Relative,
    /// The number's own unit.
    Absolute,
}

fn tenth() -> f64 {
    0.1
}

/// A point of a training.
#[derive(Debug, Clone, Copy)]
pub struct Point<'a> {
    /// The epochs that are done, one row each.
    pub history: &'a [HistoryRow],
    /// Updates of this epoch that are done.
    pub update: usize,
    /// Updates in an epoch.
    pub updates: usize,
    /// The epochs that shapes are laid over.
    pub horizon: usize,
    /// The base rate.
    pub learning_rate: f64,
}

impl Point<'_> {
    /// Gives the epochs up to here.
    fn epochs(&self, per: Per) -> f64 {
        let part = self.update as f64 / self.updates.max(1) as f64;
        self.history.len() as f64 + if per == Per::Update { part } else { 0.0 }
    }

    /// Gives the part of the horizon up to here.
    fn done(&self, per: Per) -> f64 {
        (self.epochs(per) / self.horizon.max(1) as f64).min(1.0)
    }
}

impl ScheduleConfig {
    /// Gives the share of the base rate at a point.
    pub fn share(&self, point: Point<'_>) -> f64 {
        let epoch = point.history.len();
        let shape = if let Some(StepShape { every, factor }) = &self.step {
            power(*factor, epoch / (*every).max(1))
        } else if let Some(Milestones { at, factor }) = &self.milestones {
            power(*factor, at.iter().filter(|start| **start <= epoch).count())
        } else if let Some(Polynomial { power, per }) = &self.polynomial {
            (1.0 - point.done(*per)).powf(*power)
        } else if let Some(Cosine { floor, per }) = &self.cosine {
            floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * point.done(*per)).cos())
        } else if let Some(plateau) = &self.plateau {
            plateau.share(point)
        } else {
            1.0
        };
        let rise = self.warm_up.as_ref().map_or(1.0, |WarmUp { epochs, from }| {
            let done = (point.epochs(Per::Update) / (*epochs).max(1) as f64).min(1.0);
            from + (1.0 - from) * done
        });
        rise * shape
    }

    /// Checks settings.
    ///
    /// # Errors
    /// There are two shapes, or a number is out of its range.
    pub fn check(&self, epochs: usize, foreground: usize) -> Result<(), SettingError> {
        let shapes = [
            ("constant", self.constant.is_some()),
            ("step", self.step.is_some()),
            ("milestones", self.milestones.is_some()),
            ("polynomial", self.polynomial.is_some()),
            ("cosine", self.cosine.is_some()),
            ("plateau", self.plateau.is_some()),
        ];
        let given: Vec<&str> = shapes.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        expect(given.len() < 2, "schedule", given.join(" and "), "one shape; set the other one to null")?;
        let horizon = self.horizon.unwrap_or(epochs);
        expect(horizon >= epochs, "schedule.horizon", horizon, "at least `epochs`")?;
        if let Some(WarmUp { epochs, from }) = &self.warm_up {
            at_least_1("schedule.warm_up.epochs", *epochs)?;
            share("schedule.warm_up.from", *from)?;
        }
        if let Some(StepShape { every, factor }) = &self.step {
            at_least_1("schedule.step.every", *every)?;
            above_0("schedule.step.factor", *factor)?;
        }
        if let Some(Milestones { factor, .. }) = &self.milestones {
            above_0("schedule.milestones.factor", *factor)?;
        }
        if let Some(Polynomial { power, .. }) = &self.polynomial {
            above_0("schedule.polynomial.power", *power)?;
        }
        if let Some(Cosine { floor, .. }) = &self.cosine {
            share("schedule.cosine.floor", *floor)?;
        }
        if let Some(Plateau { metric, factor, minimum, threshold, .. }) = &self.plateau {
            metric.check("schedule.plateau.metric", foreground)?;
            let fits = *factor > 0.0 && *factor < 1.0;
            expect(fits, "schedule.plateau.factor", factor, "above 0 and below 1")?;
            at_least_0("schedule.plateau.minimum", *minimum)?;
            at_least_0("schedule.plateau.threshold", *threshold)?;
        }
        Ok(())
    }
}

impl Plateau {
    fn share(&self, Point { history, learning_rate, .. }: Point<'_>) -> f64 {
        let (mut rate, mut best, mut waited, mut cooling) = (learning_rate, None, 0, 0);
        for row in history {
            let found = self.metric.of(row);
            if best.is_none_or(|best| self.is_better(found, best)) {
                (best, waited) = (Some(found), 0);
            } else {
                waited += 1;
            }
            if cooling > 0 {
                cooling -= 1;
                waited = 0;
            }
            if waited > self.patience {
                (waited, cooling) = (0, self.cooldown);
                let lower = (rate * self.factor).max(self.minimum);
                // PyTorch leaves out changes smaller than this.
                rate = if rate - lower > 1e-8 { lower } else { rate };
            }
        }
        if learning_rate > 0.0 { rate / learning_rate } else { 1.0 }
    }

    fn is_better(&self, new: f64, best: f64) -> bool {
        let smaller = self.metric == Metric::Loss;
        match (self.threshold_mode, smaller) {
            (ThresholdMode::Relative, true) => new < best * (1.0 - self.threshold),
            (ThresholdMode::Relative, false) => new > best * (1.0 + self.threshold),
            (ThresholdMode::Absolute, _) => self.metric.is_better(new, best, self.threshold),
        }
    }
}

fn power(factor: f64, times: usize) -> f64 {
    (0..times).fold(1.0, |product, _| product * factor)
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
