//! Contents of a file or of a folder: a folder is the digest of the canonical list of its files.
//!
//! Does not know where objects are kept.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Whether contents are those of a file or of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A file; its digest is that of its bytes.
    File,
    /// A folder; its digest is that of the list of its files.
    Tree,
}

/// Contents by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Digest of the contents.
    pub digest: Digest,
    /// File or folder.
    pub shape: Shape,
    /// Bytes of all files together.
    pub bytes: u64,
}

/// One file of a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leaf {
    /// Path relative to the folder, parts divided by `/`.
    pub path: String,
    pub digest: Digest,
    pub bytes: u64,
    pub executable: bool,
}

/// The canonical text of a folder: its files sorted by path. Empty folders do not count.
pub(crate) fn text(leaves: &[Leaf]) -> String {
    serde_json::to_string(leaves).expect("leaves are plain data")
}

pub(crate) fn object(leaves: &[Leaf]) -> Object {
    let bytes = leaves.iter().map(|leaf| leaf.bytes).sum();
    Object { digest: Digest::of(text(leaves).as_bytes()), shape: Shape::Tree, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_folder_stays_as_it_is() {
        let leaf = Leaf { path: "a/b".into(), digest: Digest::of(b"b"), bytes: 1, executable: true };
        let expected = r#"[{"path":"a/b","digest":"10e5cf3d3c8a4f9f3468c8cc58eea84892a22fdadbc1acb22410190044c1d553","bytes":1,"executable":true}]"#;
        assert_eq!(text(&[leaf]), expected);
    }
}
