//! The memory map of a pack: the one place of this crate with `unsafe`.
//! It does not know what the bytes mean.

use std::fs::File;
use std::io;
use std::path::Path;

use memmap2::Mmap;

/// Maps a file for reading.
#[expect(unsafe_code, reason = "mapping a file is unsafe by nature; the argument stands at the block")]
pub(super) fn map(path: &Path) -> io::Result<Mmap> {
    let file = File::open(path)?;
    // SAFETY: the map is read-only and only ever seen as bytes, for which every value is valid. Packs appear by rename, are stored
    // read-only and are never written again, so the bytes do not change under the map; a foreign program that cuts the
    // file meanwhile causes a bus error, which ends this process alone.
    unsafe { Mmap::map(&file) }
}
