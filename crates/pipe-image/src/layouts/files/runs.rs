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
    let mut end = 0;
    for (at, pair) in numbers.chunks_exact(2).enumerate() {
        let run = format!("run {} (`{} {}`)", at + 1, pair[0], pair[1]);
        let (start, length) = (u64::from(pair[0]), u64::from(pair[1]));
        if length == 0 {
            return Err(format!("{run} has no pixel: lengths count from 1"));
        }
        if start == 0 || start - 1 + length > pixels {
            return Err(format!("{run} lies outside of {pixels} pixels of {size}"));
        }
        // Kaggle's own rule: sorted, and no pixel twice. What breaks it counts in another way, from the end of the run before for instance.
        if start <= end {
            return Err(format!(
                "{run} begins at or before pixel {end}, where the run before it ends; starts count from the first pixel and grow"
            ));
        }
        end = start - 1 + length;
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
        // One run after the other without a gap is no overlap.
        assert_eq!(runs("1 2 3 1", Order::Rows, size), Ok(Area::RowSpans(vec![[0, 2], [2, 1]])));
        let wrong = |text: &str| runs(text, Order::Rows, size).expect_err("it is wrong");
        assert_eq!(wrong("1 2 4 0"), "run 2 (`4 0`) has no pixel: lengths count from 1");
        let overlap = "run 2 (`2 3`) begins at or before pixel 2, where the run before it ends";
        assert!(wrong("1 2 2 3").starts_with(overlap), "{}", wrong("1 2 2 3"));
        assert!(wrong("4 1 2 1").starts_with("run 2 (`2 1`) begins at or before pixel 4"), "{}", wrong("4 1 2 1"));
        assert!(wrong("3 1 3 1").starts_with("run 2 (`3 1`)"));
        for wrong in ["1", "0 1", "6 2", "a b", "1 -2", "4294967295 4294967295"] {
            assert!(runs(wrong, Order::Rows, size).is_err(), "{wrong}");
        }
    }
}
