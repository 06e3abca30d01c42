//! The metrics: a file a family, each with formula, unit, direction, convention and source at its settings.

mod boundary;
mod centreline;
mod choice;
mod definition;
mod description;
mod distance;
mod lesion;
mod overlap;
mod probability;
mod registry;
mod topology;

pub use boundary::BoundaryIou;
pub use centreline::ClDice;
pub use choice::{Metrics, MetricsError};
pub use definition::{Definition, definition};
pub use description::{Description, Direction, MeasureError, Needs};
pub use distance::{Assd, Hd, Hd95, Hd95Definition, Masd, Nsd, NsdDefinition};
pub use lesion::{LesionF1, LesionPrecision, LesionRecall, Overlap};
pub use overlap::{
    Accuracy, AccuracyOf, BalancedAccuracy, Dice, FBeta, Iou, Mcc, Precision, Recall, RelativeVolumeDifference,
    Specificity, VolumetricSimilarity,
};
pub use probability::{Brier, Ece, PrAuc, RocAuc};
pub use topology::{Betti0Error, Betti1Error};

// The metrics, in the order of reports. A new one is its settings in a family's file and its line here: name in YAML and settings.
registry::metrics! {
    /// Dice similarity coefficient.
    "dice" Dice,
    /// Intersection over union.
    "iou" Iou,
    /// Share of the prediction that is right.
    "precision" Precision,
    /// Share of the reference that is found.
    "recall" Recall,
    /// Share of background that is left alone.
    "specificity" Specificity,
    /// Share of pixels that are right.
    "accuracy" Accuracy,
    /// Mean of recall and specificity.
    "balanced_accuracy" BalancedAccuracy,
    /// Precision and recall, weighted.
    "f_beta" FBeta,
    /// Matthews correlation coefficient.
    "mcc" Mcc,
    /// How similar the volumes are, wherever they lie.
    "volumetric_similarity" VolumetricSimilarity,
    /// Difference of volumes, relative to the reference.
    "relative_volume_difference" RelativeVolumeDifference,
    /// Hausdorff distance.
    "hd" Hd,
    /// 95th percentile of the Hausdorff distance.
    "hd95" Hd95,
    /// Average symmetric surface distance.
    "assd" Assd,
    /// Mean average surface distance.
    "masd" Masd,
    /// Normalised surface distance (surface Dice) at a tolerance.
    "nsd" Nsd,
    /// Intersection over union near the borders.
    "boundary_iou" BoundaryIou,
    /// Centreline Dice.
    "cldice" ClDice,
    /// Share of predicted lesions that are real.
    "lesion_precision" LesionPrecision,
    /// Share of lesions that are found.
    "lesion_recall" LesionRecall,
    /// Lesion-wise F1.
    "lesion_f1" LesionF1,
    /// Error of the number of components.
    "betti_0_error" Betti0Error,
    /// Error of the number of loops.
    "betti_1_error" Betti1Error,
    /// Area under the ROC curve.
    "roc_auc" RocAuc,
    /// Area under the precision-recall curve (average precision).
    "pr_auc" PrAuc,
    /// Expected calibration error.
    "ece" Ece,
    /// Brier score.
    "brier" Brier,
}
