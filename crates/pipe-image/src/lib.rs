//! Reads medical images, data-set layouts and applies transforms: plain arrays, no learning.
//! It does not know stages, stores, YAML or networks.

pub mod case;
pub mod clip;
pub mod encoding;
#[cfg(test)]
mod fixture;
pub mod formats;
pub mod layouts;
pub mod look;
pub mod mask;
pub mod native;
pub mod number;
pub mod pack;
pub mod pattern;
pub mod phantom;
pub mod prepare;
pub mod problem;
pub mod proposal;
pub mod resize;
pub mod sheet;
pub mod split;
pub mod stats;
pub mod transforms;

pub use case::{Case, CaseFiles, MaskSource, Part};
pub use clip::Image;
pub use encoding::MaskEncoding;
pub use layouts::{Layout, Survey};
pub use look::{Finding, Found, Look, across, findings};
pub use mask::{IGNORED, Mask};
pub use native::{Native, Slice};
pub use pack::{Dtype, Entry, EntryMeta, Maps, Pack, PackError, PackWriter};
pub use prepare::{Preparation, Prepared, prepare};
pub use problem::{DataProblem, DataProblems, What};
pub use proposal::{Change, Channelled, Proposal, hinted, proposals, unequal_channels};
pub use sheet::{Picture, Tile, colour, contact_sheet, thumbnail};
pub use stats::{
    Census, ClassStatistics, Facts, Intensity, Measured, Numbers, Spread, Statistics, Summary, class_names,
};
pub use transforms::{Transform, augment};
