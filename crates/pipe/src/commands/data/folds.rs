//! The folds of an experiment, cut out of a data set that was just read: who is where, and what is on two sides.
//! It does not print.

use std::collections::BTreeSet;
use std::path::Path;

use pipe_image::{
    Facts, Finding, Part, across,
    split::{Fold, Leak, Member},
};
use pipe_stages::{SplitWith, Stratify};
use serde::Serialize;

use super::inspect::Inspected;

/// One fold.
#[derive(Debug, Serialize)]
pub(super) struct FoldFacts {
    /// The stage that cuts it.
    pub stage: String,
    /// Why it cannot be cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its parts.
    pub parts: Vec<PartFacts>,
    /// How far it leaks, if it was cut by image.
    pub leak: Option<Leak>,
    /// Images that stand in more than one part.
    pub across: Vec<Across>,
}

/// A part of a fold.
#[derive(Debug, Serialize)]
pub(super) struct PartFacts {
    pub part: Part,
    pub cases: usize,
    pub patients: usize,
    /// How many cases have each class, in the order of all classes.
    pub classes: Vec<(u8, usize)>,
}

/// Equal or similar images in more than one part.
#[derive(Debug, Serialize)]
pub(super) struct Across {
    /// What is equal or similar.
    pub text: String,
    /// The cases, and where they are.
    pub cases: Vec<(Part, String)>,
}

impl Across {
    /// In words: one case of each part.
    pub(super) fn words(&self) -> String {
        let one = |part: Part| self.cases.iter().find(|(known, _)| *known == part);
        let places: Vec<_> =
            Part::ALL.into_iter().filter_map(one).map(|(part, case)| format!("`{case}` in {part}")).collect();
        format!("{}: {}", self.text, places.join(", "))
    }
}

/// The classes of all cases.
pub(super) fn classes(cases: &[Facts]) -> BTreeSet<u8> {
    cases.iter().flat_map(|case| case.classes.keys().copied()).collect()
}

/// Cuts all folds.
pub(super) fn folds(splits: &[(String, SplitWith)], seen: &Inspected, workspace: &Path) -> Vec<FoldFacts> {
    let known = classes(seen.census.cases());
    let fold = |(stage, with): &(String, SplitWith)| {
        let dealt = seen.census.cases().iter().filter(|case| with.deals(case.foreground.is_some()));
        let cut = dealt.map(|case| member(case, with, seen)).collect::<Result<Vec<_>, _>>();
        let cut = cut.and_then(|members| with.cut(&members, &|location| workspace.join(location.path())));
        let mut facts =
            FoldFacts { stage: stage.clone(), error: None, parts: Vec::new(), leak: None, across: Vec::new() };
        match cut {
            Ok(cut) => {
                facts.parts = Part::ALL.into_iter().map(|part| part_facts(part, &cut.fold, seen, &known)).collect();
                facts.leak = cut.leak;
                facts.across = across(&seen.findings, &cut.fold).into_iter().map(placed).collect();
                facts.error = unusable(&cut.fold, seen.census.cases());
            }
            Err(failure) => facts.error = Some(failure.to_string()),
        }
        facts
    };
    splits.iter().map(fold).collect()
}

fn member(case: &Facts, with: &SplitWith, seen: &Inspected) -> Result<Member, pipe_stages::Failure> {
    let Facts { id, patient, part, site, .. } = case.clone();
    let member = Member { id, patient, part, site, stratum: None };
    Stratify::member(with.stratify(), member, &case.tags, || seen.prepared.get(&case.id).cloned().unwrap_or_default())
}

fn placed((finding, cases): (&Finding, Vec<(Part, &str)>)) -> Across {
    Across {
        text: finding.text.clone(),
        cases: cases.into_iter().map(|(part, case)| (part, case.to_owned())).collect(),
    }
}

fn part_facts(part: Part, fold: &Fold, seen: &Inspected, known: &BTreeSet<u8>) -> PartFacts {
    let ids: BTreeSet<&str> = fold.part(part).iter().map(String::as_str).collect();
    let cases: Vec<&Facts> = seen.census.cases().iter().filter(|case| ids.contains(case.id.as_str())).collect();
    let patients: BTreeSet<&str> = cases.iter().map(|case| case.patient.as_str()).collect();
    let with = |class: &u8| (*class, cases.iter().filter(|case| case.classes.contains_key(class)).count());
    PartFacts { part, cases: cases.len(), patients: patients.len(), classes: known.iter().map(with).collect() }
}

/// Why the stage `split` would refuse the fold.
fn unusable(fold: &Fold, cases: &[Facts]) -> Option<String> {
    if fold.test.is_empty() {
        return Some("the fold has no test cases, so there would be nothing to report".to_owned());
    }
    let ids: BTreeSet<&String> = Part::ALL.into_iter().flat_map(|part| fold.part(part)).collect();
    let bare = cases.iter().filter(|case| case.foreground.is_none() && ids.contains(&case.id));
    let bare: Vec<&str> = bare.map(|case| case.id.as_str()).collect();
    let first = bare.first()?;
    Some(format!(
        "{} of its cases have no mask, `{first}` for instance; `presence: leave_out` leaves them out",
        bare.len()
    ))
}

impl FoldFacts {
    /// Whether patients or images are, or seem to be, on two sides of it.
    pub(super) fn leaks(&self) -> bool {
        self.leak.is_some_and(|leak| leak.seen > 0) || !self.across.is_empty()
    }

    /// What is wrong with it, and what is worth a look.
    pub(super) fn warnings(&self) -> Vec<(bool, String)> {
        let wrong = self.error.iter().map(|error| (true, error.clone()));
        let leak = self.leak.iter().map(|leak| (false, leak.to_string()));
        wrong.chain(leak).chain(self.across.iter().map(|across| (false, across.words()))).collect()
    }
}
