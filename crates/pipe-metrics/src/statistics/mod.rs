//! Statistics of values over cases, patients, folds and seeds: spread, intervals, tests and sizes of effects.
//!
//! Does not know what the values measure. Everything is a function of slices and a seed: the same call gives the same bits.
//! `tests/compare/statistics.py` compares all of it with SciPy and statsmodels.

mod bootstrap;
mod comparison;
mod effect;
mod error;
mod friedman;
#[cfg(test)]
mod golden;
mod mann_whitney;
mod multiple;
mod normal;
mod patients;
mod permutation;
mod ranks;
mod significance;
mod spreads;
mod summary;
mod wilcoxon;

pub use bootstrap::{Bootstrap, Estimate, Interval, IntervalMethod, Undefined, bootstrap, interval, resamples};
pub use comparison::{Comparison, ComparisonPlan, compare};
pub use effect::{EffectSize, cliffs_delta, effect, effect_with_interval, hodges_lehmann, rank_biserial};
pub use error::StatisticsError;
pub use friedman::{Friedman, friedman, nemenyi, nemenyi_critical_difference};
pub use mann_whitney::{MannWhitney, mann_whitney};
pub use multiple::{Correction, adjusted};
pub use normal::{chi_squared_above, normal_above, normal_below, normal_quantile};
pub use patients::{Paired, Patients, Side, Unpaired, Why, pair, per_patient};
pub use permutation::{Permutations, paired_permutation};
pub use ranks::{Ranks, ranks};
pub use significance::{Alternative, Continuity, Method, Null, Test};
pub use spreads::{Cell, Spreads, spreads};
pub use summary::{Over, Summary, mean, mean_and_sd, median, quantile, summarise};
pub use wilcoxon::{Wilcoxon, WilcoxonOptions, Zeros, wilcoxon};
