//! What is kept of a file of weights when a training has begun with it.
//! It does not hold weights.

use serde::{Deserialize, Serialize};

use super::{NameMap, Part, Pretrained};

/// Where first weights came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsCard {
    /// The digest of the file's bytes.
    pub digest: String,
    /// The part of the network that it gave.
    pub part: Part,
    /// Whose names it uses.
    pub map: NameMap,
    /// How many parameters and running statistics came from it.
    pub loaded: usize,
    /// How many started at first values of their own.
    pub others: usize,
}

/// First weights, with their card.
#[derive(Debug, Clone, Copy)]
pub struct First<'a> {
    /// The weights.
    pub weights: &'a Pretrained,
    /// Where they came from.
    pub card: &'a WeightsCard,
}

impl Pretrained {
    /// Gives the card of weights from a file with a digest.
    pub fn card(&self, digest: String, part: Part, map: NameMap) -> WeightsCard {
        WeightsCard { digest, part, map, loaded: self.arrays.len(), others: self.others.len() }
    }
}
