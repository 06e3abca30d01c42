//! What the settings of a recipe change in a training as a whole.
//!
//! Knows the public functions and the files of a model alone.

mod discs;

use std::time::Duration;

use discs::{Bench, network, recipe, samples};
use pipe_learn::{
    DeviceChoice, HistoryRow, Model, Sample, TrainConfig, TrainError, TrainEvent, TrainTask, checkpoint, model, train,
};

const UNET: &str = r#"{"unet": {"width": 2, "depth": 1}}"#;
/// Every case alone counts, and no batch statistics: only there is one large batch the same as several small ones.
const ALONE: &str = r#"{"unet": {"width": 2, "depth": 1, "norm": "none"}}"#;

fn history(network_text: &str, training: &TrainConfig, samples: &[Sample]) -> Vec<HistoryRow> {
    let bench = Bench::new();
    train(&bench.task(&network(network_text), training, samples), &mut |_| ()).expect("it trains").history
}

#[track_caller]
fn check_refused(network_text: &str, more: &str, expected: &str) {
    let (bench, network, training, samples) = (Bench::new(), network(network_text), recipe(2, more), samples(2));
    let error = train(&bench.task(&network, &training, &samples), &mut |_| ()).expect_err("out of range");
    assert!(matches!(error, TrainError::Setting(_)), "{error:?}");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_is_out_of_range_is_refused_by_name() {
    check_refused(UNET, r#", "accumulate": 0"#, "`accumulate` is 0, expected at least 1");
    check_refused(UNET, r#", "clip": {"norm": -1.0}"#, "`clip.norm` is -1, expected above 0");
    check_refused(UNET, r#", "ema": {"decay": 1.0}"#, "`ema.decay` is 1, expected at least 0 and below 1");
    check_refused(
        UNET,
        r#", "best": {"class_dice": 2}"#,
        "`best.class_dice` is 2, expected a foreground class of the network, from 1",
    );
    check_refused(UNET, r#", "sampling": {"foreground": 1.5}"#, "`sampling.foreground` is 1.5, expected from 0 to 1");
    check_refused(
        UNET,
        r#", "sampling": {"order": "in_order", "balance": "classes"}"#,
        "`sampling.order` is in_order, expected shuffled together with `balance`",
    );
    check_refused(
        UNET,
        r#", "last_batch": "drop", "sampling": {"draws": 1}"#,
        "`batch` is 2, expected no more than the cases of an epoch together with `last_batch: drop`",
    );
    check_refused(
        UNET,
        r#", "schedule": {"cosine": {}, "polynomial": {}}"#,
        "`schedule` is polynomial and cosine, expected one shape; set the other one to null",
    );
    check_refused(UNET, r#", "schedule": {"horizon": 1}"#, "`schedule.horizon` is 1, expected at least `epochs`");
}

#[test]
fn accumulated_batches_are_one_large_batch() {
    let samples = samples(6);
    let loss = r#""loss": {"binary_cross_entropy": {}}, "optimizer": {"sgd": {}}, "sampling": {"order": "in_order"}"#;
    let recipe = |text: &str| -> TrainConfig {
        serde_json::from_str(&format!(r#"{{"epochs": 3, {loss}, {text}}}"#)).expect("settings in range")
    };
    let large = history(ALONE, &recipe(r#""batch": 5"#), &samples);
    // 2, 2 and 2 cases; then again with 4 and 2, where the mean must count cases.
    let whole = history(ALONE, &recipe(r#""batch": 6"#), &samples);
    for text in [r#""batch": 2, "accumulate": 3"#, r#""batch": 4, "accumulate": 2"#] {
        for (found, expected) in history(ALONE, &recipe(text), &samples).iter().zip(&whole) {
            let error = (found.validation_loss - expected.validation_loss).abs();
            assert!(error < 1e-5, "{text}, epoch {}: {error}", found.epoch);
        }
    }
    assert!((large[2].validation_loss - whole[2].validation_loss).abs() > 1e-4, "batches change nothing");
}

#[test]
fn the_averaged_weights_are_validated_and_kept() {
    let (bench, samples) = (Bench::new(), samples(4));
    let (network, training) = (network(UNET), recipe(4, r#", "ema": {"decay": 0.5, "warm_up": false}"#));
    let outcome = train(&bench.task(&network, &training, &samples), &mut |_| ()).expect("it trains");
    let plain = Bench::new();
    let unaveraged = TrainConfig { ema: None, ..training };
    let without = train(&plain.task(&network, &unaveraged, &samples), &mut |_| ()).expect("it trains");
    for (one, other) in outcome.history.iter().zip(&without.history) {
        assert_eq!(one.train_loss.to_bits(), other.train_loss.to_bits(), "the average changes how weights are learned");
        assert!(one.validation_loss != other.validation_loss, "what is validated is not averaged");
    }
    // Every number of the last state: the average lies beside the weights, and the model holds the average.
    let (state, _) = checkpoint::read(&bench.checkpoint().join("state.safetensors")).expect("a checkpoint");
    let last_path = bench.checkpoint().with_file_name("model").join(model::LAST);
    let (last, _) = checkpoint::read(&last_path).expect("a model");
    for (name, kept) in &last {
        assert_eq!(kept, &state[&format!("average/{name}")], "{name}");
    }
    assert!(last.iter().any(|(name, kept)| *kept != state[&format!("network/{name}")]));
    // The second last average and the weights after the last update give the last average.
    let place = DeviceChoice::Cpu.place().expect("there is a CPU");
    let model = Model::open(last_path.parent().expect("a folder"), &place).expect("a model");
    assert!(model.probabilities(&samples[0].image).is_ok());
}

#[test]
fn clipping_and_schedules_change_steps() {
    let samples = samples(4);
    let last = |more: &str| history(UNET, &recipe(4, more), &samples)[3].clone();
    let plain = last("");
    // Adam does not feel the size of gradients, so clip them to next to nothing beside epsilon.
    let clipped = last(r#", "clip": {"norm": 1e-9}"#);
    assert!((clipped.train_loss - plain.train_loss).abs() > 1e-4, "{} and {}", clipped.train_loss, plain.train_loss);
    assert_eq!(last(r#", "clip": {"norm": 1e9}"#), plain);
    assert_eq!(last(r#", "schedule": {"constant": {}}"#), plain);
    let cosine = last(r#", "schedule": {"cosine": {}}"#);
    assert!((cosine.learning_rate - 0.01 * 0.5 * (1.0 + (0.75 * std::f64::consts::PI).cos())).abs() < 1e-12);
    let longer = last(r#", "schedule": {"horizon": 8, "polynomial": {}, "warm_up": {"epochs": 4, "from": 0.0}}"#);
    assert!((longer.learning_rate - 0.01 * 0.75 * 0.625f64.powf(0.9)).abs() < 1e-12, "{}", longer.learning_rate);
}

#[test]
fn the_best_epoch_is_chosen_as_told() {
    let samples = samples(4);
    let training =
        recipe(8, r#", "best": "loss", "early_stopping": {"patience": 2, "metric": "loss", "minimum_change": 10.0}"#);
    let (bench, network) = (Bench::new(), network(UNET));
    let outcome = train(&bench.task(&network, &training, &samples), &mut |_| ()).expect("it trains");
    // No epoch is better by 10 than the first one.
    assert_eq!(outcome.history.len(), 3);
    let least = outcome.history.iter().map(|row| row.validation_loss).fold(f64::INFINITY, f64::min);
    assert_eq!(outcome.card.best.validation_loss.to_bits(), least.to_bits());

    let classes = r#"{"unet": {"width": 2, "depth": 1, "out_channels": 3}}"#;
    let mut samples = samples;
    samples[1].mask.labels[0] = 2;
    let rows = history(classes, &recipe(2, r#", "best": {"class_dice": 2}"#), &samples);
    assert!(rows.iter().all(|row| row.class_dice.len() == 2 && row.class_dice[1].is_some()), "{rows:?}");
}

#[test]
fn patches_are_for_training_alone() {
    let mut samples = samples(4);
    // Images of several sizes: patches make them alike, validation takes each as it is.
    samples[3].image.data.truncate(16 * 12);
    samples[3].image.height = 12;
    samples[3].mask.labels.truncate(16 * 12);
    samples[3].mask.height = 12;
    let (bench, network) = (Bench::new(), network(UNET));
    let training = recipe(2, r#", "sampling": {"patch": [8, 10], "foreground": 0.5, "draws": 6}"#);
    let outcome = train(&bench.task(&network, &training, &samples), &mut |_| ()).expect("it trains");
    assert_eq!(outcome.card.input, [1, 1, 8, 10]);
    let error = train(&bench.task(&network, &recipe(2, ""), &samples), &mut |_| ()).expect_err("two sizes");
    assert!(error.to_string().contains("case 3"), "{error}");
    let deep = recipe(2, r#", "sampling": {"patch": [2, 8, 8]}"#);
    let error = train(&bench.task(&network, &deep, &samples[..3]), &mut |_| ()).expect_err("no volumes");
    assert!(error.to_string().contains("no volume"), "{error}");
}

#[test]
fn what_stays_on_a_device_is_learned_as_on_the_host() {
    let (network, samples) = (network(UNET), samples(5));
    let more = r#", "accumulate": 2, "ema": {"decay": 0.5}, "clip": {"norm": 0.1, "value": 0.05}"#;
    for training in [recipe(3, more), TrainConfig { gradient_checkpointing: true, ..recipe(3, more) }] {
        let run = |bench: &Bench, pause: Duration| {
            let mut losses = Vec::new();
            let task = TrainTask { pause, ..bench.task(&network, &training, &samples) };
            let outcome = train(&task, &mut |event| {
                if let TrainEvent::Batch { epoch, batch, loss } = event {
                    losses.push((epoch, batch, loss));
                }
            });
            (outcome.expect("it trains").history, losses)
        };
        let host = run(&Bench::new(), Duration::ZERO);
        let (one, other) = (Bench::as_on_a_device(), Bench::as_on_a_device());
        // Losses of an epoch are read together, or each at once: nothing else changes.
        let device = run(&one, Duration::from_secs(300));
        assert_eq!(run(&other, Duration::ZERO), device);
        one.check_equal(&other, "read at other times");
        for ((epoch, batch, found), expected) in device.1.iter().zip(&host.1) {
            assert_eq!((*epoch, *batch), (expected.0, expected.1));
            assert!((found - expected.2).abs() < 1e-4, "epoch {epoch}, batch {batch}: {found}, {}", expected.2);
        }
        for (found, expected) in device.0.iter().zip(&host.0) {
            assert!((found.validation_loss - expected.validation_loss).abs() < 1e-4, "{found:?}, {expected:?}");
        }
        assert_eq!(device.1.len(), 9);
    }
}

#[test]
fn a_loss_that_is_read_late_is_named_by_its_own_batch() {
    let (network, mut samples) = (network(ALONE), samples(4));
    // Large enough for sums of a convolution to overflow.
    samples[1].image.data.iter_mut().for_each(|value| *value *= f32::MAX);
    let training = recipe(1, r#", "sampling": {"order": "in_order"}"#);
    let bench = Bench::as_on_a_device();
    let task = TrainTask { pause: Duration::from_secs(300), ..bench.task(&network, &training, &samples) };
    let error = train(&task, &mut |_| ()).expect_err("infinity spreads").to_string();
    assert!(error.contains("epoch 0, batch 0, cases case 0, case 1;"), "{error}");
}

#[test]
fn a_rate_of_time_is_told_with_each_epoch() {
    let (network, samples, training) = (network(UNET), samples(4), recipe(2, ""));
    let mut epochs = 0;
    let bench = Bench::new();
    let outcome = train(&bench.task(&network, &training, &samples), &mut |event| {
        if let TrainEvent::Epoch { took, waited, .. } = event {
            assert!(waited <= took && took > Duration::ZERO, "{waited:?} of {took:?}");
            epochs += 1;
        }
    });
    assert_eq!((outcome.expect("it trains").history.len(), epochs), (2, 2));
}

#[test]
fn gradient_checkpointing_gives_equal_bytes() {
    let (network, samples) = (network(r#"{"unet": {"width": 2, "depth": 2, "dropout": 0.3}}"#), samples(3));
    let run = |flag: bool| {
        let bench = Bench::new();
        let training = TrainConfig { gradient_checkpointing: flag, ..recipe(2, "") };
        train(&bench.task(&network, &training, &samples), &mut |_| ()).expect("it trains");
        bench
    };
    run(true).check_equal(&run(false), "gradient checkpointing");
}
