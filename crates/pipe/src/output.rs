//! Printing: the only place that writes to standard output and standard error.
//!
//! Does not know what is printed. A reader that went away (`pipe ... | head`) is no failure.

use std::io::{self, IsTerminal as _, Write as _};

use pipe_spec::Colour;
use serde::Serialize;

/// Prints text to standard output as it is.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Prints text to standard error as it is.
pub(crate) fn complain(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

/// Prints a value as indented JSON.
pub(crate) fn json(value: &impl Serialize) {
    print(&format!("{}\n", serde_json::to_string_pretty(value).expect("answers are plain data")));
}

/// Prints a value as one line of JSON.
pub(crate) fn json_line(value: &impl Serialize) {
    print(&format!("{}\n", serde_json::to_string(value).expect("answers are plain data")));
}

/// Whether standard error gets colours: a terminal, and nobody said no.
pub(crate) fn colour() -> Colour {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stderr().is_terminal() && !refused { Colour::Always } else { Colour::Never }
}

/// Where a column's text stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Names.
    Left,
    /// Numbers.
    Right,
}

/// Lines of cells as text with aligned columns.
pub(crate) fn columns(head: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([head[column].0.chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let cells = cells.iter().zip(&widths).zip(head).map(|((cell, width), (_, align))| match align {
            Align::Left => format!("{cell:<width$}"),
            Align::Right => format!("{cell:>width$}"),
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut text = line(&head.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for row in rows {
        text.push_str(&line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    text
}

/// Thousands set apart: `10 190 873`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Seconds as people say them.
pub(crate) fn seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0 if seconds < 0.95 => format!("{:.0} ms", seconds * 1000.0),
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_columns() {
        assert_eq!(thousands(10_190_873), "10 190 873");
        assert_eq!(thousands(999), "999");
        assert_eq!(seconds(0.012), "12 ms");
        assert_eq!(seconds(3.08), "3.1 s");
        assert_eq!(seconds(125.2), "2 min 05 s");
        assert_eq!(seconds(7322.0), "2 h 02 min");
        let text = columns(
            &[("name", Align::Left), ("n", Align::Right)],
            &[vec!["a".into(), "10".into()], vec!["long".into(), "1".into()]],
        );
        assert_eq!(text, "name   n\na     10\nlong   1\n");
    }
}
