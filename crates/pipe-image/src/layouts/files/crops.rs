//! Masks that are cut out of an image, with a table that says where from.
//! It does not know how images are found.

use std::path::{Component, Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::join::names;
use super::labels::{Row, Source, What as Said};
use super::table::Table;
use crate::Mask;
use crate::case::{CaseFiles, Crop};
use crate::encoding::MaskEncoding;
use crate::formats::{self, Header};
use crate::layouts::listing;
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What};

/// A CSV table of mask files that show a part of an image each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crops {
    /// The table, relative to the root.
    pub table: String,
    /// The column that tells the image.
    pub image: String,
    /// What stands in that column, with names of the images.
    pub pattern: Pattern,
    /// The column of the mask file, relative to the root; a row without one is left out.
    pub mask: String,
    /// The column of the row of the image at which the mask begins, from 0.
    pub top: String,
    /// The column of the column at which it begins, from 0.
    pub left: String,
    /// The column of the class; without it there is one class.
    #[serde(default)]
    pub class: Option<String>,
    /// The classes in that column that count; later ones lie over earlier ones.
    #[serde(default)]
    pub classes: Vec<String>,
}

impl Crops {
    /// Reads the table.
    pub(super) fn sources(&self, root: &Path, problems: &mut Vec<DataProblem>) -> Result<Vec<Source>, DataProblem> {
        let table = Table::read(root, &self.table)?;
        let [image, mask, top, left] = [
            table.column(&self.image)?,
            table.column(&self.mask)?,
            table.column(&self.top)?,
            table.column(&self.left)?,
        ];
        let class = self.class.as_deref().map(|name| table.column(name)).transpose()?;
        let mut sources = Vec::new();
        for (line, row) in table.rows() {
            let cell = |at: usize| row.get(at).unwrap_or("");
            // Classes that are not asked for, and rows without a mask, are no problem.
            let class = match class.map(cell) {
                None => Some(0),
                Some(name) => self.classes.iter().position(|known| known == name),
            };
            let (Some(class), false) = (class, cell(mask).is_empty()) else { continue };
            let place = [cell(top), cell(left)].map(str::parse::<usize>);
            // A table says nothing of files beside its data set.
            let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
            if !Path::new(cell(mask)).components().all(inside) {
                problems.push(table.wrong(line, &format!("`{}` lies outside of the data set", cell(mask))));
                continue;
            }
            match (names(&self.pattern, cell(image)), place) {
                (Some(names), [Ok(top), Ok(left)]) => sources.push(Source {
                    file: cell(mask).to_owned(),
                    names,
                    class,
                    row: Some(Row { line, said: Said::Place([top, left]) }),
                }),
                (None, _) => {
                    let reason = format!("`{}` does not match `{}`", cell(image), self.pattern);
                    problems.push(table.wrong(line, &reason));
                }
                (_, place) => {
                    let wrong = if place[0].is_err() { cell(top) } else { cell(left) };
                    problems.push(table.wrong(line, &format!("`{wrong}` is no place in an image")));
                }
            }
        }
        Ok(sources)
    }

    /// The crops of one image, the classes in their order.
    pub(super) fn crops(
        &self,
        root: &Path,
        sources: &[&Source],
        size: Header,
        problems: &mut Vec<DataProblem>,
    ) -> Vec<Crop> {
        let mut ordered: Vec<&&Source> = sources.iter().collect();
        ordered.sort_by_key(|source| source.class);
        let mut crops = Vec::new();
        for source in ordered {
            let Some(Row { line, said: Said::Place([top, left]) }) = &source.row else { continue };
            match listing::header(root, &source.file) {
                Ok(found) if !fits(found, *top, *left, size) => {
                    let reason = format!(
                        "line {line}: `{}`, {found}, does not fit into an image of {size} at row {top}, column {left}",
                        source.file
                    );
                    problems.push(DataProblem::new(What::Annotations, self.table.clone(), reason));
                }
                Ok(_) => crops.push(Crop {
                    file: source.file.clone(),
                    class: u8::try_from(source.class + 1).unwrap_or(u8::MAX),
                    top: *top,
                    left: *left,
                }),
                Err(problem) => problems.push(problem),
            }
        }
        crops
    }
}

/// Whether a picture lies within an image at this row and column.
fn fits(found: Header, top: usize, left: usize, size: Header) -> bool {
    let inside = |start: usize, length: usize, most: usize| start.checked_add(length).is_some_and(|end| end <= most);
    found.slices == 1 && inside(top, found.height, size.height) && inside(left, found.width, size.width)
}

/// Puts crops into place.
pub(super) fn read(root: &Path, files: &CaseFiles, crops: &[Crop]) -> Result<Mask, DataProblem> {
    let mut mask = Mask::empty(files.height, files.width);
    for Crop { file, class, top, left } in crops {
        let wrong = |problem: DataProblem| problem.of(files.id.clone());
        let raster = formats::open(&root.join(file)).map_err(|error| wrong(listing::problem(file, &error)))?;
        let part = MaskEncoding::default()
            .decode(&raster)
            .map_err(|error| wrong(DataProblem::new(What::MaskValues, file, error.to_string()).hint(error.hint())))?;
        for (y, line) in part.labels.chunks_exact(part.width.max(1)).enumerate() {
            let start = (top + y) * mask.width + left;
            let Some(into) = mask.labels.get_mut(start..start + part.width) else { continue };
            into.iter_mut().zip(line).filter(|(_, found)| **found != 0).for_each(|(label, _)| *label = *class);
        }
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_lie_within_their_image() {
        let [image, crop] = [Header::picture(6, 8), Header::picture(2, 3)];
        assert!(fits(crop, 4, 5, image));
        assert!(!fits(crop, 5, 5, image) && !fits(crop, 4, 6, image));
        assert!(!fits(crop, usize::MAX, 0, image) && !fits(Header { slices: 2, ..crop }, 0, 0, image));
    }
}
