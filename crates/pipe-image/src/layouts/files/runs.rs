//! Labels as runs of pixels in a table: one row for an image, an object or a class.
//! It does not know images but for their size.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::join::names;
use super::labels::{Row, Source, What as Said};
use super::table::Table;
use crate::case::{Area, Outline};
use crate::formats::Header;
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What};

/// A CSV table of runs, each written as `start length start length ...` with starts counted from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runs {
    /// The table, relative to the root.
    pub table: String,
    /// The column that tells the image.
    pub image: String,
    /// What stands in that column: `case{case}_day{day}_slice_{slice}`, with names of the images.
    pub pattern: Pattern,
    /// The column of the runs; an empty cell has none.
    pub runs: String,
    /// How pixels are counted.
    pub order: Order,
    /// The column of the class; without it there is one class.
    #[serde(default)]
    pub class: Option<String>,
    /// The classes in that column. They may overlap, and each becomes a map of its own.
    #[serde(default)]
    pub classes: Vec<String>,
}

/// How the pixels of an image are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Row by row, from left to right.
    Rows,
    /// Column by column, from top to bottom.
    Columns,
}

impl Runs {
    /// Reads the table.
    pub(super) fn sources(&self, root: &Path, problems: &mut Vec<DataProblem>) -> Result<Vec<Source>, DataProblem> {
        let table = Table::read(root, &self.table)?;
        let [image, runs] = [table.column(&self.image)?, table.column(&self.runs)?];
        let class = self.class.as_deref().map(|name| table.column(name)).transpose()?;
        let mut sources = Vec::new();
        for (line, row) in table.rows() {
            let cell = |at: usize| row.get(at).unwrap_or("");
            let class = class.map_or(Some(0), |class| self.class_of(cell(class)));
            match (names(&self.pattern, cell(image)), class) {
                (Some(names), Some(class)) => sources.push(Source {
                    file: self.table.clone(),
                    names,
                    class,
                    row: Some(Row { line, said: Said::Runs(cell(runs).to_owned()) }),
                }),
                (None, _) => {
                    let reason = format!("`{}` does not match `{}`", cell(image), self.pattern);
                    problems.push(table.wrong(line, &reason));
                }
                (_, None) => {
                    let reason = format!("its class is none of {}", self.classes.join(", "));
                    problems.push(table.wrong(line, &reason));
                }
            }
        }
        Ok(sources)
    }

    fn class_of(&self, name: &str) -> Option<usize> {
        self.classes.iter().position(|known| known == name)
    }

    /// The outlines of one image.
    pub(super) fn outlines(&self, sources: &[&Source], size: Header) -> Result<Vec<Outline>, DataProblem> {
        let mut outlines = Vec::new();
        for source in sources {
            let Some(Row { line, said: Said::Runs(text) }) = &source.row else { continue };
            let area = runs(text, self.order, size).map_err(|reason| {
                DataProblem::new(What::Annotations, self.table.clone(), format!("line {line}: {reason}"))
            })?;
            outlines.push(Outline { class: u8::try_from(source.class + 1).unwrap_or(u8::MAX), area });
        }
        Ok(outlines)
    }
}

/// Reads runs; the reason says what is wrong with them.
fn runs(text: &str, order: Order, size: Header) -> Result<Area, String> {
    // What pandas writes for a missing value.
    let text = if matches!(text, "nan" | "NaN" | "-1") { "" } else { text };
    let numbers: Result<Vec<u32>, _> = text.split_ascii_whitespace().map(str::parse).collect();
    let numbers = numbers.map_err(|_| "the runs are no list of whole numbers".to_owned())?;
    if numbers.len() % 2 != 0 {
        return Err(format!("{} numbers are no pairs of start and length", numbers.len()));
    }
    let pixels = size.height as u64 * size.width as u64;
    for pair in numbers.chunks_exact(2) {
        if pair[0] == 0 || u64::from(pair[0]) - 1 + u64::from(pair[1]) > pixels {
            return Err(format!("run `{} {}` lies outside of {} pixels of {size}", pair[0], pair[1], pixels));
        }
    }
    let spans = numbers.chunks_exact(2).map(|pair| [pair[0] - 1, pair[1]]).collect();
    Ok(match order {
        Order::Rows => Area::RowSpans(spans),
        Order::Columns => Area::ColumnSpans(spans),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_checked_against_the_size() {
        let size = Header::picture(2, 3);
        assert_eq!(runs("1 2 6 1", Order::Rows, size), Ok(Area::RowSpans(vec![[0, 2], [5, 1]])));
        assert_eq!(runs("", Order::Columns, size), Ok(Area::ColumnSpans(vec![])));
        for wrong in ["1", "0 1", "6 2", "a b", "1 -2", "4294967295 4294967295"] {
            assert!(runs(wrong, Order::Rows, size).is_err(), "{wrong}");
        }
    }
}
