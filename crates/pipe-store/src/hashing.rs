//! Digests of files: large pieces, on all cores, in little memory.
//!
//! Does not know why a file is hashed. A file is read, not mapped: a mapped one counts as resident memory, and one that
//! shrinks meanwhile kills the process.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    os::unix::fs::FileExt as _,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use blake3::hazmat::{ChainingValue, HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};

use crate::Digest;

/// Read at once: fits the cache of one core, and fills the widest vectors of BLAKE3 many times over.
const BUFFER: usize = 256 * 1024;
/// One subtree of BLAKE3, and the work of one thread at a time: a power of two.
const PIECE: u64 = 8 * 1024 * 1024;
/// Items that a thread takes at once.
const BLOCK: usize = 16;

/// A buffer for one thread; as large as its largest file needs.
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    /// Room for some bytes and one more, by which a file that ends is told from one that goes on.
    fn room(&mut self, bytes: u64) -> &mut [u8] {
        let wanted = usize::try_from(bytes).unwrap_or(BUFFER).saturating_add(1).clamp(1024, BUFFER);
        if self.0.len() < wanted {
            self.0.resize(wanted, 0);
        }
        &mut self.0
    }
}

/// Whether a file is worth all cores.
pub(crate) fn is_large(bytes: u64) -> bool {
    bytes > 2 * PIECE
}

/// Digest of an open file from its start, by this thread alone.
pub(crate) fn digest(mut file: &File, bytes: u64, buffer: &mut Buffer) -> io::Result<Digest> {
    let buffer = buffer.room(bytes);
    let mut hasher = blake3::Hasher::new();
    let mut total = 0;
    loop {
        let count = match file.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        total += count as u64;
        // A file that has given what it said to have need not be asked once more.
        if count < buffer.len() && total == bytes && total == count as u64 {
            return Ok(Digest::of(&buffer[..count]));
        }
        if count == 0 {
            return Ok(Digest::from_bytes(*hasher.finalize().as_bytes()));
        }
        hasher.update(&buffer[..count]);
    }
}

/// Digest of an open file that says to have more bytes than one piece, by all cores.
///
/// The pieces are subtrees of the tree that BLAKE3 builds, so that this is the digest that one thread finds.
pub(crate) fn digest_on_all_cores(file: &File, bytes: u64) -> io::Result<Digest> {
    let pieces: Vec<u64> = (0..bytes.div_ceil(PIECE)).collect();
    let values = on_all_cores(&pieces, 1, |buffer, &piece| subtree(file, piece * PIECE, bytes, buffer))?;
    // A file that grew has another digest; it is read again, as it is now.
    if file.read_at(&mut [0], bytes)? > 0 {
        let mut whole = file;
        whole.rewind()?;
        return digest(file, u64::MAX, &mut Buffer::new());
    }
    let (left, right) = values.split_at(left(values.len()));
    let hash = merge_subtrees_root(&merged(left), &merged(right), Mode::Hash);
    Ok(Digest::from_bytes(*hash.as_bytes()))
}

fn subtree(file: &File, start: u64, bytes: u64, buffer: &mut Buffer) -> io::Result<ChainingValue> {
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(start);
    let buffer = buffer.room(PIECE);
    let (mut at, end) = (start, bytes.min(start + PIECE));
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
        file.read_exact_at(&mut buffer[..wanted], at)?;
        hasher.update(&buffer[..wanted]);
        at += wanted as u64;
    }
    Ok(hasher.finalize_non_root())
}

fn merged(values: &[ChainingValue]) -> ChainingValue {
    match values {
        [one] => *one,
        more => {
            let (left, right) = more.split_at(left(more.len()));
            merge_subtrees_non_root(&merged(left), &merged(right), Mode::Hash)
        }
    }
}

/// How many of some pieces lie on the left: the largest power of two that leaves at least one.
fn left(pieces: usize) -> usize {
    (pieces.next_power_of_two() / 2).max(1)
}

/// Does the same to all items on all cores, each with a buffer of its thread; answers in order, or with one error.
pub(crate) fn on_all_cores<T: Sync, R: Send, E: Send>(
    items: &[T],
    block: usize,
    work: impl Fn(&mut Buffer, &T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(items.len().div_ceil(block));
    if threads <= 1 {
        let mut buffer = Buffer::new();
        return items.iter().map(|item| work(&mut buffer, item)).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut buffer = Buffer::new();
        let mut done = Vec::new();
        loop {
            let start = next.fetch_add(block, Ordering::Relaxed);
            let Some(rest) = items.get(start..).filter(|rest| !rest.is_empty()) else { return Ok(done) };
            let part: Result<Vec<R>, E> = rest.iter().take(block).map(|item| work(&mut buffer, item)).collect();
            match part {
                Ok(part) => done.push((start, part)),
                Err(error) => {
                    // The others need not go on.
                    next.store(items.len(), Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    };
    let parts = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let done = workers.into_iter().map(|worker| worker.join().expect("the work does not panic"));
        done.collect::<Result<Vec<_>, E>>()
    })?;
    let mut parts: Vec<_> = parts.into_iter().flatten().collect();
    parts.sort_unstable_by_key(|(start, _)| *start);
    Ok(parts.into_iter().flat_map(|(_, part)| part).collect())
}

/// Does the same to many small items on all cores.
pub(crate) fn for_each<T: Sync, R: Send, E: Send>(
    items: &[T],
    work: impl Fn(&mut Buffer, &T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    on_all_cores(items, BLOCK, work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: usize) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("file");
        let contents: Vec<u8> = (0..bytes).map(|at| (at * 31 % 251) as u8).collect();
        std::fs::write(&path, &contents).expect("writable");
        let expected = Digest::of(&contents);
        let file = || File::open(&path).expect("readable");
        assert_eq!(digest(&file(), bytes as u64, &mut Buffer::new()).expect("readable"), expected);
        assert_eq!(digest(&file(), 17, &mut Buffer::new()).expect("readable"), expected, "whatever it was said to be");
        if bytes as u64 > PIECE {
            assert_eq!(digest_on_all_cores(&file(), bytes as u64).expect("readable"), expected);
            assert_eq!(digest_on_all_cores(&file(), bytes as u64 - 1).expect("readable"), expected, "it grew");
            assert!(digest_on_all_cores(&file(), bytes as u64 + 1).is_err(), "it shrank");
        }
        assert_eq!(Digest::of_file(&path).expect("readable"), expected);
    }

    #[test]
    fn however_it_is_read_the_digest_is_that_of_the_bytes() {
        const PIECE: usize = super::PIECE as usize;
        for bytes in [0, 1, 17, BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER] {
            check(bytes);
        }
        for bytes in [PIECE + 2, 2 * PIECE, 3 * PIECE, 5 * PIECE + 1000] {
            check(bytes);
        }
    }

    #[test]
    fn answers_keep_their_order_and_an_error_is_told() {
        let items: Vec<u32> = (0..1000).collect();
        assert_eq!(for_each(&items, |_, &item| Ok::<_, ()>(item)).expect("no error"), items);
        let failed = for_each(&items, |_, &item| if item == 700 { Err(item) } else { Ok(()) });
        assert_eq!(failed, Err(700));
    }
}
