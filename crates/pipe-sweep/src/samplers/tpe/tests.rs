//! Which trials count as good, and what suggestions follow from.

use super::*;
use crate::{Curve, Goal, Sampler, Study};

fn space() -> Space {
    serde_json::from_str(r#"{ "x": { "float": { "low": 0, "high": 1 } } }"#).expect("it is written right")
}

fn trial(number: u64, x: f64, state: State) -> Trial {
    Trial { number, point: Point::new(vec![Some(Value::Float(x))]), state, curve: Curve::default() }
}

fn complete(value: f64) -> State {
    State::Complete { value: value.try_into().expect("it is finite") }
}

fn pruned(step: u64, value: f64) -> State {
    State::Pruned { step, value: value.try_into().expect("it is finite") }
}

#[track_caller]
fn check(goal: Goal, good: usize, see_running: bool, expected: (&[u64], &[u64])) {
    let states =
        [complete(3.0), pruned(2, 0.0), State::Failed, complete(1.0), State::Running, pruned(5, 9.0), pruned(5, 8.0)];
    let trials: Vec<Trial> = (0..).zip(states).map(|(number, state)| trial(number, 0.5, state)).collect();
    let space = space();
    let ask = Ask { space: &space, goal, seed: 0, trials: &trials, number: 7 };
    let split = Split::of(&ask, good, see_running);
    let numbers = |trials: &[&Trial]| -> Vec<u64> { trials.iter().map(|trial| trial.number).collect() };
    assert_eq!((numbers(&split.good), numbers(&split.bad)), (expected.0.to_vec(), expected.1.to_vec()));
}

#[test]
fn complete_trials_are_better_than_pruned_ones_and_later_ones_than_earlier() {
    check(Goal::Minimise, 1, true, (&[3], &[0, 1, 4, 5, 6]));
    check(Goal::Maximise, 1, true, (&[0], &[1, 3, 4, 5, 6]));
    check(Goal::Minimise, 3, false, (&[0, 3, 6], &[1, 5]));
    check(Goal::Minimise, 4, false, (&[0, 3, 5, 6], &[1]));
    check(Goal::Maximise, 3, false, (&[0, 3, 5], &[1, 6]));
    check(Goal::Minimise, 9, true, (&[0, 1, 3, 5, 6], &[4]));
}

fn study(settings: &str) -> Study {
    let sampler: Sampler = serde_json::from_str(settings).expect("it is written right");
    Study::new(space(), Goal::Minimise, sampler, None, 5).expect("it fits")
}

fn bowl(count: u64) -> Vec<Trial> {
    (0..count)
        .map(|number| (number, number as f64 * 0.37 % 1.0))
        .map(|(number, x)| trial(number, x, complete((x - 0.3).powi(2))))
        .collect()
}

#[test]
fn the_first_trials_are_those_of_random_search() {
    let (tpe, random) = (study(r#""tpe""#), study(r#""random""#));
    assert_eq!(tpe.suggest(&bowl(9), 9), random.suggest(&bowl(9), 9));
    assert_ne!(tpe.suggest(&bowl(10), 10), random.suggest(&bowl(10), 10));
}

#[test]
fn suggestions_are_near_good_trials() {
    let study = study(r#""tpe""#);
    let trials = bowl(60);
    let near = (60..160).filter(|number| {
        let x = study.suggest(&trials, *number).expect("it never ends").values()[0].expect("it is there").number();
        (x - 0.3).abs() < 0.1
    });
    // A fifth of the range; at random a fifth would be there.
    assert!(near.count() > 80);
}

#[test]
fn a_trial_under_way_keeps_others_away_only_where_it_is_seen() {
    let mut trials = bowl(30);
    let (liar, blind) = (study(r#""tpe""#), study(r#"{ "tpe": { "constant_liar": false } }"#));
    let (before, blind_before) = (liar.suggest(&trials, 99), blind.suggest(&trials, 99));
    assert_eq!(before, blind_before);
    let x = before.expect("it never ends").values()[0].expect("it is there").number();
    trials.extend((30..40).map(|number| trial(number, x, State::Running)));
    assert_eq!(blind.suggest(&trials, 99), blind_before);
    assert_ne!(liar.suggest(&trials, 99), blind_before);
}

#[test]
fn groups_are_parameters_with_one_condition() {
    let space: Space = serde_json::from_str(
        r#"{
            "a": { "choice": ["p", "q"] },
            "b": { "int": { "low": 1, "high": 3 }, "when": { "parameter": "a", "is": ["p"] } },
            "c": { "int": { "low": 1, "high": 3 } },
            "d": { "int": { "low": 1, "high": 3 }, "when": { "parameter": "a", "is": ["p"] } },
            "e": { "int": { "low": 1, "high": 3 }, "when": { "parameter": "a", "is": ["p", "q"] } }
        }"#,
    )
    .expect("it is written right");
    assert_eq!(Tpe::default().groups(&space), [vec![0, 2], vec![1, 3], vec![4]]);
    let alone = Tpe { multivariate: false, ..Tpe::default() };
    assert_eq!(alone.groups(&space).len(), 5);
}
