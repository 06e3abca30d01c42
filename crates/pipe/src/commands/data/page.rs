//! The page about a data set: what was found, as a report that `pipe-report` draws.
//! It does not read pixels but for pictures.

use std::collections::{BTreeMap, BTreeSet};

use pipe_image::{Facts, Finding, Found, Numbers, colour};
use pipe_report::{DataIssue, DataReport, DataTable, Fix, FoldPart, FoldReport, Plot, Shown, Sight, data_html};

use super::DataSet;
use super::check::Checked;
use super::folds::{FoldFacts, classes};
use super::inspect::Inspected;
use super::stats::{self, Table};
use crate::output;

/// Cases on the contact sheet.
const SHEET: usize = 24;
/// Findings of one kind with pictures.
const SIGHTS: usize = 18;
/// Pictures of a finding about two patients, and of one about many cases.
const FEW: usize = 4;
const MANY: usize = 12;
/// Steps of the curves of values.
const STEPS: usize = 64;
/// Channels whose values are drawn.
const CHANNELS: usize = 4;

/// The page.
pub(super) fn page(set: &DataSet, checked: &Checked) -> String {
    let seen = &checked.seen;
    let sheet = spread(seen.census.cases());
    let findings = chosen(&seen.findings);
    let wanted: BTreeSet<String> = sheet
        .iter()
        .map(|case| case.id.clone())
        .chain(findings.iter().flat_map(|(_, cases)| cases.iter().cloned()))
        .collect();
    let pictures = seen.pictures(&set.layout, &set.root, &wanted);
    let facts: BTreeMap<&str, &Facts> = seen.census.cases().iter().map(|case| (case.id.as_str(), case)).collect();
    let shown = |case: &str| Shown {
        case: case.to_owned(),
        caption: facts.get(case).map(|facts| caption(facts)).unwrap_or_default(),
        jpeg: pictures.get(case).cloned(),
    };
    let sight = |(finding, cases): (&Finding, Vec<String>)| Sight {
        kind: kind(finding.what).to_owned(),
        text: finding.text.clone(),
        more: finding.cases.len() - cases.len(),
        cases: cases.iter().map(|case| shown(case)).collect(),
    };
    data_html(&DataReport {
        name: set.experiment.clone(),
        about: set.about.clone(),
        facts: set.facts.clone(),
        figures: figures(checked),
        problems: issues(seen),
        proposals: seen
            .proposals
            .iter()
            .map(|proposal| Fix {
                why: proposal.why.clone(),
                yaml: proposal.yaml.clone(),
                mends: proposal.mends.is_some(),
            })
            .collect(),
        findings: findings.into_iter().map(sight).collect(),
        plots: plots(checked),
        tables: tables(checked),
        folds: checked.folds.iter().map(|fold| fold_report(fold, &checked.names)).collect(),
        sheet: sheet.iter().map(|case| shown(&case.id)).collect(),
        legend: classes(seen.census.cases())
            .into_iter()
            .map(|class| {
                let [red, green, blue] = colour(class);
                (format!("#{red:02x}{green:02x}{blue:02x}"), name(class, &checked.names))
            })
            .collect(),
        notes: notes(),
    })
}

/// What a class is called.
fn name(class: u8, names: &[String]) -> String {
    let known = usize::from(class).checked_sub(1).and_then(|at| names.get(at));
    known.map_or_else(|| format!("class {class}"), Clone::clone)
}

/// Cases spread over the whole list: the first ones alone are often of one patient.
fn spread(cases: &[Facts]) -> Vec<&Facts> {
    let count = cases.len().min(SHEET);
    (0..count).map(|at| &cases[at * cases.len() / count]).collect()
}

/// Findings of each kind that are shown, and of which cases pictures are.
fn chosen(findings: &[Finding]) -> Vec<(&Finding, Vec<String>)> {
    let few = |finding: &Finding| {
        if matches!(finding.what, Found::Twins | Found::Copies | Found::Alike) { FEW } else { MANY }
    };
    let of_kind = findings.chunk_by(|one, other| one.what == other.what);
    let shown = of_kind.flat_map(|group| group.iter().take(SIGHTS));
    // Spread, as on the contact sheet: neighbours are slices of one volume.
    let some = |finding: &Finding| {
        let (all, count) = (finding.cases.len(), finding.cases.len().min(few(finding)));
        (0..count).map(|at| finding.cases[at * all / count].clone()).collect()
    };
    shown.map(|finding| (finding, some(finding))).collect()
}

fn kind(what: Found) -> &'static str {
    match what {
        Found::Twins => "The same image of two patients",
        Found::Copies => "The same image twice",
        Found::Alike => "Patients that look alike",
        Found::UnknownMasks => "Masks of which nothing is known",
        Found::EmptyMasks => "Empty masks",
        Found::FullMasks => "Masks that cover nearly all",
        Found::Size => "Far larger or smaller than the others",
        Found::Values => "Far brighter or darker than the others",
        Found::Depths => "Volumes of unequal depth",
        Found::Gaps => "Missing slices",
        Found::UnusedRows => "Rows without an image",
    }
}

fn caption(facts: &Facts) -> String {
    let mut pieces = Vec::new();
    if !facts.id.starts_with(&facts.patient) {
        pieces.push(format!("patient {}", facts.patient));
    }
    pieces.extend(facts.part.map(|part| part.name().to_owned()));
    let frames = if facts.frames > 1 { format!(" x {}", facts.frames) } else { String::new() };
    pieces.push(format!("{} x {}{frames}", facts.height, facts.width));
    pieces.push(
        facts.foreground.map_or_else(|| "no mask".to_owned(), |share| format!("{:.1} % foreground", share * 100.0)),
    );
    if facts.ignored > 0.0 {
        pieces.push(format!("{:.1} % not known", facts.ignored * 100.0));
    }
    pieces.join(" · ")
}

fn figures(Checked { seen, statistics, .. }: &Checked) -> Vec<(String, String)> {
    let number = |count: usize| output::thousands(count as u64);
    let counted = |count: usize, one: &str, many: &str| (number(count), if count == 1 { one } else { many }.to_owned());
    let mut figures =
        vec![counted(statistics.cases, "case", "cases"), counted(statistics.patients, "patient", "patients")];
    if !statistics.sites.is_empty() {
        figures.push(counted(statistics.sites.len(), "site", "sites"));
    }
    figures.extend(statistics.parts.iter().map(|(part, count)| (number(*count), format!("official {part}"))));
    if statistics.cases > 0 {
        figures.push(counted(statistics.sizes, "size", "sizes"));
        figures.push(counted(statistics.classes.len(), "class", "classes"));
    }
    if let Some(foreground) = statistics.foreground {
        figures.push((format!("{:.1} %", foreground.median * 100.0), "foreground, median".to_owned()));
    }
    if let Some(ignored) = statistics.ignored {
        figures.push((format!("{:.1} %", ignored.median * 100.0), "not known, median".to_owned()));
    }
    if statistics.without_mask > 0 {
        figures.push((number(statistics.without_mask), "without a mask".to_owned()));
    }
    if !seen.problems.is_empty() {
        figures.push(counted(seen.problems.len(), "problem", "problems"));
    }
    figures
}

fn issues(seen: &Inspected) -> Vec<DataIssue> {
    let issue = |problem: &pipe_image::DataProblem| DataIssue {
        what: problem.what.to_string(),
        case: problem.case.clone(),
        file: problem.file.clone(),
        reason: problem.reason.clone(),
        hint: problem.hint.clone(),
    };
    seen.problems.iter().map(issue).collect()
}

fn tables(Checked { statistics, .. }: &Checked) -> Vec<DataTable> {
    let table = |title: &str, (head, rows): Table| DataTable {
        title: title.to_owned(),
        head: head.into_iter().map(str::to_owned).collect(),
        rows,
    };
    let all = [
        table("Classes", stats::classes(statistics)),
        table("Values", stats::intensities(statistics)),
        table("Sizes", stats::spreads(statistics)),
    ];
    all.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

fn plots(Checked { seen, statistics, names, .. }: &Checked) -> Vec<Plot> {
    let cases = seen.census.cases();
    if cases.is_empty() {
        return Vec::new();
    }
    let histogram = |title: &str, values: Vec<f64>| Plot::Histogram { title: title.to_owned(), values };
    let mut plots = vec![Plot::Scatter {
        title: "Sizes of images, in pixels".to_owned(),
        axes: ["columns".to_owned(), "rows".to_owned()],
        points: cases.iter().map(|case| [case.width as f64, case.height as f64]).collect(),
    }];
    let share = |class: &pipe_image::ClassStatistics| {
        let share = class.cases as f64 / cases.len() as f64;
        (name(class.class, names), share, format!("{} ({:.0} %)", class.cases, share * 100.0))
    };
    if !statistics.classes.is_empty() {
        let bars = statistics.classes.iter().map(share).collect();
        plots.push(Plot::Bars { title: "Cases with each class".to_owned(), bars });
    }
    let foreground: Vec<f64> = cases.iter().filter_map(|case| case.foreground).map(|share| share * 100.0).collect();
    if !foreground.is_empty() {
        plots.push(histogram("Foreground of a mask, in %", foreground));
    }
    let several = seen.census.values().len() > 1;
    for (channel, [all, below]) in seen.census.values().iter().take(CHANNELS).enumerate() {
        let of = if several { format!(", channel {channel}") } else { String::new() };
        plots.extend(values(&format!("Values{of}, from 0.5 to 99.5 %"), all, below));
    }
    plots.push(histogram("Mean value of a case", cases.iter().map(|case| case.mean).collect()));
    if statistics.frames.is_some_and(|frames| frames.maximum > 1.0) {
        plots.push(histogram("Frames or slices of a case", cases.iter().map(|case| case.frames as f64).collect()));
    }
    let spaced: Vec<[f64; 3]> = cases.iter().filter_map(|case| case.spacing).collect();
    if !spaced.is_empty() {
        plots.push(Plot::Scatter {
            title: "Spacing, in mm".to_owned(),
            axes: ["between columns".to_owned(), "between rows".to_owned()],
            points: spaced.iter().map(|[_, row, column]| [*column, *row]).collect(),
        });
    }
    let mut patients: BTreeMap<&str, usize> = BTreeMap::new();
    cases.iter().for_each(|case| *patients.entry(&case.patient).or_default() += 1);
    if patients.len() < cases.len() {
        plots.push(histogram("Cases of a patient", patients.values().map(|count| *count as f64).collect()));
    }
    plots
}

/// The values of a channel: shares of all, and shares of those below the mask.
fn values(title: &str, all: &Numbers, below: &Numbers) -> Option<Plot> {
    let (range, steps) = steps(all)?;
    let shares = |numbers: &Numbers| {
        let counts = numbers.histogram(range[0], range[1], steps);
        counts.into_iter().map(|count| count as f64 / numbers.count().max(1) as f64).collect::<Vec<_>>()
    };
    let mut lines = vec![("all".to_owned(), shares(all))];
    if below.count() > 0 {
        lines.push(("foreground".to_owned(), shares(below)));
    }
    Some(Plot::Lines { title: title.to_owned(), range, lines })
}

/// Where the values lie, and into how many steps that is divided; of whole numbers each step holds equally many, or the curve
/// would have teeth.
fn steps(values: &Numbers) -> Option<([f64; 2], usize)> {
    let [low, high] = [values.quantile(0.005)?, values.quantile(0.995)?];
    let [first, last] = [low.floor(), high.ceil()];
    let count = last - first + 1.0;
    // With more, no step of whole numbers is seen.
    if !values.are_whole() || count > 4096.0 {
        return Some(([low, high], STEPS));
    }
    let each = (count / STEPS as f64).ceil();
    let steps = (count / each).ceil();
    Some(([first, first + steps * each], steps as usize))
}

fn fold_report(fold: &FoldFacts, names: &[String]) -> FoldReport {
    let part = |part: &super::folds::PartFacts| FoldPart {
        part: part.part.name().to_owned(),
        cases: part.cases,
        patients: part.patients,
        classes: part.classes.iter().map(|(class, count)| (name(*class, names), *count)).collect(),
    };
    let parts = fold.parts.iter().map(part).collect();
    FoldReport { stage: fold.stage.clone(), parts, warnings: fold.warnings(), leaks: fold.leaks() }
}

fn notes() -> Vec<String> {
    [
        "All numbers are of the files as they are, before any preparation, and of the cases that could be read.",
        "Images look alike where at most 10 of 256 bits of their perceptual hashes differ; the same images are equal in every value.",
        "Outliers are further from the median than eight times the median distance from it.",
        "Components are pixels of one class that touch by sides or corners: 8 neighbours in a plane, 26 in a volume.",
        "SD has the number of values as its divisor. Quantiles are exact up to 65,536 distinct values, and near with more.",
        "Pictures are stretched from their least to their largest value; of sequences and volumes the labelled or fullest frame is shown.",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: Vec<f32>, expected: ([f64; 2], usize)) {
        assert_eq!(steps(&Numbers::of(values)), Some(expected));
    }

    #[test]
    fn steps_of_whole_numbers_hold_equally_many() {
        check(vec![0.0; 9], ([0.0, 1.0], 1));
        let many = |values: [f32; 3]| values.iter().flat_map(|value| vec![*value; 1000]).collect();
        check(many([0.0, 20.0, 34.0]), ([0.0, 35.0], 35));
        // 250 values in 64 steps: four in each but the last.
        check(many([0.0, 100.0, 249.0]), ([0.0, 252.0], 63));
        check(many([0.25, 0.5, 0.75]), ([0.25, 0.75], STEPS));
        check(many([0.0, 1.0, 9000.0]), ([0.0, 9000.0], STEPS));
    }
}
