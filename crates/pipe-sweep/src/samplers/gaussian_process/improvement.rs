//! Expected improvement, on the logarithm.
//!
//! Does not know how it is climbed.

use pipe_metrics::statistics::normal_below;

use super::model::Model;

/// Half the logarithm of 2 pi.
const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_7;
/// Below, the sum of the formula cancels, and its asymptotic series is used.
const FAR: f64 = -25.0;

/// How much improvement on the best a model expects.
pub(super) struct Improvement {
    pub(super) model: Model,
    best: f64,
}

impl Improvement {
    pub(super) fn new(model: Model) -> Self {
        let best = model.best();
        Self { model, best }
    }

    /// The logarithm of `E[max(0, f(x) - best)]`.
    pub(super) fn at(&self, point: &[f64]) -> f64 {
        let foretold = self.model.foretell(point);
        let deviation = foretold.variance.sqrt();
        log_improvement((foretold.mean - self.best) / deviation).0 + deviation.ln()
    }

    /// It with its derivatives by some coordinates that are numbers.
    pub(super) fn with_slopes(&self, point: &[f64], coordinates: &[usize]) -> (f64, Vec<f64>) {
        let foretold = self.model.foretell(point);
        let deviation = foretold.variance.sqrt();
        let z = (foretold.mean - self.best) / deviation;
        let (value, slope) = log_improvement(z);
        let by = |at: &usize| {
            let (mean, variance) = self.model.change(&foretold, point, *at);
            let change = variance / (2.0 * deviation);
            (slope * (mean - z * change) + change) / deviation
        };
        (value + deviation.ln(), coordinates.iter().map(by).collect())
    }
}

/// `log(phi(z) + z Phi(z))` and its derivative, `Phi(z) / (phi(z) + z Phi(z))`.
///
/// # Source
/// Ament et al. 2023, equation 9; far below 0 the series of Mills' ratio.
fn log_improvement(z: f64) -> (f64, f64) {
    let log_density = -0.5 * z * z - HALF_LOG_TWO_PI;
    if z > FAR {
        let below = normal_below(z);
        let sum = log_density.exp() + z * below;
        return (sum.ln(), below / sum);
    }
    let square = 1.0 / (z * z);
    let sum = 1.0 - square * (3.0 - square * (15.0 - square * 105.0));
    let below = 1.0 - square * (1.0 - square * (3.0 - square * 15.0));
    (log_density + (square * sum).ln(), -z * below / sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(z: f64, value: f64, slope: f64) {
        let found = log_improvement(z);
        assert!((found.0 - value).abs() < 1e-8 * value.abs().max(1.0), "{found:?}");
        assert!((found.1 - slope).abs() < 1e-6 * slope.abs(), "{found:?}");
    }

    /// From mpmath 1.3 with 60 digits.
    #[test]
    fn the_logarithm_is_right_near_and_far() {
        check(3.0, 1.0987396653277077, 0.3328409684517952);
        check(0.0, -0.9189385332046728, 1.2533141373155003);
        check(-1.0, -2.4851210257126413, 1.9042712333296918);
        check(-10.0, -55.55312203612235, 10.194383033412553);
        check(-24.0, -295.2802232348049, 24.08290449180149);
        check(-26.0, -345.439546722318, 26.0765851866327);
        check(-100.0, -5010.12957880025, 100.01999400419587);
    }

    #[test]
    fn both_formulas_meet() {
        let (near, far) = (log_improvement(FAR + 1e-9), log_improvement(FAR - 1e-9));
        assert!((near.0 - far.0).abs() < 1e-6 && (near.1 - far.1).abs() < 1e-3, "{near:?} {far:?}");
    }
}
