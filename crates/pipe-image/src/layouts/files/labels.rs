//! Where the labels of the `files` layout come from: mask files, files of single classes, tables of runs, outlines as text.
//! It does not know how images are found.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::crops::{self, Crops};
use super::join::{Names, names, plain};
use super::runs::Runs;
use super::yolo::Yolo;
use crate::case::{Area, CaseFiles, MaskSource, Outline};
use crate::encoding::MaskEncoding;
use crate::formats::Header;
use crate::layouts::reading::{self, Agreement, MaskReading};
use crate::layouts::{listing, polygon};
use crate::pattern::Pattern;
use crate::problem::{DataProblem, What as Wrong};
use crate::{IGNORED, Mask, Native};

/// Where labels come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Labels {
    /// Mask files; those of one case that differ in `{object}` alone are united.
    Files {
        /// Patterns of their paths.
        paths: Vec<Pattern>,
        /// How they write classes down.
        #[serde(default)]
        encoding: MaskEncoding,
    },
    /// Files of one class each. Classes may overlap, and each becomes a map of its own; one that has no file is nowhere.
    Classes {
        /// The classes in the order of the maps.
        classes: Vec<ClassFiles>,
        /// How each file says where its class is.
        #[serde(default)]
        encoding: MaskEncoding,
    },
    /// A table of runs of pixels.
    Runs(Runs),
    /// A table of mask files that show a part of an image each.
    Crops(Crops),
    /// Text files of closed outlines: a line `x y` for each corner, in pixels from the centre of the first one.
    Contours {
        /// The classes, from 1; later ones lie over earlier ones.
        classes: Vec<ClassFiles>,
    },
    /// Text files of outlines in shares of the image, one line an object.
    Yolo(Yolo),
}

/// The files of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassFiles {
    /// The name of the class.
    pub name: String,
    /// Patterns of the paths.
    pub paths: Vec<Pattern>,
}

/// A file or a row of a table that labels an image.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The file, relative to the root.
    pub(super) file: String,
    /// What its path or its row says.
    pub(super) names: Names,
    /// The class, from 0.
    pub(super) class: usize,
    /// The row of the table.
    pub(super) row: Option<Row>,
}

/// A row of a table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Its line in the file.
    pub(super) line: u64,
    /// What it says.
    pub(super) said: What,
}

/// What a row says.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// Runs, as they are written.
    Runs(String),
    /// The row and the column of an image at which a mask begins.
    Place([usize; 2]),
}

impl Source {
    /// Whether it is a file of its own.
    pub(super) fn is_file(&self) -> bool {
        self.row.is_none()
    }
}

/// The frame that the labels belong to, if they say so; `numbers` are what the frames of the images are called.
///
/// # Errors
/// The images have frames, and not this one.
pub(super) fn frame(sources: &[&Source], numbers: &[Option<&String>]) -> Result<Option<usize>, DataProblem> {
    let Some((source, wanted)) = sources.iter().find_map(|source| Some((source, source.names.get("frame")?))) else {
        return Ok(None);
    };
    let known: Vec<&str> = numbers.iter().filter_map(|number| number.map(String::as_str)).collect();
    let found = numbers.iter().position(|number| number.is_some_and(|number| plain(number) == plain(wanted)));
    if found.is_none() && !known.is_empty() {
        let reason = format!("it is of frame {wanted}, and the images are of {}", known.join(", "));
        let hint = "add the image of this frame, or remove the mask";
        return Err(DataProblem::new(Wrong::MissingFrame, source.file.clone(), reason).hint(hint));
    }
    Ok(found)
}

/// What to do with two mask files of an image, of which nothing says whether they show one class.
const TWICE_ANY: &str = "if they show parts of one class, call what tells them apart `{object}`, which unites them; if they show a class \
                         each, write `masks: { classes: [{ name: .., paths: [..] }, ..] }`, a pattern for each class; else list one of \
                         them under `ignore`";
/// And with two of one class.
const TWICE_OF_CLASS: &str = "if they show parts of it, call what tells them apart `{object}`, which unites them; if they show other \
                              classes, their pattern is too wide; else list one of them under `ignore`";

impl Labels {
    /// Finds all sources of labels below the root.
    pub(super) fn sources(&self, root: &Path, files: &[String], problems: &mut Vec<DataProblem>) -> Vec<Source> {
        let matching = |paths: &[Pattern], class: usize| {
            let source = |file: &String| {
                let names = paths.iter().find_map(|pattern| names(pattern, file))?;
                Some(Source { file: file.clone(), names, class, row: None })
            };
            files.iter().filter_map(source).collect::<Vec<_>>()
        };
        let found = match self {
            Self::Files { paths, .. } => Ok(matching(paths, 0)),
            Self::Classes { classes, .. } | Self::Contours { classes } => {
                let of = |(class, of): (usize, &ClassFiles)| matching(&of.paths, class);
                Ok(classes.iter().enumerate().flat_map(of).collect())
            }
            Self::Runs(runs) => runs.sources(root, problems),
            Self::Crops(crops) => crops.sources(root, problems),
            Self::Yolo(yolo) => Ok(matching(&yolo.paths, 0)),
        };
        found.unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        })
    }

    /// What the sources of one image come to; nothing where there are none, or where they are wrong.
    pub(super) fn source(
        &self,
        root: &Path,
        sources: &[&Source],
        size: Header,
        problems: &mut Vec<DataProblem>,
    ) -> Option<MaskSource> {
        if sources.is_empty() {
            return None;
        }
        let pictures = matches!(self, Self::Files { .. } | Self::Classes { .. });
        for source in sources.iter().filter(|_| pictures) {
            match listing::header(root, &source.file) {
                Ok(found) if found != size => {
                    problems.push(listing::size_problem(&source.file, found, "the image", size));
                }
                Ok(_) => {}
                Err(problem) => problems.push(problem),
            }
        }
        let twice = |pair: &[&Source]| {
            pair[0].class == pair[1].class && !pair[1].names.contains_key("object") && pair[1].is_file()
        };
        if let Some(pair) = sources.windows(2).find(|pair| twice(pair)) {
            let reason = format!("`{}` labels the same image", pair[0].file);
            let hint = match self {
                Self::Files { .. } => TWICE_ANY,
                _ => TWICE_OF_CLASS,
            };
            problems.push(DataProblem::new(Wrong::DuplicateCase, pair[1].file.clone(), reason).hint(hint));
            return None;
        }
        let file = |source: &&Source| source.file.clone();
        match self {
            Self::Files { .. } => Some(match sources {
                [one] => MaskSource::File(one.file.clone()),
                several => MaskSource::Files(several.iter().map(file).collect()),
            }),
            Self::Classes { classes, .. } => {
                let of = |class: usize| sources.iter().filter(move |source| source.class == class).map(file).collect();
                Some(MaskSource::Classes((0..classes.len()).map(of).collect()))
            }
            Self::Runs(runs) => {
                let outlines = runs.outlines(sources, size).map_err(|problem| problems.push(problem)).ok()?;
                Some(MaskSource::Outlines { file: runs.table.clone(), outlines })
            }
            Self::Yolo(yolo) => {
                let outlines = yolo.outlines(root, sources, size).map_err(|problem| problems.push(problem)).ok()?;
                Some(MaskSource::Outlines { file: sources[0].file.clone(), outlines })
            }
            Self::Crops(crops) => Some(MaskSource::Crops(crops.crops(root, sources, size, problems))),
            Self::Contours { .. } => {
                let mut ordered: Vec<&&Source> = sources.iter().collect();
                ordered.sort_by_key(|source| source.class);
                let outline = |source: &&&Source| match contour(root, &source.file) {
                    Ok(corners) => {
                        let class = u8::try_from(source.class + 1).unwrap_or(u8::MAX);
                        Some(Outline { class, area: Area::Polygons(vec![corners]) })
                    }
                    Err(problem) => {
                        problems.push(problem);
                        None
                    }
                };
                let outlines = ordered.iter().filter_map(outline).collect();
                Some(MaskSource::Outlines { file: sources[0].file.clone(), outlines })
            }
        }
    }

    /// Gives how mask files write classes down, where there are such.
    pub(crate) fn encoding(&self) -> Option<&MaskEncoding> {
        match self {
            Self::Files { encoding, .. } | Self::Classes { encoding, .. } => Some(encoding),
            Self::Runs(_) | Self::Crops(_) | Self::Contours { .. } | Self::Yolo(_) => None,
        }
    }

    /// Gives the names of the classes from 1, where they have names.
    pub(crate) fn class_names(&self) -> Vec<String> {
        match self {
            Self::Files { encoding: MaskEncoding::Channels(names), .. } => names.clone(),
            Self::Files { .. } => Vec::new(),
            Self::Classes { classes, .. } | Self::Contours { classes } => {
                classes.iter().map(|class| class.name.clone()).collect()
            }
            Self::Runs(runs) => runs.classes.clone(),
            Self::Crops(crops) => crops.classes.clone(),
            Self::Yolo(yolo) => yolo.classes.clone(),
        }
    }

    /// Gives the number of classes that there can be, without the background.
    pub(super) fn class_count(&self) -> usize {
        match self {
            Self::Files { encoding, .. } => encoding.classes(),
            others => others.class_names().len().max(1),
        }
    }

    /// Whether classes may overlap, each in a layer of its own.
    pub(super) fn overlaps(&self) -> bool {
        match self {
            Self::Files { encoding, .. } => matches!(encoding, MaskEncoding::Channels(_)),
            Self::Classes { .. } => true,
            Self::Runs(Runs { classes, .. }) | Self::Yolo(Yolo { classes, .. }) => !classes.is_empty(),
            Self::Crops(_) | Self::Contours { .. } => false,
        }
    }

    /// Reads the mask of a case.
    pub(super) fn read(
        &self,
        root: &Path,
        (files, native): (&CaseFiles, &Native),
        source: &MaskSource,
        agreement: Agreement,
    ) -> Result<Mask, DataProblem> {
        let plain = MaskEncoding::default();
        let encoding = self.encoding().unwrap_or(&plain);
        let united = |paths: &[String]| {
            let mut union: Option<Mask> = None;
            for path in paths {
                let mask = reading::read_mask(root, path, (files, native), MaskReading { encoding, agreement })?;
                match &mut union {
                    None => union = Some(mask),
                    Some(union) => {
                        // What one file does not know another may.
                        let says = |(label, found): &(&mut u8, &u8)| match **found {
                            IGNORED => **label == 0,
                            found => found != 0,
                        };
                        let pairs = union.labels.iter_mut().zip(&mask.labels).filter(says);
                        pairs.for_each(|(label, found)| *label = *found);
                    }
                }
            }
            let depth = if files.slice.is_some() { 1 } else { files.slices };
            let blank = || vec![0; depth * files.height * files.width];
            Ok(union.unwrap_or_else(|| Mask {
                layers: 1,
                depth,
                height: files.height,
                width: files.width,
                labels: blank(),
            }))
        };
        match source {
            MaskSource::File(path) => united(std::slice::from_ref(path)),
            MaskSource::Files(paths) => united(paths),
            MaskSource::Classes(classes) => {
                let masks: Vec<Mask> = classes.iter().map(|paths| united(paths)).collect::<Result<_, _>>()?;
                let labels = masks.iter().flat_map(Mask::any).collect();
                let first = masks.first().cloned().unwrap_or_else(|| Mask::empty(0, 0));
                let mut mask = Mask { layers: classes.len(), labels, ..first };
                // Where one class is not known, none of them can be measured against the others.
                masks.iter().filter(|own| own.ignored() > 0).for_each(|own| mask.ignore_outside(&own.known()));
                Ok(mask)
            }
            MaskSource::Slices(slices) => {
                let read = |at: usize, source: &MaskSource| {
                    let geometry = native.geometry.map(|geometry| geometry.of_slice(at));
                    let native = Native { geometry, slices: 1, ..native.clone() };
                    let files = CaseFiles { slices: 1, slice: None, stacks: BTreeMap::new(), ..files.clone() };
                    self.read(root, (&files, &native), source, agreement)
                };
                let first = files.slice.as_ref().map_or(0, |slice| slice.at);
                let masks = slices
                    .iter()
                    .enumerate()
                    .map(|(at, source)| source.as_ref().map(|source| read(first + at, source)).transpose());
                Ok(Mask::stacked(&masks.collect::<Result<Vec<_>, _>>()?, [files.height, files.width]))
            }
            MaskSource::Crops(crops) => crops::read(root, files, crops),
            MaskSource::Outlines { outlines, .. } => Ok(match self {
                Self::Runs(Runs { classes, .. }) | Self::Yolo(Yolo { classes, .. }) if !classes.is_empty() => {
                    polygon::layered(outlines, classes.len(), files.height, files.width)
                }
                _ => polygon::draw(outlines, files.height, files.width),
            }),
        }
    }
}

/// Reads the corners of an outline, `x, y, x, y ...`.
fn contour(root: &Path, file: &str) -> Result<Vec<f64>, DataProblem> {
    let problem = |reason: String| DataProblem::new(Wrong::Annotations, file, reason);
    // A million corners, thousands of times what an outline has.
    let text = String::from_utf8(listing::text(root, file, 16 << 20)?)
        .map_err(|_| problem("it is no text (UTF-8)".to_owned()))?;
    let mut corners = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let pair: Vec<f64> = line.split_ascii_whitespace().map_while(|word| word.parse().ok()).collect();
        let [x, y] = pair.as_slice() else {
            return Err(problem(format!("line {}: `{}` is no corner `x y`", number + 1, line.trim())));
        };
        if !(x.abs() < 1e6 && y.abs() < 1e6) {
            return Err(problem(format!("line {}: {x} {y} lies outside of every image", number + 1)));
        }
        // The drawing rule counts from the corner of the first pixel.
        corners.extend([x + 0.5, y + 0.5]);
    }
    if corners.len() < 6 {
        return Err(problem(format!("{} corners are no outline", corners.len() / 2)));
    }
    Ok(corners)
}
