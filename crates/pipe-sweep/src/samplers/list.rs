//! The points of a list.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{
    SamplerError,
    ask::{Ask, Suggest},
};
use crate::{Key, Point, Space};

/// Points that somebody has written down; trial `n` tries the `n`-th.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// A value for each parameter that is there; alternatives by label.
    pub points: Vec<Map<String, Json>>,
}

impl Suggest for List {
    fn check(&self, space: &Space) -> Result<(), SamplerError> {
        if self.points.is_empty() {
            return Err(SamplerError::NoPoints);
        }
        let mut keys: BTreeMap<Key, usize> = BTreeMap::new();
        for (at, written) in self.points.iter().enumerate() {
            let point = space.point(written).map_err(|error| SamplerError::NoPoint { at: at + 1, error })?;
            if let Some(earlier) = keys.insert(point.key(space), at + 1) {
                return Err(SamplerError::Twice { earlier, later: at + 1 });
            }
        }
        Ok(())
    }

    fn total(&self, _: &Space) -> Option<u64> {
        Some(self.points.len() as u64)
    }

    fn suggest(&self, ask: &Ask<'_>) -> Option<Point> {
        let written = self.points.get(usize::try_from(ask.number).ok()?)?;
        Some(ask.space.point(written).expect("a study checks all points of its list"))
    }
}
