//! Data-set layouts: which files make a case. One file a layout, one variant here.
//! Adding a layout = one file, its `mod` line, and its variant with its lines in `survey.rs`.

mod coco;
mod coco_file;
mod decoded;
mod files;
mod folder;
mod listing;
mod polygon;
mod reading;
mod stack;
mod survey;
mod volume_phantom;
mod xca_sequences;

pub use coco::{Absent, Categories, Coco};
pub use files::{ClassFiles, ClassId, Crops, Files, Form, Kept, Labelled, Labels, Link, Neighbours, Order, Runs};
pub use folder::Folder;
pub use listing::{Masks, Parts, stem};
pub use reading::Agreement;
pub use stack::Stack;
pub use survey::{Layout, Survey};
pub use volume_phantom::VolumePhantom;
pub use xca_sequences::{Naming, XcaSequences};
