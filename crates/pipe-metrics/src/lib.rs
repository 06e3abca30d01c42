//! Compares a prediction with a reference, and does statistics.
//!
//! Does not know files, networks or stages. A mask is a slice of bytes in C order; anything but 0 is foreground.

mod aggregate;
mod cldice;
mod metric;
mod overlap;
mod skeleton;

pub use aggregate::{Summary, mean_and_sd, summarise};
pub use cldice::cldice;
pub use metric::{Direction, METRICS, Metric, Pair};
pub use overlap::{Counts, accuracy, dice, iou, precision, recall, specificity};
pub use skeleton::skeletonize;
