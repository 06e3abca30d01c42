//! Compares a prediction with a reference, and does statistics.
//!
//! Does not know files, networks or stages. A mask is a slice of bytes in C order (slices, rows, columns); anything but 0 is
//! foreground. A [`Pair`] is one class of one case, a [`Case`] all of its classes; a [`Metric`] gives a pair a [`Score`], and
//! [`EmptyMasks`] says what it is where masks are empty.
//!
//! ```
//! use pipe_metrics::{EmptyMasks, Metrics, Pair, Score, Spacing};
//!
//! let metrics: Metrics = serde_json::from_str(r#"["dice", "hd95", { "nsd": { "tolerance": 1 } }]"#)?;
//! let (prediction, reference) = ([0, 1, 1, 0], [0, 1, 1, 1]);
//! let spacing = Spacing::millimetres([0.0, 0.5, 0.5])?;
//! let pair = Pair::new(&prediction, &reference, [1, 1, 4], spacing)?;
//! let scores = metrics.scores(&pair, EmptyMasks::default())?;
//! assert_eq!(scores[0], Score::Known(0.8));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod case;
mod confusion;
mod convention;
mod counts;
mod empty;
mod evaluation;
mod mask;
mod metrics;
mod pair;
mod pooled;
mod probability;
mod score;
mod setting;
pub mod statistics;
mod surfaces;

pub use case::{Case, Classes};
pub use confusion::Confusion;
pub use counts::Counts;
pub use empty::{BothEmpty, Emptiness, EmptyMasks, OfEmpty, OneEmpty, UnknownConvention};
pub use evaluation::{CaseScores, Evaluation, MEAN, Measured, NotMeasured, Protocol, Unmeasured, left_out};
pub use mask::{Connectivity, LengthUnit, Spacing, SpacingError, skeletonize};
pub use metrics::*;
pub use pair::{CaseError, Elements, Pair};
pub use pooled::Pooled;
pub use probability::{Bin, CurvePoint, Group, Groups, NoProbability, ProbabilityCounts, Threshold};
pub use score::Score;
pub use setting::{NonNegative, OutOfRange, Positive, Share};
pub use surfaces::{Side, Surfaces};
