//! Checksums as people copy them from a page: SHA-256.
//!
//! Does not compute any.

use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::quantity::NotAQuantity;

/// A SHA-256 digest of a file: 64 hexadecimal digits in lower case, as `sha256sum` prints them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sha256(String);

impl Sha256 {
    /// How schemas mark a digest.
    pub(crate) const FORMAT: &'static str = "sha256";

    /// The digits.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl FromStr for Sha256 {
    type Err = NotAQuantity;

    fn from_str(text: &str) -> Result<Self, NotAQuantity> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(is_digit) {
            return Ok(Self(text.to_owned()));
        }
        let wanted = "a SHA-256 digest: 64 hexadecimal digits in lower case, as `sha256sum` prints them";
        Err(NotAQuantity::of(text, wanted))
    }
}

impl JsonSchema for Sha256 {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sha256".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": Self::FORMAT, "pattern": "^[0-9a-f]{64}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_have_64_digits_of_one_kind() {
        let right = "0123456789abcdef".repeat(4);
        assert_eq!(right.parse::<Sha256>().expect("a digest").digits(), right);
        let md5 = right[..32].to_owned();
        for wrong in [String::new(), md5, right.to_uppercase(), format!("{right}0"), right.replace('a', "g")] {
            assert!(wrong.parse::<Sha256>().is_err(), "{wrong}");
        }
    }
}
