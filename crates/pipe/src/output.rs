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
    colour_of(io::stderr().is_terminal())
}

/// Whether standard output gets colours.
pub(crate) fn paint() -> Colour {
    colour_of(io::stdout().is_terminal())
}

fn colour_of(is_terminal: bool) -> Colour {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if is_terminal && !refused { Colour::Always } else { Colour::Never }
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
pub(crate) fn columns(head: &[(&str, Align)], rows: &[Vec<impl AsRef<str>>]) -> String {
    let mut widths: Vec<_> = head.iter().map(|(name, _)| width(name)).collect();
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = width(cell.as_ref()).max(*widest);
        }
    }
    let mut text = String::with_capacity((widths.iter().sum::<usize>() + 2 * widths.len()) * (rows.len() + 1));
    let mut add = |cells: &mut dyn Iterator<Item = &str>| {
        for ((cell, widest), (_, align)) in cells.zip(&widths).zip(head) {
            let space = widest - width(cell);
            let (before, after) = if *align == Align::Right { (space, 0) } else { (0, space) };
            text.extend(std::iter::repeat_n(' ', before));
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', after + 2));
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    };
    add(&mut head.iter().map(|(name, _)| *name));
    rows.iter().for_each(|row| add(&mut row.iter().map(AsRef::as_ref)));
    text
}

fn width(cell: &str) -> usize {
    if cell.is_ascii() { cell.len() } else { cell.chars().count() }
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

/// A moment of the ledger as people read it, in UTC: `2026-11-21 09:10:02`.
pub(crate) fn moment(at: &str) -> String {
    at.get(..19).unwrap_or(at).replace('T', " ")
}

/// A measured number, to as many places as say something.
pub(crate) fn number(value: f64) -> String {
    let places = match value.abs() {
        1000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        1.0.. => 3,
        _ => 4,
    };
    format!("{value:.places$}")
}

/// A count and what is counted: `1 result`, `2 results`.
pub(crate) fn count(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
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
        assert_eq!(moment("2026-11-21T09:10:02.123Z"), "2026-11-21 09:10:02");
        assert_eq!([number(0.68123), number(-12.3456), number(31_031.0)], ["0.6812", "-12.35", "31031"]);
        assert_eq!([count(1, "run", "runs"), count(1200, "run", "runs")], ["1 run", "1 200 runs"]);
        let text = columns(&[("name", Align::Left), ("n", Align::Right)], &[vec!["a", "10"], vec!["long", "1"]]);
        assert_eq!(text, "name   n\na     10\nlong   1\n");
    }
}
