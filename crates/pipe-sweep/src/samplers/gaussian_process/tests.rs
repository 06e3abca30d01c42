//! Whole searches.

use super::*;
use crate::{Curve, Goal, Sampler, State, Study};

fn study(space: &str, settings: &str) -> Study {
    let space = serde_json::from_str(space).expect("it is written right");
    let sampler: Sampler = serde_json::from_str(settings).expect("it is written right");
    Study::new(space, Goal::Maximise, sampler, None, 2).expect("it fits")
}

fn searched(study: &Study, count: u64, value: impl Fn(&Point) -> f64) -> Vec<Trial> {
    let mut trials = Vec::new();
    for number in 0..count {
        let point = study.suggest(&trials, number).expect("it never ends");
        let state = State::Complete { value: value(&point).try_into().expect("it is finite") };
        trials.push(Trial { number, point, state, curve: Curve::default() });
    }
    trials
}

fn number(point: &Point, at: usize) -> f64 {
    point.values()[at].expect("it is there").number()
}

#[test]
fn the_top_of_a_hill_is_found_in_numbers_steps_and_alternatives() {
    let study = study(
        r#"{
            "x": { "float": { "low": -1, "high": 1 } },
            "n": { "int": { "low": 1, "high": 40 } },
            "c": { "choice": ["a", "b", "c"] }
        }"#,
        r#"{ "gaussian_process": { "startup_trials": 8 } }"#,
    );
    let hill = |point: &Point| {
        let c = if number(point, 2) == 1.0 { 0.0 } else { 0.3 };
        -(number(point, 0) - 0.4).powi(2) - ((number(point, 1) - 29.0) / 20.0).powi(2) - c
    };
    let trials = searched(&study, 25, hill);
    let (best, value) = study.best(&trials).expect("there are trials");
    assert!(value.get() > -1e-3 && number(&best.point, 1) == 29.0, "{best:?}");
}

#[test]
fn the_first_trials_are_quasi_random_and_a_single_point_is_no_model() {
    let space = r#"{ "x": { "float": { "low": 0, "high": 1 } } }"#;
    let (own, even) = (study(space, r#""gaussian_process""#), study(space, r#""quasi_random""#));
    let trials = searched(&even, 9, |point| number(point, 0));
    assert_eq!(own.suggest(&trials, 9), even.suggest(&trials, 9));
    let single = study(r#"{ "x": { "choice": ["only"] } }"#, r#"{ "gaussian_process": { "startup_trials": 2 } }"#);
    assert_eq!(searched(&single, 4, |_| 1.0).len(), 4);
}

#[test]
fn two_at_once_keep_apart() {
    let study =
        study(r#"{ "x": { "float": { "low": 0, "high": 1 } } }"#, r#"{ "gaussian_process": { "startup_trials": 4 } }"#);
    let mut trials = searched(&study, 6, |point| (13.0 * number(point, 0)).sin());
    let first = study.suggest(&trials, 6).expect("it never ends");
    let x = number(&first, 0);
    trials.push(Trial { number: 6, point: first, state: State::Running, curve: Curve::default() });
    let second = number(&study.suggest(&trials, 7).expect("it never ends"), 0);
    assert!((second - x).abs() > 0.01, "{x} and {second}");
}

#[test]
fn only_the_best_and_the_latest_are_seen() {
    let settings =
        GaussianProcess { most_trials: NonZeroUsize::new(4).expect("it is not 0"), ..GaussianProcess::default() };
    let study = study(r#"{ "x": { "float": { "low": 0, "high": 1 } } }"#, r#""random""#);
    let trials = searched(&study, 8, |point| number(point, 0));
    let values = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.0];
    let with: Vec<(&Trial, Finite)> =
        trials.iter().zip(values).map(|(trial, value)| (trial, value.try_into().expect("it is finite"))).collect();
    let ask = Ask { space: study.space(), goal: Goal::Maximise, seed: 0, trials: &trials, number: 8 };
    let seen: Vec<u64> = settings.seen(&ask, with).iter().map(|(trial, _)| trial.number).collect();
    assert_eq!(seen, [1, 3, 6, 7]);
}
