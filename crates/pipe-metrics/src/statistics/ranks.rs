//! Ranks of values, ties sharing their mean rank.
//!
//! Does not know tests.

/// Ranks from 1, and what ties do to variances.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranks {
    /// The rank of each value, in the order of the values.
    pub ranks: Vec<f64>,
    /// Sum of `t^3 - t` over groups of `t` equal values.
    pub ties: f64,
}

/// Ranks of values from 1; equal values share the mean of their ranks.
///
/// Equal means equal bits (`-0.0` equals `0.0`), as in SciPy: values that differ by rounding alone are not tied.
pub fn ranks(values: &[f64]) -> Ranks {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|one, other| (values[*one] + 0.0).total_cmp(&(values[*other] + 0.0)));
    let mut found = Ranks { ranks: vec![0.0; values.len()], ties: 0.0 };
    let mut from = 0;
    while from < order.len() {
        let equal = order[from..].iter().take_while(|at| values[**at] == values[order[from]]).count().max(1);
        let shared = from as f64 + (equal as f64 + 1.0) / 2.0;
        order[from..from + equal].iter().for_each(|at| found.ranks[*at] = shared);
        found.ties += (equal as f64).powi(3) - equal as f64;
        from += equal;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_their_mean_rank() {
        let found = ranks(&[3.0, -0.0, 3.0, 0.0, 1.0, 3.0]);
        assert_eq!(found.ranks, [5.0, 1.5, 5.0, 1.5, 3.0, 5.0]);
        assert_eq!(found.ties, 6.0 + 24.0);
        assert!(ranks(&[]).ranks.is_empty());
    }
}
