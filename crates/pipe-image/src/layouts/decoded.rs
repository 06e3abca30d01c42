//! Decoded files that the next case needs too: the volume of which slices are cases, the neighbours of a slice.
//! It does not know cases.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use crate::formats::{self, FormatError, Raster};

/// An image and its mask are kept however large they are.
const ALWAYS: usize = 2;
/// More are kept while all together have no more samples: 32 MiB.
const SAMPLES: usize = 8 << 20;

/// What a file is told apart by from one that was written in its place.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    path: PathBuf,
    bytes: u64,
    changed: Option<SystemTime>,
}

thread_local! {
    /// The last first. Neighbouring cases are mostly read by one thread.
    static KEPT: RefCell<Vec<(Key, Rc<Raster>)>> = const { RefCell::new(Vec::new()) };
}

/// Decodes a file; one that other cases share is kept for them, or taken from those that were.
pub(super) fn open(path: &Path, shared: bool) -> Result<Rc<Raster>, FormatError> {
    if !shared {
        return formats::open(path).map(Rc::new);
    }
    let about = path.metadata()?;
    let key = Key { path: path.to_owned(), bytes: about.len(), changed: about.modified().ok() };
    let known = KEPT.with_borrow(|kept| kept.iter().find(|(known, _)| *known == key).map(|(_, raster)| raster.clone()));
    if let Some(raster) = known {
        return Ok(raster);
    }
    let raster = Rc::new(formats::open(path)?);
    KEPT.with_borrow_mut(|kept| {
        kept.insert(0, (key, raster.clone()));
        let mut samples = 0;
        let mut at = 0;
        kept.retain(|(_, raster)| {
            samples += raster.samples.len();
            at += 1;
            at <= ALWAYS || samples <= SAMPLES
        });
    });
    Ok(raster)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::DataFolder;

    #[test]
    fn what_is_shared_is_decoded_once() {
        let data = DataFolder::new();
        let paths = ["a.png", "b.png", "c.png"].map(|name| data.row(name, &[1, 2]).path().join(name));
        let read = |at: usize| open(&paths[at], true).expect("a good picture");
        let first = read(0);
        // Others do not push it out while all are small.
        for at in [1, 2] {
            read(at);
        }
        assert!(Rc::ptr_eq(&first, &read(0)));
        assert!(!Rc::ptr_eq(&first, &open(&paths[0], false).expect("a good picture")));
        data.row("a.png", &[3; 300]);
        assert_eq!((read(0).samples.len(), read(0).samples[0]), (300, 3.0));
        std::fs::remove_file(&paths[0]).expect("it is there");
        assert!(matches!(open(&paths[0], true), Err(FormatError::Io(_))));
    }
}
