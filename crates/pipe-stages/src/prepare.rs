//! `prepare`: a data set to one packed file of checked, resized cases.
//!
//! Works case by case: nothing here is estimated over cases, so no test case can reach a training through it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use pipe_engine::{Context, Input, Inputs, Output, Ports, Presence, Stage, StageFailure};
use pipe_image::{
    Dtype, Layout, PackWriter, Preparation, Prepared, class_names,
    number::Size,
    phantom::{self, PhantomConfig},
    prepare::{Channels, Interpolation, Normalise},
};
use pipe_spec::Location;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    artifacts::{DATASET, PREPARATION, SOURCE},
    failure::Failure,
};

/// Reads, checks and packs a data set.
pub struct Prepare;

/// Which data, and how its images are prepared.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The folder that holds the data set; null where the layout makes its own data or an earlier stage gives it.
    #[serde(default)]
    pub root: Option<Location>,
    /// How the files are arranged.
    pub layout: DataLayout,
    /// Height and width that every image gets; null keeps each image's own.
    #[serde(default)]
    pub size: Option<Size>,
    /// How images are resized; masks are always resized to the nearest.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// How the values of each image are scaled.
    #[serde(default)]
    pub normalise: Normalise,
    /// Frames of a sequence that are kept, the labelled one among them; null keeps all.
    #[serde(default)]
    #[schemars(range(min = 1, max = 64))]
    pub frames: Option<usize>,
    /// Gray, or colour.
    #[serde(default)]
    pub channels: Channels,
    /// The names of the classes from 1, for tables and files; null takes those that the layout has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
}

/// A layout that reads files, or a data set that makes its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DataLayout {
    /// Angiography sequences made by seed, in the layout `xca_sequences`.
    XcaPhantom(PhantomConfig),
    /// Angiography sequences: some frames and one mask each.
    XcaSequences(pipe_image::layouts::XcaSequences),
    /// Stills with polygons in one annotation file, for instance ARCADE.
    Coco(pipe_image::layouts::Coco),
    /// Volumes with organs of several classes, made by seed.
    VolumePhantom(pipe_image::layouts::VolumePhantom),
    /// `images/` and `masks/` by stem, also under `train/`, `val/` and `test/`.
    Folder(pipe_image::layouts::Folder),
    /// Files by patterns of their paths.
    Files(Box<pipe_image::layouts::Files>),
}

impl DataLayout {
    /// The name that the YAML uses.
    pub fn name(&self) -> &'static str {
        match self {
            Self::XcaPhantom(_) => "xca_phantom",
            Self::XcaSequences(_) => "xca_sequences",
            Self::Coco(_) => "coco",
            Self::Folder(_) => "folder",
            Self::Files(_) => "files",
            Self::VolumePhantom(_) => "volume_phantom",
        }
    }
}

impl DataLayout {
    /// The version of the reader: raised when the same files would give other cases or pixels.
    fn version(&self) -> u32 {
        match self {
            // 2: distances of 32 bits are the decimal numbers that they stand for, and 255 is no class.
            Self::Folder(_) | Self::Files(_) => 2,
            Self::XcaPhantom(_) | Self::XcaSequences(_) | Self::Coco(_) | Self::VolumePhantom(_) => 1,
        }
    }

    /// Whether it makes its data, and so reads no folder.
    pub fn makes(&self) -> bool {
        matches!(self, Self::XcaPhantom(_) | Self::VolumePhantom(_))
    }
}

impl DataConfig {
    /// The steps between a file and a packed case.
    pub fn preparation(&self) -> Preparation {
        Preparation {
            size: self.size,
            interpolation: self.interpolation,
            normalise: self.normalise,
            frames: self.frames,
            channels: self.channels,
        }
    }

    /// The names of the classes from 1; none where nobody has named them.
    pub fn class_names(&self, layout: &Layout) -> Vec<String> {
        self.classes.clone().unwrap_or_else(|| class_names(layout))
    }

    /// The layout that reads the files, and the folder they stand in.
    ///
    /// Data that is made is written below `made` first, and then read like any other.
    ///
    /// # Errors
    /// No folder is given where one is needed, or one where none is; the folder is missing; data cannot be made.
    pub fn files(&self, root: Option<PathBuf>, made: &Path) -> Result<(Layout, PathBuf), Failure> {
        if root.is_some() && self.layout.makes() {
            return Err(Failure::UselessRoot { layout: self.layout.name() });
        }
        if self.layout.makes() {
            // Also where nothing is written below it: a layout reads a folder that is there.
            fs::create_dir_all(made).map_err(|source| Failure::write(made, source))?;
        }
        if let DataLayout::VolumePhantom(config) = &self.layout {
            return Ok((Layout::VolumePhantom(config.clone()), made.to_path_buf()));
        }
        if let DataLayout::XcaPhantom(config) = &self.layout {
            phantom::write(config, made)?;
            return Ok((Layout::XcaSequences(config.layout()), made.to_path_buf()));
        }
        let root = root.ok_or(Failure::NoRoot { layout: self.layout.name() })?;
        if !root.is_dir() {
            return Err(Failure::NoFolder { path: root });
        }
        let layout = match &self.layout {
            DataLayout::XcaPhantom(config) => Layout::XcaSequences(config.layout()),
            DataLayout::VolumePhantom(config) => Layout::VolumePhantom(config.clone()),
            DataLayout::XcaSequences(layout) => Layout::XcaSequences(layout.clone()),
            DataLayout::Coco(layout) => Layout::Coco(layout.clone()),
            DataLayout::Folder(layout) => Layout::Folder(layout.clone()),
            DataLayout::Files(layout) => Layout::Files(layout.clone()),
        };
        Ok((layout, root))
    }
}

impl Stage for Prepare {
    const NAME: &'static str = "prepare";
    const VERSION: u32 = 2;
    const ABOUT: &'static str = "checks, resizes and packs a data set, case by case";
    type With = DataConfig;

    fn ports(_: &DataConfig) -> Ports {
        Ports {
            inputs: Inputs::Typed(vec![Input::counted("source", SOURCE, Presence::Optional)]),
            outputs: vec![Output::file("dataset", DATASET), Output::file("preparation", PREPARATION)],
        }
    }

    fn versions(with: &DataConfig) -> BTreeMap<String, String> {
        BTreeMap::from([(format!("layout {}", with.layout.name()), with.layout.version().to_string())])
    }

    fn run(with: DataConfig, context: &Context) -> Result<(), StageFailure> {
        let given = with.root.as_ref().map(|root| context.resolve(root));
        let root = given.or_else(|| context.optional_input("source").map(Path::to_path_buf));
        pack(&with, root, context).map_err(StageFailure::of)
    }
}

fn pack(with: &DataConfig, root: Option<PathBuf>, context: &Context) -> Result<(), Failure> {
    let (layout, root) = with.files(root, &context.scratch().join("made"))?;
    let preparation = with.preparation();
    let mut writer = PackWriter::create(context.output("dataset"), &with.class_names(&layout))?;
    let mut cases = 0_u64;
    let mut written = Ok(());
    let loaded = layout.load(
        &root,
        |case| pipe_image::prepare(case, &preparation),
        |_, Prepared { meta, image, mask }| {
            if written.is_ok() {
                written = writer.push(meta, &image, Dtype::F32, mask.as_ref());
            }
            cases += 1;
            context.progress(cases, None, "cases", "");
        },
    );
    loaded.map_err(Failure::Data)?;
    written?;
    if cases == 0 {
        return Err(Failure::NoCases);
    }
    writer.finish()?;
    let text = serde_json::to_string_pretty(&preparation).expect("a preparation is plain data");
    let path = context.output("preparation");
    fs::write(path, text).map_err(|source| Failure::write(path, source))
}
