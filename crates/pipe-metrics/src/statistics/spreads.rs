//! Spread over cases, folds and seeds of one system, kept apart.
//!
//! Does not know what a fold or a seed did.

use indexmap::IndexMap;

use super::{Over, StatisticsError, Summary, mean, summarise};
use crate::Score;

/// The values of one evaluation: one fold, one seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The fold.
    pub fold: String,
    /// The seed; the same text everywhere if there is only one.
    pub seed: String,
    /// A value for each case.
    pub scores: Vec<Score>,
}

/// Three spreads that answer three questions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spreads {
    /// Over all cases of all cells.
    pub cases: Summary,
    /// Over folds: of each fold the mean over its seeds of the mean over cases.
    pub folds: Summary,
    /// Over seeds: of each seed the mean over its folds of the mean over cases.
    pub seeds: Summary,
}

/// Means and spreads over cases, over folds and over seeds.
///
/// A cell without a value counts as left out of its fold and seed; a fold or seed without any is left out itself, and counted.
/// The SD over folds is no standard error: training sets of folds overlap (Bengio and Grandvalet, *No unbiased estimator of the
/// variance of k-fold cross-validation*, JMLR 5, 2004).
///
/// # Errors
/// A value is infinite or not a number.
pub fn spreads(cells: &[Cell]) -> Result<Spreads, StatisticsError> {
    let all: Vec<Score> = cells.iter().flat_map(|cell| &cell.scores).copied().collect();
    let cases = summarise(&all, Over::Cases)?;
    let mut folds: IndexMap<&str, Vec<f64>> = IndexMap::new();
    let mut seeds: IndexMap<&str, Vec<f64>> = IndexMap::new();
    for cell in cells {
        let known: Vec<f64> = cell.scores.iter().filter_map(|score| score.value()).collect();
        let value = mean(&known);
        folds.entry(&cell.fold).or_default().extend(value);
        seeds.entry(&cell.seed).or_default().extend(value);
    }
    let over = |groups: &IndexMap<&str, Vec<f64>>, over: Over| {
        summarise(&groups.values().map(|values| mean(values).into()).collect::<Vec<Score>>(), over)
    };
    Ok(Spreads { cases, folds: over(&folds, Over::Folds)?, seeds: over(&seeds, Over::Seeds)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_and_seeds_are_kept_apart() {
        let cell = |fold: &str, seed: &str, values: &[f64]| Cell {
            fold: fold.into(),
            seed: seed.into(),
            scores: values.iter().copied().map(Score::Known).collect(),
        };
        let cells = [
            cell("0", "a", &[0.2, 0.4]),
            cell("0", "b", &[0.5]),
            cell("1", "a", &[0.8]),
            cell("1", "b", &[0.6, 0.8, 1.0]),
            Cell { fold: "2".into(), seed: "a".into(), scores: vec![Score::Excluded] },
        ];
        let found = spreads(&cells).expect("finite");
        let close = |one: Option<f64>, other: f64| assert!((one.expect("a value") - other).abs() < 1e-12, "{one:?}");
        assert_eq!((found.cases.n, found.folds.n, found.seeds.n), (7, 2, 2));
        assert_eq!((found.cases.excluded, found.folds.excluded, found.seeds.excluded), (1, 1, 0));
        close(found.cases.mean, 4.3 / 7.0);
        close(found.folds.mean, f64::midpoint(0.4, 0.8));
        close(found.folds.sd, 0.4 / 2.0_f64.sqrt());
        close(found.seeds.mean, f64::midpoint(f64::midpoint(0.3, 0.8), f64::midpoint(0.5, 0.8)));
        assert_eq!([found.cases.over, found.folds.over, found.seeds.over], [Over::Cases, Over::Folds, Over::Seeds]);
    }
}
