//! `pipe report compare`: two past runs side by side, from the ledger and the store; their experiments may have changed since.
//!
//! Does not compare more than numbers, recipes and cases.

use indexmap::IndexMap;
use pipe_metrics::statistics::{Comparison, ComparisonPlan, Interval};
use pipe_report::{Compared, Difference, Report, compared, p_value, table, value};
use pipe_stages::{PastRun, side_by_side};
use pipe_store::{RunRow, Store};
use serde_json::{Value, json};

use super::{is_read_only, text, write_into};
use crate::{
    args::{Format, Which},
    commands::runs::{Changed, differences, find},
    failure::Failure,
    output::{self, Align},
    session::Session,
};

pub(super) fn compare(session: &Session, runs: [Which; 2], format: Format) -> Result<(), Failure> {
    let store = session.store()?;
    let [before, after] = [find(&store, runs[0])?, find(&store, runs[1])?];
    if before.id == after.id {
        return Err(Failure::Argument(format!("run {} is compared with itself; name another one", before.id)));
    }
    let report = report(&before, &after, &store)?;
    if report.cases.is_empty() {
        let words = format!(
            "neither run {} nor run {} has evaluated anything; `pipe runs diff {0} {1}` shows how they differ",
            before.id, after.id
        );
        return Err(Failure::Argument(words));
    }
    let (tests, untested) =
        compared(&report.metrics, &report.cases, report.pairs.as_deref(), &ComparisonPlan::default());
    let folder = session.reports("compared").join(format!("{}-{}", before.id, after.id));
    let folder = match write_into(folder, &report, &store) {
        Err(Failure::File { source, .. }) if is_read_only(&source) => None,
        folder => Some(folder?),
    };
    if format == Format::Json {
        output::json(&json!({
            "runs": [before, after],
            "differences": report.differences,
            "table": table(&report.metrics, &report.cases),
            "tests": tests.iter().map(test).collect::<Vec<_>>(),
            "not_compared": untested.iter().map(|pair| json!({
                "metric": pair.metric, "systems": pair.systems, "why": pair.why.to_string(),
            })).collect::<Vec<_>>(),
            "cases": report.cases,
            "missing": report.missing,
            "leaks": report.leaks,
            "folder": folder,
        }));
        return Ok(());
    }
    let mut words = String::new();
    [&before, &after].into_iter().for_each(|run| words.push_str(&format!("{}\n", line(run))));
    for Difference { stage, words: lines } in &report.differences {
        words.push_str(&format!("\n{stage}\n"));
        lines.iter().for_each(|line| words.push_str(&format!("  - {line}\n")));
    }
    output::print(&format!("{words}\n{}", text(&report)));
    if !tests.is_empty() {
        let head = [
            ("metric", Align::Left),
            ("systems", Align::Left),
            ("patients", Align::Right),
            ("median difference [95 %]", Align::Left),
            ("Wilcoxon", Align::Right),
            ("permutation", Align::Right),
        ];
        output::print(&format!("\n{}", output::columns(&head, &tests.iter().map(tested).collect::<Vec<_>>())));
    }
    match folder {
        Some(folder) => output::print(&format!("report: {}\n", session.shown(&folder.join("report.html")))),
        None => output::complain("note: the store may not be written, so no report was rendered\n"),
    }
    Ok(())
}

/// A test for programs.
fn test(found: &Compared) -> Value {
    let Comparison { n, unpaired, size, wilcoxon, permutation, .. } = &found.comparison;
    let interval = match size.interval {
        Interval::Bounds(low, high) => Some([low, high]),
        Interval::Undefined(_) => None,
    };
    json!({
        "metric": found.metric,
        "unit": found.unit,
        "systems": found.systems,
        "patients": n,
        "unpaired": unpaired.len(),
        "median_difference": size.value,
        "interval": interval,
        "wilcoxon": wilcoxon.test.p,
        "holm": found.holm,
        "permutation": permutation.p,
    })
}

/// A test for people.
fn tested(found: &Compared) -> Vec<String> {
    let Comparison { n, size, wilcoxon, permutation, .. } = &found.comparison;
    let interval = match size.interval {
        Interval::Bounds(low, high) => format!(" [{}, {}]", value(Some(low)), value(Some(high))),
        Interval::Undefined(_) => String::new(),
    };
    vec![
        found.label.clone(),
        found.systems.join(" − "),
        n.to_string(),
        format!("{}{interval}", value(Some(size.value))),
        p_value(wilcoxon.test.p),
        p_value(permutation.p),
    ]
}

/// A run in a line; how it ended, where it was not well.
fn line(run: &RunRow) -> String {
    let state = run.state.as_deref().unwrap_or("running");
    let state = if state == "done" { String::new() } else { format!(", {state}") };
    format!("run {}: {}, {}{state}", run.id, run.experiment, output::moment(&run.started))
}

/// What differs, in groups of instances of which the same is said. What follows from another difference is left out: that an input has
/// other contents says nothing where a stage above has other settings.
fn grouped(changed: Vec<Changed>) -> Vec<Difference> {
    let is_consequence = |word: &String| word.starts_with("input `");
    let is_cause = changed.iter().any(|one| !one.words.iter().all(is_consequence));
    let mut groups: IndexMap<(String, Vec<String>), Vec<String>> = IndexMap::new();
    for Changed { stage, mut words, .. } in changed {
        if is_cause {
            words.retain(|word| !is_consequence(word));
        }
        if !words.is_empty() {
            let name = stage.split('[').next().unwrap_or_default().to_owned();
            groups.entry((name, words)).or_default().push(stage);
        }
    }
    let difference = |((name, words), stages): ((String, Vec<String>), Vec<String>)| match stages.as_slice() {
        [one] => Difference { stage: one.clone(), words },
        several => Difference { stage: format!("{name} ({} instances)", several.len()), words },
    };
    groups.into_iter().map(difference).collect()
}

fn report(before: &RunRow, after: &RunRow, store: &Store) -> Result<Report, Failure> {
    let of = |run: &RunRow| -> Result<PastRun, Failure> {
        Ok(PastRun { name: format!("run {}", run.id), stages: store.run_stages(run.id)? })
    };
    let runs = [of(before)?, of(after)?];
    let [old, new] = runs.each_ref().map(|run| run.stages.as_slice());
    let found = differences(store, old, new)?;
    let mut listed = grouped(found.changed);
    for (run, words) in [(before, found.only_old), (after, found.only_new)] {
        listed.extend((!words.is_empty()).then(|| Difference { stage: format!("only in run {}", run.id), words }));
    }
    let mut report = side_by_side(&runs, listed, store)?;
    report.description = Some(format!("{}; {}.", line(before), line(after)));
    Ok(report)
}
