//! Rows of cells, as tables for people and for programs.
//!
//! Does not know searches.

use crate::{
    markdown::plain,
    number::{NONE, exact},
    paper::tex,
};

/// Where the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// To the left, as words do.
    Left,
    /// To the right, as numbers do.
    Right,
}

/// A table of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub head: Vec<String>,
    /// Where their cells stand.
    pub align: Vec<Align>,
    /// The rows; each has a cell for each column.
    pub rows: Vec<Vec<String>>,
}

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    /// Nothing.
    None,
    /// Words.
    Text(String),
    /// A count.
    Count(u64),
    /// A number, and how people read it.
    Number(f64, String),
}

/// A column: its name for people, that for programs, and where its cells stand. Without a name it is left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) label: Option<String>,
    pub(super) key: Option<String>,
    pub(super) align: Align,
}

/// A table whose numbers are numbers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grid {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Cell {
    /// A number that is read as it is written by some function; nothing where there is none.
    pub(super) fn number(number: Option<f64>, read: impl Fn(f64) -> String) -> Self {
        number.filter(|number| number.is_finite()).map_or(Self::None, |number| Self::Number(number, read(number)))
    }

    /// As people read it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::None => NONE.to_owned(),
            Self::Text(text) | Self::Number(_, text) => text.clone(),
            Self::Count(count) => count.to_string(),
        }
    }

    /// As programs read it: all digits, and empty where there is nothing.
    fn exact(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::Number(number, _) => exact(Some(*number)),
            other => other.text(),
        }
    }
}

impl Column {
    /// A column for people and programs.
    pub(super) fn new(label: &str, key: &str, align: Align) -> Self {
        Self { label: Some(label.to_owned()), key: Some(key.to_owned()), align }
    }

    /// A column for people alone.
    pub(super) fn of_people(label: &str, align: Align) -> Self {
        Self { label: Some(label.to_owned()), key: None, align }
    }

    /// A column for programs alone.
    pub(super) fn of_programs(key: &str) -> Self {
        Self { label: None, key: Some(key.to_owned()), align: Align::Left }
    }
}

impl Grid {
    /// As people read it.
    pub(super) fn table(&self) -> Table {
        let shown = |row: &Vec<Cell>| {
            row.iter()
                .zip(&self.columns)
                .filter(|(_, column)| column.label.is_some())
                .map(|(cell, _)| cell.text())
                .collect()
        };
        let columns = || self.columns.iter().filter(|column| column.label.is_some());
        Table {
            head: columns().filter_map(|column| column.label.clone()).collect(),
            align: columns().map(|column| column.align).collect(),
            rows: self.rows.iter().map(shown).collect(),
        }
    }

    /// As CSV.
    pub(super) fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.columns.iter().filter_map(|column| column.key.as_ref())).expect("writing to memory");
        for row in &self.rows {
            let written = row.iter().zip(&self.columns).filter(|(_, column)| column.key.is_some());
            writer.write_record(written.map(|(cell, _)| cell.exact())).expect("writing to memory");
        }
        String::from_utf8(writer.into_inner().expect("writing to memory")).expect("made of texts")
    }
}

impl Table {
    /// Whether a column stands to the left.
    pub(crate) fn is_left(&self, column: &usize) -> bool {
        self.align.get(*column) == Some(&Align::Left)
    }

    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[String]| {
            format!("| {} |\n", cells.iter().map(|cell| plain(cell)).collect::<Vec<_>>().join(" | "))
        };
        let rule: String =
            self.align.iter().map(|align| if *align == Align::Left { "---|" } else { "---:|" }).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}|{rule}\n{rows}", line(&self.head))
    }

    /// As LaTeX: a `tabular` with `booktabs` rules, in UTF-8.
    pub(crate) fn latex(&self) -> String {
        let columns: String = self.align.iter().map(|align| if *align == Align::Left { 'l' } else { 'r' }).collect();
        let line =
            |cells: &[String]| format!("{} \\\\\n", cells.iter().map(|cell| tex(cell)).collect::<Vec<_>>().join(" & "));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        let head = line(&self.head);
        format!(
            "% needs \\usepackage{{booktabs}}\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head}\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}\n"
        )
    }
}
