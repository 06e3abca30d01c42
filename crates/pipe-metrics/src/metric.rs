//! The metrics that an evaluation computes, by name.
//!
//! Does not know formulas; each family's file has them.

use serde::{Deserialize, Serialize};

use crate::{Counts, accuracy, cldice, dice, iou, precision, recall, specificity};

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Larger is better.
    Higher,
    /// Smaller is better.
    Lower,
}

/// One case: two masks of equal shape, and their counts.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'m> {
    /// The prediction, `depth * height * width` bytes.
    pub prediction: &'m [u8],
    /// The reference, of equal shape.
    pub reference: &'m [u8],
    /// Slices; 1 for images.
    pub depth: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Pixels by what they are in both.
    pub counts: Counts,
}

impl<'m> Pair<'m> {
    /// A pair of masks.
    ///
    /// # Panics
    /// The masks have other lengths.
    pub fn new(prediction: &'m [u8], reference: &'m [u8], [depth, height, width]: [usize; 3]) -> Self {
        assert_eq!(prediction.len(), depth * height * width, "a mask of that shape");
        Self { prediction, reference, depth, height, width, counts: Counts::of(prediction, reference) }
    }
}

/// A metric of one case.
#[derive(Clone, Copy)]
pub struct Metric {
    /// Its name in files, tables and the ledger.
    pub name: &'static str,
    /// Raised when equal masks give another value than before.
    pub version: u32,
    /// Its name for people.
    pub label: &'static str,
    /// Its unit; empty for plain ratios.
    pub unit: &'static str,
    /// Which way is better.
    pub direction: Direction,
    /// Its value; none where its convention for empty masks excludes the case.
    pub of: fn(&Pair<'_>) -> Option<f64>,
}

const fn ratio(name: &'static str, label: &'static str, of: fn(&Pair<'_>) -> Option<f64>) -> Metric {
    Metric { name, version: 1, label, unit: "", direction: Direction::Higher, of }
}

/// All metrics, in the order of the tables. A new one is a line here and its function.
pub const METRICS: &[Metric] = &[
    ratio("dice", "Dice", |pair| dice(&pair.counts)),
    ratio("iou", "IoU", |pair| iou(&pair.counts)),
    ratio("precision", "Precision", |pair| precision(&pair.counts)),
    ratio("recall", "Recall", |pair| recall(&pair.counts)),
    ratio("specificity", "Specificity", |pair| specificity(&pair.counts)),
    ratio("accuracy", "Accuracy", |pair| accuracy(&pair.counts)),
    ratio("cldice", "clDice", |pair| cldice(pair.prediction, pair.reference, [pair.depth, pair.height, pair.width])),
];
