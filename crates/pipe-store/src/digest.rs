//! The name of contents: a BLAKE3 digest.
//!
//! Does not know what was hashed.

use std::{fmt, fs::File, io, path::Path, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};
use thiserror::Error;

use crate::hashing::{Buffer, digest, digest_on_all_cores, is_large};

/// A BLAKE3 digest; printed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// A text that is no digest.
#[derive(Debug, Error)]
#[error("`{text}` is not a digest of 64 hexadecimal digits")]
pub struct NotADigest {
    text: String,
}

impl Digest {
    /// Digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Digest of a file's contents.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        Self::of_open(&File::open(path)?, &mut Buffer::new())
    }

    /// Digest of an open file's contents, from its start.
    pub(crate) fn of_open(file: &File, buffer: &mut Buffer) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        if is_large(bytes) { digest_on_all_cores(file, bytes) } else { digest(file, bytes, buffer) }
    }

    /// The first twelve hexadecimal digits, for people.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }

    /// The 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let hash = blake3::Hash::from_hex(text).map_err(|_| NotADigest { text: text.to_owned() })?;
        Ok(Self(*hash.as_bytes()))
    }
}

// By hand, because a text of its own for each of the digests of ten thousand records costs more than reading them.
impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

/// Reads a digest from a text.
struct Text;

impl Visitor<'_> for Text {
    type Value = Digest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digest of 64 hexadecimal digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Digest, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let digest = Digest::of(b"contents");
        assert_eq!(digest.to_string().parse::<Digest>().expect("its own text"), digest);
        assert_eq!(digest.short().len(), 12);
        assert!("abc".parse::<Digest>().is_err());
        let json = serde_json::to_value(digest).expect("a text");
        assert_eq!(json, digest.to_string());
        assert_eq!(serde_json::from_value::<Digest>(json).expect("its own text"), digest);
        let error = serde_json::from_str::<Digest>("\"abc\"").expect_err("too short");
        assert!(error.to_string().starts_with("`abc` is not a digest of 64 hexadecimal digits"), "{error}");
    }
}
