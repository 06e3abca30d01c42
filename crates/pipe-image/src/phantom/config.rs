//! What a phantom data set is made of.
//! It does not know how it is drawn.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::layouts::XcaSequences;

/// A phantom data set. Lengths are fractions of the image's side, attenuations are natural logarithms of intensity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PhantomConfig {
    /// Patients; each has a vessel tree of its own.
    #[schemars(range(min = 1, max = 10_000))]
    pub patients: usize,
    /// Sequences of each patient: other phases of heart and breath, another angle.
    #[schemars(range(min = 1, max = 1_000))]
    pub sequences_per_patient: usize,
    /// Side of the square frames, pixels.
    #[schemars(range(min = 32, max = 1024))]
    pub size: usize,
    /// Frames of a sequence.
    #[schemars(range(min = 1, max = 64))]
    pub frames: usize,
    /// The frame that the mask belongs to, counted from 0.
    pub label_frame: usize,
    /// Seed of everything.
    pub seed: u64,
    /// Attenuation of contrast medium against the default; lower is harder.
    #[schemars(range(min = 0.1, max = 4.0))]
    pub contrast: f64,
    /// Attenuation of ribs, spine, diaphragm, catheter and lung markings against the default; higher is harder.
    #[schemars(range(min = 0.0, max = 4.0))]
    pub background: f64,
    /// X-ray photons that reach an unobstructed pixel, which sets the Poisson noise; lower is harder.
    #[schemars(range(min = 20.0, max = 1_000_000.0))]
    pub photons: f64,
    /// Heartbeats a second.
    #[schemars(range(min = 0.1, max = 4.0))]
    pub heart_rate: f64,
    /// How far breath moves the heart.
    #[schemars(range(min = 0.0, max = 0.2))]
    pub breathing: f64,
}

impl Default for PhantomConfig {
    fn default() -> Self {
        Self {
            patients: 18,
            sequences_per_patient: 2,
            size: 64,
            frames: 4,
            label_frame: 2,
            seed: 0,
            contrast: 1.0,
            background: 1.0,
            photons: 900.0,
            heart_rate: 1.2,
            breathing: 0.03,
        }
    }
}

/// A phantom that cannot be made.
#[derive(Debug, Error)]
pub enum PhantomError {
    /// A setting out of its range.
    #[error("`{field}` of xca_phantom is {value}, expected {expected}")]
    Setting {
        /// The setting.
        field: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

impl PhantomConfig {
    /// Checks the settings that depend on each other, and the ranges.
    ///
    /// # Errors
    /// The first setting out of its range.
    pub fn check(&self) -> Result<(), PhantomError> {
        let wrong = |field, value: String, expected: &str| {
            let expected = expected.to_owned();
            Err(PhantomError::Setting { field, value, expected })
        };
        if self.patients == 0 {
            return wrong("patients", "0".to_owned(), "at least 1");
        }
        if self.sequences_per_patient == 0 {
            return wrong("sequences_per_patient", "0".to_owned(), "at least 1");
        }
        if !(32..=1024).contains(&self.size) {
            return wrong("size", self.size.to_string(), "32 to 1024");
        }
        if !(1..=64).contains(&self.frames) {
            return wrong("frames", self.frames.to_string(), "1 to 64");
        }
        if self.label_frame >= self.frames {
            let expected = format!("less than `frames`, which is {}", self.frames);
            return wrong("label_frame", self.label_frame.to_string(), &expected);
        }
        for (field, value, low, high) in [
            ("contrast", self.contrast, 0.1, 4.0),
            ("background", self.background, 0.0, 4.0),
            ("photons", self.photons, 20.0, 1e6),
            ("heart_rate", self.heart_rate, 0.1, 4.0),
            ("breathing", self.breathing, 0.0, 0.2),
        ] {
            if !(low..=high).contains(&value) {
                return wrong(field, value.to_string(), &format!("{low} to {high}"));
            }
        }
        Ok(())
    }

    /// The layout that reads the written files.
    pub fn layout(&self) -> XcaSequences {
        XcaSequences { frames: self.frames, label_frame: Some(self.label_frame), ..XcaSequences::default() }
    }
}
