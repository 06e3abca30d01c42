//! Builds and trains networks with Burn.
//!
//! Does not know stages, stores or YAML: settings are plain types, data are arrays, results are files in a folder.

pub mod batch;
pub mod checkpoint;
pub mod device;
pub mod head;
pub mod history;
mod infer;
pub mod init;
mod labels;
pub mod losses;
pub mod model;
pub mod networks;
pub mod optimizers;
mod probe;
mod random;
mod recipe;
mod resume;
mod running;
mod samples;
pub mod schedule;
mod show;
mod train;
mod validation;
pub mod weights;

pub use batch::{Sample, Target};
pub use checkpoint::CheckpointError;
pub use device::{DeviceChoice, DeviceError, Place};
pub use head::Head;
pub use history::HistoryRow;
pub use infer::{Model, PredictError};
pub use labels::Labels;
pub use losses::{DeepSupervision, LossConfig};
pub use model::ModelCard;
pub use networks::{NETWORKS, NetworkConfig, NetworkError, NetworkKind};
pub use optimizers::OptimizerConfig;
pub use probe::{Gradient, Probe, ProbeError, probe, probe_gradients};
pub use recipe::{EarlyStopping, TrainConfig};
pub use schedule::ScheduleConfig;
pub use show::{Layer, Show, show};
pub use train::{TrainError, TrainEvent, TrainOutcome, TrainTask, train};
