//! A table as Markdown, LaTeX, CSV and HTML.
//!
//! Does not compute.

use askama::Template;
use pipe_metrics::Direction;

use crate::markdown::plain;
use crate::number::{NONE, counted, exact, fixed};

use super::build::{Heading, PaperCell, PaperTable, Spread};
use super::escape::tex;
use super::words::by_convention;

/// A number as text; with the minus of papers.
fn number(value: Option<f64>, digits: usize) -> String {
    fixed(value, digits).replace('-', "−")
}

/// A published number, with the digits that it has.
fn published(value: &Option<f64>) -> String {
    match exact(*value) {
        none if none.is_empty() => NONE.to_owned(),
        text => text.replace('-', "−"),
    }
}

/// A cell as `value ± spread` or `value (low to high)`.
fn cell(cell: Option<&PaperCell>, heading: &Heading) -> String {
    let Some((cell, value)) = cell.and_then(|cell| Some((cell, cell.value?))) else { return NONE.to_owned() };
    let number = |value: f64| number(Some(value), heading.digits);
    match cell.spread {
        Spread::None => number(value),
        Spread::Sd(sd) => format!("{} ± {}", number(value), number(sd)),
        Spread::Range(low, high) => format!("{} ({} to {})", number(value), number(low), number(high)),
    }
}

fn arrow(heading: &Heading) -> &'static str {
    match heading.direction {
        Some(Direction::Higher) => " ↑",
        Some(Direction::Lower) => " ↓",
        None => "",
    }
}

fn star(cell: Option<&PaperCell>) -> &'static str {
    if cell.and_then(|cell| cell.test.as_ref()).is_some_and(|test| test.significant) { "*" } else { "" }
}

/// The table as Markdown.
pub fn markdown(table: &PaperTable) -> String {
    let mut text = format!("**{}**\n\n| System |", plain(&table.title));
    table.columns.iter().for_each(|heading| text.push_str(&format!(" {}{} |", plain(&heading.label), arrow(heading))));
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(table.columns.len()));
    text.push('\n');
    for row in &table.rows {
        text.push_str(&format!("| {}{} |", plain(&row.system), row.marks));
        for (heading, found) in table.columns.iter().zip(&row.cells) {
            let shown = cell(found.as_ref(), heading);
            let bold = if found.as_ref().is_some_and(|cell| cell.best) { "**" } else { "" };
            let star = if star(found.as_ref()).is_empty() { "" } else { "\\*" };
            text.push_str(&format!(" {bold}{shown}{bold}{star} |"));
        }
        text.push('\n');
    }
    for (at, reference) in table.references.iter().enumerate() {
        text.push_str(&format!("| *{}* [{}] |", plain(&reference.system), at + 1));
        for value in &reference.values {
            let shown = published(value);
            text.push_str(&format!(" *{shown}* |"));
        }
        text.push('\n');
    }
    text.push('\n');
    for (at, reference) in table.references.iter().enumerate() {
        text.push_str(&format!("[{}] Published: {}\n\n", at + 1, plain(&reference.citation)));
    }
    table.notes.iter().for_each(|note| text.push_str(&format!("{}\n\n", plain(note))));
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The table as LaTeX: a `table` with `booktabs` rules, in UTF-8.
pub fn latex(table: &PaperTable) -> String {
    let mut text = String::from("% needs \\usepackage{booktabs}\n\\begin{table}[t]\n\\centering\n");
    text.push_str(&format!("\\caption{{{}}}\n", tex(&table.title)));
    text.push_str(&format!("\\begin{{tabular}}{{l{}}}\n\\toprule\nSystem", "r".repeat(table.columns.len())));
    table
        .columns
        .iter()
        .for_each(|heading| text.push_str(&format!(" & {}", tex(&format!("{}{}", heading.label, arrow(heading))))));
    text.push_str(" \\\\\n\\midrule\n");
    for row in &table.rows {
        text.push_str(&tex(&format!("{}{}", row.system, row.marks)));
        for (heading, found) in table.columns.iter().zip(&row.cells) {
            let shown = tex(&cell(found.as_ref(), heading));
            let shown =
                if found.as_ref().is_some_and(|cell| cell.best) { format!("\\textbf{{{shown}}}") } else { shown };
            let star = if star(found.as_ref()).is_empty() { "" } else { "$^{*}$" };
            text.push_str(&format!(" & {shown}{star}"));
        }
        text.push_str(" \\\\\n");
    }
    if !table.references.is_empty() {
        text.push_str("\\midrule\n");
    }
    for reference in &table.references {
        text.push_str(&format!("\\textit{{{}}}", tex(&reference.system)));
        for value in &reference.values {
            let shown = tex(&published(value));
            text.push_str(&format!(" & \\textit{{{shown}}}"));
        }
        text.push_str(" \\\\\n");
    }
    text.push_str("\\bottomrule\n\\end{tabular}\n\n\\smallskip\\raggedright\\footnotesize\n");
    for reference in &table.references {
        text.push_str(&format!(
            "\\textit{{{}}}: published in {}.\n\n",
            tex(&reference.system),
            tex(&reference.citation)
        ));
    }
    table.notes.iter().for_each(|note| text.push_str(&format!("{}\n\n", tex(note))));
    text.truncate(text.trim_end().len());
    text.push_str("\n\\end{table}\n");
    text
}

/// The table as CSV: a line a cell, with everything that is known of it; numbers with all their digits.
///
/// Names are quoted where commas, quotes or line breaks ask for it, and are otherwise as they are, also those that begin with `=`,
/// `+`, `-` or `@`: programs join by them, and `+ ASPP` is a row of many an ablation. Spreadsheets that take such text for a formula
/// must import the column as text.
pub fn csv(table: &PaperTable) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let head = [
        "system",
        "column",
        "value",
        "sd",
        "low",
        "high",
        "n",
        "excluded",
        "imputed",
        "best",
        "p",
        "p_adjusted",
        "source",
    ];
    writer.write_record(head).expect("writing to memory");
    for row in &table.rows {
        for (heading, found) in table.columns.iter().zip(&row.cells) {
            let Some(found) = found else { continue };
            let (sd, low, high) = match found.spread {
                Spread::None => (None, None, None),
                Spread::Sd(sd) => (Some(sd), None, None),
                Spread::Range(low, high) => (None, Some(low), Some(high)),
            };
            let test = |of: fn(&super::CellTest) -> f64| exact(found.test.as_ref().map(of));
            writer
                .write_record([
                    format!("{}{}", row.system, row.marks),
                    heading.label.clone(),
                    exact(found.value),
                    exact(sd),
                    exact(low),
                    exact(high),
                    found.n.to_string(),
                    found.excluded.to_string(),
                    found.imputed.to_string(),
                    found.best.to_string(),
                    test(|test| test.p),
                    test(|test| test.adjusted),
                    "ours".to_owned(),
                ])
                .expect("writing to memory");
        }
    }
    for reference in &table.references {
        for (heading, value) in table.columns.iter().zip(&reference.values) {
            if value.is_none() {
                continue;
            }
            let mut record = vec![reference.system.clone(), heading.label.clone(), exact(*value)];
            record.extend((0..9).map(|_| String::new()));
            record.push(reference.citation.clone());
            writer.write_record(record).expect("writing to memory");
        }
    }
    String::from_utf8(writer.into_inner().expect("writing to memory")).expect("made of texts")
}

#[derive(Template)]
#[template(path = "table.html")]
struct TablePage<'t> {
    table: &'t PaperTable,
}

/// The table as a page that needs no other file.
pub fn html(table: &PaperTable) -> String {
    TablePage { table }.render().expect("writing to a text")
}

fn html_cell(found: Option<&PaperCell>, heading: &Heading) -> String {
    cell(found, heading)
}

fn is_best(found: Option<&PaperCell>) -> bool {
    found.is_some_and(|cell| cell.best)
}

/// What a reader sees who rests on a cell.
fn html_title(found: Option<&PaperCell>) -> String {
    let Some(cell) = found else { return "no results yet".to_owned() };
    let mut words = format!("n = {}", cell.n);
    let counts = by_convention(cell);
    if !counts.is_empty() {
        words.push_str(&format!(", {counts}"));
    }
    if let Some(test) = &cell.test {
        words.push_str(&format!(
            "; {}, adjusted {}, of {}",
            crate::p_value(test.p),
            crate::p_value(test.adjusted),
            counted(test.n, "patient")
        ));
    }
    words
}
