//! Many tests at once.
//!
//! Does not know the tests.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StatisticsError;

/// What is held low over a family of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// The chance of any false finding: Holm, *A simple sequentially rejective multiple test procedure*, Scand. J. Stat. 6 (1979).
    #[default]
    Holm,
    /// The share of false ones among findings: Benjamini and Hochberg, *Controlling the false discovery rate*, JRSS B 57 (1995).
    BenjaminiHochberg,
}

/// Adjusted p-values of a family, in its order; each may be held against the level as if it stood alone.
///
/// With p-values sorted upwards, `k`-th of `m`: Holm gives the largest of `(m - j + 1) p_j` over `j <= k`, Benjamini and Hochberg the
/// smallest of `m p_j / j` over `j >= k`; both at most 1.
///
/// # Errors
/// A p-value is not between 0 and 1.
pub fn adjusted(p: &[f64], correction: Correction) -> Result<Vec<f64>, StatisticsError> {
    if let Some(value) = p.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(StatisticsError::NotAProbability { what: "a p-value", value: *value });
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|one, other| p[*one].total_cmp(&p[*other]));
    let m = p.len() as f64;
    let mut found = vec![0.0; p.len()];
    match correction {
        Correction::Holm => {
            let mut most = 0.0_f64;
            for (k, at) in order.iter().enumerate() {
                most = most.max((m - k as f64) * p[*at]).min(1.0);
                found[*at] = most;
            }
        }
        Correction::BenjaminiHochberg => {
            let mut least = 1.0_f64;
            for (k, at) in order.iter().enumerate().rev() {
                least = least.min(m * p[*at] / (k as f64 + 1.0));
                found[*at] = least;
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_statsmodels() {
        // statsmodels 0.15.0: multipletests(p, method="holm") and method="fdr_bh".
        let p = [0.01, 0.04, 0.03, 0.005, 0.5, 0.03];
        let check = |correction, expected: [f64; 6]| {
            let found = adjusted(&p, correction).expect("probabilities");
            assert!(found.iter().zip(expected).all(|(one, other)| (one - other).abs() < 1e-15), "{found:?}");
        };
        check(Correction::Holm, [0.05, 0.12, 0.12, 0.03, 0.5, 0.12]);
        check(Correction::BenjaminiHochberg, [0.03, 0.048, 0.045, 0.03, 0.5, 0.045]);
        assert_eq!(adjusted(&[], Correction::Holm), Ok(Vec::new()));
        assert!(adjusted(&[0.5, f64::NAN], Correction::Holm).is_err());
        assert!(adjusted(&[1.01], Correction::BenjaminiHochberg).is_err());
    }
}
