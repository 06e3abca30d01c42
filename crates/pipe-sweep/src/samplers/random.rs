//! Random search.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ask::{Ask, Suggest};
use crate::{Domain, Point, Value, random::Draws, space::Scale};

/// Independent points: alternatives equally likely, numbers uniform on their scale.
///
/// # Source
/// Bergstra and Bengio, *Random search for hyper-parameter optimization*, JMLR 13 (2012).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Random {}

impl Suggest for Random {
    fn suggest(&self, ask: &Ask<'_>) -> Option<Point> {
        let mut draws = Draws::of(ask.seed, ask.number);
        Some(ask.space.filled(|_, domain| at_share(domain, draws.unit())))
    }
}

/// The value of a domain below which a share of it lies; the share is in 0..1.
pub(super) fn at_share(domain: &Domain, share: f64) -> Value {
    match (domain, Scale::of(domain)) {
        (_, Some(scale)) => scale.value(scale.low + share * scale.width()),
        (Domain::Choice(choice), None) => {
            Value::Choice(((share * choice.count() as f64) as usize).min(choice.count() - 1))
        }
        (_, None) => domain.level(0),
    }
}
