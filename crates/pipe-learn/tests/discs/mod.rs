//! What trainings in tests need: small cases with a disc each, recipes, and folders of their own.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use burn::tensor::Device;
use pipe_image::{Image, Mask, Preparation};
use pipe_learn::{DeviceChoice, NetworkConfig, Place, Sample, TrainConfig, TrainTask, model};
use tempfile::TempDir;

/// Settings of a network.
pub(crate) fn network(text: &str) -> NetworkConfig {
    serde_json::from_str(text).expect("settings in range")
}

/// A recipe with Adam, Dice and batches of two.
pub(crate) fn recipe(epochs: usize, more: &str) -> TrainConfig {
    let text = format!(
        r#"{{"epochs": {epochs}, "batch": 2, "loss": {{"dice": {{}}}}, "optimizer": {{"adam": {{"learning_rate": 0.01}}}} {more}}}"#
    );
    serde_json::from_str(&text).expect("settings in range")
}

/// Bright discs on a dark ground, each at a place of its own.
pub(crate) fn samples(count: usize) -> Vec<Sample> {
    (0..count).map(sample).collect()
}

fn sample(number: usize) -> Sample {
    let (row, column) = (4 + number * 3 % 8, 4 + number * 5 % 8);
    let inside = |at: usize| (at / 16).abs_diff(row).pow(2) + (at % 16).abs_diff(column).pow(2) <= 9;
    let data = (0..256).map(|at| if inside(at) { 0.9 } else { 0.1 + 0.002 * (at % 7) as f32 }).collect();
    Sample {
        id: format!("case {number}"),
        image: Image { frames: 1, channels: 1, height: 16, width: 16, data },
        mask: Mask::plane(16, 16, (0..256).map(|at| u8::from(inside(at))).collect()),
    }
}

/// The folders of one training.
pub(crate) struct Bench {
    folder: TempDir,
    place: Place,
    preparation: Preparation,
    resume: PathBuf,
    output: PathBuf,
    checkpoint: PathBuf,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::at(DeviceChoice::Cpu.place().expect("there is a CPU"))
    }

    /// On the CPU as on another device: whatever can stay in tensors does.
    pub(crate) fn as_on_a_device() -> Self {
        Self::at(Place { device: Device::flex(), name: "a device" })
    }

    fn at(place: Place) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let [resume, output, checkpoint] = ["resume", "model", "checkpoint"].map(|name| folder.path().join(name));
        for folder in [&resume, &output, &checkpoint] {
            fs::create_dir_all(folder).expect("writable");
        }
        Self { folder, place, preparation: Preparation::default(), resume, output, checkpoint }
    }

    /// A training in these folders that writes its state after every batch.
    pub(crate) fn task<'a>(
        &'a self,
        network: &'a NetworkConfig,
        training: &'a TrainConfig,
        samples: &'a [Sample],
    ) -> TrainTask<'a> {
        TrainTask {
            network,
            training,
            seed: 3,
            place: &self.place,
            train: samples,
            validation: samples,
            preparation: &self.preparation,
            resume: &self.resume,
            pause: Duration::ZERO,
            earlier: None,
            first: None,
            output: &self.output,
            checkpoint: Some(&self.checkpoint),
        }
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.folder.path().join("checkpoint")
    }

    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.output.join(name)).expect("the training wrote it")
    }

    #[track_caller]
    pub(crate) fn check_equal(&self, other: &Self, what: &str) {
        for name in [model::BEST, model::LAST, model::HISTORY, model::STEPS, model::CARD] {
            assert!(self.file(name) == other.file(name), "{what}: {name} differs");
        }
    }
}
