//! The artifact types that built-in stages exchange: a `Split` is not a `Mask`.
//!
//! Knows their names only; each format lives with the stage that writes it.

use pipe_engine::{ArtifactType, FILES};

/// One packed file of checked, resized cases ([`pipe_image::Pack`]).
pub const DATASET: ArtifactType = ArtifactType("dataset");
/// How the cases of a data set were prepared, as JSON; travels with the model.
pub const PREPARATION: ArtifactType = ArtifactType("preparation");
/// A fold's training and validation cases, pinned by the digests of their images and masks.
pub const TRAINING: ArtifactType = ArtifactType("training");
/// A fold's test cases, pinned by the digests of their images alone.
pub const IMAGES: ArtifactType = ArtifactType("images");
/// A fold's test cases, pinned by the digests of their masks alone.
pub const TRUTH: ArtifactType = ArtifactType("truth");
/// A trained network: checkpoints, configuration, history.
pub const MODEL: ArtifactType = ArtifactType("model");
/// Where a training stands, so that a longer one can continue: state, best weights, recipe.
pub const CHECKPOINT: ArtifactType = ArtifactType("checkpoint");
/// Probabilities of the test cases, packed as f16.
pub const PREDICTION: ArtifactType = ArtifactType("prediction");
/// Predicted masks as NIfTI and PNG files, with an index.
pub const MASKS: ArtifactType = ArtifactType("masks");
/// Metrics by case as CSV, and their summary as JSON.
pub const EVALUATION: ArtifactType = ArtifactType("evaluation");
/// Weights with PyTorch names, and the preparation that belongs to them.
pub const EXPORT: ArtifactType = ArtifactType("export");
/// A folder of images that an earlier stage of the kind `command` wrote.
pub(crate) const SOURCE: ArtifactType = FILES;
