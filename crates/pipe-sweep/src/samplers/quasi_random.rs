//! Quasi-random search: points that leave no large gaps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    SamplerError,
    ask::{Ask, Suggest},
    random::at_share,
    sobol::{DIMENSIONS, Scrambling, sobol},
};
use crate::{Point, Space};

/// A Sobol sequence: trial `n` tries its `n`-th point, a dimension for each parameter, also of those that are not there.
///
/// # Source
/// Sobol 1967 with the direction numbers of Joe and Kuo, *Constructing Sobol sequences with better two-dimensional projections*, SIAM
/// J. Sci. Comput. 30 (2008).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QuasiRandom {
    /// Whether the seed of the study scrambles the points; without, the first is where everything is lowest.
    pub scramble: bool,
}

impl Default for QuasiRandom {
    fn default() -> Self {
        Self { scramble: true }
    }
}

impl Suggest for QuasiRandom {
    fn check(&self, space: &Space) -> Result<(), SamplerError> {
        let parameters = space.count();
        let fits = parameters <= DIMENSIONS;
        if fits { Ok(()) } else { Err(SamplerError::Dimensions { parameters, dimensions: DIMENSIONS }) }
    }

    fn suggest(&self, ask: &Ask<'_>) -> Option<Point> {
        let number = u32::try_from(ask.number).ok()?;
        let scrambling = if self.scramble { Scrambling::Seed(ask.seed) } else { Scrambling::None };
        Some(ask.space.filled(|at, domain| at_share(domain, sobol(number, at, scrambling))))
    }
}
