//! A table as Markdown, LaTeX, CSV and HTML.
//!
//! Does not compute.

use askama::Template;
use pipe_metrics::Direction;

use super::build::{Heading, PaperCell, PaperTable, Spread};

/// What stands for a number that there is not.
const NONE: &str = "–";

/// A number as text; minus and digits as papers have them.
fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    // -0.000 is 0.000.
    if text.trim_start_matches('-').chars().all(|letter| letter == '0' || letter == '.') {
        text.trim_start_matches('-').to_owned()
    } else {
        text
    }
}

/// A published number, with the digits that it has.
fn published(value: &Option<f64>) -> String {
    value.map_or(NONE.to_owned(), |value| value.to_string())
}

/// A cell as `value ± spread`, with the words of a format in between.
fn cell(cell: Option<&PaperCell>, heading: &Heading, plus_minus: &str, to: &str) -> String {
    let Some((cell, value)) = cell.and_then(|cell| Some((cell, cell.value?))) else { return NONE.to_owned() };
    let value = number(value, heading.digits);
    match cell.spread {
        Spread::None => value,
        Spread::Sd(sd) => format!("{value}{plus_minus}{}", number(sd, heading.digits)),
        Spread::Range(low, high) => {
            format!("{value} ({}{to}{})", number(low, heading.digits), number(high, heading.digits))
        }
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
    let plain = |text: &str| text.replace('|', "\\|").replace('<', "&lt;");
    let mut text = format!("**{}**\n\n| System |", plain(&table.title));
    table.columns.iter().for_each(|heading| text.push_str(&format!(" {}{} |", plain(&heading.label), arrow(heading))));
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(table.columns.len()));
    text.push('\n');
    for row in &table.rows {
        text.push_str(&format!("| {}{} |", plain(&row.system), row.marks));
        for (heading, found) in table.columns.iter().zip(&row.cells) {
            let shown = cell(found.as_ref(), heading, " ± ", " to ");
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
        text.push_str(&format!("[{}] Published: {}\n\n", at + 1, reference.citation));
    }
    for note in &table.notes {
        let note = if let Some(rest) = note.strip_prefix('*') { format!("\\*{rest}") } else { note.clone() };
        text.push_str(&format!("{note}\n\n"));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// Text as LaTeX prints it.
fn tex(text: &str) -> String {
    let mut found = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                found.push('\\');
                found.push(letter);
            }
            '\\' => found.push_str("\\textbackslash{}"),
            '~' => found.push_str("\\textasciitilde{}"),
            '^' => found.push_str("\\textasciicircum{}"),
            '±' => found.push_str("$\\pm$"),
            '–' => found.push_str("--"),
            '†' => found.push_str("$^\\dagger$"),
            '‡' => found.push_str("$^\\ddagger$"),
            '↑' => found.push_str("$\\uparrow$"),
            '↓' => found.push_str("$\\downarrow$"),
            '<' => found.push_str("$<$"),
            '>' => found.push_str("$>$"),
            '|' => found.push_str("$|$"),
            '≥' => found.push_str("$\\geq$"),
            '≤' => found.push_str("$\\leq$"),
            '×' => found.push_str("$\\times$"),
            '−' => found.push_str("$-$"),
            'α' => found.push_str("$\\alpha$"),
            'β' => found.push_str("$\\beta$"),
            'µ' | 'μ' => found.push_str("$\\mu$"),
            _ => found.push(letter),
        }
    }
    found
}

/// The table as LaTeX: a `table` with `booktabs` rules, in UTF-8.
pub fn latex(table: &PaperTable) -> String {
    let mut text = String::from("% needs \\usepackage{booktabs}\n\\begin{table}[t]\n\\centering\n");
    text.push_str(&format!("\\caption{{{}}}\n", tex(&table.title)));
    text.push_str(&format!("\\begin{{tabular}}{{l{}}}\n\\toprule\nSystem", "r".repeat(table.columns.len())));
    table
        .columns
        .iter()
        .for_each(|heading| text.push_str(&format!(" & {}{}", tex(&heading.label), tex(arrow(heading)))));
    text.push_str(" \\\\\n\\midrule\n");
    for row in &table.rows {
        text.push_str(&tex(&format!("{}{}", row.system, row.marks)));
        for (heading, found) in table.columns.iter().zip(&row.cells) {
            let shown = tex(&cell(found.as_ref(), heading, " ± ", "–"));
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

/// The table as CSV: a line a cell, with everything that is known of it.
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
    let text = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
    for row in &table.rows {
        for (heading, found) in table.columns.iter().zip(&row.cells) {
            let Some(found) = found else { continue };
            let (sd, low, high) = match found.spread {
                Spread::None => (None, None, None),
                Spread::Sd(sd) => (Some(sd), None, None),
                Spread::Range(low, high) => (None, Some(low), Some(high)),
            };
            let test = |of: fn(&super::CellTest) -> f64| text(found.test.as_ref().map(of));
            writer
                .write_record([
                    format!("{}{}", row.system, row.marks),
                    heading.label.clone(),
                    text(found.value),
                    text(sd),
                    text(low),
                    text(high),
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
            let Some(value) = value else { continue };
            let mut record = vec![reference.system.clone(), heading.label.clone(), value.to_string()];
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
    cell(found, heading, " ± ", " to ")
}

fn is_best(found: Option<&PaperCell>) -> bool {
    found.is_some_and(|cell| cell.best)
}

/// What a reader sees who rests on a cell.
fn html_title(found: Option<&PaperCell>) -> String {
    let Some(cell) = found else { return "no results yet".to_owned() };
    let mut words = format!("n = {}", cell.n);
    for (count, what) in [(cell.excluded, "excluded"), (cell.imputed, "imputed")] {
        if count > 0 {
            words.push_str(&format!(", {count} {what}"));
        }
    }
    if let Some(test) = &cell.test {
        words.push_str(&format!(
            "; {}, adjusted {}, of {} patients",
            crate::p_value(test.p),
            crate::p_value(test.adjusted),
            test.n
        ));
    }
    words
}
