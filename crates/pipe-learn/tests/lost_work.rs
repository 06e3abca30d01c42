//! Work that the thread of a device has lost: CubeCL logs its panic and goes on, and what is read back then means nothing.
//!
//! Needs a device that lacks `bf16`, such as Vulkan's; where none answers it says so. In a process of its own, because a device that
//! has failed once is trusted no more.
#![cfg(feature = "wgpu")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use pipe_image::{Image, Mask, Preparation};
use pipe_learn::{
    DeviceChoice, DeviceError, NetworkConfig, Place, Precision, Sample, TrainConfig, TrainError, TrainTask, train,
};

/// Trains for a step, into a folder.
fn trained(place: &Place, folder: &Path) -> Result<(), TrainError> {
    let network: NetworkConfig = serde_json::from_str(r#"{"unet": {"width": 2, "depth": 1}}"#).expect("in range");
    let recipe = r#"{"epochs": 1, "batch": 2, "precision": "bf16", "loss": {"dice": {}}, "optimizer": {"adam": {}}}"#;
    let training: TrainConfig = serde_json::from_str(recipe).expect("in range");
    let sample = |number: usize| Sample {
        id: format!("case {number}"),
        image: Image {
            frames: 1,
            channels: 1,
            height: 8,
            width: 8,
            data: (0..64).map(|at| at as f32 / 64.0).collect(),
        },
        mask: Mask::plane(8, 8, (0..64).map(|at| u8::from(at > 30 + number)).collect()),
    };
    let samples: Vec<Sample> = (0..2).map(sample).collect();
    train(
        &TrainTask {
            network: &network,
            training: &training,
            seed: 3,
            place,
            train: &samples,
            validation: &samples,
            preparation: &Preparation::default(),
            resume: folder,
            pause: Duration::MAX,
            earlier: None,
            first: None,
            output: folder,
            checkpoint: None,
        },
        &mut |_| (),
    )
    .map(|_| ())
}

#[test]
fn it_ends_the_training() {
    let place = match DeviceChoice::Wgpu.place() {
        Ok(place) if place.computes_in(Precision::Bf16).is_err() => place,
        Ok(_) => return println!("skipped: this device computes in bf16"),
        Err(error) => return println!("skipped: {error}"),
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = trained(&place, folder.path()).expect_err("it lacks the format");
    assert!(matches!(refused, TrainError::Device(DeviceError::Format { .. })), "{refused}");
    assert!(refused.to_string().starts_with("wgpu does not compute in `bf16`; use "), "{refused}");
    // A device that says it has every format, as the CPU does: nobody refuses, and its thread panics.
    let boasting = Place { name: "cpu", ..place };
    let lost = catch_unwind(AssertUnwindSafe(|| trained(&boasting, folder.path())));
    let told = lost.expect_err("what the device lost is no result");
    let told = told.downcast_ref::<String>().expect("words");
    assert!(told.contains("the device failed, so that its numbers mean nothing"), "{told}");
}
