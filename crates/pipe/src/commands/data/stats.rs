//! `pipe data stats`: what a data set is made of, in numbers.

use std::path::Path;
use std::process::ExitCode;

use pipe_image::{Census, ClassStatistics, DataProblems, Measured, Spread, Statistics, Summary, class_names};
use serde_json::json;

use super::{DataSet, open};
use crate::args::{Chosen, Format};
use crate::failure::Failure;
use crate::output::{self, Align};
use crate::session::Session;

pub(super) fn stats(session: &Session, chosen: &Chosen, root: Option<&Path>) -> Result<ExitCode, Failure> {
    let DataSet { experiment, layout, root, .. } = &open(session, chosen, root)?;
    let mut census = Census::default();
    let problems = layout.read_all(
        root,
        layout.survey(root),
        |case| Measured::of(&case),
        |_, result| {
            result.into_iter().for_each(|case| census.add(case));
        },
    );
    let statistics = census.statistics(&class_names(layout));
    if chosen.format == Format::Json {
        output::json(&json!({ "data": experiment, "statistics": statistics, "problems": problems.len() }));
    } else if statistics.cases > 0 {
        output::print(&text(experiment, &statistics));
    }
    if !problems.is_empty() {
        // The numbers are of the others, and must not be taken for those of all.
        return Err(DataProblems::sorted(problems).into());
    }
    if statistics.cases == 0 {
        return Err(pipe_stages::Failure::NoCases.into());
    }
    Ok(ExitCode::SUCCESS)
}

/// The head of a table: a column of names, and columns of numbers.
pub(super) fn head<'a>(names: &[&'a str]) -> Vec<(&'a str, Align)> {
    names.iter().enumerate().map(|(at, name)| (*name, if at == 0 { Align::Left } else { Align::Right })).collect()
}

fn text(name: &str, statistics: &Statistics) -> String {
    let Statistics { cases, patients, sites, parts, orientations, without_mask, empty_masks, sizes, .. } = statistics;
    let mut text = format!(
        "{name}: {} of {}, {}\n",
        output::count(*cases as u64, "case", "cases"),
        output::count(*patients as u64, "patient", "patients"),
        output::count(*sizes as u64, "size", "sizes")
    );
    let mut counted = |what: &str, pairs: Vec<String>| {
        if !pairs.is_empty() {
            text.push_str(&format!("{what}: {}\n", pairs.join(", ")));
        }
    };
    counted("sites", sites.iter().map(|(site, n)| format!("{site} {n}")).collect());
    counted("parts", parts.iter().map(|(part, n)| format!("{part} {n}")).collect());
    counted("columns, rows and slices run to", orientations.iter().map(|(axes, n)| format!("{axes} {n}")).collect());
    text.push_str(&format!("masks: {without_mask} cases have none, of {empty_masks} cases they are empty\n\n"));
    let (names, rows) = spreads(statistics);
    text.push_str(&output::columns(&head(&names), &rows));
    text.push('\n');
    let (names, rows) = intensities(statistics);
    text.push_str(&output::columns(&head(&names), &rows));
    if !statistics.classes.is_empty() {
        let (names, rows) = classes(statistics);
        text.push_str(&format!("\n{}", output::columns(&head(&names), &rows)));
    }
    text
}

/// A table: names of the columns, and rows.
pub(super) type Table = (Vec<&'static str>, Vec<Vec<String>>);

/// A number as people read it: whole ones whole.
pub(super) fn plain(number: f64) -> String {
    if (number.fract() == 0.0 || number.abs() >= 1000.0) && number.abs() < 1e15 {
        let digits = output::thousands(number.abs().round() as u64);
        return if number < 0.0 { format!("-{digits}") } else { digits };
    }
    output::number(number)
}

/// How sizes and shares are spread over cases.
pub(super) fn spreads(statistics: &Statistics) -> Table {
    let Statistics { height, width, frames, channels, spacing, cropped, foreground, ignored, cases_a_patient, .. } =
        statistics;
    let percent = |spread: Spread| Spread {
        minimum: spread.minimum * 100.0,
        median: spread.median * 100.0,
        maximum: spread.maximum * 100.0,
        ..spread
    };
    let rows = [
        ("cases a patient", *cases_a_patient),
        ("rows", *height),
        ("columns", *width),
        ("frames or slices", *frames),
        ("channels", *channels),
        ("mm between slices", spacing[0]),
        ("mm between rows", spacing[1]),
        ("mm between columns", spacing[2]),
        ("% left if cropped to what is not 0", cropped.map(percent)),
        ("% foreground", foreground.map(percent)),
        ("% not known", ignored.map(percent)),
    ];
    let row = |(name, spread): (&str, Option<Spread>)| {
        let Spread { minimum, median, maximum, distinct } = spread?;
        Some(vec![name.to_owned(), plain(minimum), plain(median), plain(maximum), plain(distinct as f64)])
    };
    (vec!["over cases", "min", "median", "max", "distinct"], rows.into_iter().filter_map(row).collect())
}

/// Values of each channel.
pub(super) fn intensities(statistics: &Statistics) -> Table {
    let several = statistics.intensity.len() > 1;
    let row = |channel: usize, of: &str, summary: &Option<Summary>| {
        let summary = (*summary)?;
        let name = if several { format!("channel {channel}, {of}") } else { of.to_owned() };
        let Summary {
            minimum,
            percentile_00_5,
            percentile_01,
            median,
            percentile_99,
            percentile_99_5,
            maximum,
            mean,
            sd,
            ..
        } = summary;
        let numbers =
            [minimum, percentile_00_5, percentile_01, median, percentile_99, percentile_99_5, maximum, mean, sd];
        Some([name].into_iter().chain(numbers.map(plain)).collect::<Vec<_>>())
    };
    let rows = statistics.intensity.iter().enumerate().flat_map(|(channel, intensity)| {
        [row(channel, "all values", &intensity.all), row(channel, "foreground", &intensity.foreground)]
    });
    let head = vec!["values", "min", "0.5 %", "1 %", "median", "99 %", "99.5 %", "max", "mean", "SD"];
    (head, rows.flatten().collect())
}

/// The classes, and their components.
pub(super) fn classes(statistics: &Statistics) -> Table {
    let row = |class: &ClassStatistics| {
        let none = || "–".to_owned();
        let components = class.components.map_or_else(none, |spread| {
            format!("{} ({} to {})", plain(spread.median), plain(spread.minimum), plain(spread.maximum))
        });
        let sizes = class.sizes.map_or_else(none, |sizes| {
            format!("{} ({} to {})", plain(sizes.median), plain(sizes.percentile_25), plain(sizes.percentile_75))
        });
        let count = class.sizes.map_or(0, |sizes| sizes.count);
        let cases = format!("{} ({:.0} %)", class.cases, class.cases as f64 / statistics.cases.max(1) as f64 * 100.0);
        let share = match class.share * 100.0 {
            0.0 => "0 %".to_owned(),
            share if share < 0.01 => format!("{share:.4} %"),
            share => format!("{share:.2} %"),
        };
        let name = class.name.as_ref().map_or_else(|| format!("class {}", class.class), Clone::clone);
        vec![name, cases, share, output::thousands(count), components, sizes]
    };
    let head = vec![
        "class",
        "cases with it",
        "of all pixels",
        "components",
        "a case: median (range)",
        "pixels each: median (IQR)",
    ];
    (head, statistics.classes.iter().map(row).collect())
}
