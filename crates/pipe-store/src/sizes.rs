//! How many bytes lie in the store, and what for.
//!
//! Does not remove anything, and counts a file once, whatever names it.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use serde::Serialize;
use walkdir::WalkDir;

use crate::{Store, StoreError, inventory::Inventory};

/// Files of one purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Part {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Results of one stage kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindPart {
    /// Results in the ledger.
    pub results: u64,
    /// Those of them whose bytes are not all there.
    pub without_bytes: u64,
    /// Files of the others; one that several results name belongs to the first of them.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What lies in the store.
#[derive(Debug, Serialize)]
pub struct Sizes {
    /// Objects of results, by stage kind.
    pub kinds: BTreeMap<String, KindPart>,
    /// Objects that no result names.
    pub unnamed: Part,
    /// Checkpoints to continue from.
    pub checkpoints: Part,
    /// Logs, plans and events of past runs.
    pub logs: Part,
    /// Working folders of attempts.
    pub scratch: Part,
    /// Reports.
    pub reports: Part,
    /// Rotten objects, kept aside.
    pub quarantine: Part,
    /// The ledger, and the cache of digests.
    pub ledger: Part,
    /// All else below the store's folder.
    pub other: Part,
    /// Everything together.
    pub total: Part,
    /// Bytes that the disk has left for this user.
    pub free: Option<u64>,
}

impl Part {
    fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

impl Store {
    /// How many bytes lie in the store, and what for.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn sizes(&self) -> Result<Sizes, StoreError> {
        let inventory = Inventory::take(self)?;
        let mut kinds: BTreeMap<String, KindPart> = BTreeMap::new();
        let mut named = BTreeSet::new();
        for held in &inventory.held {
            let part = kinds.entry(held.kind.clone()).or_default();
            part.results += 1;
            part.without_bytes += u64::from(held.files.iter().any(|digest| !inventory.stored.contains_key(digest)));
            for digest in &held.files {
                if let Some(stored) = inventory.stored.get(digest)
                    && named.insert(*digest)
                {
                    part.files += 1;
                    part.bytes += stored.bytes;
                }
            }
        }
        let mut sizes = Sizes {
            kinds,
            unnamed: Part::default(),
            checkpoints: Part::default(),
            logs: Part::default(),
            scratch: Part::default(),
            reports: Part::default(),
            quarantine: Part::default(),
            ledger: Part::default(),
            other: Part::default(),
            total: Part::default(),
            free: rustix::fs::statvfs(self.root()).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        };
        for (digest, stored) in &inventory.stored {
            sizes.total.add(stored.bytes);
            if !named.contains(digest) {
                sizes.unnamed.add(stored.bytes);
            }
        }
        sizes.walk(self.root());
        Ok(sizes)
    }
}

impl Sizes {
    /// Counts all that is no object.
    fn walk(&mut self, root: &Path) {
        for entry in WalkDir::new(root).min_depth(1).into_iter().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            let Ok(path) = entry.path().strip_prefix(root) else { continue };
            let names: Vec<_> = path.iter().filter_map(|name| name.to_str()).collect();
            let is_object = matches!(names[..], ["objects", shelf, _] if shelf.len() == 2);
            // A working folder holds links to objects, which are counted there.
            if !metadata.is_file() || is_object || metadata.nlink() > 1 {
                continue;
            }
            let part = match names[..] {
                ["resume", ..] => &mut self.checkpoints,
                ["attempts", ..] if names.iter().any(|name| matches!(*name, "scratch" | "inputs")) => &mut self.scratch,
                ["attempts", ..] => &mut self.logs,
                ["reports", ..] => &mut self.reports,
                ["quarantine", ..] => &mut self.quarantine,
                [name] if name.contains(".sqlite") => &mut self.ledger,
                _ => &mut self.other,
            };
            part.add(metadata.len());
            self.total.add(metadata.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_file_counts_once_for_its_purpose() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        let write = |name: &str, bytes: usize| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, vec![b'x'; bytes]).expect("writable");
            path
        };
        let file = write("somewhere", 1000);
        let object = store.take(&file, store.root()).expect("a file");
        write("attempts/1/train/1/log.txt", 10);
        write("attempts/1/train/1/scratch/half/out", 20);
        let link = folder.path().join("attempts/1/train/1/scratch/in");
        fs::hard_link(store.object_path(&object.digest), link).expect("one file system");
        write("reports/e/report.html", 40);
        let sizes = store.sizes().expect("readable");
        assert_eq!(sizes.unnamed, Part { files: 1, bytes: 1000 });
        assert_eq!((sizes.logs.bytes, sizes.scratch.bytes, sizes.reports.bytes), (10, 20, 40));
        assert_eq!(sizes.other, Part::default(), "it was moved");
        assert_eq!(sizes.total.bytes, 1070 + sizes.ledger.bytes);
    }
}
