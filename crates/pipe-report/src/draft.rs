//! A paper as far as an experiment can write it: what was done and found, with marked gaps for what only a person knows.
//!
//! Does not compute.

use serde_json::Value;

use crate::{Report, Row, folds, markdown::results, mean_and_sd, table};

/// A recipe that a paper describes.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Kind of the stage: `prepare`, `split`, `train`, `evaluate`.
    pub kind: &'static str,
    /// The system it belongs to; empty where all share it.
    pub system: String,
    /// Its settings, defaults filled in.
    pub with: Value,
}

/// What only a person can write.
fn gap(what: &str) -> String {
    format!("> **[To be written: {what}]**\n\n")
}

fn of<'r>(recipes: &'r [Recipe], kind: &'static str) -> impl Iterator<Item = &'r Recipe> {
    recipes.iter().filter(move |recipe| recipe.kind == kind)
}

fn settings(value: &Value) -> String {
    format!("```json\n{value:#}\n```\n\n")
}

/// The best system by Dice, and its line of the table.
fn best(rows: &[Row]) -> Option<&Row> {
    let dice = rows.iter().filter(|row| row.metric == "dice" && row.class == rows[0].class && row.mean.is_some());
    dice.max_by(|one, other| one.mean.unwrap_or(0.0).total_cmp(&other.mean.unwrap_or(0.0)))
}

/// Gives the paper as Markdown; `picture` gives the path of an overlay by its position.
pub fn draft(report: &Report, recipes: &[Recipe], picture: &dyn Fn(usize) -> String) -> String {
    let rows = table(&report.metrics, &report.cases);
    let mut systems: Vec<&str> = rows.iter().map(|row| row.system.as_str()).collect();
    systems.dedup();
    let (mut patients, mut cases): (Vec<&str>, Vec<&str>) =
        report.cases.iter().map(|case| (case.patient.as_str(), case.case.as_str())).unzip();
    for list in [&mut patients, &mut cases] {
        list.sort_unstable();
        list.dedup();
    }
    let tested = format!("{} test cases of {} patients in {} folds", cases.len(), patients.len(), folds(&rows).len());
    let mut text = format!("# {}\n\n", report.title);
    let mut add = |part: &str| text.push_str(part);
    add("## Abstract\n\n");
    add(&gap("background and aim in two sentences"));
    add(&format!("We evaluated {} on {tested}. ", systems.join(", ")));
    if let Some(best) = best(&rows) {
        let (mean, of_folds) = (mean_and_sd(best.mean, best.sd), mean_and_sd(best.mean_over_folds, best.sd_over_folds));
        add(&format!("{} reached a Dice of {mean} over cases ({of_folds} over folds).", best.system));
    }
    add("\n\n");
    add(&gap("what follows from it, in one sentence"));
    add("## Introduction\n\n");
    add(&gap("the clinical question, why segmentation helps, what is new here"));
    if let Some(description) = &report.description {
        add(&format!("{description}.\n\n"));
    }
    add("## Literature review\n\n");
    add(&gap("earlier work, with the numbers that it reports and on which data"));
    add("## Problem formulation\n\n");
    let mut classes: Vec<&str> = rows.iter().map(|row| row.class.as_str()).filter(|class| *class != "mean").collect();
    classes.sort_unstable();
    classes.dedup();
    add(&format!(
        "Each image is mapped to a mask of {}. Predictions are compared with reference masks by {}.\n\n",
        if classes.is_empty() { "classes".to_owned() } else { classes.join(", ") },
        report.metrics.iter().map(|metric| metric.label.as_str()).collect::<Vec<_>>().join(", ")
    ));
    report.notes.iter().for_each(|note| add(&format!("* {note}\n")));
    add("\n## Data set preparation\n\n");
    add(&gap("where the data come from, who labelled them, ethics approval, licence"));
    for recipe in of(recipes, "prepare") {
        add("Images were prepared case by case, with nothing fitted over cases:\n\n");
        add(&settings(&recipe.with));
    }
    for recipe in of(recipes, "split").take(1) {
        add("Cases were divided by patient unless it is said otherwise:\n\n");
        add(&settings(&recipe.with));
    }
    report.leaks.iter().for_each(|leak| add(&format!("**Leaky folds**: {leak}.\n\n")));
    add("## Model architecture\n\n");
    for recipe in of(recipes, "train") {
        add(&format!("### {}\n\n", recipe.system));
        add(&settings(recipe.with.get("network").unwrap_or(&Value::Null)));
    }
    add(&gap("a figure of the network, and why it was chosen"));
    add("## Implementation\n\n");
    for recipe in of(recipes, "train").take(1) {
        add("Networks were trained with:\n\n");
        add(&settings(recipe.with.get("training").unwrap_or(&Value::Null)));
    }
    let seconds: f64 = report.provenance.iter().map(|made| made.seconds).sum();
    let mut devices: Vec<&str> =
        report.provenance.iter().map(|made| made.device.as_str()).filter(|device| !device.is_empty()).collect();
    devices.sort_unstable();
    devices.dedup();
    add(&format!(
        "All stages together took {:.1} minutes of stage time on {}.\n\n",
        seconds / 60.0,
        devices.join(", ")
    ));
    add("## Evaluation\n\n");
    add(&results(&rows));
    for (position, overlay) in report.overlays.iter().enumerate() {
        let caption = format!("{}, {}: {}", overlay.stage, overlay.rank.label(), overlay.case);
        add(&format!(
            "![{caption}]({})\n*{caption}. Green: in both; red: in the prediction alone; blue: in the reference alone.*\n\n",
            picture(position)
        ));
    }
    add(&gap("what the worst cases have in common"));
    add("## Conclusion\n\n");
    add("Measured advantages and limits:\n\n");
    let first = rows.first().map(|row| row.class.clone()).unwrap_or_default();
    for row in rows.iter().filter(|row| row.class == first) {
        let spread = row.sd_over_folds.map(|sd| format!(", folds spread by {sd:.4}")).unwrap_or_default();
        add(&format!(
            "* {}, {}: {} over {} cases{spread}\n",
            row.system,
            row.label,
            mean_and_sd(row.mean, row.sd),
            row.cases()
        ));
    }
    add("\n");
    add(&gap("what this means, where it does not hold, what comes next"));
    add("## Reproduction\n\n");
    add(&format!("`pipe run` of the experiment `{}` gives these numbers again; their recipes:\n\n", report.experiment));
    for made in &report.provenance {
        let recipe = made.fingerprint.get(..16).unwrap_or(&made.fingerprint);
        let commit = made.commit.as_deref().map(|commit| format!(", commit {commit}")).unwrap_or_default();
        add(&format!("* `{}`: recipe `{recipe}`, run {}{commit}\n", made.stage, made.run));
    }
    text
}
