//! Labels as YOLO writes outlines: a text file for each image, a line for each object.
//! It does not know how files are found.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::labels::Source;
use crate::case::{Area, Outline};
use crate::formats::Header;
use crate::layouts::listing;
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What};

/// Text files with a line `class x1 y1 x2 y2 ...` for each object: the number of its class, from 0, and the corners of its outline as
/// shares of the image's width and height. An empty file labels nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Yolo {
    /// Patterns of the paths.
    pub paths: Vec<Pattern>,
    /// The names of the classes in the order of their numbers, as `names` of YOLO's own YAML has them. They may overlap, and each becomes a
    /// map of its own; without names all objects are of one class.
    #[serde(default)]
    pub classes: Vec<String>,
}

/// A share may leave the image by so much: files round to some digits.
const BEYOND: f64 = 1e-3;

impl Yolo {
    /// The outlines of one image.
    pub(super) fn outlines(&self, root: &Path, sources: &[&Source], size: Header) -> Result<Vec<Outline>, DataProblem> {
        let mut outlines = Vec::new();
        for Source { file, .. } in sources {
            let problem = |reason: String| DataProblem::new(What::Annotations, file.clone(), reason);
            // A million corners, thousands of times what an image has.
            let text = String::from_utf8(listing::text(root, file, 16 << 20)?)
                .map_err(|_| problem("it is no text (UTF-8)".to_owned()))?;
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let outline = self.outline(line, size);
                outlines.push(outline.map_err(|reason| problem(format!("line {}: {reason}", number + 1)))?);
            }
        }
        Ok(outlines)
    }

    fn outline(&self, line: &str, size: Header) -> Result<Outline, String> {
        let mut words = line.split_ascii_whitespace();
        let class = words.next().unwrap_or_default();
        let class: usize = class.parse().map_err(|_| format!("`{class}` is no number of a class"))?;
        let map = if self.classes.is_empty() { 0 } else { class };
        if map > 0 && map >= self.classes.len() {
            let known: Vec<_> = self.classes.iter().enumerate().map(|(at, name)| format!("{at} {name}")).collect();
            return Err(format!("class {class} is none of `classes`, which are {}", known.join(", ")));
        }
        let shares = words.map(|word| word.parse::<f64>().map_err(|_| format!("`{word}` is no number")));
        let shares = shares.collect::<Result<Vec<f64>, _>>()?;
        match shares.len() {
            4 => {
                return Err(
                    "it is a box (x, y, width, height) and no outline; masks cannot be made of boxes".to_owned()
                );
            }
            count if count < 6 || count % 2 != 0 => {
                return Err(format!("{count} numbers after the class are no outline of three corners `x y` or more"));
            }
            _ => {}
        }
        if let Some(beyond) = shares.iter().find(|share| !(-BEYOND..=1.0 + BEYOND).contains(*share)) {
            return Err(format!(
                "{beyond} is no share of the image, which is from 0 to 1; divide pixels by width and height"
            ));
        }
        let sides = [size.width as f64, size.height as f64].into_iter().cycle();
        let corners = shares.iter().zip(sides).map(|(share, side)| share.clamp(0.0, 1.0) * side).collect();
        let class = u8::try_from(map + 1).map_err(|_| format!("class {class} is too large a number"))?;
        Ok(Outline { class, area: Area::Polygons(vec![corners]) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::DataFolder;
    use crate::{Case, Layout};

    fn layout(more: &str) -> Layout {
        let text = format!(
            r#"{{"files": {{"images": ["images/{{case}}.png"], "masks": {{"yolo": {{"paths": ["labels/{{case}}.txt"]{more}}}}}}}}}"#
        );
        serde_json::from_str(&text).expect("the layout is good")
    }

    /// The labels of the first case, row by row.
    fn rows(layout: &Layout, data: &DataFolder) -> Vec<String> {
        let mut masks = Vec::new();
        layout.load(data.path(), |case: Case| case.mask, |_, mask| masks.push(mask)).expect("the data set is good");
        let mask = masks.swap_remove(0).expect("it has a mask");
        let row = |row: &[u8]| row.iter().map(u8::to_string).collect::<String>();
        mask.labels.chunks_exact(mask.width).map(row).collect()
    }

    #[test]
    fn outlines_are_shares_of_the_image() {
        let data = DataFolder::new();
        // Columns 1 to 4 of rows 1 and 2, and columns 4 to 7 of rows 2 and 3.
        data.flat("images/a.png", 8, 4, 9)
            .flat("images/b.png", 8, 4, 9)
            .file("labels/a.txt", b"0 0.125 0.25 0.625 0.25 0.625 0.75 0.125 0.75\n\n1 0.5 0.5 1.0 0.5 1.0 1 0.5 1\n")
            .file("labels/b.txt", b"");
        assert_eq!(rows(&layout(""), &data), ["00000000", "01111000", "01111111", "00001111"]);
        let named = layout(r#", "classes": ["liver", "spleen"]"#);
        let expected = ["00000000", "01111000", "01111000", "00000000", "00000000", "00000000", "00001111", "00001111"];
        assert_eq!(rows(&named, &data), expected);
        assert_eq!(crate::stats::class_names(&named), ["liver", "spleen"]);
        // An empty file labels nothing, and is no missing mask.
        assert_eq!(named.check(data.path()).expect("the data set is good").len(), 2);
    }

    #[test]
    fn what_is_no_outline_is_refused() {
        let yolo = Yolo { paths: Vec::new(), classes: vec!["liver".to_owned(), "spleen".to_owned()] };
        let wrong = |line: &str| yolo.outline(line, Header::picture(4, 8)).expect_err("it is wrong");
        assert_eq!(wrong("2 0 0 1 0 1 1"), "class 2 is none of `classes`, which are 0 liver, 1 spleen");
        assert_eq!(wrong("liver 0 0 1 0 1 1"), "`liver` is no number of a class");
        assert!(wrong("0 0.5 0.5 0.1 0.1").starts_with("it is a box"));
        assert!(wrong("0 0 0 1 0 1").starts_with("5 numbers after the class"));
        assert!(wrong("0 0 0 1 0").starts_with("it is a box"));
        assert!(wrong("0 12 3 40 3 40 9").starts_with("12 is no share of the image"));
        assert!(wrong("0 NaN 0 1 0 1 1").starts_with("NaN is no share"));
        assert!(yolo.outline("1 -0.0002 0 1.0004 0 1 1", Header::picture(4, 8)).is_ok());
        let one = Yolo { classes: Vec::new(), ..yolo };
        assert_eq!(one.outline("70 0 0 1 0 1 1", Header::picture(4, 8)).expect("one class for all").class, 1);
    }
}
