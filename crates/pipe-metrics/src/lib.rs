//! Compares a prediction with a reference, and does statistics.
//!
//! Does not know files, networks or stages. A mask is a slice of bytes in C order (slices, rows, columns); anything but 0 is
//! foreground. A [`Pair`] is one class of one case, a [`Case`] all of its classes; a [`Metric`] gives a pair a [`Score`], and
//! [`EmptyMasks`] says what it is where masks are empty.

mod case;
mod confusion;
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
pub use empty::{BothEmpty, Emptiness, EmptyMasks, OneEmpty, UnknownConvention};
pub use evaluation::{CaseScores, Evaluation, MEAN, Measured, NotMeasured, Protocol};
pub use mask::{Connectivity, LengthUnit, Spacing, SpacingError, skeletonize};
pub use metrics::*;
pub use pair::{CaseError, Elements, Pair};
pub use pooled::Pooled;
pub use probability::{Bin, CurvePoint, Group, Groups, NoProbability, ProbabilityCounts, Threshold};
pub use score::Score;
pub use setting::{NonNegative, OutOfRange, Positive, Share};
pub use surfaces::{Side, Surfaces};
