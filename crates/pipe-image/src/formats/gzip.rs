//! Gzip around another format: what is inside, only as far as it is asked for.
//! It does not know what is inside, or how much of it there should be.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;

use super::read::FormatError;

const FORMAT: &str = "gzip";
const MAGIC: &[u8] = b"\x1f\x8b";

/// Whether the bytes begin as a gzip file does.
pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Gives the first `most` bytes of what is inside, or all where there are fewer.
pub(super) fn start(bytes: &[u8], most: usize) -> Result<Vec<u8>, FormatError> {
    let mut start = Vec::new();
    let read = Inside::of(bytes).take(most as u64).read_to_end(&mut start);
    read.map_err(|error| wrong(FORMAT, bytes, &error))?;
    Ok(start)
}

/// The most bytes that can be inside: deflate's shortest code, 2 bits, stands for 258 bytes.
pub(super) fn most_inside(bytes: &[u8]) -> usize {
    bytes.len().saturating_mul(258 * 8 / 2)
}

/// Gives the error of a read from inside.
pub(super) fn wrong(format: &'static str, bytes: &[u8], error: &io::Error) -> FormatError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        FormatError::Truncated { format, bytes: bytes.len() }
    } else {
        FormatError::Damaged { format, reason: error.to_string() }
    }
}

/// What is inside, member after member; bytes after the last member are padding.
pub(super) struct Inside<'a> {
    member: GzDecoder<&'a [u8]>,
}

impl<'a> Inside<'a> {
    /// Gives what is inside, from its start.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { member: GzDecoder::new(bytes) }
    }
}

impl Read for Inside<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            // The decoder compares the checksum before it says that a member has ended.
            let read = self.member.read(buffer)?;
            let rest = *self.member.get_ref();
            if read > 0 || buffer.is_empty() || !is_gzip(rest) {
                return Ok(read);
            }
            self.member = GzDecoder::new(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).expect("writing to memory works");
        encoder.finish().expect("writing to memory works")
    }

    #[test]
    fn members_follow_each_other_and_padding_is_ignored() {
        let bytes = [packed(b"one "), packed(b""), packed(b"two"), vec![0; 9]].concat();
        assert_eq!(start(&bytes, 100).expect("the file is good"), b"one two");
        assert_eq!(start(&bytes, 5).expect("the file is good"), b"one t");
    }

    #[test]
    fn a_bomb_is_read_only_as_far_as_asked() {
        let bytes = packed(&vec![0; 1 << 24]);
        assert!(bytes.len() < 1 << 15 && most_inside(&bytes) >= 1 << 24);
        assert_eq!(start(&bytes, 4).expect("the file is good"), [0; 4]);
    }

    #[test]
    fn cut_and_damaged_files_are_told_apart() {
        let bytes = packed(b"some text of a few words");
        for length in 2..bytes.len() {
            let found = start(&bytes[..length], 100);
            assert!(matches!(found, Err(FormatError::Truncated { .. })), "{length}: {found:?}");
        }
        let mut damaged = bytes.clone();
        damaged[bytes.len() - 6] ^= 1;
        assert!(matches!(start(&damaged, 100), Err(FormatError::Damaged { .. })));
    }
}
