//! A paper as far as an experiment can write it: what was done and found, with marked gaps for what only a person knows.
//!
//! Does not compute statistics; its parts say what they know.

mod evaluation;
mod page;
mod words;

use indexmap::{IndexMap, IndexSet};
use pipe_metrics::{Direction, definition};
use serde::Serialize;
use serde_json::Value;

use crate::{
    DataSummary, FoldReport, Report, Row, folds,
    markdown::{OVERLAY_COLOURS, plain},
    number::{counted, fixed},
    search, table,
};
use evaluation::{Tested, best, of_first_class, spread};
use page::Page;

/// A recipe that a paper describes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recipe {
    /// Kind of the stage: `prepare`, `split`, `train`, `evaluate`.
    pub kind: &'static str,
    /// The system it belongs to; empty where all share it.
    pub system: String,
    /// Its settings, defaults filled in.
    pub with: Value,
}

fn of<'r>(recipes: &'r [Recipe], kind: &'static str) -> impl Iterator<Item = &'r Recipe> {
    recipes.iter().filter(move |recipe| recipe.kind == kind)
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Gives the paper as Markdown; `picture` gives the path of an overlay by its position.
pub fn draft(report: &Report, picture: &dyn Fn(usize) -> String) -> String {
    let recipes = report.recipes.as_slice();
    let rows = table(&report.metrics, &report.cases);
    let tested = Tested::of(&report.cases);
    let mut page = Page::default();
    page.heading(1, &report.title);
    if !report.missing.is_empty() {
        page.paragraph(&format!("**Incomplete**: no result yet for {}.", plain(&report.missing.join(", "))));
    }
    summary(&mut page, &rows, &tested);
    page.heading(2, "Introduction");
    page.gap("the clinical question, why segmentation helps, what is new here");
    if let Some(description) = &report.description {
        page.paragraph(&format!("The experiment in one line: {}.", plain(description.trim_end_matches('.'))));
    }
    page.heading(2, "Literature review");
    page.gap("earlier work, with the numbers that it reports, on which data, and by which definitions");
    problem(&mut page, report, &rows);
    data(&mut page, report, recipes, &tested, &rows);
    architecture(&mut page, recipes);
    implementation(&mut page, report, recipes);
    page.heading(2, "Evaluation");
    evaluated(&mut page, report, &rows, picture);
    conclusion(&mut page, report, &rows, &tested);
    reproduction(&mut page, report);
    page.text()
}

fn systems(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| plain(&row.system)).collect::<IndexSet<_>>().into_iter().collect()
}

fn summary(page: &mut Page, rows: &[Row], tested: &Tested<'_>) {
    page.heading(2, "Abstract");
    page.gap("background and aim in two sentences");
    if rows.is_empty() {
        page.gap("results: nothing has been evaluated yet");
        return;
    }
    let mut words = format!("We evaluated {} on {}.", listed(&systems(rows)), tested.words());
    let first = evaluation::leading(rows).and_then(|metric| best(rows, metric));
    if let Some(best) = first {
        let over_folds = best
            .sd_over_folds
            .map(|_| format!("; {} over folds", spread(best.mean_over_folds, best.sd_over_folds, &best.unit)));
        let best_of = if systems(rows).len() > 1 { " did best and" } else { "" };
        words.push_str(&format!(
            " {}{best_of} reached a mean {} of {} (± standard deviation over test cases{}).",
            plain(&best.system),
            plain(&metric(best)),
            spread(best.mean, best.sd, &best.unit),
            over_folds.unwrap_or_default()
        ));
    }
    page.paragraph(&words);
    page.gap("what follows from it, in one sentence");
}

/// The metric of a row in a sentence: `Dice`, `Dice of liver`, `Dice averaged over classes`.
fn metric(row: &Row) -> String {
    let label = row.label.rsplit_once(" [").map_or(row.label.as_str(), |(label, _)| label);
    match label.strip_suffix(&format!(", {}", row.class)) {
        Some(metric) if row.class == pipe_metrics::MEAN => format!("{metric} averaged over classes"),
        Some(metric) => format!("{metric} of {}", row.class),
        None => label.to_owned(),
    }
}

fn classes(rows: &[Row]) -> Vec<String> {
    let names: IndexSet<&str> = rows.iter().map(|row| row.class.as_str()).collect();
    names.into_iter().filter(|class| *class != pipe_metrics::MEAN).map(plain).collect()
}

fn problem(page: &mut Page, report: &Report, rows: &[Row]) {
    page.heading(2, "Problem formulation");
    let classes = classes(rows);
    page.paragraph(&match &classes[..] {
        [] => "Each image was mapped to a mask.".to_owned(),
        [class] => format!("Each image was mapped to a mask of one class, {class}; all else was background."),
        classes => format!(
            "Each image was mapped to masks of {} classes: {}; all else was background, which no mean over classes includes.",
            classes.len(),
            listed(classes)
        ),
    });
    let measured: IndexMap<&str, &Row> = rows.iter().map(|row| (row.metric.as_str(), row)).collect();
    let described = report.metrics.iter().filter(|metric| measured.contains_key(metric.key.as_str()));
    let line = |metric: &pipe_metrics::Description| {
        let known = definition(&metric.key);
        let better = if metric.direction == Direction::Higher { "higher" } else { "lower" };
        let (formula, source) =
            known.map(|known| (known.formula, known.source.unwrap_or_default())).unwrap_or_default();
        vec![metric.label.clone(), metric.unit.clone(), better.to_owned(), formula, source]
    };
    let lines: Vec<_> = described.map(line).collect();
    if !lines.is_empty() {
        page.paragraph("Predictions were compared with reference masks case by case. TP, FP, FN and TN are pixels that are foreground in both masks, in the prediction alone, in the reference alone, and in none.");
        let caption = "Metrics, with the direction that is better, formula and source.";
        page.table(caption, &["metric", "unit", "better", "definition", "source"], 5, &lines);
    }
    page.list(&report.notes.iter().map(|note| format!("* {}", plain(note))).collect::<Vec<_>>());
}

fn data(page: &mut Page, report: &Report, recipes: &[Recipe], tested: &Tested<'_>, rows: &[Row]) {
    page.heading(2, "Data set preparation");
    page.gap("where the data come from and when, scanners and settings, who labelled them, inclusion and exclusion, ethics approval, licence");
    for recipe in of(recipes, "prepare") {
        page.paragraph(&plain(&words::preparation(&recipe.with).join(" ")));
        let layout = recipe.with.get("layout").and_then(words::tagged);
        let lines = layout.map(|(_, layout)| words::settings(layout)).unwrap_or_default();
        if !lines.is_empty() {
            page.table("How the data were made, or their files read.", &["setting", "value"], 2, &lines);
        }
    }
    for recipe in of(recipes, "split").take(1) {
        let run = words::folds(&recipe.with).filter(|folds| !rows.is_empty() && tested.folds.len() < *folds);
        let run = run.map(|_| {
            format!(" {} of them were run.", tested.folds.len()).replace(" 1 of them were", " One of them was")
        });
        page.paragraph(&plain(&(words::split(&recipe.with) + &run.unwrap_or_default())));
    }
    if !report.leaks.is_empty() {
        page.paragraph(&format!("**{}**", plain(crate::LEAKY)));
        page.list(&report.leaks.iter().map(|leak| format!("* {}", plain(leak))).collect::<Vec<_>>());
    }
    report.data.iter().for_each(|data| described(page, data));
    if report.data.iter().all(|data| data.folds.is_empty()) && !rows.is_empty() {
        tested.table(page);
        page.gap("cases and patients that each fold trained and validated on, image sizes and spacings");
    }
    page.gap("how often each class occurs (`pipe data stats` shows it)");
}

/// A prepared data set: what was found, its sizes, and who is where.
fn described(page: &mut Page, data: &DataSummary) {
    page.list(&data.checks.iter().map(|check| format!("* {}", plain(&check.words))).collect::<Vec<_>>());
    if !data.sizes.rows.is_empty() {
        let head: Vec<&str> = data.sizes.head.iter().map(String::as_str).collect();
        page.table("Sizes of images as they were prepared.", &head, 1, &data.sizes.rows);
    }
    if let Some(first) = data.folds.first() {
        let parts = first.parts.iter().flat_map(|part| [format!("{}: cases", part.part), "patients".to_owned()]);
        let head: Vec<String> = ["fold".to_owned()].into_iter().chain(parts).collect();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let line = |fold: &FoldReport| {
            let counts = fold.parts.iter().flat_map(|part| [part.cases.to_string(), part.patients.to_string()]);
            [fold.stage.clone()].into_iter().chain(counts).collect()
        };
        let lines: Vec<Vec<String>> = data.folds.iter().map(line).collect();
        page.table("Cases and patients of each fold.", &head, 1, &lines);
    }
}

fn architecture(page: &mut Page, recipes: &[Recipe]) {
    page.heading(2, "Model architecture");
    for recipe in of(recipes, "train") {
        page.heading(3, &recipe.system);
        let Some((network, settings)) = recipe.with.get("network").and_then(words::tagged) else { continue };
        let weights = recipe.with.get("weights").map(words::phrase).filter(|words| !words.is_empty());
        let weights = weights.map_or("All weights were drawn at random.".to_owned(), |from| {
            format!("First weights were read from a file ({from}); all others were drawn at random.")
        });
        page.paragraph(&plain(&format!("The network was “{}”. {weights}", words::name(network))));
        let lines = words::settings(settings);
        if !lines.is_empty() {
            page.table(&format!("Settings of {}.", recipe.system), &["setting", "value"], 2, &lines);
        }
    }
    page.gap("a figure of the network, its number of parameters (`pipe network show`), and why it was chosen");
}

fn implementation(page: &mut Page, report: &Report, recipes: &[Recipe]) {
    page.heading(2, "Implementation");
    let mut trainings: Vec<(&Value, Vec<String>)> = Vec::new();
    for recipe in of(recipes, "train") {
        let training = recipe.with.get("training").unwrap_or(&Value::Null);
        match trainings.iter_mut().find(|(known, _)| *known == training) {
            Some((_, systems)) => systems.push(recipe.system.clone()),
            None => trainings.push((training, vec![recipe.system.clone()])),
        }
    }
    let several = trainings.len() > 1;
    for (training, systems) in trainings {
        if several {
            page.heading(3, &listed(&systems));
        }
        page.paragraph(&plain(&words::training(training).join(" ")));
        let changes = words::transforms(training.get("augment").unwrap_or(&Value::Null), 0);
        if changes.is_empty() {
            page.paragraph("Training cases were not augmented.");
        } else {
            page.paragraph("Training cases were changed at random, anew in every epoch:");
            page.list(&changes);
        }
    }
    let kept: Vec<usize> = report.curves.iter().filter_map(|curve| curve.best).collect();
    let ran = report.curves.iter().filter_map(|curve| curve.losses.first()).map(|losses| losses.values.len()).max();
    if let (Some(first), Some(last), Some(ran)) = (kept.iter().min(), kept.iter().max(), ran) {
        let trainings = counted(report.curves.len(), "training");
        let epochs = if first == last { format!("{first}") } else { format!("{first} to {last}") };
        let ran = counted(ran, "epoch");
        page.paragraph(&format!("{trainings} ran for up to {ran}; kept was epoch {epochs} (counted from 0)."));
    }
    searched(page, report);
    cost(page, report);
}

/// What was searched, and the settings that were found.
fn searched(page: &mut Page, report: &Report) {
    for search in &report.searches {
        let name = if search.name.is_empty() { String::new() } else { format!(" ({})", search.name) };
        page.list(&search.notes.iter().map(|note| format!("* **{}**", plain(note))).collect::<Vec<_>>());
        page.paragraph(&plain(&format!("Hyperparameters were searched{name}. {}", search::summary(search).join(" "))));
        let best = search::page::settings(search);
        let lines: Vec<Vec<String>> = best.into_iter().map(|(path, value)| vec![path, value]).collect();
        if !lines.is_empty() {
            page.table(&format!("Settings that the search found{name}."), &["setting", "value"], 1, &lines);
        }
    }
}

/// What each kind of stage took.
fn cost(page: &mut Page, report: &Report) {
    let mut stages: IndexMap<&str, (usize, f64, IndexSet<&str>)> = IndexMap::new();
    for made in &report.provenance {
        let name = made.stage.split('[').next().unwrap_or_default();
        let (count, seconds, devices) = stages.entry(name).or_default();
        *count += 1;
        *seconds += made.seconds;
        devices.extend((!made.device.is_empty()).then_some(made.device.as_str()));
    }
    let line = |(name, (count, seconds, devices)): (&&str, &(usize, f64, IndexSet<&str>))| {
        let devices = devices.iter().copied().collect::<Vec<_>>().join("; ");
        vec![(*name).to_owned(), devices, count.to_string(), fixed(Some(seconds / 60.0), 1)]
    };
    let lines: Vec<_> = stages.iter().map(line).collect();
    if !lines.is_empty() {
        let caption = "What the stages of the experiment took, all instances of a stage together.";
        page.table(caption, &["stage", "device", "instances", "minutes"], 2, &lines);
    }
}

fn evaluated(page: &mut Page, report: &Report, rows: &[Row], picture: &dyn Fn(usize) -> String) {
    if rows.is_empty() {
        page.gap("results: nothing has been evaluated yet");
        return;
    }
    let mut words = "Standard deviations are those of samples (divisor n − 1).".to_owned();
    if folds(rows).len() > 1 {
        words.push_str(" That over folds is no standard error, because the training sets of folds overlap (Bengio and Grandvalet, *JMLR* 5, 2004).");
    }
    page.paragraph(&words);
    evaluation::results(rows, page);
    if report.leaks.is_empty() {
        evaluation::comparisons(report, page);
    } else {
        page.paragraph("Systems were not tested against each other, because patients stand on both sides of folds that were cut by image.");
    }
    evaluation::worst(report, rows, page);
    for (position, overlay) in report.overlays.iter().enumerate() {
        let caption = format!("{} case: {}. {OVERLAY_COLOURS}", overlay.rank.label(), overlay.caption());
        page.figure(&picture(position), &caption);
    }
    page.gap("what the worst cases have in common, and whether a clinician would accept them");
}

fn conclusion(page: &mut Page, report: &Report, rows: &[Row], tested: &Tested<'_>) {
    page.heading(2, "Conclusion");
    if !rows.is_empty() {
        page.paragraph("Advantages, as measured:");
        let several = systems(rows).len() > 1;
        let mut winners: IndexMap<&str, Vec<String>> = IndexMap::new();
        let metrics: IndexSet<&str> = of_first_class(rows).map(|row| row.metric.as_str()).collect();
        for row in metrics.iter().filter_map(|metric| best(rows, metric)) {
            let number = format!("{} ({})", plain(&metric(row)), spread(row.mean, row.sd, &row.unit));
            winners.entry(&row.system).or_default().push(number);
        }
        let which = if several { "was best by" } else { "reached" };
        let advantage = |(system, won): (&&str, &Vec<String>)| format!("* {} {which} {}.", plain(system), listed(won));
        page.list(&winners.iter().map(advantage).collect::<Vec<_>>());
        page.paragraph("Limits, as measured:");
        page.list(&limits(report, rows, tested));
    }
    page.gap("what this means, where it does not hold, what comes next");
}

fn limits(report: &Report, rows: &[Row], tested: &Tested<'_>) -> Vec<String> {
    let mut said = vec![format!("* Numbers are of {}, of one data set.", tested.words())];
    let leading = evaluation::leading(rows).unwrap_or_default();
    for row in of_first_class(rows).filter(|row| row.metric == leading) {
        let values = report.cases.iter().filter(|case| {
            (case.system.as_str(), case.class.as_str(), case.metric.as_str()) == (&row.system, &row.class, leading)
        });
        let values: Vec<f64> = values.filter_map(|case| case.value.value()).collect();
        let worst = values.iter().copied().reduce(if row.direction == Direction::Higher { f64::min } else { f64::max });
        let folds = row
            .sd_over_folds
            .map(|sd| format!("; the standard deviation of folds' means is {}", spread(Some(sd), None, &row.unit)));
        let counts = [(row.excluded, "excluded"), (row.imputed, "imputed")].into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, what)| format!("{} {what}", counted(count, "case"))).collect();
        let by_convention = (!counts.is_empty()).then(|| format!("; {} because of empty masks", listed(&counts)));
        said.push(format!(
            "* {}: the worst case has {} {}{}{}.",
            plain(&row.system),
            plain(&metric(row)),
            spread(worst, None, &row.unit),
            folds.unwrap_or_default(),
            by_convention.unwrap_or_default()
        ));
    }
    said.extend(report.leaks.iter().map(|leak| format!("* {}.", plain(leak))));
    said.extend(report.marks.iter().map(|mark| format!("* Not made by the present recipe: {}.", plain(mark))));
    said
}

fn reproduction(page: &mut Page, report: &Report) {
    page.heading(2, "Reproduction");
    let command =
        report.command.clone().unwrap_or_else(|| format!("pipe run` of the experiment `{}", report.experiment));
    page.paragraph(&format!("`{command}` gives these numbers again."));
    let short = |text: &str| text.get(..12).unwrap_or(text).to_owned();
    let lines: Vec<Vec<String>> = report
        .provenance
        .iter()
        .map(|made| {
            let seed = made.seed.map(|seed| seed.to_string()).unwrap_or_default();
            let commit = made.commit.as_deref().map(short).unwrap_or_default();
            vec![made.stage.clone(), short(&made.fingerprint), commit, seed, made.run.to_string()]
        })
        .collect();
    if !lines.is_empty() {
        page.table("How each result was made.", &["stage", "recipe", "commit", "seed", "run"], 3, &lines);
    }
}

#[cfg(test)]
mod tests;
