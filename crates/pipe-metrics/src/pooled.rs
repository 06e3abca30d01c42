//! All pixels of all cases together.
//!
//! Does not know metrics.

use serde::{Deserialize, Serialize};

use crate::{Counts, Pair, ProbabilityCounts};

/// Counts of all pixels of several cases: what pooled (micro-averaged) values are made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pooled {
    /// Pixels by what they are in prediction and reference.
    pub counts: Counts,
    /// Pixels by their probability; none as long as no case has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<ProbabilityCounts>,
}

impl Pooled {
    /// Adds a case.
    pub fn add(&mut self, pair: &Pair<'_>) {
        self.counts += pair.counts();
        if let Some((probabilities, field)) = pair.probabilities() {
            *self.probabilities.get_or_insert_default() +=
                &ProbabilityCounts::of(probabilities, pair.reference(), field);
        }
    }

    /// Adds what was pooled elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.counts += other.counts;
        if let Some(probabilities) = &other.probabilities {
            *self.probabilities.get_or_insert_default() += probabilities;
        }
    }
}
