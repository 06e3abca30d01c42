//! Builds and trains networks with Burn.
//!
//! Does not know stages, stores or YAML: settings are plain types, data are arrays, results are files in a folder.

pub mod batch;
mod beforehand;
pub mod checkpoint;
mod continuing;
mod cuda_home;
pub mod device;
mod drawing;
mod ema;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod gradient;
pub mod head;
pub mod history;
mod infer;
pub mod init;
mod labels;
pub mod losses;
mod memory;
pub mod model;
pub mod networks;
pub mod optimizers;
mod precision;
pub mod pretrained;
mod probe;
mod random;
mod recipe;
mod resume;
mod running;
mod samples;
mod sampling;
pub mod schedule;
mod setting;
mod show;
mod train;
mod validation;
pub mod weights;

pub use batch::{Sample, Target};
pub use checkpoint::CheckpointError;
pub use cuda_home::{CudaHome, CudaMissing, MissingPart, cuda_home};
pub use device::{DeviceChoice, DeviceError, Place};
pub use ema::Ema;
pub use gradient::Clip;
pub use head::Head;
pub use history::{HistoryRow, Metric};
pub use infer::{Model, PredictError};
pub use labels::Labels;
pub use losses::{DeepSupervision, LossConfig};
pub use memory::{Footprint, Memory, ONE_VALUE, footprint};
pub use model::ModelCard;
pub use networks::{NETWORKS, NetworkConfig, NetworkError, NetworkKind};
pub use optimizers::OptimizerConfig;
pub use precision::Precision;
pub use pretrained::{First, NameMap, Part, Pretrained, PretrainedError, WeightsCard, pretrained};
pub use probe::{Gradient, Probe, ProbeError, probe, probe_gradients, probe_with};
pub use recipe::{EarlyStopping, LastBatch, TrainConfig};
pub use sampling::{Balance, Order, Sampling};
pub use schedule::ScheduleConfig;
pub use setting::SettingError;
pub use show::{Layer, Show, show};
pub use train::{TrainError, TrainEvent, TrainOutcome, TrainTask, train};
