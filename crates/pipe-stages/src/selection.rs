//! A selection: the cases that one consumer of a fold may read, each pinned by the digests of what it reads.
//!
//! Does not hold pixels. Because a selection names contents, a stage that reads through it depends on these cases
//! alone: altering a test mask changes the `truth` selection of one fold and no `training` selection of that fold.

use std::{fs, path::Path};

use pipe_image::{Entry, Pack, split::Leak};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// One case of a selection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selected {
    /// Case id.
    pub id: String,
    /// Patient the case belongs to.
    pub patient: String,
    /// Digest of the image, where the consumer reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Digest of the mask, where the consumer reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<String>,
    /// Digest of what is known of the case besides its pixels, where the consumer needs it: spacing, the grid of its file, site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
}

/// The cases of one fold that one consumer may read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Cases to learn from; empty in a selection of test cases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub train: Vec<Selected>,
    /// Cases that choose the checkpoint; empty in a selection of test cases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation: Vec<Selected>,
    /// Held-out cases; empty in a selection for training.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<Selected>,
    /// The names of the classes from 1, where the consumer writes them down and they have names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// How far the fold leaks; none where patients stay together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leak: Option<Leak>,
}

impl Selection {
    /// Reads a selection file.
    ///
    /// # Errors
    /// The file cannot be read, or is not a selection.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|source| Failure::read(path, source))?;
        serde_json::from_str(&text).map_err(|source| Failure::Format { path: path.into(), source })
    }

    /// Writes the selection as JSON.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).expect("a selection is plain data");
        fs::write(path, text).map_err(|source| Failure::write(path, source))
    }
}

/// Finds a selected case in the pack, and checks that it is the one that was selected.
///
/// # Errors
/// The pack lacks the case, or holds other contents under its id.
pub(crate) fn position(pack: &Pack, selected: &Selected) -> Result<usize, Failure> {
    let position = pack.find(&selected.id).ok_or_else(|| Failure::CaseMissing { case: selected.id.clone() })?;
    let entry = &pack.entries()[position];
    let Entry { image_digest, mask_digest, .. } = entry;
    let same_image = selected.image.as_ref().is_none_or(|digest| digest == image_digest);
    let same_mask = selected.mask.as_ref().is_none_or(|digest| Some(digest) == mask_digest.as_ref());
    let same_about = selected.about.as_ref().is_none_or(|digest| *digest == entry.about());
    if same_image && same_mask && same_about {
        Ok(position)
    } else {
        Err(Failure::CaseChanged { case: selected.id.clone() })
    }
}
