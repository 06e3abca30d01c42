//! Overlap of two masks, from four counts.
//!
//! Convention for empty masks: where prediction and reference are both empty, an overlap is not defined, and the case is
//! excluded (`None`) and counted by whoever aggregates; where one is empty, Dice, IoU, precision and recall are 0.
//! Does not know how values are aggregated.

/// Pixels by what they are in the reference and in the prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Foreground in both.
    pub true_positive: u64,
    /// Foreground in the prediction alone.
    pub false_positive: u64,
    /// Foreground in the reference alone.
    pub false_negative: u64,
    /// Background in both.
    pub true_negative: u64,
}

impl Counts {
    /// Counts of two masks of equal shape.
    ///
    /// # Panics
    /// The masks have different lengths.
    pub fn of(prediction: &[u8], reference: &[u8]) -> Self {
        assert_eq!(prediction.len(), reference.len(), "masks of equal shape");
        // Sums of bytes over short runs stay in vector registers; a run of 255 cannot overflow a byte.
        let (mut both, mut predicted, mut referred) = (0_u64, 0_u64, 0_u64);
        for (p, r) in prediction.chunks(255).zip(reference.chunks(255)) {
            let (mut b, mut n, mut m) = (0_u8, 0_u8, 0_u8);
            for (p, r) in p.iter().zip(r) {
                let (p, r) = (u8::from(*p != 0), u8::from(*r != 0));
                b += p & r;
                n += p;
                m += r;
            }
            both += u64::from(b);
            predicted += u64::from(n);
            referred += u64::from(m);
        }
        let all = prediction.len() as u64;
        Self {
            true_positive: both,
            false_positive: predicted - both,
            false_negative: referred - both,
            true_negative: all + both - predicted - referred,
        }
    }

    fn both_empty(&self) -> bool {
        self.true_positive + self.false_positive + self.false_negative == 0
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn unless_empty(counts: &Counts, value: f64) -> Option<f64> {
    (!counts.both_empty()).then_some(value)
}

/// Dice = 2 TP / (2 TP + FP + FN) (Dice 1945).
pub fn dice(counts: &Counts) -> Option<f64> {
    let Counts { true_positive: tp, false_positive: fp, false_negative: f_n, .. } = *counts;
    unless_empty(counts, ratio(2 * tp, 2 * tp + fp + f_n))
}

/// Intersection over union = TP / (TP + FP + FN) (Jaccard 1912).
pub fn iou(counts: &Counts) -> Option<f64> {
    let Counts { true_positive: tp, false_positive: fp, false_negative: f_n, .. } = *counts;
    unless_empty(counts, ratio(tp, tp + fp + f_n))
}

/// Precision (positive predictive value) = TP / (TP + FP).
pub fn precision(counts: &Counts) -> Option<f64> {
    unless_empty(counts, ratio(counts.true_positive, counts.true_positive + counts.false_positive))
}

/// Recall (sensitivity; detection rate in Hao et al. 2020) = TP / (TP + FN).
pub fn recall(counts: &Counts) -> Option<f64> {
    unless_empty(counts, ratio(counts.true_positive, counts.true_positive + counts.false_negative))
}

/// Specificity = TN / (TN + FP); not defined where the reference has no background.
pub fn specificity(counts: &Counts) -> Option<f64> {
    let background = counts.true_negative + counts.false_positive;
    (background > 0).then(|| ratio(counts.true_negative, background))
}

/// Accuracy = (TP + TN) / all.
pub fn accuracy(counts: &Counts) -> Option<f64> {
    let Counts { true_positive: tp, false_positive: fp, false_negative: f_n, true_negative: tn } = *counts;
    let all = tp + fp + f_n + tn;
    (all > 0).then(|| ratio(tp + tn, all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: Option<f64>, expected: f64) {
        let found = found.expect("defined");
        assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    }

    /// Values of MedPy 0.5.2 and hand-computed counts for two ellipsoids and a stray block on a 24x32x32 grid.
    #[test]
    fn ellipsoids() {
        let mut prediction = vec![0_u8; 24 * 32 * 32];
        let mut reference = prediction.clone();
        for z in 0..24_i32 {
            for y in 0..32_i32 {
                for x in 0..32_i32 {
                    let at = ((z * 32 + y) * 32 + x) as usize;
                    let inside = |cz: i32, cy: i32, cx: i32, rz: f64, ry: f64, rx: f64| {
                        f64::from((z - cz).pow(2)) / rz
                            + f64::from((y - cy).pow(2)) / ry
                            + f64::from((x - cx).pow(2)) / rx
                            <= 1.0
                    };
                    let stray = (2..4).contains(&z) && (2..5).contains(&y) && (25..28).contains(&x);
                    reference[at] = u8::from(inside(12, 16, 15, 16.0, 64.0, 49.0));
                    prediction[at] = u8::from(inside(11, 17, 16, 25.0, 49.0, 81.0) || stray);
                }
            }
        }
        let counts = Counts::of(&prediction, &reference);
        assert_eq!(
            counts,
            Counts { true_positive: 812, false_positive: 529, false_negative: 107, true_negative: 23128 }
        );
        close(dice(&counts), 0.718_584_070_796_460_1);
        close(iou(&counts), 0.560_773_480_662_983_4);
        close(precision(&counts), 0.605_518_269_947_800_1);
        close(recall(&counts), 0.883_569_096_844_396_1);
        close(specificity(&counts), 0.977_638_753_857_209_3);
        close(accuracy(&counts), 0.974_121_093_75);
    }

    #[test]
    fn empty_masks() {
        let (empty, full) = ([0_u8; 4], [0, 255, 0, 0]);
        assert_eq!(dice(&Counts::of(&empty, &empty)), None);
        assert_eq!(accuracy(&Counts::of(&empty, &empty)), Some(1.0));
        for counts in [Counts::of(&empty, &full), Counts::of(&full, &empty)] {
            assert_eq!([dice(&counts), iou(&counts), precision(&counts), recall(&counts)], [Some(0.0); 4]);
        }
        assert_eq!(specificity(&Counts::of(&[1, 1], &[1, 1])), None);
    }
}
