//! A report as Markdown.
//!
//! Does not compute.

use std::fmt::Write as _;

use crate::{LEAKY, Report, Row, folds, mean_and_sd, table, value};

/// The table of means.
pub(crate) fn results(rows: &[Row]) -> String {
    let columns = folds(rows);
    let folds: Vec<String> = columns.iter().map(|fold| point(fold)).collect();
    let mut text = format!(
        "| system | metric | mean ± SD over cases | median | n | mean ± SD over folds | {} |\n|---|---|---:|---:|---:|---:|{}\n",
        folds.join(" | "),
        "---:|".repeat(folds.len())
    );
    for row in rows {
        let n = row.cases();
        let per_fold: Vec<_> = columns.iter().map(|fold| value(row.fold(fold))).collect();
        let line = format!(
            "| {} | {} | {} | {} | {n} | {} | {} |\n",
            row.system,
            row.label,
            mean_and_sd(row.mean, row.sd),
            value(row.median),
            mean_and_sd(row.mean_over_folds, row.sd_over_folds),
            per_fold.join(" | ")
        );
        text.push_str(&line);
    }
    text + "\n"
}

/// The report as Markdown; `picture` gives the file of an overlay by its position.
pub fn markdown(report: &Report, picture: &dyn Fn(usize) -> String) -> String {
    let mut text = format!("# {}\n\n", report.title);
    let mut add = |line: String| writeln!(text, "{line}").expect("writing to a text");
    if let Some(description) = &report.description {
        add(format!("{description}\n"));
    }
    if !report.missing.is_empty() {
        add(format!("**Incomplete**: no result yet for {}.\n", report.missing.join(", ")));
    }
    if !report.leaks.is_empty() {
        add(format!("**{LEAKY}**\n"));
        report.leaks.iter().for_each(|leak| add(format!("* {leak}")));
        add(String::new());
    }
    for mark in &report.marks {
        add(format!("**Not made by the present recipe**: {mark}.\n"));
    }
    let rows = table(&report.metrics, &report.cases);
    if !rows.is_empty() {
        add(format!("## Test results\n\n{}", results(&rows)));
    }
    if !report.notes.is_empty() {
        add("## Conventions\n".to_owned());
        report.notes.iter().for_each(|note| add(format!("* {note}")));
        add(String::new());
    }
    if !report.overlays.is_empty() {
        add("## Cases\n\nGreen: in both; red: in the prediction alone; blue: in the reference alone.\n".to_owned());
        for (position, overlay) in report.overlays.iter().enumerate() {
            let caption = format!(
                "{}, {}: {} (Dice {})",
                overlay.stage,
                overlay.rank.label(),
                overlay.case,
                value(Some(overlay.dice))
            );
            add(format!("![{caption}]({})\n*{caption}*\n", picture(position)));
        }
    }
    if !report.provenance.is_empty() {
        add("## Provenance\n".to_owned());
        add("| stage | fingerprint | made | run | commit | device | seed | seconds |\n|---|---|---|---:|---|---|---:|---:|".to_owned());
        for row in &report.provenance {
            let commit = row.commit.as_deref().map_or("–", |commit| &commit[..commit.len().min(12)]);
            let seed = row.seed.map_or("–".to_owned(), |seed| seed.to_string());
            add(format!(
                "| {} | `{}` | {} | {} | {commit} | {} | {seed} | {:.1} |",
                row.stage,
                &row.fingerprint[..row.fingerprint.len().min(12)],
                row.made_at.split('.').next().unwrap_or_default(),
                row.run,
                row.device,
                row.seconds
            ));
        }
    }
    text
}

/// `fold 1`, or `fold 1, seed 2`.
pub(crate) fn point(axes: &indexmap::IndexMap<String, String>) -> String {
    let values: Vec<_> = axes.iter().map(|(axis, value)| format!("{axis} {value}")).collect();
    if values.is_empty() { "all".to_owned() } else { values.join(", ") }
}
