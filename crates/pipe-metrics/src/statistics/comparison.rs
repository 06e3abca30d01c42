//! Everything that is said of two systems on the same patients.
//!
//! Does not know families: p-values of several comparisons go through [`adjusted`](super::adjusted) together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Bootstrap, EffectSize, Estimate, Paired, Permutations, StatisticsError, Test, Unpaired, Wilcoxon, WilcoxonOptions,
    effect_with_interval, paired_permutation, wilcoxon,
};

/// How two systems are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ComparisonPlan {
    /// The size of the effect that has the interval.
    pub effect: EffectSize,
    /// Its interval.
    pub interval: Bootstrap,
    /// The signed-rank test.
    pub wilcoxon: WilcoxonOptions,
    /// The permutation test.
    pub permutation: Permutations,
}

/// Two systems on the same patients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Patients with a value in both.
    pub n: usize,
    /// Patients that could not be paired.
    pub unpaired: Vec<Unpaired>,
    /// Which size of the effect.
    pub effect: EffectSize,
    /// The size of the effect, first against second.
    pub size: Estimate,
    /// The signed-rank test.
    pub wilcoxon: Wilcoxon,
    /// The permutation test of the mean difference.
    pub permutation: Test,
}

/// Compares two systems on the patients that both have.
///
/// # Errors
/// As its parts: no values, values that are not finite, no resamples, a level that is none.
pub fn compare(pairs: &Paired, plan: &ComparisonPlan) -> Result<Comparison, StatisticsError> {
    let (one, other) = (&pairs.one[..], &pairs.other[..]);
    Ok(Comparison {
        n: one.len(),
        unpaired: pairs.unpaired.clone(),
        effect: plan.effect,
        size: effect_with_interval(plan.effect, one, other, &plan.interval)?,
        wilcoxon: wilcoxon(one, other, plan.wilcoxon)?,
        permutation: paired_permutation(one, other, plan.permutation)?,
    })
}
