//! Trainings that stop anywhere and go on give the bytes of trainings that never stopped; so do those that are made longer.
//!
//! Knows the public functions and the files of a model and of a checkpoint alone.

mod discs;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use discs::{Bench, network, recipe, samples};
use pipe_learn::{TrainConfig, TrainError, TrainEvent, model, train};

/// Batch normalisation and dropout.
const UNET: &str = r#"{"unet": {"width": 2, "depth": 1, "dropout": 0.3}}"#;
const PLAIN: &str = r#"{"unet": {"width": 2, "depth": 1}}"#;

/// Everything that has a state: two batches an update, an average, a plateau, draws.
const MUCH: &str = r#", "accumulate": 2, "ema": {"decay": 0.9}, "clip": {"norm": 0.5},
    "schedule": {"warm_up": {"epochs": 1}, "plateau": {"patience": 0, "factor": 0.5, "metric": "loss"}},
    "sampling": {"draws": 7, "foreground": 0.5, "patch": [8, 8]},
    "augment": [{"flip_horizontal": {"p": 0.5}}]"#;

#[track_caller]
fn check_stopped_anywhere(bench: fn() -> Bench, network_text: &str, more: &str, epochs: usize) {
    let (network, training, samples) = (network(network_text), recipe(epochs, more), samples(5));
    let whole = bench();
    let mut batches = 0;
    train(&whole.task(&network, &training, &samples), &mut |event| {
        batches += usize::from(matches!(event, TrainEvent::Batch { .. }));
    })
    .expect("it trains");
    assert!(batches > 4, "{batches} batches");
    for stop in 0..batches {
        let bench = bench();
        let task = bench.task(&network, &training, &samples);
        let mut seen = 0;
        let stopped = catch_unwind(AssertUnwindSafe(|| {
            train(&task, &mut |event| {
                if matches!(event, TrainEvent::Batch { .. }) {
                    assert!(seen != stop, "stopped on purpose");
                    seen += 1;
                }
            })
        }));
        assert!(stopped.is_err(), "it did not stop at batch {stop}");
        let mut again = 0;
        train(&task, &mut |event| {
            assert!(!matches!(event, TrainEvent::CheckpointLost { .. }), "{event:?}");
            again += usize::from(matches!(event, TrainEvent::Batch { .. }));
        })
        .expect("it continues");
        assert_eq!(again, batches - stop - 1, "no batch is learned from twice");
        bench.check_equal(&whole, &format!("stopped at batch {stop}"));
    }
}

#[test]
fn stopped_at_any_batch_it_gives_the_same_bytes() {
    check_stopped_anywhere(Bench::new, PLAIN, "", 2);
    check_stopped_anywhere(Bench::new, UNET, MUCH, 3);
    check_stopped_anywhere(Bench::as_on_a_device, UNET, MUCH, 2);
}

#[test]
fn the_last_group_of_batches_is_learned_from_too() {
    let (network, samples) = (network(PLAIN), samples(6));
    let run = |more: &str| {
        let bench = Bench::new();
        train(&bench.task(&network, &recipe(2, more), &samples), &mut |_| ()).expect("it trains");
        bench
    };
    // Three batches, so that groups of 3 and of 5 are the same one group.
    run(r#", "accumulate": 3"#).check_equal(&run(r#", "accumulate": 5"#), "one group");
    let (one, two) = (run(r#", "accumulate": 2"#), run(""));
    assert!(one.file(model::LAST) != two.file(model::LAST), "accumulation changes nothing");
}

/// Trains `first` epochs and then, from the checkpoint, as the other recipe says; gives what was said about it.
fn continued(first: &TrainConfig, then: &TrainConfig) -> (Bench, Bench, Result<Vec<TrainEvent>, TrainError>) {
    let (network, samples) = (network(UNET), samples(5));
    let (start, end) = (Bench::new(), Bench::new());
    train(&start.task(&network, first, &samples), &mut |_| ()).expect("it trains");
    let folder = start.checkpoint();
    let mut task = end.task(&network, then, &samples);
    task.earlier = Some(&folder);
    let mut events = Vec::new();
    let outcome = train(&task, &mut |event| events.push(event)).map(|_| events);
    (start, end, outcome)
}

#[test]
fn three_and_three_epochs_are_six() {
    let whole = Bench::new();
    let long = recipe(6, &format!("{MUCH}, \"best\": \"loss\""));
    train(&whole.task(&network(UNET), &long, &samples(5)), &mut |_| ()).expect("it trains");
    let mut short = TrainConfig { epochs: 3, ..long.clone() };
    short.schedule.horizon = Some(6);
    let (_, end, outcome) = continued(&short, &long);
    let events = outcome.expect("it continues");
    assert!(matches!(events[0], TrainEvent::Started { done: 3, batch: 0, epochs: 6, .. }), "{:?}", events[0]);
    end.check_equal(&whole, "3 + 3 epochs");
    for name in ["state.safetensors", "recipe.json"] {
        let read = |bench: &Bench| fs::read(bench.checkpoint().join(name)).expect("a checkpoint");
        assert!(read(&end) == read(&whole), "{name} of the checkpoint differs");
    }
}

#[test]
fn another_recipe_begins_anew_and_says_why() {
    #[track_caller]
    fn check(first: &TrainConfig, then: &TrainConfig, reasons: &[&str]) {
        let (_, end, outcome) = continued(first, then);
        let events = outcome.expect("it trains");
        let TrainEvent::StartedAnew { reason } = &events[0] else { panic!("{:?}", events[0]) };
        for part in reasons {
            assert!(reason.contains(part), "`{part}` is not in: {reason}");
        }
        let fresh = Bench::new();
        train(&fresh.task(&network(UNET), then, &samples(5)), &mut |_| ()).expect("it trains");
        end.check_equal(&fresh, "begun anew");
    }
    let (one, two) = (recipe(1, ""), recipe(2, ""));
    // Without a horizon of its own, a longer training has a longer one.
    check(&one, &two, &["`training.schedule.horizon` is 2, was 1"]);
    check(&two, &TrainConfig { epochs: 1, ..with_horizon(&one, 2) }, &["it has 2 epochs, `epochs` is 1"]);
    let other = TrainConfig { batch: 3, accumulate: 2, ..two.clone() };
    check(&two, &other, &["`training.batch` is 3, was 2", "`training.accumulate` is 2, was 1"]);
}

fn with_horizon(recipe: &TrainConfig, horizon: usize) -> TrainConfig {
    let mut recipe = recipe.clone();
    recipe.schedule.horizon = Some(horizon);
    recipe
}

#[test]
fn another_network_is_an_error_and_other_cases_are_not_continued() {
    let (start, end) = (Bench::new(), Bench::new());
    let (training, samples) = (recipe(1, ""), samples(4));
    let (first, other) = (network(PLAIN), network(r#"{"unet": {"width": 4, "depth": 1}}"#));
    train(&start.task(&first, &training, &samples), &mut |_| ()).expect("it trains");
    let folder = start.checkpoint();
    let mut task = end.task(&other, &training, &samples);
    task.earlier = Some(&folder);
    let error = train(&task, &mut |_| ()).expect_err("another network").to_string();
    assert!(error.contains("`network.unet.width` is 4, was 2"), "{error}");

    let mut task = end.task(&first, &training, &samples[..3]);
    task.earlier = Some(&folder);
    task.seed = 9;
    let mut reason = String::new();
    train(&task, &mut |event| {
        if let TrainEvent::StartedAnew { reason: why } = event {
            reason = why;
        }
    })
    .expect("it trains");
    assert!(reason.contains("`seed` is 9, was 3") && reason.contains("cases are others"), "{reason}");
}

#[test]
fn a_state_is_written_by_time_alone() {
    let (network, training, samples) = (network(PLAIN), recipe(1, ""), samples(4));
    let is_there = |pause: Duration| {
        let bench = Bench::new();
        let mut task = bench.task(&network, &training, &samples);
        task.pause = pause;
        let mut found = false;
        let state = |folder: &Path| folder.join("state.safetensors").exists();
        train(&task, &mut |event| {
            if let TrainEvent::Batch { batch: 0, .. } = event {
                found = state(task.resume);
            }
        })
        .expect("it trains");
        found
    };
    assert!(is_there(Duration::ZERO));
    assert!(!is_there(Duration::from_secs(300)));
}
