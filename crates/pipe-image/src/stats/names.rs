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
        Layout::Files(layout) if !layout.keep.is_empty() => layout.keep.iter().map(|kept| kept.name.clone()).collect(),
        Layout::Files(layout) => layout.masks.as_ref().map(Labels::class_names).unwrap_or_default(),
    }
}
