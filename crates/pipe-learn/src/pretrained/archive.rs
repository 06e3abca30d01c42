//! The bytes of a file in which arrays lie, and the directory of a zip archive, judged before anything in it is unpacked.
//! It does not know pickles.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive};

use super::PretrainedError;

/// The most bytes of one pickle: that of a ResNet-152 has 200 kB, the rest of a large checkpoint's is settings and histories.
pub(super) const LONGEST_PICKLE: usize = 32 << 20;
/// The most times that an entry may grow when it is unpacked; weights hardly shrink at all.
const MOST_GROWTH: u64 = 100;

/// A file in memory, and where its parts are.
#[derive(Debug)]
pub(super) struct Parts {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its parts by name.
    pub entries: BTreeMap<String, Entry>,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where it is.
    pub place: Range<usize>,
    /// Its bytes when it is unpacked.
    pub size: usize,
    /// Whether it is packed.
    pub is_deflated: bool,
    /// Its checksum; 0 where it has none, as PyTorch and older formats leave it out.
    pub checksum: u32,
}

impl Parts {
    /// Gives a part, unpacked.
    ///
    /// # Errors
    /// There is no such part, or it is not what the directory says.
    pub(super) fn read(&self, name: &str) -> Result<Cow<'_, [u8]>, String> {
        let entry = self.entries.get(name).ok_or_else(|| format!("it has no entry `{name}`"))?;
        let stored = &self.bytes[entry.place.clone()];
        let bytes = if entry.is_deflated {
            let mut unpacked = Vec::new();
            // One byte more than it claims: an entry that goes on has lied.
            let read = DeflateDecoder::new(stored).take(entry.size as u64 + 1).read_to_end(&mut unpacked);
            read.map_err(|error| format!("its entry `{name}` cannot be unpacked: {error}"))?;
            Cow::Owned(unpacked)
        } else {
            Cow::Borrowed(stored)
        };
        if bytes.len() != entry.size {
            return Err(format!("its entry `{name}` does not have the {} bytes that it claims", entry.size));
        }
        if entry.checksum != 0 && rawzip::crc32(&bytes) != entry.checksum {
            return Err(format!("its entry `{name}` has another checksum than it claims"));
        }
        Ok(bytes)
    }
}

/// Looks at every entry of a zip archive.
///
/// # Errors
/// The archive is cut off; or it holds more than `most` bytes unpacked, entries that overlap or bear one name, or one that
/// grows out of proportion.
pub(super) fn archive(path: &Path, bytes: Vec<u8>, most: u64) -> Result<Parts, PretrainedError> {
    let damaged = |reason: String| PretrainedError::Damaged { path: path.to_owned(), reason };
    let refused = |reason: String| PretrainedError::TooLarge { path: path.to_owned(), reason };
    let zip = ZipArchive::from_slice(bytes.as_slice()).map_err(|error| {
        damaged(format!("it starts as a zip archive and has no directory at its end, so it was cut off ({error})"))
    })?;
    let (mut entries, mut total) = (BTreeMap::new(), 0_u64);
    let mut list = zip.entries();
    while let Some(entry) = list.next_entry().map_err(|error| damaged(format!("its directory: {error}")))? {
        let name = String::from_utf8_lossy(entry.file_path().as_ref()).into_owned();
        let (packed, unpacked) = (entry.compressed_size_hint(), entry.uncompressed_size_hint());
        let method = entry.compression_method();
        let is_deflated = method == CompressionMethod::DEFLATE;
        if entry.flags().is_encrypted() {
            return Err(damaged(format!("its entry `{name}` is encrypted")));
        } else if !is_deflated && method != CompressionMethod::STORE {
            return Err(damaged(format!("its entry `{name}` is packed as {method}, which PyTorch does not")));
        } else if is_deflated && unpacked > packed.saturating_mul(MOST_GROWTH) {
            return Err(refused(format!("its entry `{name}` would grow from {packed} to {unpacked} bytes")));
        } else if !is_deflated && packed != unpacked {
            return Err(damaged(format!("its entry `{name}` is said to have {unpacked} bytes and takes {packed}")));
        }
        total = total.saturating_add(unpacked);
        if total > most {
            return Err(refused(format!(
                "it holds more than {most} bytes, the most that the network's weights justify"
            )));
        }
        let local = zip.get_entry(entry.wayfinder());
        let (start, end) = local
            .map_err(|error| damaged(format!("its entry `{name}` is not where the directory says: {error}")))?
            .compressed_data_range();
        let place = start as usize..end as usize;
        let new = Entry { place, size: unpacked as usize, is_deflated, checksum: entry.crc32() };
        if entries.insert(name.clone(), new).is_some() {
            return Err(damaged(format!("two entries of the archive are called `{name}`")));
        }
    }
    // Entries that share bytes make a small file large at no ratio at all.
    let mut places: Vec<_> = entries.values().map(|entry| (entry.place.start, entry.place.end)).collect();
    places.retain(|(start, end)| start < end);
    places.sort_unstable();
    if places.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err(refused("entries of the archive lie upon each other".to_owned()));
    }
    Ok(Parts { bytes, entries })
}
