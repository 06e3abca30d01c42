//! What holds for every sampler in every space: random ones are made here.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::*;
use crate::{Curve, Goal, Point, Space, State, Study, Trial, random::Draws};

/// A space of up to six parameters of all kinds, with conditions that nest.
fn space(draws: &mut Draws, counted: bool) -> Space {
    let mut written: Map<String, Json> = Map::new();
    let mut choices: Vec<(String, u64)> = Vec::new();
    for at in 0..=draws.below(6) {
        let name = format!("p{at}");
        let (low, width) = (draws.below(5) as i64 + 1, draws.below(30) as i64);
        let range = json!({ "low": low, "high": low + width });
        let with = |key: &str, value: Json| {
            let mut range = range.clone();
            range[key] = value;
            range
        };
        let mut parameter = match draws.below(if counted { 4 } else { 6 }) {
            0 => json!({ "choice": (0..=draws.below(4)).collect::<Vec<u64>>() }),
            1 => json!({ "int": with("step", json!(draws.below(7) + 1)) }),
            2 => json!({ "int": with("scale", json!("log")) }),
            3 => json!({ "float": with("step", json!(draws.unit() + 0.5)) }),
            4 => json!({ "float": range }),
            _ => json!({ "float": with("scale", json!("log")) }),
        };
        if !choices.is_empty() && draws.below(2) == 0 {
            let (parent, count) = &choices[draws.below(choices.len() as u64) as usize];
            let is: Vec<String> = (0..*count).filter(|at| *at == 0 || at % 2 == 1).map(|at| at.to_string()).collect();
            parameter["when"] = json!({ "parameter": parent, "is": is });
        }
        if let Some(alternatives) = parameter["choice"].as_array() {
            choices.push((name.clone(), alternatives.len() as u64));
        }
        written.insert(name, parameter);
    }
    serde_json::from_value(Json::Object(written)).expect("it is written right")
}

/// What a trial came to, in all ways there are.
fn ended(number: u64, point: Point, draws: &mut Draws) -> Trial {
    let value = (draws.unit() * 10.0).round().try_into().expect("it is finite");
    let state = match draws.below(8) {
        0 => State::Failed,
        1 => State::Running,
        2 | 3 => State::Pruned { step: draws.below(9), value },
        _ => State::Complete { value },
    };
    Trial { number, point, state, curve: Curve::default() }
}

#[track_caller]
fn check(sampler: &str, spaces: u64, trials: u64) {
    let sampler: Sampler = serde_json::from_str(sampler).expect("it is written right");
    for seed in 0..spaces {
        let mut draws = Draws::of(seed, 77);
        let space = space(&mut draws, matches!(sampler, Sampler::Grid(_)));
        let study = Study::new(space, Goal::Minimise, sampler.clone(), None, seed).expect("it fits");
        let mut done: Vec<Trial> = Vec::new();
        for number in 0..trials {
            let Some(point) = study.suggest(&done, number) else {
                assert_eq!(study.total(), Some(number));
                break;
            };
            assert!(study.space().contains(&point), "{point:?} in {:?}", study.space());
            assert_eq!(study.space().point(&point.written(study.space())).as_ref(), Ok(&point));
            // What is asked again is answered again, though trials came after it.
            assert_eq!(study.suggest(&done, number).as_ref(), Some(&point));
            done.push(ended(number, point, &mut draws));
        }
        let (early, late) = done.split_at(done.len() / 2);
        if let Some(trial) = late.first() {
            assert_eq!(study.suggest(early, trial.number).as_ref(), Some(&trial.point));
        }
    }
}

#[test]
fn every_suggestion_is_a_point_of_the_space_and_repeats() {
    check(r#""grid""#, 60, 100);
    check(r#""random""#, 60, 40);
    check(r#""quasi_random""#, 60, 40);
    check(r#"{ "quasi_random": { "scramble": false } }"#, 20, 40);
    check(r#"{ "tpe": { "startup_trials": 3 } }"#, 60, 40);
    check(r#"{ "tpe": { "startup_trials": 0, "multivariate": false, "prior_weight": 0 } }"#, 30, 30);
    check(r#"{ "gaussian_process": { "startup_trials": 3, "most_trials": 8 } }"#, 12, 14);
}

#[test]
fn seeds_differ() {
    let space: Space = serde_json::from_str(r#"{ "x": { "float": { "low": 0, "high": 1 } } }"#).expect("it is right");
    for name in ["random", "quasi_random", "tpe", "gaussian_process"] {
        let first = |seed| {
            let sampler = Sampler::named(name).expect("its settings have defaults");
            Study::new(space.clone(), Goal::Minimise, sampler, None, seed).expect("it fits").suggest(&[], 0)
        };
        assert_ne!(first(0), first(1), "{name}");
    }
}

fn grid(space: &str) -> Result<Vec<String>, crate::StudyError> {
    let space: Space = serde_json::from_str(space).expect("it is written right");
    let study = Study::new(space, Goal::Minimise, Sampler::Grid(Grid {}), None, 0)?;
    let total = study.total().expect("a grid ends");
    let points = (0..=total).map_while(|number| study.suggest(&[], number));
    Ok(points.map(|point| point.key(study.space()).to_string()).collect())
}

#[test]
fn a_grid_runs_through_nested_loops_and_knows_conditions() {
    let found = grid(
        r#"{
            "a": { "choice": ["x", "y"] },
            "b": { "int": { "low": 1, "high": 2 }, "when": { "parameter": "a", "is": ["x"] } },
            "c": { "float": { "low": 0, "high": 0.5, "step": 0.5 } }
        }"#,
    )
    .expect("it can be counted");
    let expected = [
        r#"{"a":"x","b":1,"c":0.0}"#,
        r#"{"a":"x","b":1,"c":0.5}"#,
        r#"{"a":"x","b":2,"c":0.0}"#,
        r#"{"a":"x","b":2,"c":0.5}"#,
        r#"{"a":"y","c":0.0}"#,
        r#"{"a":"y","c":0.5}"#,
    ];
    assert_eq!(found, expected);
}

#[test]
fn ten_thousand_points_are_all_different() {
    let axis = r#"{ "int": { "low": 1, "high": 100 } }"#;
    let found = grid(&format!(r#"{{ "a": {axis}, "b": {axis} }}"#)).expect("it can be counted");
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>().len(), 10_000);
}

#[test]
fn grids_and_lists_that_cannot_be_say_what_to_type_instead() {
    let wrong = |space: &str| grid(space).expect_err("it is no grid").to_string();
    let infinite = "the grid is infinite: `x` is a float without steps; write its `step`, list a `choice`, or take the sampler `quasi_random`";
    assert_eq!(wrong(r#"{ "x": { "float": { "low": 0, "high": 1 } } }"#), infinite);
    let wide = r#"{ "int": { "low": 0, "high": 9007199254740991 } }"#;
    assert!(wrong(&format!(r#"{{ "x": {wide}, "y": {wide} }}"#)).starts_with("the grid has more than 2^63 points"));

    let list = |points: Json| {
        let space: Space = serde_json::from_str(r#"{ "x": { "choice": ["a", "b"] } }"#).expect("it is right");
        let sampler: Sampler = serde_json::from_value(json!({ "list": { "points": points } })).expect("it is right");
        Study::new(space, Goal::Minimise, sampler, None, 0).map_err(|error| error.to_string())
    };
    let error = |points: Json| list(points).expect_err("it is no list");
    assert_eq!(error(json!([])), "the list has no points; write at least one under `points`");
    assert_eq!(
        error(json!([{ "x": "a" }, { "x": "c" }])),
        "point 2 of the list: `x` cannot be \"c\"; it is one of `a`, `b`"
    );
    assert_eq!(
        error(json!([{ "x": "a" }, { "x": "b" }, { "x": "a" }])),
        "points 1 and 3 of the list are equal; leave one out"
    );
    let study = list(json!([{ "x": "b" }, { "x": "a" }])).expect("it is a list");
    let points: Vec<Json> = (0..9)
        .map_while(|number| study.suggest(&[], number))
        .map(|point| point.written(study.space())["x"].clone())
        .collect();
    assert_eq!(points, ["b", "a"]);
}

#[test]
fn samplers_are_written_by_name_or_with_settings() {
    for name in SAMPLERS.iter().filter(|name| **name != "list") {
        let short: Sampler = serde_json::from_value(json!(name)).expect("a name is enough");
        assert_eq!(short.name(), *name);
        let written = serde_json::to_value(&short).expect("it can be written");
        assert_eq!(serde_json::from_value::<Sampler>(written).expect("it is written right"), short);
    }
    let wrong = |written: Json| serde_json::from_value::<Sampler>(written).expect_err("it is wrong").to_string();
    assert!(wrong(json!("bayes")).contains("unknown variant `bayes`"));
    assert_eq!(wrong(json!("list")), "missing field `points`; write `{ list: { ... } }`");
    assert!(
        wrong(json!({ "tpe": { "n_startup_trials": 5 } }))
            .contains("unknown field `n_startup_trials`, expected one of `startup_trials`")
    );
    assert!(wrong(json!({ "tpe": { "good_share": 1.5 } })).contains("above 0 and at most 1"));
}
