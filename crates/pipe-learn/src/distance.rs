//! How far numbers are from those that are expected: as a share of how large those are.
//! It does not know what computed them, or how far they may be.

use std::collections::BTreeMap;

/// Numbers by name of the weight.
pub(crate) type Values = BTreeMap<String, Vec<f32>>;

/// A gradient of less than this share of all together is as near as that share must be: a bias before a normalisation has none
/// but rounding.
const LEAST_GRADIENT: f64 = 1e-2;

fn squares(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum()
}

fn difference(found: &[f32], expected: &[f32]) -> f64 {
    squares(found.iter().zip(expected).map(|(found, expected)| f64::from(*found) - f64::from(*expected)))
}

fn size(values: &[f32]) -> f64 {
    squares(values.iter().map(|value| f64::from(*value)))
}

/// The root of a share of squares; nothing is no share of nothing either.
fn share(far: f64, all: f64) -> f64 {
    if far == 0.0 { 0.0 } else { (far / all).sqrt() }
}

/// The root of the mean squared difference over the standard deviation.
pub(crate) fn deviation(found: &[f32], expected: &[f32]) -> f64 {
    let mean = expected.iter().map(|value| f64::from(*value)).sum::<f64>() / expected.len() as f64;
    let around = squares(expected.iter().map(|value| f64::from(*value) - mean));
    share(difference(found, expected), around)
}

/// The length of the difference over that of what is expected, over all weights.
pub(crate) fn distance(found: &Values, expected: &Values) -> f64 {
    let far =
        |(name, values): (&String, &Vec<f32>)| found.get(name).map_or(f64::INFINITY, |found| difference(found, values));
    share(expected.iter().map(far).sum(), expected.values().map(|values| size(values)).sum())
}

/// The same of the weight that is worst, with its name.
pub(crate) fn worst_gradient(found: &Values, expected: &Values) -> (f64, String) {
    let all: f64 = expected.values().map(|values| size(values)).sum();
    let error = |(name, values): (&String, &Vec<f32>)| {
        let Some(found) = found.get(name) else { return (f64::INFINITY, name.clone()) };
        let least = all * LEAST_GRADIENT.powi(2);
        (share(difference(found, values), size(values).max(least)), name.clone())
    };
    worst(expected.iter().map(error))
}

/// The difference of the step that is worst over what is expected there.
pub(crate) fn worst_loss(found: &[f64], expected: &[f64]) -> (f64, String) {
    if found.len() != expected.len() {
        return (f64::INFINITY, format!("{} of {} steps", found.len(), expected.len()));
    }
    let error = |(step, (found, expected)): (usize, (&f64, &f64))| {
        ((found - expected).abs() / expected.abs(), format!("step {}", step + 1))
    };
    worst(found.iter().zip(expected).enumerate().map(error))
}

/// Not a number is worse than any.
fn worst(errors: impl Iterator<Item = (f64, String)>) -> (f64, String) {
    let worse =
        |worst: (f64, String), next: (f64, String)| if next.0 <= worst.0 || worst.0.is_nan() { worst } else { next };
    errors.reduce(worse).unwrap_or_default()
}

/// How far weights came.
pub(crate) fn moved(weights: &Values, first: &Values) -> Values {
    let way = |(name, values): (&String, &Vec<f32>)| {
        let way = values.iter().zip(&first[name]).map(|(last, first)| last - first).collect();
        (name.clone(), way)
    };
    weights.iter().map(way).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_by_hand() {
        let values = |values: &[f32]| Values::from([("a".to_owned(), values.to_vec())]);
        assert!((distance(&values(&[3.0, 4.5]), &values(&[3.0, 4.0])) - 0.1).abs() < 1e-12);
        assert_eq!(distance(&Values::new(), &values(&[1.0])), f64::INFINITY);
        // Around the mean 1, the values are 1 away.
        assert!((deviation(&[0.0, 2.5], &[0.0, 2.0]) - 0.5 / 2.0f64.sqrt()).abs() < 1e-12);
        assert_eq!(worst_loss(&[1.0, 2.2], &[1.0, 2.0]).1, "step 2");
        assert!(worst_loss(&[f64::NAN, 1.0], &[1.0, 1.0]).0.is_nan());
        assert_eq!(worst_loss(&[1.0], &[1.0, 1.0]).0, f64::INFINITY);
        let weights = |small: f32| Values::from([("a".to_owned(), vec![1.0]), ("b".to_owned(), vec![small])]);
        let (error, at) = worst_gradient(&weights(1e-4), &weights(0.0));
        assert!(at == "b" && (error - 1e-2).abs() < 1e-5, "{at}: {error}");
    }
}
