//! Trainings as a whole: they learn, repeat byte for byte, continue, and stop with a reason.
//!
//! Knows the public functions and the files of a model alone.

use std::{fs, path::Path, time::Duration};

use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, TensorData};
use pipe_image::{Image, Mask, Preparation};
use pipe_learn::{
    DeviceChoice, Head, LossConfig, NetworkConfig, Sample, Target, TrainConfig, TrainError, TrainEvent, TrainOutcome,
    TrainTask, init, model, networks::blocks::Pass, train,
};
use rand_pcg::Pcg64;
use tempfile::TempDir;

const UNET: &str = r#"{"unet": {"width": 4, "depth": 2}}"#;
const SVSNET: &str = r#"{"svsnet": {"widths": [2, 3, 4], "frames": 3, "label": {"index": 1}}}"#;

fn network(text: &str) -> NetworkConfig {
    serde_json::from_str(text).expect("settings in range")
}

fn recipe(epochs: usize, more: &str) -> TrainConfig {
    let text = format!(
        r#"{{"epochs": {epochs}, "batch": 2, "loss": {{"dice": {{}}}}, "optimizer": {{"adam": {{"learning_rate": 0.01}}}} {more}}}"#
    );
    serde_json::from_str(&text).expect("settings in range")
}

/// A bright disc on a dark ground, at a place of its own.
fn sample(number: usize, frames: usize) -> Sample {
    let (row, column) = (4 + number * 3 % 8, 4 + number * 5 % 8);
    let inside = |at: usize| (at / 16).abs_diff(row).pow(2) + (at % 16).abs_diff(column).pow(2) <= 9;
    let plane: Vec<f32> = (0..256).map(|at| if inside(at) { 0.9 } else { 0.1 + 0.002 * (at % 7) as f32 }).collect();
    Sample {
        id: format!("case {number}"),
        image: Image { frames, channels: 1, height: 16, width: 16, data: plane.repeat(frames) },
        mask: Mask::plane(16, 16, (0..256).map(|at| u8::from(inside(at))).collect()),
    }
}

struct Trained {
    folder: TempDir,
    outcome: TrainOutcome,
    epochs: usize,
}

impl Trained {
    fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.path().join("model").join(name)).expect("the training wrote it")
    }
}

fn run(network: &NetworkConfig, training: &TrainConfig, seed: u64, samples: &[Sample]) -> Result<Trained, TrainError> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (resume, output) = (folder.path().join("resume"), folder.path().join("model"));
    for folder in [&resume, &output] {
        fs::create_dir_all(folder).expect("writable");
    }
    let mut epochs = 0;
    let outcome = train(&task(network, training, seed, samples, &resume, &output), &mut |event| {
        epochs += usize::from(matches!(event, TrainEvent::Epoch { .. }));
    })?;
    Ok(Trained { folder, outcome, epochs })
}

fn task<'a>(
    network: &'a NetworkConfig,
    training: &'a TrainConfig,
    seed: u64,
    samples: &'a [Sample],
    resume: &'a Path,
    output: &'a Path,
) -> TrainTask<'a> {
    let place = Box::leak(Box::new(DeviceChoice::Cpu.place().expect("there is a CPU")));
    let preparation = Box::leak(Box::new(Preparation::default()));
    let (train, validation, pause) = (samples, samples, Duration::from_secs(300));
    let (earlier, checkpoint) = (None, None);
    TrainTask {
        network,
        training,
        seed,
        place,
        train,
        validation,
        preparation,
        resume,
        pause,
        earlier,
        output,
        checkpoint,
        first: None,
    }
}

#[test]
fn a_batch_is_overfitted() {
    let samples = [sample(0, 1), sample(1, 1)];
    let trained = run(&network(UNET), &recipe(60, ""), 0, &samples).expect("it trains");
    let last = trained.outcome.history.last().expect("there are epochs");
    assert!(last.train_loss < 0.05, "the loss is {}", last.train_loss);
    assert!(last.validation_dice > 0.95, "Dice is {}", last.validation_dice);
}

#[test]
fn a_small_svsnet_learns_from_frames() {
    let samples: Vec<_> = (0..4).map(|number| sample(number, 3)).collect();
    let trained = run(&network(SVSNET), &recipe(60, ""), 0, &samples).expect("it trains");
    let (first, last) = (&trained.outcome.history[0], &trained.outcome.history[59]);
    assert!(last.train_loss < 0.6 * first.train_loss, "{} after {}", last.train_loss, first.train_loss);
}

#[test]
fn a_seed_repeats_byte_for_byte_and_another_differs() {
    let samples: Vec<_> = (0..4).map(|number| sample(number, 1)).collect();
    let more = r#", "augment": [{"flip_horizontal": {"p": 0.5}}, {"rotate": {"degrees": 20, "p": 0.5}}]"#;
    let weights = |seed| run(&network(UNET), &recipe(3, more), seed, &samples).expect("it trains").file(model::LAST);
    assert!(weights(7) == weights(7), "the same seed gives other weights");
    assert!(weights(7) != weights(8), "another seed gives the same weights");
}

#[test]
fn a_training_continues_and_a_damaged_checkpoint_costs_time_alone() {
    let samples: Vec<_> = (0..4).map(|number| sample(number, 1)).collect();
    let (network, training) = (network(UNET), recipe(4, ""));
    let whole = run(&network, &training, 3, &samples).expect("it trains");
    let state = fs::read_dir(whole.folder.path().join("resume"))
        .expect("a folder")
        .map(|entry| entry.expect("readable").path())
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("state")))
        .expect("the training left its last checkpoint");
    let again = |wanted_lost: bool, wanted_epochs: usize| {
        let output = tempfile::tempdir().expect("a temporary folder");
        let (mut lost, mut epochs) = (false, 0);
        let resume = whole.folder.path().join("resume");
        train(&task(&network, &training, 3, &samples, &resume, output.path()), &mut |event| {
            lost |= matches!(event, TrainEvent::CheckpointLost { .. });
            epochs += usize::from(matches!(event, TrainEvent::Epoch { .. }));
        })
        .expect("it trains");
        assert_eq!((lost, epochs), (wanted_lost, wanted_epochs));
        for name in [model::BEST, model::LAST] {
            assert!(fs::read(output.path().join(name)).expect("written") == whole.file(name), "{name} differs");
        }
    };
    again(false, 0);
    let bytes = fs::read(&state).expect("readable");
    fs::write(&state, &bytes[..bytes.len() / 2]).expect("writable");
    again(true, 4);
}

#[test]
fn early_stopping_waits_as_long_as_it_is_told() {
    let samples = [sample(0, 1), sample(1, 1)];
    // A rate of 0 never becomes better than the first epoch.
    let text = r#"{"epochs": 50, "batch": 2, "loss": {"dice": {}}, "early_stopping": {"patience": 4},
        "optimizer": {"sgd": {"learning_rate": 0.0}}}"#;
    let training: TrainConfig = serde_json::from_str(text).expect("settings in range");
    let trained = run(&network(r#"{"unet": {"width": 4, "depth": 2, "norm": "none"}}"#), &training, 0, &samples);
    assert_eq!(trained.expect("it trains").epochs, 5);
}

#[test]
fn a_loss_that_is_not_finite_stops_with_epoch_batch_and_cases() {
    let mut samples: Vec<_> = (0..4).map(|number| sample(number, 1)).collect();
    // Large enough for sums of a convolution to overflow.
    samples[2].image.data.iter_mut().for_each(|value| *value *= f32::MAX);
    let error = run(&network(UNET), &recipe(3, ""), 0, &samples).err().expect("infinity spreads").to_string();
    for part in ["epoch 0", "batch", "case 2"] {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn values_that_are_not_numbers_are_refused() {
    let mut samples: Vec<_> = (0..4).map(|number| sample(number, 1)).collect();
    samples[1].image.data[17] = f32::NAN;
    samples[3].image.data[..2].fill(f32::INFINITY);
    let error = run(&network(UNET), &recipe(3, ""), 0, &samples).err().expect("NaN").to_string();
    assert!(error.contains("case 1: 1, ") && error.contains("case 3: 2"), "{error}");
    assert!(!error.contains("case 0"), "{error}");
}

#[test]
fn labels_without_a_map_are_refused_with_all_their_cases() {
    let mut samples: Vec<_> = (0..4).map(|number| sample(number, 1)).collect();
    samples[1].mask.labels[0] = 7;
    samples[2].mask.labels[0] = 255;
    samples[3].mask.labels[..2].fill(7);
    let network = network(r#"{"unet": {"width": 4, "depth": 2, "out_channels": 2}}"#);
    let error = run(&network, &recipe(1, ""), 0, &samples).err().expect("no such maps").to_string();
    // The cases are there twice, to learn from and to validate on.
    assert!(error.contains("label 7 in cases case 1, case 3, "), "{error}");
    assert!(error.contains("label 255 in cases case 2, "), "{error}");
    let more = r#", "ignore_label": 255"#;
    let error = run(&network, &recipe(1, more), 0, &samples).err().expect("label 7").to_string();
    assert!(error.contains("label 7") && !error.contains("255"), "{error}");
}

#[test]
fn unknown_pixels_teach_nothing() {
    let clean: Vec<_> = (0..4).map(|number| sample(number, 1)).collect();
    let with = |label: u8| {
        let mut samples = clean.clone();
        samples.iter_mut().for_each(|sample| sample.mask.labels[..64].fill(label));
        run(&network(UNET), &recipe(2, r#", "ignore_label": 9"#), 0, &samples).expect("it trains").outcome.history
    };
    let whole = with(1);
    let unknown = with(9);
    assert_ne!(whole, unknown);
    // What stands beneath is of no account: two labels of which one is mapped to the other.
    let mut samples = clean.clone();
    samples.iter_mut().for_each(|sample| sample.mask.labels[..64].fill(4));
    let history = run(&network(UNET), &recipe(2, r#", "ignore_label": 4"#), 0, &samples).expect("it trains");
    assert_eq!(history.outcome.history, unknown);
}

#[test]
fn further_outputs_are_learned_from_as_they_are_told() {
    let samples: Vec<_> = (0..2).map(|number| sample(number, 1)).collect();
    let nnunet = network(r#"{"nnunet": {"widths": [4, 6, 8], "out_channels": 2}}"#);
    let train_loss = |more: &str| {
        let trained = run(&nnunet, &recipe(1, more), 0, &samples).expect("it trains");
        trained.outcome.history[0].train_loss
    };
    // Two outputs, of which the coarser one does not count by default.
    let usual = train_loss("");
    assert_eq!(usual, train_loss(r#", "deep_supervision": "halving""#));
    assert_eq!(usual, train_loss(r#", "deep_supervision": {"weights": [1, 0]}"#));
    let coarse = train_loss(r#", "deep_supervision": {"weights": [0, 1]}"#);
    let equal = train_loss(r#", "deep_supervision": "equal""#);
    assert!((equal - (usual + coarse) / 2.0).abs() < 1e-6 && coarse != usual, "{usual}, {coarse}, {equal}");
    for (network, choice, part) in [
        (&nnunet, r#"{"weights": [1, 1, 1]}"#, "3 weights, the network gives 2 outputs"),
        (&network(UNET), r#""equal""#, "gives no maps for `deep_supervision`"),
    ] {
        let more = format!(r#", "deep_supervision": {choice}"#);
        let error = run(network, &recipe(1, &more), 0, &samples).err().expect("refused").to_string();
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
}

#[test]
fn classes_that_overlap_are_learned() {
    // The disc, and the left half of it.
    let of = |number| {
        let Sample { id, image, mask } = sample(number, 1);
        let left = mask.labels.iter().enumerate().map(|(at, label)| if at % 16 < 8 { *label } else { 0 });
        let labels = mask.labels.iter().copied().chain(left).collect();
        Sample { id, image, mask: Mask { layers: 2, depth: 1, height: 16, width: 16, labels } }
    };
    let samples = [of(0), of(1)];
    let network = network(r#"{"unet": {"width": 4, "depth": 2, "out_channels": 2}}"#);
    let trained = run(&network, &recipe(80, r#", "head": "sigmoid""#), 0, &samples).expect("it trains");
    assert_eq!(trained.outcome.card.head, Head::Sigmoid);
    let last = trained.outcome.history.last().expect("there are epochs");
    assert!(last.validation_dice > 0.9, "Dice is {}", last.validation_dice);
    let error = run(&network, &recipe(1, ""), 0, &samples).err().expect("softmax").to_string();
    assert!(error.contains("head: sigmoid"), "{error}");
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let none = run(&network(UNET), &recipe(3, ""), 0, &[]).err().expect("no cases").to_string();
    assert!(none.contains("no train cases"), "{none}");
    let frames = run(&network(SVSNET), &recipe(3, ""), 0, &[sample(0, 2)]).err().expect("2 of 3");
    let cause = std::error::Error::source(&frames).map(ToString::to_string).unwrap_or_default();
    assert!(frames.to_string().contains("case 0") && cause.contains("3 frames"), "{frames}: {cause}");
    let entropy = r#"{"epochs": 1, "batch": 1, "loss": {"cross_entropy": {}}, "optimizer": {"adam": {}}}"#;
    let entropy: TrainConfig = serde_json::from_str(entropy).expect("settings in range");
    let error = run(&network(UNET), &entropy, 0, &[sample(0, 1)]).err().expect("one map").to_string();
    assert!(error.contains("binary_cross_entropy"), "{error}");
}

/// Names of trained parameters without a gradient, or with one that is zero everywhere.
struct Idle<'a> {
    gradients: &'a mut Gradients,
    way: Vec<String>,
    names: Vec<String>,
    seen: usize,
}

impl ModuleVisitor for Idle<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.way.push(name.to_owned());
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.way.pop();
    }
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.way.join(".");
        if name.ends_with("running_mean") || name.ends_with("running_var") {
            return;
        }
        self.seen += 1;
        let moves = param.val().grad_remove(self.gradients).is_some_and(|gradient| {
            gradient.into_data().as_slice::<f32>().expect("floats").iter().any(|value| *value != 0.0)
        });
        if !moves {
            self.names.push(name);
        }
    }
}

#[track_caller]
fn check_gradients(text: &str, frames: usize) {
    let config = network(text);
    let device = Device::flex().autodiff();
    let net = init::initialised(config.build(&device).expect("in range"), config.initialisation(), 1);
    let values = |count: usize| (0..count).map(|at| (at * 7919 % 1009) as f32 / 1009.0).collect::<Vec<_>>();
    let (x, t) = ([4, 1, frames, 16, 16], [4, 1, 1, 16, 16]);
    let x = Tensor::<5>::from_data(TensorData::new(values(x.iter().product()), x), &device);
    let t = Tensor::<5>::from_data(TensorData::new(values(t.iter().product()), t), &device).greater_elem(0.7).float();
    let loss: LossConfig = serde_json::from_str(r#"{"dice": {}}"#).expect("settings in range");
    let y = net.forward(x, &mut Pass::learning(Pcg64::new(1, 1))).main;
    let target = Target { maps: t, counted: None };
    let mut gradients = loss.value(y, &target, Head::Sigmoid).backward();
    let mut idle = Idle { gradients: &mut gradients, way: Vec::new(), names: Vec::new(), seen: 0 };
    net.visit(&mut idle);
    // A bias before a normalisation is subtracted again: its true gradient is 0, up to rounding.
    let names: Vec<_> = idle.names.iter().filter(|name| !name.ends_with("bias")).collect();
    assert!(names.is_empty(), "no gradient reaches {names:?}");
    assert!(idle.seen > 20, "{} parameters", idle.seen);
}

#[test]
fn every_gradient_reaches_a_parameter() {
    check_gradients(UNET, 1);
    check_gradients(r#"{"unet": {"width": 4, "depth": 2, "up": "bilinear", "norm": "none"}}"#, 1);
    check_gradients(SVSNET, 3);
    check_gradients(r#"{"svsnet": {"widths": [2, 3, 4], "skip_attention": false, "bias": false, "dropout": 0.0}}"#, 4);
}

/// What is told of a training of so many cases before its first batch.
fn told(network: &NetworkConfig, training: &TrainConfig, cases: usize) -> Result<Vec<TrainEvent>, TrainError> {
    let samples: Vec<_> = (0..cases).map(|number| sample(number, 1)).collect();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut events = Vec::new();
    train(&task(network, training, 1, &samples, folder.path(), &folder.path().join("model")), &mut |event| {
        if matches!(event, TrainEvent::Padded { .. } | TrainEvent::LastBatch { .. } | TrainEvent::LonelyCase) {
            events.push(event);
        }
    })?;
    Ok(events)
}

#[test]
fn what_only_the_cases_show_is_told_once() {
    let unet = network(UNET);
    let last = TrainEvent::LastBatch { cases: 1, batch: 2 };
    assert_eq!(told(&unet, &recipe(2, ""), 2).expect("it trains"), []);
    assert_eq!(told(&unet, &recipe(2, ""), 3).expect("it trains"), std::slice::from_ref(&last));
    assert_eq!(told(&unet, &recipe(1, r#", "last_batch": "drop""#), 3).expect("it trains"), []);
    assert_eq!(told(&unet, &recipe(1, r#", "sampling": {"draws": 4}"#), 3).expect("it trains"), []);
    let patched = recipe(1, r#", "sampling": {"patch": [18, 24]}"#);
    let padded = TrainEvent::Padded { from: [1, 18, 24], to: [1, 20, 24] };
    assert_eq!(told(&unet, &patched, 2).expect("it trains"), [padded]);
    // A mean over the whole image has one value a channel.
    let pooled = network(r#"{"encoder_decoder": {"widths": [2, 4], "aspp_width": 4}}"#);
    let found = told(&pooled, &recipe(1, ""), 3).expect("it trains");
    assert_eq!(found, [last, TrainEvent::LonelyCase]);
    let one: TrainConfig = TrainConfig { batch: 1, ..recipe(1, "") };
    let error = told(&pooled, &one, 3).expect_err("one value a channel");
    assert!(error.to_string().starts_with("`batch` is 1, expected at least 2: a batch normalisation"), "{error}");
}
