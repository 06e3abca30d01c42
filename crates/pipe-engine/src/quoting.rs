//! Values in a shell's text: quoted as the place asks where they stand, so that no value is ever run or split.
//!
//! Does not know placeholders.

/// What the text before a value has left open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Quotes {
    /// Nothing: a value must be a word of its own.
    #[default]
    Open,
    /// `'`.
    Single,
    /// `"`.
    Double,
}

impl Quotes {
    /// What is open after some more of the author's own text.
    pub(crate) fn after(self, text: &str) -> Self {
        let mut quotes = self;
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            quotes = match (quotes, letter) {
                (Self::Open | Self::Double, '\\') => {
                    letters.next();
                    quotes
                }
                (Self::Open, '\'') => Self::Single,
                (Self::Single, '\'') | (Self::Double, '"') => Self::Open,
                (Self::Open, '"') => Self::Double,
                (same, _) => same,
            };
        }
        quotes
    }

    /// A value that stands here.
    pub(crate) fn quoted(self, value: &str) -> String {
        match self {
            Self::Open => {
                let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=:,@%".contains(letter);
                if !value.is_empty() && value.chars().all(is_plain) {
                    return value.to_owned();
                }
                format!("'{}'", value.replace('\'', "'\\''"))
            }
            Self::Single => value.replace('\'', "'\\''"),
            Self::Double => {
                let mut quoted = String::with_capacity(value.len());
                for letter in value.chars() {
                    if "\\\"$`".contains(letter) {
                        quoted.push('\\');
                    }
                    quoted.push(letter);
                }
                quoted
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What a real shell makes of `printf %s BEFORE value AFTER`.
    #[track_caller]
    fn check(before: &str, value: &str, after: &str) {
        let quotes = Quotes::default().after(before);
        let text = format!("printf '%s' {before}{}{after}", quotes.quoted(value));
        let output = Command::new("sh").args(["-c", &text]).output().expect("a shell");
        assert_eq!(String::from_utf8_lossy(&output.stdout), value, "{text}");
    }

    #[test]
    fn a_value_arrives_as_it_is_wherever_it_stands() {
        for value in ["plain", "two words", "it's", "a\"b", "$HOME `id` $(id)", "back\\slash", "new\nline", "*", "-n;x"]
        {
            check("", value, "");
            check("'", value, "'");
            check("\"", value, "\"");
        }
        assert_eq!(Quotes::default().after("echo \"it's"), Quotes::Double);
        assert_eq!(Quotes::default().after("echo \\\"x 'a\\"), Quotes::Single);
        assert_eq!(Quotes::default().after("'a' \"b\""), Quotes::Open);
    }
}
