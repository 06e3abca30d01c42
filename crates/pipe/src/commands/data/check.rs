//! `pipe data check`: every case read, all problems at once, what would mend them, what is worth a look, and a page with all of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pipe_image::{DataProblems, Facts, Finding, Proposal, Statistics, class_names};
use serde_json::{Value, json};

use super::folds::{FoldFacts, folds};
use super::inspect::{Inspected, inspect};
use super::{DataSet, open, page};
use crate::args::{Chosen, Format};
use crate::failure::Failure;
use crate::output::{self, Align};
use crate::session::Session;

/// A data set that was checked.
pub(super) struct Checked {
    pub seen: Inspected,
    pub statistics: Statistics,
    /// What the classes are called, from 1 on.
    pub names: Vec<String>,
    pub folds: Vec<FoldFacts>,
}

pub(super) fn check(
    session: &Session,
    (chosen, root): (&Chosen, Option<&Path>),
    report: Option<&Path>,
) -> Result<ExitCode, Failure> {
    let set = open(session, chosen, root)?;
    let checked = checked(session, &set);
    let json = json(&set, &checked);
    let written = write(session, &set, &checked, &json, report);
    if chosen.format == Format::Json {
        output::json(&json);
    }
    let Checked { seen, folds, .. } = &checked;
    let page = match written {
        Ok(page) => Some(page),
        // The answer counts, also where nothing can be written.
        Err(error) if report.is_none() => {
            output::complain(&format!("note: no report was written: {error}\n"));
            None
        }
        Err(error) => return Err(error),
    };
    let say = |text: &str| {
        if chosen.format == Format::Text {
            output::print(text);
        }
    };
    if !seen.problems.is_empty() {
        if chosen.format == Format::Text {
            print_findings(&seen.findings);
        }
        print_proposals(&seen.proposals, &say);
        page.iter().for_each(|page| say(&format!("report: {}\n", session.shown(page))));
        return Err(DataProblems { list: seen.problems.clone() }.into());
    }
    let cases = seen.census.cases();
    if chosen.format == Format::Text {
        print(cases);
        print_findings(&seen.findings);
        print_folds(folds);
    }
    print_proposals(&seen.proposals, &say);
    page.iter().for_each(|page| say(&format!("report: {}\n", session.shown(page))));
    if cases.is_empty() {
        return Err(pipe_stages::Failure::NoCases.into());
    }
    let broken = folds.iter().any(|fold| fold.error.is_some());
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn checked(session: &Session, set: &DataSet) -> Checked {
    // Folds are cut by the classes of prepared masks: small ones may be lost.
    let stratified = set.splits.iter().any(|(_, with)| with.stratify().is_some());
    let preparation = stratified.then(|| set.config.preparation());
    let seen = inspect(&set.layout, &set.root, set.config.channels, preparation.as_ref());
    let names = class_names(&set.layout);
    let statistics = seen.census.statistics(&names);
    // Folds of half a data set are not those that will be trained on.
    let folds = if seen.problems.is_empty() { folds(&set.splits, &seen, &session.workspace) } else { Vec::new() };
    Checked { seen, statistics, names, folds }
}

fn json(set: &DataSet, Checked { seen, statistics, folds, .. }: &Checked) -> Value {
    json!({
        "layout": set.config.layout.name(),
        "cases": seen.census.cases(),
        "problems": seen.problems,
        "proposals": seen.proposals,
        "findings": seen.findings,
        "statistics": statistics,
        "folds": folds,
    })
}

/// Writes the page and the data beside it; gives the page.
fn write(
    session: &Session,
    set: &DataSet,
    checked: &Checked,
    json: &Value,
    folder: Option<&Path>,
) -> Result<PathBuf, Failure> {
    let folder = folder.map_or_else(|| session.reports(&set.experiment).join("data"), Path::to_path_buf);
    std::fs::create_dir_all(&folder).map_err(|source| Failure::file("create", &folder, source))?;
    let text = serde_json::to_vec_pretty(json).expect("answers are plain data");
    pipe_store::write_atomic(&folder.join("data.json"), &text)?;
    let page = folder.join("report.html");
    pipe_store::write_atomic(&page, page::page(set, checked).as_bytes())?;
    Ok(page)
}

fn print(cases: &[Facts]) {
    let head = [
        ("case", Align::Left),
        ("patient", Align::Left),
        ("part", Align::Left),
        ("frames", Align::Right),
        ("size", Align::Right),
        ("foreground", Align::Right),
    ];
    let has_ignored = cases.iter().any(|case| case.ignored > 0.0);
    let mut head = Vec::from(head);
    head.extend(has_ignored.then_some(("not known", Align::Right)));
    let row = |case: &Facts| {
        let mut row = vec![
            case.id.clone(),
            case.patient.clone(),
            case.part.map_or("", pipe_image::Part::name).to_owned(),
            case.frames.to_string(),
            format!("{} x {}", case.height, case.width),
            case.foreground.map_or_else(|| "no mask".to_owned(), |share| format!("{:.2} %", share * 100.0)),
        ];
        row.extend(has_ignored.then(|| format!("{:.2} %", case.ignored * 100.0)));
        row
    };
    output::print(&output::columns(&head, &cases.iter().map(row).collect::<Vec<_>>()));
    let patients: BTreeSet<_> = cases.iter().map(|case| &case.patient).collect();
    output::print(&format!("{} cases of {} patients, no problems\n", cases.len(), patients.len()));
}

/// What is worth a look, a screen of it.
fn print_findings(findings: &[Finding]) {
    const SHOWN: usize = 20;
    const NAMED: usize = 4;
    if !findings.is_empty() {
        output::print("\nworth a look:\n");
    }
    for Finding { cases, text, .. } in findings.iter().take(SHOWN) {
        let more = if cases.len() > NAMED { " ..." } else { "" };
        let named = cases[..cases.len().min(NAMED)].join(", ");
        let named = if named.is_empty() { named } else { format!(": {named}{more}") };
        output::print(&format!("  {text}{named}\n"));
    }
    if findings.len() > SHOWN {
        output::print(&format!("  and {} more; `--format json` lists all\n", findings.len() - SHOWN));
    }
}

/// The folds of the experiment, and what is on two sides of one.
fn print_folds(folds: &[FoldFacts]) {
    const SHOWN: usize = 30;
    if folds.is_empty() {
        return;
    }
    let head = [
        ("fold", Align::Left),
        ("train", Align::Right),
        ("validation", Align::Right),
        ("test", Align::Right),
        ("patients", Align::Right),
    ];
    let row = |fold: &FoldFacts| {
        let mut row = vec![fold.stage.clone()];
        row.extend(fold.parts.iter().map(|part| part.cases.to_string()));
        row.push(fold.parts.iter().map(|part| part.patients.to_string()).collect::<Vec<_>>().join(" + "));
        row
    };
    let whole: Vec<_> = folds.iter().filter(|fold| !fold.parts.is_empty()).map(row).collect();
    if !whole.is_empty() {
        output::print(&format!("\n{}", output::columns(&head, &whole)));
    }
    let warnings: Vec<String> = folds
        .iter()
        .flat_map(|fold| fold.warnings().into_iter().map(|(_, words)| format!("  {}: {words}\n", fold.stage)))
        .collect();
    output::print(&warnings.iter().take(SHOWN).cloned().collect::<String>());
    if warnings.len() > SHOWN {
        output::print(&format!("  and {} more; `--format json` lists all\n", warnings.len() - SHOWN));
    }
}

/// What to write in the YAML.
fn print_proposals(proposals: &[Proposal], say: &dyn Fn(&str)) {
    for Proposal { why, yaml, mends, .. } in proposals {
        let heading = if mends.is_some() { "this would mend it" } else { "this may be meant" };
        say(&format!("\n{heading}: {why}\n  {yaml}\n"));
    }
}
