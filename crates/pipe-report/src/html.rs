//! A report as one HTML page that needs no other file.
//!
//! Does not compute. Markup is in `templates/`, which `askama` compiles; it escapes whatever is put in.

use std::collections::BTreeSet;

use askama::Template;
use indexmap::IndexMap;
use serde_json::Value;

use pipe_metrics::statistics::{Comparison, ComparisonPlan, Interval, Zeros, rank_biserial};

use crate::{
    Compared, Cost, Curve, Plot, Provenance, Recipe, Report,
    changes::{Changes, changes},
    compared, comparison_plots,
    costs::{bytes, costs, duration},
    distributions, folds,
    markdown::point,
    mean_and_sd, p_value,
    search::page::Sections,
    table, value,
    worst::{Worst, worst},
};

#[derive(Template)]
#[template(path = "plots.html")]
struct PlotsPage<'p> {
    title: &'p str,
    plots: &'p [Plot],
}

/// Plots as a page.
pub fn plots_html(title: &str, plots: &[Plot]) -> String {
    PlotsPage { title, plots }.render().expect("writing to a text")
}

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage<'r> {
    report: &'r Report,
    /// The numbers that count most.
    figures: Vec<Figure>,
    /// Names of the columns of folds.
    folds: Vec<String>,
    /// The table.
    lines: Vec<Line>,
    /// Sizes, rates, calibration.
    pixels: Plots,
    /// How values spread over cases.
    distributions: Plots,
    /// Systems against each other.
    compared: Vec<ComparedLine>,
    /// Pairs of systems of which nothing can be said, and why.
    not_compared: Vec<String>,
    comparison_plots: Plots,
    /// Pairs that are compared case by case.
    changes: Vec<Changes>,
    /// Trainings of one system together.
    bands: Plots,
    /// Searches for hyperparameters.
    searches: Sections,
    worst: Worst,
    costs: Vec<CostLine>,
    /// Settings of each kind of stage, as JSON.
    settings: Vec<(String, String)>,
    /// Whether there are more systems than pictures can set side by side.
    is_sweep: bool,
    /// What all results have in common, and where they differ: name and values.
    environment: Vec<(String, String)>,
}

/// Plots, and those that are unfolded.
struct Plots {
    first: Vec<Plot>,
    more: Vec<Plot>,
}

impl Plots {
    /// Three stand in a row of a wide page.
    fn of(mut plots: Vec<Plot>) -> Self {
        let more = plots.split_off(plots.len().min(3));
        Self { first: plots, more }
    }
}

/// Two systems by a metric, as it is read.
struct ComparedLine {
    metric: String,
    systems: String,
    n: String,
    size: String,
    rank_biserial: String,
    wilcoxon: String,
    holm: String,
    permutation: String,
}

/// What a stage cost, as it is read.
struct CostLine {
    stage: String,
    results: usize,
    seconds: String,
    longest: String,
    processor: String,
    memory: String,
    devices: String,
}

struct Figure {
    value: String,
    name: String,
}

/// A line of the table, as it is read.
struct Line {
    system: String,
    metric: String,
    cases: String,
    median: String,
    n: String,
    over_folds: String,
    per_fold: Vec<String>,
}

/// Systems that pictures and tests set side by side; `pipe table` compares those that it names.
pub const SIDE_BY_SIDE: usize = 8;

/// The report as a page.
pub fn html(report: &Report) -> String {
    let rows = table(&report.metrics, &report.cases);
    let columns = folds(&rows);
    let several = rows.iter().any(|row| row.system != rows[0].system);
    // Of several classes their mean, which comes first.
    let counts = rows.iter().filter(|row| {
        row.class == rows[0].class && matches!(row.metric.as_str(), "dice" | "cldice" | "precision" | "recall")
    });
    // Of two runs, what differs counts.
    let counts = counts.filter(|_| report.pairs.is_none());
    let figures = counts.map(|row| {
        let system = if several { format!("{} · ", row.system) } else { String::new() };
        Figure { value: value(row.mean), name: format!("{system}{}, mean of {} cases", row.label, row.n) }
    });
    let lines = rows.iter().map(|row| Line {
        system: row.system.clone(),
        metric: row.label.clone(),
        cases: mean_and_sd(row.mean, row.sd),
        median: value(row.median),
        n: row.cases(),
        over_folds: mean_and_sd(row.mean_over_folds, row.sd_over_folds),
        per_fold: columns.iter().map(|fold| value(row.fold(fold))).collect(),
    });
    let folds = columns.iter().map(|fold| point(fold)).collect();
    let systems = rows.iter().map(|row| row.system.as_str()).collect::<BTreeSet<_>>().len();
    let is_sweep = systems > SIDE_BY_SIDE;
    // Pairs grow with the square of the systems, and each takes thousands of resamples.
    let (compared, not_compared) = if is_sweep {
        (Vec::new(), Vec::new())
    } else {
        compared(&report.metrics, &report.cases, report.pairs.as_deref(), &ComparisonPlan::default())
    };
    let page = ReportPage {
        report,
        figures: figures.collect(),
        folds,
        lines: lines.collect(),
        pixels: Plots::of(report.plots.clone()),
        distributions: Plots::of(if is_sweep { Vec::new() } else { distributions(&report.metrics, &report.cases) }),
        compared: compared.iter().map(compared_line).collect(),
        not_compared: not_compared
            .iter()
            .map(|pair| format!("{} by {}: {}", pair.systems.join(" and "), pair.metric, pair.why))
            .collect(),
        comparison_plots: Plots::of(comparison_plots(&compared)),
        bands: Plots::of(Curve::bands(&report.curves).into_iter().map(Plot::Curves).collect()),
        changes: changes(report),
        searches: Sections::of(&report.searches),
        worst: worst(report),
        costs: costs(&report.provenance).into_iter().map(cost_line).collect(),
        settings: report.recipes.iter().map(settings).collect(),
        is_sweep,
        environment: environment(&report.provenance),
    };
    page.render().expect("writing to a text")
}

fn compared_line(compared: &Compared) -> ComparedLine {
    let Comparison { n, unpaired, size, wilcoxon, permutation, .. } = &compared.comparison;
    let unit = if compared.unit.is_empty() { String::new() } else { format!(" {}", compared.unit) };
    let interval = match size.interval {
        Interval::Bounds(low, high) => format!("[{}, {}]", value(Some(low)), value(Some(high))),
        Interval::Undefined(why) => format!("(no interval: {})", why.label()),
    };
    ComparedLine {
        metric: compared.label.clone(),
        systems: compared.systems.join(" − "),
        n: if unpaired.is_empty() { n.to_string() } else { format!("{n} (+{} unpaired)", unpaired.len()) },
        size: format!("{}{unit} {interval}", value(Some(size.value))),
        rank_biserial: format!("{:.2}", rank_biserial(&compared.pairs.differences(), Zeros::Pratt)),
        wilcoxon: p_value(wilcoxon.test.p),
        holm: p_value(compared.holm),
        permutation: p_value(permutation.p),
    }
}

fn cost_line(cost: Cost) -> CostLine {
    let unknown = || "–".to_owned();
    CostLine {
        stage: cost.stage,
        results: cost.results,
        seconds: duration(cost.seconds),
        longest: duration(cost.longest),
        processor: cost.cpu_seconds.map_or_else(unknown, duration),
        memory: cost.peak_memory.map_or_else(unknown, bytes),
        devices: cost.devices.into_iter().collect::<Vec<_>>().join("; "),
    }
}

/// The settings of a recipe, and whose they are.
fn settings(recipe: &Recipe) -> (String, String) {
    let of = if recipe.system.is_empty() { String::new() } else { format!(": {}", recipe.system) };
    (format!("{}{of}", recipe.kind), format!("{:#}", recipe.with))
}

/// What results were made with: of each fact all its values.
fn environment(provenance: &[Provenance]) -> Vec<(String, String)> {
    let mut facts: IndexMap<String, BTreeSet<String>> = IndexMap::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            facts.entry(name.to_owned()).or_default().insert(value.to_owned());
        }
    };
    for made in provenance {
        add("device", &made.device);
        add("commit", made.commit.as_deref().map_or("", short));
        for (name, value) in made.facts.as_object().into_iter().flatten() {
            // Numbers were measured, and are told stage by stage, as is what is built of several facts.
            if let Value::String(text) = value {
                add(name, text);
            }
        }
    }
    let listed = |values: BTreeSet<String>| values.into_iter().collect::<Vec<_>>().join(", ");
    facts.into_iter().map(|(name, values)| (name, listed(values))).collect()
}

/// The start of a digest, as people name it.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// Text without markup.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Bytes as base64 (RFC 4648, section 4).
pub(crate) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for digit in 0..4 {
            let used = digit <= chunk.len();
            text.push(if used { char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Difference;

    #[test]
    fn base64_of_the_rfc() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn markup_in_names_is_text() {
        let report = Report {
            description: Some("a & b".into()),
            differences: vec![Difference { stage: "train".into(), words: vec!["2 > 1".into()] }],
            notes: vec!["x < y".into()],
            missing: vec!["train".into()],
            leaks: vec!["evaluate: 1 < 2".into()],
            marks: vec!["train is frozen > 1".into()],
            ..Report::named("<script>", "e")
        };
        let page = html(&report);
        assert!(
            page.contains("&#60;script&#62;")
                && page.contains("a &#38; b")
                && page.contains("x &#60; y")
                && page.contains("frozen &#62; 1")
                && page.contains("frames of one patient are on both sides")
                && page.contains("1 &#60; 2")
                && page.contains("2 &#62; 1")
                && !page.contains("<script>")
        );
    }
}
