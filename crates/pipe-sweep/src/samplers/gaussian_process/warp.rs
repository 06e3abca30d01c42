//! Values as a Gaussian process can model them.
//!
//! Does not know kernels.

/// How values are bent before they are modelled; what is more stays more.
///
/// Either not at all, or `-log(1 + (best - y) / size)`: values of which a few are far worse than the rest, as those of a learning rate
/// that diverges, would else be one outlier and a flat remainder. Which it is, and the size, are those that make the values most
/// likely.
///
/// # Source
/// Snelson, Rasmussen and Ghahramani, *Warped Gaussian processes*, NeurIPS 2003, with a warp of one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Warp {
    None,
    Log { size: f64 },
}

/// Bent values with mean 0 and variance 1, and the logarithm of how much bending has stretched them all together.
pub(super) struct Warped {
    pub(super) values: Vec<f64>,
    pub(super) stretch: f64,
}

impl Warp {
    /// The warps to choose from.
    pub(super) fn all(values: &[f64]) -> Vec<Self> {
        let best = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut below: Vec<f64> = values.iter().map(|value| best - value).collect();
        below.sort_by(f64::total_cmp);
        let middle = below[below.len() / 2];
        let sizes = [1.0, 0.1, 0.01].map(|share| share * middle);
        let logs = sizes.into_iter().filter(|size| size.is_finite() && *size > 0.0).map(|size| Self::Log { size });
        std::iter::once(Self::None).chain(logs).collect()
    }

    /// Bends values; equal ones all become 0.
    pub(super) fn bent(self, values: &[f64]) -> Warped {
        let best = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (bent, slopes): (Vec<f64>, Vec<f64>) = match self {
            Self::None => values.iter().map(|value| (*value, 0.0)).unzip(),
            Self::Log { size } => {
                let below = |value: &f64| 1.0 + (best - value) / size;
                values.iter().map(|value| (-below(value).ln(), -(below(value) * size).ln())).unzip()
            }
        };
        let count = values.len() as f64;
        let mean = bent.iter().sum::<f64>() / count;
        let sd = (bent.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
        if !(sd > 0.0 && sd.is_finite()) {
            return Warped { values: vec![0.0; values.len()], stretch: 0.0 };
        }
        let values = bent.iter().map(|value| (value - mean) / sd).collect();
        Warped { values, stretch: slopes.iter().sum::<f64>() - count * sd.ln() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Best 0, size 1: 0, -log 2 and -log 4, of mean -log 2; their slopes are 1, 1/2 and 1/4.
    #[test]
    fn the_logarithm_is_that_by_hand() {
        let found = Warp::Log { size: 1.0 }.bent(&[-3.0, 0.0, -1.0]);
        let sd = std::f64::consts::LN_2 * (2.0_f64 / 3.0).sqrt();
        let expected = [-std::f64::consts::LN_2 / sd, std::f64::consts::LN_2 / sd, 0.0];
        assert!(
            found.values.iter().zip(expected).all(|(own, wanted)| (own - wanted).abs() < 1e-12),
            "{:?}",
            found.values
        );
        assert!((found.stretch - (-(8.0_f64.ln()) - 3.0 * sd.ln())).abs() < 1e-12);
    }

    #[test]
    fn order_stays_and_equal_values_are_0() {
        let values = [5.0, -1e6, 4.9, 4.0, -20.0];
        for warp in Warp::all(&values) {
            let bent = warp.bent(&values).values;
            assert!(bent[0] > bent[2] && bent[2] > bent[3] && bent[3] > bent[4] && bent[4] > bent[1], "{warp:?}");
        }
        assert_eq!(Warp::all(&[2.0; 3]), [Warp::None]);
        assert_eq!(Warp::None.bent(&[2.0; 3]).values, [0.0; 3]);
    }
}
