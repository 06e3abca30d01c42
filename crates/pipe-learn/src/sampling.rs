//! Sampling: which cases make an epoch, in which order, and which part of each is seen.
//! It knows training cases alone: validation and prediction run whole images. Everything drawn follows from seed, epoch and
//! position, so that a training continues anywhere without a stored state.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::setting::{SettingError, at_least_1, expect, share};

/// Which cases make an epoch, and which part of each.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// The order of cases.
    pub order: Order,
    /// Cases in an epoch; all of them by default. Every case comes once before any comes twice, over the borders of epochs.
    #[schemars(range(min = 1))]
    pub draws: Option<usize>,
    /// Draws cases by what they hold instead, with replacement; not by default.
    pub balance: Option<Balance>,
    /// A part of each case, `[height, width]` or, of volumes, `[depth, height, width]`; whole cases by default. It lies anywhere
    /// in the case; a smaller case gets zeros around it, and background (or what is not known, if there are such pixels) around its mask.
    #[schemars(length(min = 2, max = 3))]
    pub patch: Option<Vec<usize>>,
    /// The share of each batch, its last cases, that have foreground: a case without any is exchanged for one that has some, and
    /// a patch lies around a voxel of a class that is drawn first. At least one case if this is above 0 and the batch larger than 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub foreground: f64,
}

/// The order of cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Another one in each epoch.
    #[default]
    Shuffled,
    /// As the split lists them.
    InOrder,
}

/// What cases are drawn by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balance {
    /// First a class (background is one), all alike, then a case that has it, all alike.
    Classes,
}

impl Sampling {
    /// Checks settings.
    ///
    /// # Errors
    /// One is out of its range, or two do not go together.
    pub fn check(&self) -> Result<(), SettingError> {
        self.draws.map_or(Ok(()), |draws| at_least_1("draws", draws))?;
        share("foreground", self.foreground)?;
        let drawn = self.order == Order::Shuffled || self.balance.is_none();
        expect(drawn, "order", "in_order", "shuffled together with `balance`")?;
        let Some(patch) = &self.patch else { return Ok(()) };
        expect(
            matches!(patch.len(), 2 | 3),
            "patch",
            format!("{patch:?}"),
            "[height, width] or [depth, height, width]",
        )?;
        expect(!patch.contains(&0), "patch", format!("{patch:?}"), "at least 1 along each dimension")
    }

    /// Gives the first place of a batch that must have foreground.
    ///
    /// # Source
    /// nnU-Net v2, `nnUNetDataLoader._oversample_last_XX_percent`: from `round(batch * (1 - share))` on, halves to even.
    pub(crate) fn first_forced(&self, batch: usize) -> usize {
        if self.foreground <= 0.0 {
            return batch;
        }
        let first = (batch as f64 * (1.0 - self.foreground)).round_ties_even() as usize;
        if batch > 1 { first.min(batch - 1) } else { first }
    }

    /// Gives the slices, rows and columns that are seen of a case.
    pub fn seen(&self, whole: [usize; 3]) -> [usize; 3] {
        match self.patch.as_deref() {
            Some([height, width]) => [whole[0], *height, *width],
            Some([depth, height, width]) => [*depth, *height, *width],
            _ => whole,
        }
    }
}
