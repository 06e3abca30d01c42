//! Splits by patient: k folds with test and validation parts, and checks of splits that were given.
//! It does not know images; a case is its id and its patient.

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde::{Deserialize, Serialize};

use crate::Part;
use crate::number::Probability;

mod error;
mod file;
mod nested;

pub use error::SplitError;
pub use file::from_text;
pub use nested::{Leak, by_image, nested};

/// A case as splits see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The case.
    pub id: String,
    /// The patient.
    pub patient: String,
    /// The official part, if any.
    pub part: Option<Part>,
    /// The site or scanner, if known.
    pub site: Option<String>,
    /// What folds are to have equal shares of; nothing where they need not.
    pub stratum: Option<String>,
}

/// The cases of one fold: each case stands in at most one part, and so does each patient.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fold {
    /// Cases to fit on.
    pub train: Vec<String>,
    /// Cases to choose checkpoints and thresholds by.
    #[serde(default)]
    pub validation: Vec<String>,
    /// Cases that numbers are reported on.
    #[serde(default)]
    pub test: Vec<String>,
}

impl Fold {
    /// Gives the cases of a part.
    pub fn part(&self, part: Part) -> &[String] {
        match part {
            Part::Train => &self.train,
            Part::Validation => &self.validation,
            Part::Test => &self.test,
        }
    }
}

/// Deals patients into folds: each patient is in the test part of exactly one fold.
///
/// Patients are sorted, shuffled by the seed and dealt in turn, so the order of the cases does not count; those of one stratum are
/// dealt one after the other, so that folds get equal shares. A patient is of the strata of all its cases. The validation part of a fold is a fraction of
/// its other patients, at least one when the fraction is above 0. Cases within a part keep their order.
///
/// # Errors
/// If there are fewer than two folds, more folds than patients, or nobody is left to train on.
pub fn kfold_by_patient(
    cases: &[Member],
    folds: usize,
    seed: u64,
    validation: Probability,
) -> Result<Vec<Fold>, SplitError> {
    let mut patients = strata(cases);
    if folds < 2 {
        return Err(SplitError::TooFewFolds { folds });
    }
    if folds > patients.len() {
        return Err(SplitError::MoreFoldsThanPatients { folds, patients: patients.len() });
    }
    shuffle(&mut patients, &mut Pcg64::seed_from_u64(seed));
    // Stable: within a stratum the order of the shuffle stays.
    patients.sort_by(|(_, one), (_, other)| one.cmp(other));
    let patients: Vec<&str> = patients.into_iter().map(|(patient, _)| patient).collect();
    let fold = |fold: usize| {
        let held_out = patients.iter().copied().skip(fold).step_by(folds).collect();
        without(cases, &held_out, validation, seed_of(seed, fold))
    };
    (0..folds).map(fold).collect()
}

/// The patients in their order, each with the strata of its cases.
fn strata(cases: &[Member]) -> Vec<(&str, BTreeSet<&str>)> {
    let mut strata: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for case in cases {
        strata.entry(&case.patient).or_default().extend(case.stratum.as_deref());
    }
    strata.into_iter().collect()
}

/// A state of its own for every fold: the validation part of one fold does not depend on the number of the others.
fn seed_of(seed: u64, fold: usize) -> u64 {
    seed ^ (fold as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The fold that holds these patients out, and carves its validation part from the others.
fn without(
    cases: &[Member],
    held_out: &BTreeSet<&str>,
    validation: Probability,
    seed: u64,
) -> Result<Fold, SplitError> {
    let patients: BTreeSet<&str> = cases.iter().map(|case| case.patient.as_str()).collect();
    let rest = patients.difference(held_out).copied().collect();
    let carved = carve(rest, validation, &mut Pcg64::seed_from_u64(seed))?;
    Ok(parts(cases, |case| match case.patient.as_str() {
        patient if held_out.contains(patient) => Some(Part::Test),
        patient if carved.contains(patient) => Some(Part::Validation),
        _ => Some(Part::Train),
    }))
}

/// Holds one site out in each fold, in the order of their names; the validation part is carved by patient from the others.
///
/// # Errors
/// If a case has no site, there is but one, a patient is of two, or nobody is left to train on.
pub fn leave_one_site_out(cases: &[Member], seed: u64, validation: Probability) -> Result<Vec<Fold>, SplitError> {
    let mut sites: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut of_patients: BTreeMap<&str, &str> = BTreeMap::new();
    for case in cases {
        let site = case.site.as_deref().ok_or_else(|| SplitError::NoSite { case: case.id.clone() })?;
        sites.entry(site).or_default().insert(&case.patient);
        let known = of_patients.insert(&case.patient, site).unwrap_or(site);
        if known != site {
            let [patient, one, other] = [&case.patient, known, site].map(str::to_owned);
            return Err(SplitError::TwoSites { patient, one, other });
        }
    }
    if sites.len() < 2 {
        let site = sites.into_keys().next().unwrap_or("").to_owned();
        return Err(SplitError::OneSite { site });
    }
    let fold = |(at, held_out): (usize, &BTreeSet<&str>)| without(cases, held_out, validation, seed_of(seed, at));
    sites.values().enumerate().map(fold).collect()
}

/// Holds a share of the patients out once: one fold.
///
/// # Errors
/// If nobody is left to train on, or nobody to test.
pub fn hold_out(cases: &[Member], seed: u64, test: Probability, validation: Probability) -> Result<Fold, SplitError> {
    let patients = strata(cases).into_iter().map(|(patient, _)| patient).collect();
    let tested = carve(patients, test, &mut Pcg64::seed_from_u64(seed))?;
    without(cases, &tested, validation, seed_of(seed, 0))
}

/// Takes a validation part by patient from the training part of each fold that has none.
///
/// # Errors
/// If nobody is left to train on.
pub fn carve_validation(
    folds: &mut [Fold],
    cases: &[Member],
    seed: u64,
    validation: Probability,
) -> Result<(), SplitError> {
    let patient_of: BTreeMap<&str, &str> = cases.iter().map(|case| (case.id.as_str(), case.patient.as_str())).collect();
    for fold in folds.iter_mut().filter(|fold| fold.validation.is_empty()) {
        let of = |case: &String| patient_of.get(case.as_str()).copied().unwrap_or("");
        let patients: BTreeSet<&str> = fold.train.iter().map(of).collect();
        let carved = carve(patients.into_iter().collect(), validation, &mut Pcg64::seed_from_u64(seed))?;
        let (taken, left) = fold.train.drain(..).partition(|case| carved.contains(of(case)));
        (fold.validation, fold.train) = (taken, left);
    }
    Ok(())
}

/// Gives the official parts as one fold; a missing validation part is carved by patient from the training part.
///
/// # Errors
/// If there is no official training part, a patient is on two sides, or nobody is left to train on.
pub fn official(cases: &[Member], seed: u64, validation: Probability) -> Result<Fold, Vec<SplitError>> {
    let has = |part: Part| cases.iter().any(|case| case.part == Some(part));
    if !has(Part::Train) {
        return Err(vec![SplitError::NoOfficialPart { part: Part::Train }]);
    }
    let carved = if has(Part::Validation) {
        BTreeSet::new()
    } else {
        let of_train = cases.iter().filter(|case| case.part == Some(Part::Train));
        let patients: BTreeSet<&str> = of_train.map(|case| case.patient.as_str()).collect();
        carve(patients.into_iter().collect(), validation, &mut Pcg64::seed_from_u64(seed))
            .map_err(|error| vec![error])?
    };
    let fold = parts(cases, |case| match case.part {
        Some(Part::Train) if carved.contains(case.patient.as_str()) => Some(Part::Validation),
        part => part,
    });
    check_given(std::slice::from_ref(&fold), cases).map(|()| fold)
}

/// Checks a split that was given: unknown and repeated cases, empty parts, and patients on two sides; all at once.
///
/// # Errors
/// With everything that is wrong.
pub fn check_given(folds: &[Fold], cases: &[Member]) -> Result<(), Vec<SplitError>> {
    let patients: BTreeMap<&str, &str> = cases.iter().map(|case| (case.id.as_str(), case.patient.as_str())).collect();
    let mut errors: Vec<SplitError> = if folds.is_empty() { vec![SplitError::NoFold] } else { Vec::new() };
    for (at, fold) in folds.iter().enumerate() {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut sides: BTreeMap<&str, BTreeMap<Part, &str>> = BTreeMap::new();
        for (part, case) in Part::ALL.into_iter().flat_map(|part| fold.part(part).iter().map(move |case| (part, case)))
        {
            if !seen.insert(case) {
                errors.push(SplitError::RepeatedCase { fold: at, case: case.clone() });
            }
            match patients.get(case.as_str()) {
                Some(patient) => drop(sides.entry(patient).or_default().entry(part).or_insert(case)),
                None => errors.push(SplitError::UnknownCase { fold: at, case: case.clone(), part }),
            }
        }
        for (patient, sides) in sides.iter().filter(|(_, sides)| sides.len() > 1) {
            let sides: Vec<(Part, &str)> = sides.iter().map(|(part, case)| (*part, *case)).collect();
            errors.extend(sides.windows(2).map(|pair| SplitError::Leakage {
                fold: at,
                patient: (*patient).to_owned(),
                one: pair[0].0,
                one_case: pair[0].1.to_owned(),
                other: pair[1].0,
                other_case: pair[1].1.to_owned(),
            }));
        }
        if fold.train.is_empty() {
            errors.push(SplitError::EmptyTrain { fold: at });
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// Chooses the patients of the validation part.
fn carve<'a>(mut rest: Vec<&'a str>, fraction: Probability, rng: &mut Pcg64) -> Result<BTreeSet<&'a str>, SplitError> {
    if fraction == Probability::ZERO {
        return Ok(BTreeSet::new());
    }
    let count = ((fraction.get() * rest.len() as f64).round() as usize).max(1);
    if count >= rest.len() {
        return Err(SplitError::NothingToTrain { validation: count, rest: rest.len() });
    }
    rest.sort_unstable();
    shuffle(&mut rest, rng);
    Ok(rest.into_iter().take(count).collect())
}

fn parts(cases: &[Member], part_of: impl Fn(&Member) -> Option<Part>) -> Fold {
    let of = |part: Part| cases.iter().filter(|case| part_of(case) == Some(part)).map(|case| case.id.clone()).collect();
    Fold { train: of(Part::Train), validation: of(Part::Validation), test: of(Part::Test) }
}

/// Fisher-Yates, written out so that a new release of a crate cannot change splits; the bias of the remainder is below 2^-50.
fn shuffle<T>(items: &mut [T], rng: &mut Pcg64) {
    for at in (1..items.len()).rev() {
        let other = (rng.next_u64() % (at as u64 + 1)) as usize;
        items.swap(at, other);
    }
}

#[cfg(test)]
mod tests;
