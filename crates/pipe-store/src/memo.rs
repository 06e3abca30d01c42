//! What is remembered of a folder outside the store: one packed block with the state and digest of each of its files.
//!
//! Does not know where the block is kept. Layout, numbers little-endian: digest of all that follows (32); then each file
//! in order of names: length of the name (4), name, device (8), inode (8), bytes (8), time of change of contents (8 + 4)
//! and of anything (8 + 4), executable (1), digest (32).

use crate::{Digest, walk::State};

/// A file as it is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remembered<'m> {
    pub name: &'m str,
    pub state: State,
    pub digest: Digest,
}

/// A block of remembered files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Memo(Vec<u8>);

impl Memo {
    /// Packs files, which come sorted by name.
    pub(crate) fn of<'m>(files: impl Iterator<Item = Remembered<'m>>) -> Self {
        let mut bytes = vec![0; 32];
        for Remembered { name, state, digest } in files {
            bytes.extend(u32::try_from(name.len()).expect("names of files are short").to_le_bytes());
            bytes.extend(name.as_bytes());
            pack(&state, &mut bytes);
            bytes.extend(digest.bytes());
        }
        let digest = Digest::of(&bytes[32..]);
        bytes[..32].copy_from_slice(digest.bytes());
        Self(bytes)
    }

    /// A block as it was kept; empty if it is damaged.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        let whole = bytes.split_at_checked(32).is_some_and(|(digest, rest)| digest == Digest::of(rest).bytes());
        if whole { Self(bytes) } else { Self::default() }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The files, sorted by name.
    pub(crate) fn files(&self) -> impl Iterator<Item = Remembered<'_>> {
        let mut rest = self.0.get(32..).unwrap_or_default();
        std::iter::from_fn(move || remembered(&mut rest))
    }
}

/// Packs the state of one file.
pub(crate) fn pack(state: &State, bytes: &mut Vec<u8>) {
    for number in [state.device, state.inode, state.bytes] {
        bytes.extend(number.to_le_bytes());
    }
    for (seconds, nanoseconds) in [state.modified, state.changed] {
        bytes.extend(seconds.to_le_bytes());
        bytes.extend(nanoseconds.to_le_bytes());
    }
    bytes.push(u8::from(state.executable));
}

fn remembered<'m>(rest: &mut &'m [u8]) -> Option<Remembered<'m>> {
    let length = u32::from_le_bytes(part(rest)?);
    let (name, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    let name = std::str::from_utf8(name).ok()?;
    let mut number = || part(rest).map(u64::from_le_bytes);
    let (device, inode, bytes) = (number()?, number()?, number()?);
    let mut time = || Some((i64::from_le_bytes(part(rest)?), u32::from_le_bytes(part(rest)?)));
    let (modified, changed) = (time()?, time()?);
    let executable = part::<1>(rest)? == [1];
    let digest = Digest::from_bytes(part(rest)?);
    Some(Remembered { name, state: State { device, inode, bytes, modified, changed, executable }, digest })
}

fn part<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (part, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<Remembered<'static>> {
        let file = |name: &'static str, inode| {
            let state = State {
                device: 1,
                inode,
                bytes: 17,
                modified: (-5, 999_999_999),
                changed: (i64::MAX, 0),
                executable: inode == 2,
            };
            Remembered { name, state, digest: Digest::of(name.as_bytes()) }
        };
        vec![file("a", 2), file("ä/b\n", u64::MAX)]
    }

    #[test]
    fn what_goes_in_comes_out() {
        let memo = Memo::of(files().into_iter());
        let kept = Memo::from_bytes(memo.bytes().to_vec());
        assert_eq!(kept.files().collect::<Vec<_>>(), files());
        assert_eq!(Memo::of([].into_iter()).files().count(), 0);
    }

    #[test]
    fn a_damaged_block_remembers_nothing() {
        let memo = Memo::of(files().into_iter());
        for at in [0, 33, memo.bytes().len() - 1] {
            let mut bytes = memo.bytes().to_vec();
            bytes[at] ^= 1;
            assert_eq!(Memo::from_bytes(bytes).files().count(), 0, "{at}");
        }
        assert_eq!(Memo::from_bytes(memo.bytes()[..50].to_vec()).files().count(), 0);
        assert_eq!(Memo::from_bytes(Vec::new()).files().count(), 0);
    }
}
