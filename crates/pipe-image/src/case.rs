//! A case: one image with its mask, who it is of, and which files it comes from.
//! It does not know layouts; they make cases.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::formats::Header;
use crate::layouts::Stack;
use crate::native::{Native, Slice};
use crate::{Image, Mask};

/// One image as it was read, with its mask if it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The name of the case; unique in its data set.
    pub id: String,
    /// The patient it belongs to; patients are never spread over two parts of a split.
    pub patient: String,
    /// The site or scanner it comes from, where the data set says so.
    pub site: Option<String>,
    /// The official part of the data set, where the data set has official parts.
    pub part: Option<Part>,
    /// The values as the file has them: 0..=255 for 8 bits, 0..=65535 for 16 bits.
    pub image: Image,
    /// Whether three channels are red, green and blue; else they are what they are, modalities or points in time.
    pub colour: bool,
    /// The largest value that the file's sample type can hold: 255, 65535 ...; nothing where it is signed, scaled or a float.
    pub full_scale: Option<f32>,
    /// The frame that the mask belongs to, counted from 0; 0 for stills.
    pub label_frame: usize,
    /// The class of every pixel, or that it is not known; for a sequence there is one mask.
    pub mask: Option<Mask>,
    /// Millimetres from slice to slice, row to row and column to column, where file or layout tell; 0 for slices where they do not.
    pub spacing: Option<[f64; 3]>,
    /// The file that it comes from, and where its voxels lie.
    pub native: Native,
    /// What else the names of its files and tables say of it: day, series, scanner ...
    pub tags: BTreeMap<String, String>,
}

/// An official part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Cases to fit on.
    Train,
    /// Cases to choose checkpoints and thresholds by.
    #[serde(alias = "val")]
    Validation,
    /// Cases that numbers are reported on.
    Test,
}

impl Part {
    /// All parts in reading order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// Gives the name that YAML, CSV and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Which files make a case, found without decoding any pixel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseFiles {
    /// The name of the case; unique in its data set.
    pub id: String,
    /// The patient it belongs to.
    pub patient: String,
    /// The site or scanner it comes from, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The official part, if any.
    pub part: Option<Part>,
    /// The image files in temporal order, relative to the root with `/` between folders; of each frame one file a channel.
    pub frames: Vec<String>,
    /// Between which slices of a volume of files numbers are left out.
    #[serde(skip)]
    pub gaps: Option<String>,
    /// By name the files among them that stand for all slices of a volume.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stacks: BTreeMap<String, Stack>,
    /// How many files make one frame.
    pub channels: usize,
    /// The frame that the mask belongs to, counted from 0.
    pub label_frame: usize,
    /// Where the mask comes from.
    pub mask: Option<MaskSource>,
    /// Where the field of view comes from; none where all of the image is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<MaskSource>,
    /// Millimetres from slice to slice, row to row and column to column, where something else than the file tells; 0 for slices where it
    /// does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spacing: Option<[f64; 3]>,
    /// The slice of the files that alone makes the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slice: Option<Slice>,
    /// The slices of each file that become frames, in their order; none takes all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shown: Vec<usize>,
    /// Whether other cases read the same files, so that these are worth keeping once decoded.
    #[serde(skip)]
    pub shares_files: bool,
    /// What else names and tables say.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The number of slices that one file holds; 1 for pictures.
    pub slices: usize,
    /// The number of rows, from the header of the image.
    pub height: usize,
    /// The number of columns, from the header of the image.
    pub width: usize,
}

impl CaseFiles {
    /// Gives a case without files, labels or a site, of the size that a header tells.
    pub(crate) fn new(id: String, patient: String, part: Option<Part>, size: Header) -> Self {
        let Header { slices, height, width } = size;
        Self {
            id,
            patient,
            site: None,
            part,
            frames: Vec::new(),
            gaps: None,
            stacks: BTreeMap::new(),
            channels: 1,
            label_frame: 0,
            mask: None,
            field: None,
            spacing: None,
            slice: None,
            shown: Vec::new(),
            shares_files: false,
            tags: BTreeMap::new(),
            slices,
            height,
            width,
        }
    }

    /// Gives the grid of the file that the mask belongs to.
    pub(crate) fn native(&self) -> Native {
        // A file of many slices holds all of them, whichever is labelled.
        let frame = if self.slices > 1 { 0 } else { self.label_frame };
        let file = self.frames.get(frame * self.channels).cloned();
        Native { file, slice: self.slice.clone(), ..Native::grid([self.slices, self.height, self.width]) }
    }
}

/// Where the mask of a case comes from.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskSource {
    /// A mask file, relative to the root with `/` between folders.
    File(String),
    /// Mask files that are united.
    Files(Vec<String>),
    /// Mask files of each class.
    Classes(Vec<Vec<String>>),
    /// One for each slice of a volume, background where there is none; of a slice that is a case its own.
    Slices(Vec<Option<MaskSource>>),
    /// Mask files that show a part of the image each.
    Crops(Vec<Crop>),
    /// Outlines from an annotation file.
    Outlines {
        /// The annotation file, relative to the root.
        file: String,
        /// The outlines in the order of the file; later ones lie over earlier ones.
        outlines: Vec<Outline>,
    },
}

impl MaskSource {
    /// Gives the files that are masks of whole images.
    pub(crate) fn pictures(&self) -> Vec<String> {
        match self {
            Self::File(file) => vec![file.clone()],
            Self::Files(files) => files.clone(),
            Self::Classes(classes) => classes.concat(),
            Self::Slices(slices) => slices.iter().flatten().flat_map(Self::pictures).collect(),
            Self::Crops(_) | Self::Outlines { .. } => Vec::new(),
        }
    }
}

/// A mask file that shows a part of an image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Crop {
    /// The file, relative to the root.
    pub file: String,
    /// The class id that its foreground gets.
    pub class: u8,
    /// The row of the image at which it begins.
    pub top: usize,
    /// The column of the image at which it begins.
    pub left: usize,
}

/// One annotated object of one class.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outline {
    /// The class id that its pixels get.
    pub class: u8,
    /// What it covers.
    pub area: Area,
}

/// How an annotation writes the pixels of an object down.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Closed polygons, each a list `x, y, x, y ...` in pixels; together they are united.
    Polygons(Vec<Vec<f64>>),
    /// Lengths of runs of background and foreground in turn, column by column.
    Runs(Vec<u32>),
    /// Places and lengths of runs of foreground, row by row; places count from 0.
    RowSpans(Vec<[u32; 2]>),
    /// The same, column by column.
    ColumnSpans(Vec<[u32; 2]>),
}
