//! Pruners: a file each, with its settings and its source.
//!
//! A verdict is a function of a trial's curve and of the other trials; no pruner remembers anything.

mod halving;
mod hyperband;
mod median;
mod patience;
mod registry;
mod rungs;
mod verdict;

pub use halving::SuccessiveHalving;
pub use hyperband::{Bracket, Hyperband};
pub use median::Median;
pub use patience::Patience;
pub use rungs::{Promotion, Rung};
pub use verdict::{PrunerError, Reason, Verdict};

// The pruners. A new one is a file, its `mod` line above, and its line here: name in YAML and settings.
registry::pruners! {
    /// Ends trials that are worse than half of the others were.
    "median" Median,
    /// Ends trials that are not among the best at a rung (ASHA).
    "successive_halving" SuccessiveHalving,
    /// Successive halving with several first rungs.
    "hyperband" Hyperband,
    /// Ends trials that no longer improve.
    "patience" Patience,
}
