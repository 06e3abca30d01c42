//! Whether the names of cases look like several images of each patient.
//! It does not open files.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Proposal;
use crate::case::CaseFiles;
use crate::layouts::{Labels, Layout};
use crate::pattern::Pattern;

/// What may stand between the words of a name.
const BETWEEN: [char; 4] = ['_', '-', ' ', '.'];

/// A pattern that tells patients, where the layout has none and every case counts as a patient of its own.
pub(super) fn proposal(layout: &Layout, cases: &[CaseFiles]) -> Option<Proposal> {
    let names = |suffix: &str| cases.iter().filter_map(|case| name_of(case, suffix)).collect::<Vec<_>>();
    if cases.iter().any(|case| case.patient != case.id || case.slice.is_some()) {
        return None;
    }
    match layout {
        Layout::Folder(layout) if layout.patient.is_none() => {
            let (pattern, why) = pattern(&names(&layout.image_suffix))?;
            Some(Proposal::new(None, why, vec![("data.layout.folder.patient".to_owned(), Value::from(pattern))]))
        }
        Layout::Coco(layout) if layout.patient.is_none() => {
            let (pattern, why) = pattern(&names(""))?;
            Some(Proposal::new(None, why, vec![("data.layout.coco.patient".to_owned(), Value::from(pattern))]))
        }
        Layout::Files(layout) if layout.patient.is_none() && layout.case.is_none() => {
            let (pattern, why) = pattern(&cases.iter().map(|case| case.id.as_str()).collect::<Vec<_>>())?;
            // Only where one name tells cases apart, and nothing else in the paths does.
            let only = |pattern: &Pattern| {
                let text = pattern.to_string();
                (text.matches('{').count() == 1 && text.contains("{case}")).then_some(text)
            };
            let told = |patterns: &[Pattern]| -> Option<Value> {
                let texts: Option<Vec<String>> = patterns.iter().map(only).collect();
                Some(texts?.into_iter().map(|text| Value::from(text.replace("{case}", &pattern))).collect())
            };
            let mut changes = vec![("data.layout.files.images".to_owned(), told(&layout.images)?)];
            match &layout.masks {
                Some(Labels::Files { paths, .. }) => {
                    changes.push(("data.layout.files.masks.files.paths".to_owned(), told(paths)?));
                }
                None => {}
                Some(_) => return None,
            }
            Some(Proposal::new(None, why, changes))
        }
        _ => None,
    }
}

/// The name of a case's image without folders, extension and suffix.
fn name_of<'a>(case: &'a CaseFiles, suffix: &str) -> Option<&'a str> {
    let name = case.frames.first()?.rsplit('/').next()?;
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).strip_suffix(suffix)
}

/// A pattern whose `{patient}` is the first word with a digit, where some of these words repeat and none but words that are always
/// the same stand before.
fn pattern(names: &[&str]) -> Option<(String, String)> {
    let between =
        BETWEEN.into_iter().find(|between| !names.is_empty() && names.iter().all(|name| name.contains(*between)))?;
    let words = |name: &str| name.split(between).map(str::to_owned).collect::<Vec<_>>();
    let first = words(names[0]);
    let at = first.iter().position(|word| word.chars().any(|letter| letter.is_ascii_digit()))?;
    let mut patients: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names {
        let words = words(name);
        let fits = words.len() > at + 1 && words[..at] == first[..at] && words.iter().all(|word| !word.is_empty());
        if !fits || !words[at].chars().any(|letter| letter.is_ascii_digit()) {
            return None;
        }
        patients.entry(words[at].clone()).or_default().push(name);
    }
    // Nearly every name a patient, or all names one: no groups.
    if patients.len() < 2 || patients.len() * 3 > names.len() * 2 {
        return None;
    }
    let before: String = first[..at].iter().map(|word| format!("{word}{between}")).collect();
    let pattern = format!("{before}{{patient}}{between}{{rest}}");
    let understood = Pattern::new(&pattern).ok()?;
    if !names.iter().all(|name| understood.find(name).is_some()) {
        return None;
    }
    let shown = patients.values().find(|names| names.len() > 1)?;
    let why = format!(
        "every case counts as a patient of its own, but names look like {} patients with several cases each (`{}`, `{}`); if so, folds \
         would have one patient on two sides",
        patients.len(),
        shown[0],
        shown[1]
    );
    Some((pattern, why))
}
