//! What says where and how fast a stage runs; nothing here is ever part of a recipe.
//!
//! Does not know devices or slots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where and how fast a stage runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Resources {
    /// `auto`, `cpu`, or `cuda:0`.
    pub device: String,
    /// Threads; null gives each of the stages that may run at once twice its share of the machine's cores.
    #[schemars(range(min = 1, max = 4096))]
    pub workers: Option<usize>,
    /// How many of the `--jobs` slots the stage takes.
    #[schemars(range(min = 1, max = 4096))]
    pub slots: usize,
}

impl Default for Resources {
    fn default() -> Self {
        Self { device: "auto".to_owned(), workers: None, slots: 1 }
    }
}
