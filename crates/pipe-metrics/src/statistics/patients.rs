//! Values of patients from values of cases, and patients of two systems paired by name.
//!
//! Does not know metrics. Slices and images of one patient are not independent; patients are.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use super::{StatisticsError, mean};
use crate::Score;

/// One value for each patient, sorted by name, so that nothing depends on the order of files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Patients {
    /// The mean over the patient's cases that count.
    pub values: IndexMap<String, f64>,
    /// Patients of whom a convention leaves out every case.
    pub excluded: Vec<String>,
    /// Patients with a value of whom at least one case is imputed.
    pub imputed: Vec<String>,
    /// Cases that a convention leaves out, of all patients.
    pub excluded_cases: usize,
}

impl Patients {
    /// The values alone.
    pub fn scores(&self) -> Vec<f64> {
        self.values.values().copied().collect()
    }
}

/// The mean over each patient's cases; cases that are left out do not count, and a patient without any other is left out.
///
/// # Errors
/// A value is infinite or not a number.
pub fn per_patient<'p>(cases: impl IntoIterator<Item = (&'p str, Score)>) -> Result<Patients, StatisticsError> {
    let mut all: IndexMap<&str, Vec<Score>> = IndexMap::new();
    for (patient, score) in cases {
        if let Some(value) = score.value().filter(|value| !value.is_finite()) {
            return Err(StatisticsError::PatientNotFinite { patient: patient.to_owned(), value });
        }
        all.entry(patient).or_default().push(score);
    }
    all.sort_unstable_keys();
    let mut found = Patients::default();
    for (patient, scores) in all {
        let known: Vec<f64> = scores.iter().filter_map(|score| score.value()).collect();
        found.excluded_cases += scores.len() - known.len();
        match mean(&known) {
            Some(value) => {
                found.values.insert(patient.to_owned(), value);
                if scores.iter().any(|score| matches!(score, Score::Imputed(_))) {
                    found.imputed.push(patient.to_owned());
                }
            }
            None => found.excluded.push(patient.to_owned()),
        }
    }
    Ok(found)
}

/// Which of two systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The first.
    One,
    /// The second.
    Other,
}

/// Why a patient has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The system was not evaluated on the patient.
    Absent,
    /// A convention leaves out all cases of the patient.
    Excluded,
}

/// A patient that has a value in one system only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unpaired {
    /// The patient.
    pub patient: String,
    /// The system without a value.
    pub without: Side,
    /// Why.
    pub why: Why,
}

/// Values of two systems on the same patients, sorted by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paired {
    /// The patients.
    pub patients: Vec<String>,
    /// Their values in the first system.
    pub one: Vec<f64>,
    /// Their values in the second system.
    pub other: Vec<f64>,
    /// Patients that could not be paired: what is said of the pairs is not said of them.
    pub unpaired: Vec<Unpaired>,
}

impl Paired {
    /// The differences, first less second.
    pub fn differences(&self) -> Vec<f64> {
        self.one.iter().zip(&self.other).map(|(one, other)| one - other).collect()
    }
}

/// Pairs the patients of two systems by name.
///
/// # Errors
/// No patient has a value in both.
pub fn pair(one: &Patients, other: &Patients) -> Result<Paired, StatisticsError> {
    let mut found = Paired { patients: Vec::new(), one: Vec::new(), other: Vec::new(), unpaired: Vec::new() };
    for (patient, value) in &one.values {
        if let Some(second) = other.values.get(patient) {
            found.patients.push(patient.clone());
            found.one.push(*value);
            found.other.push(*second);
        }
    }
    if found.patients.is_empty() {
        return Err(StatisticsError::NoPairs { one: one.values.len(), other: other.values.len() });
    }
    for (has, lacks, without) in [(one, other, Side::Other), (other, one, Side::One)] {
        for patient in has.values.keys().filter(|patient| !lacks.values.contains_key(*patient)) {
            let why = if lacks.excluded.contains(patient) { Why::Excluded } else { Why::Absent };
            found.unpaired.push(Unpaired { patient: patient.clone(), without, why });
        }
    }
    found.unpaired.sort_by(|one, other| one.patient.cmp(&other.patient));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patients(cases: &[(&'static str, Score)]) -> Patients {
        per_patient(cases.iter().copied()).expect("finite")
    }

    #[test]
    fn patients_are_means_of_their_cases() {
        let found = patients(&[
            ("b", Score::Known(0.5)),
            ("a", Score::Known(0.2)),
            ("b", Score::Excluded),
            ("a", Score::Imputed(0.0)),
            ("c", Score::Excluded),
        ]);
        assert_eq!(found.values, IndexMap::from([("a".to_owned(), 0.1), ("b".to_owned(), 0.5)]));
        assert_eq!(found.values.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(
            (&found.excluded[..], &found.imputed[..], found.excluded_cases),
            (&["c".to_owned()][..], &["a".to_owned()][..], 2)
        );
        assert!(matches!(
            per_patient([("p", Score::Known(f64::NAN))]),
            Err(StatisticsError::PatientNotFinite { patient, .. }) if patient == "p"
        ));
    }

    #[test]
    fn who_cannot_be_paired_is_named() {
        let one = patients(&[("a", Score::Known(0.1)), ("b", Score::Known(0.2)), ("c", Score::Known(0.3))]);
        let other = patients(&[("c", Score::Known(0.4)), ("b", Score::Excluded), ("d", Score::Known(0.5))]);
        let found = pair(&one, &other).expect("one pair");
        assert_eq!((&found.patients[..], found.differences().len()), (&["c".to_owned()][..], 1));
        let named: Vec<_> = found.unpaired.iter().map(|row| (row.patient.as_str(), row.without, row.why)).collect();
        let expected =
            [("a", Side::Other, Why::Absent), ("b", Side::Other, Why::Excluded), ("d", Side::One, Why::Absent)];
        assert_eq!(named, expected);
        let nobody = patients(&[("x", Score::Known(1.0))]);
        assert_eq!(pair(&one, &nobody), Err(StatisticsError::NoPairs { one: 3, other: 1 }));
    }
}
