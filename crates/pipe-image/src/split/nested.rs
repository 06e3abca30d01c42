//! Splits within splits, and splits by image.
//! It does not know how a fold is used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Fold, Member, SplitError, kfold_by_patient};
use crate::Part;
use crate::number::Probability;

/// Deals the patients that an outer fold does not test into inner folds: all choices within the outer fold can be made by these,
/// and no inner fold has a case of a patient that the outer fold tests.
///
/// `outer` is the number of the outer fold; inner folds of another one are dealt in another order.
///
/// # Errors
/// If there are fewer than two inner folds, more of them than patients that are left, or nobody is left to train on.
pub fn nested(
    cases: &[Member],
    (outer, fold): (usize, &Fold),
    folds: usize,
    seed: u64,
    validation: Probability,
) -> Result<Vec<Fold>, SplitError> {
    let tested: BTreeSet<&String> = fold.test.iter().collect();
    // By patient, too: a fold from elsewhere need not hold all cases of a patient.
    let of_tested = cases.iter().filter(|case| tested.contains(&case.id)).map(|case| case.patient.as_str());
    let patients: BTreeSet<&str> = of_tested.collect();
    let rest: Vec<Member> = cases.iter().filter(|case| !patients.contains(case.patient.as_str())).cloned().collect();
    let dealt =
        kfold_by_patient(&rest, folds, seed ^ (outer as u64 + 1).wrapping_mul(0xa24b_aed4_963e_e407), validation);
    dealt.map_err(|error| match error {
        SplitError::TooFewFolds { .. } => {
            let patients = rest.iter().map(|case| &case.patient).collect::<BTreeSet<_>>().len();
            SplitError::Inner { folds, outer, patients }
        }
        SplitError::MoreFoldsThanPatients { patients, .. } => SplitError::Inner { folds, outer, patients },
        other => other,
    })
}

/// Makes every case its own patient, so that a split deals images and not patients: images of one patient come to both sides.
pub fn by_image(cases: &[Member]) -> Vec<Member> {
    cases.iter().map(|case| Member { patient: case.id.clone(), ..case.clone() }).collect()
}

/// How far a fold leaks that was cut by image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leak {
    /// Patients of the fold's test part.
    pub tested: usize,
    /// Of these, patients of whom other images are in the training or validation part.
    pub seen: usize,
}

impl Leak {
    /// Counts the patients that are on both sides of a fold.
    pub fn of(fold: &Fold, cases: &[Member]) -> Self {
        let patient_of: BTreeMap<&str, &str> =
            cases.iter().map(|case| (case.id.as_str(), case.patient.as_str())).collect();
        let patients = |part: Part| fold.part(part).iter().filter_map(|case| patient_of.get(case.as_str()).copied());
        let seen: BTreeSet<&str> = patients(Part::Train).chain(patients(Part::Validation)).collect();
        let tested: BTreeSet<&str> = patients(Part::Test).collect();
        Self { tested: tested.len(), seen: tested.intersection(&seen).count() }
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tested, seen } = self;
        write!(formatter, "folds cut by image (`leaky: true`): ")?;
        match seen {
            0 => write!(formatter, "no tested patient has images in training too"),
            _ => write!(formatter, "{seen} of {tested} tested patients have images in training too"),
        }
    }
}
