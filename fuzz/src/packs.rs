//! The reader of packs: any file gives entries whose arrays are there, or an error.
//! It does not know what packs are for.

use std::cell::RefCell;

use pipe_image::Pack;
use tempfile::TempDir;

use super::Target;

/// The names of the targets, which are those of their corpora.
pub const TARGETS: &[Target] = &[("pack", pack)];

thread_local! {
    static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// A whole pack, or its index, which then gets a header, 256 bytes of arrays, and a footer with the right digest.
pub fn pack(bytes: &[u8]) {
    let mut whole = bytes.to_vec();
    if !bytes.starts_with(b"PIPE") {
        whole = b"PIPEPACK\x02\0\0\0".to_vec();
        whole.resize(64, 0);
        whole.extend(0..=255);
        let at = whole.len() as u64;
        whole.extend(bytes);
        whole.extend(at.to_le_bytes());
        whole.extend((bytes.len() as u64).to_le_bytes());
        whole.extend(blake3::hash(bytes).as_bytes());
        whole.extend(b"\0\0\0\0\0\0\0\0KCAPEPIP");
    }
    let path = FOLDER.with_borrow_mut(|folder| {
        folder.get_or_insert_with(|| tempfile::tempdir().expect("there is room")).path().join("pack")
    });
    // A new file each time: the old one may still be mapped.
    let _ = std::fs::remove_file(&path);
    std::fs::write(&path, &whole).expect("there is room");
    let pack = match Pack::open(&path) {
        Ok(pack) => pack,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for (at, entry) in pack.entries().iter().enumerate() {
        assert!(pack.find(&entry.id).is_some_and(|found| pack.entries()[found].id == entry.id), "`{}`", entry.id);
        let image = pack.image(at);
        assert_eq!(image.data.len(), image.shape().iter().product::<usize>(), "the values of `{}`", entry.id);
        if let Some(mask) = pack.mask(at) {
            assert_eq!(mask.labels.len(), mask.layers * mask.size(), "the labels of `{}`", entry.id);
        }
        let _ = pack.verify(at);
    }
}
