//! What a layout calls its classes.
//! It does not know which of them are there.

use crate::encoding::MaskEncoding;
use crate::layouts::{Categories, Labels, Layout};

/// Gives the names of the classes from 1 on, where the layout tells; else none.
pub fn class_names(layout: &Layout) -> Vec<String> {
    let of_encoding = |encoding: &MaskEncoding| match encoding {
        MaskEncoding::Channels(names) => names.clone(),
        _ => Vec::new(),
    };
    match layout {
        Layout::XcaSequences(layout) => of_encoding(&layout.encoding),
        Layout::Folder(layout) => of_encoding(&layout.encoding),
        Layout::Coco(layout) => match &layout.categories {
            Categories::Layers(names) | Categories::Classes(names) => names.clone(),
            _ => Vec::new(),
        },
        Layout::VolumePhantom(_) => Vec::new(),
        Layout::Files(layout) => match &layout.masks {
            Some(Labels::Files { encoding, .. }) => of_encoding(encoding),
            Some(Labels::Classes { classes, .. } | Labels::Contours { classes }) => {
                classes.iter().map(|class| class.name.clone()).collect()
            }
            Some(Labels::Runs(runs)) => runs.classes.clone(),
            Some(Labels::Crops(crops)) => crops.classes.clone(),
            Some(Labels::Yolo(yolo)) => yolo.classes.clone(),
            None => Vec::new(),
        },
    }
}
