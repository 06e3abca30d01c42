//! File-name patterns such as `images/image_s{sequence}_i{index}.png`.
//! It does not know what the names in braces mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text with names in braces, each of which stands for one or more characters other than `/`.
///
/// A name is taken as short as possible; `{index}` stands for digits only; `{eye:L|R}` stands for one of these words, `{frame:#}`
/// for digits only; a name that stands twice stands for the same text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Pattern {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name(String),
    /// A name that stands for digits.
    Digits(String),
    /// A name that stands for one of some words.
    Choice(String, Vec<String>),
}

impl Piece {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Text(_) => None,
            Self::Name(name) | Self::Digits(name) | Self::Choice(name, _) => Some(name),
        }
    }
}

/// A pattern that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A brace without its partner, or empty braces.
    #[error("pattern `{pattern}` has a brace that is not closed, or no name in braces")]
    Braces {
        /// The pattern as written.
        pattern: String,
    },
    /// Two names with nothing in between.
    #[error("pattern `{pattern}` has two names with nothing between them")]
    Adjacent {
        /// The pattern as written.
        pattern: String,
    },
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If braces do not match or two names touch.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let braces = || PatternError::Braces { pattern: text.to_owned() };
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('{') {
                let (name, after) = after.split_once('}').ok_or_else(braces)?;
                let piece = match name.split_once(':') {
                    None if name == "index" => Piece::Digits(name.to_owned()),
                    None => Piece::Name(name.to_owned()),
                    Some((name, "#")) => Piece::Digits(name.to_owned()),
                    Some((name, words)) => {
                        Piece::Choice(name.to_owned(), words.split('|').map(str::to_owned).collect())
                    }
                };
                let empty = match &piece {
                    Piece::Choice(name, words) => name.is_empty() || words.iter().any(String::is_empty),
                    piece => piece.name() == Some(""),
                };
                if empty || name.contains('{') {
                    return Err(braces());
                }
                let open = |piece: &Piece| matches!(piece, Piece::Name(_) | Piece::Digits(_));
                if pieces.last().is_some_and(open) && open(&piece) {
                    return Err(PatternError::Adjacent { pattern: text.to_owned() });
                }
                pieces.push(piece);
                rest = after;
            } else {
                let end = rest.find('{').unwrap_or(rest.len());
                if rest[..end].contains('}') {
                    return Err(braces());
                }
                pieces.push(Piece::Text(rest[..end].to_owned()));
                rest = &rest[end..];
            }
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// Tells whether the pattern has this name.
    pub fn has(&self, name: &str) -> bool {
        self.pieces.iter().any(|piece| piece.name() == Some(name))
    }

    /// Gives its names in the order in which they stand.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(Piece::name)
    }

    /// Gives what each name stands for in `text`, if the pattern matches all of it.
    pub fn find(&self, text: &str) -> Option<BTreeMap<&str, String>> {
        let mut search = Search { found: BTreeMap::new(), in_vain: BTreeSet::new() };
        search.matches(&self.pieces, text).then_some(search.found)
    }

    /// Gives the text with what its names stand for; a name that is not known is the error.
    pub fn fill(&self, names: &BTreeMap<String, String>) -> Result<String, String> {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => Ok(text.clone()),
            Piece::Name(name) | Piece::Digits(name) | Piece::Choice(name, _) => {
                names.get(name).cloned().ok_or_else(|| name.clone())
            }
        };
        self.pieces.iter().map(piece).collect()
    }

    /// Gives what each name stands for in the path of a file; a pattern without the extension of the path leaves it open.
    pub fn find_file(&self, path: &str) -> Option<BTreeMap<&str, String>> {
        match path.rsplit_once('.') {
            Some((stem, extension)) if !extension.contains('/') && !self.text.ends_with(&path[stem.len()..]) => {
                self.find(stem)
            }
            _ => self.find(path),
        }
    }
}

/// A search for what the names of a pattern stand for.
///
/// * Each name takes as little as it can, and more where the rest does not match then.
/// * What was tried in vain is not tried again: without that, a dozen names and a long path would take for ever. It is known by what is
///   left of the pattern and of the path, and by what those names stand for that are still to come again.
struct Search<'a> {
    found: BTreeMap<&'a str, String>,
    in_vain: BTreeSet<(usize, usize, Vec<String>)>,
}

impl<'a> Search<'a> {
    fn matches(&mut self, pieces: &'a [Piece], path: &str) -> bool {
        let Some((piece, rest)) = pieces.split_first() else { return path.is_empty() };
        let name = match piece {
            Piece::Text(text) => {
                return path.strip_prefix(text.as_str()).is_some_and(|path| self.matches(rest, path));
            }
            Piece::Name(name) | Piece::Digits(name) | Piece::Choice(name, _) => name,
        };
        let again = pieces.iter().filter_map(Piece::name).filter_map(|name| self.found.get(name).cloned());
        let tried = (pieces.len(), path.len(), again.collect());
        if self.in_vain.contains(&tried) {
            return false;
        }
        let ends: Vec<usize> = match piece {
            Piece::Choice(_, words) => words.iter().filter(|word| path.starts_with(*word)).map(String::len).collect(),
            Piece::Name(_) | Piece::Digits(_) | Piece::Text(_) => {
                let digits = matches!(piece, Piece::Digits(_));
                let allowed = |character: char| character != '/' && (!digits || character.is_ascii_digit());
                let taken = path.char_indices().take_while(|(_, character)| allowed(*character));
                taken.map(|(at, character)| at + character.len_utf8()).collect()
            }
        };
        for end in ends {
            let before = self.found.get(name.as_str()).cloned();
            if before.as_ref().is_some_and(|known| known != &path[..end]) {
                continue;
            }
            self.found.insert(name, path[..end].to_owned());
            if self.matches(rest, &path[end..]) {
                return true;
            }
            match before {
                Some(value) => self.found.insert(name, value),
                None => self.found.remove(name.as_str()),
            };
        }
        self.in_vain.insert(tried);
        false
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        Self::new(&text)
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: Option<&[(&str, &str)]>) {
        let pattern = Pattern::new(pattern).expect("the pattern is good");
        let expected = expected.map(|pairs| pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect());
        assert_eq!(pattern.find_file(path), expected);
    }

    #[test]
    fn names_stand_for_text() {
        check("image_s{sequence}_i{index}.png", "image_s12_i3.png", Some(&[("sequence", "12"), ("index", "3")]));
        check("image_s{sequence}_i{index}.png", "image_sa_ib_i3.png", Some(&[("sequence", "a_ib"), ("index", "3")]));
        check("image_s{sequence}_i{index}.png", "image_s12_i3.jpg", None);
        check("image_s{sequence}_i{index}", "image_s12_i3.jpg", Some(&[("sequence", "12"), ("index", "3")]));
        check("{patient}_{rest}", "p1_a_b", Some(&[("patient", "p1"), ("rest", "a_b")]));
        check("{patient}_{rest}", "p1", None);
        check("{a}", "x/y", None);
        check("{n}/{n}_x.png", "7/7_x.png", Some(&[("n", "7")]));
        check("{n}/{n}_x.png", "7/8_x.png", None);
        check("Image_{n}{eye:L|R}.jpg", "Image_01R.jpg", Some(&[("n", "01"), ("eye", "R")]));
        check("Image_{n}{eye:L|R}.jpg", "Image_01X.jpg", None);
        check("{n}_{c:#}.png", "a_1_02.png", Some(&[("n", "a_1"), ("c", "02")]));
        check("{part:a|ab}{n}.png", "abc.png", Some(&[("part", "a"), ("n", "bc")]));
        check("{part:ab|c}/{part}.png", "c/c.png", Some(&[("part", "c")]));
        check("{part:ab|c}/{part}.png", "c/ab.png", None);
        check("{a}-{b}-{a}", "x-y-x-y-x", Some(&[("a", "x"), ("b", "y-x-y")]));
    }

    #[test]
    fn a_search_in_vain_ends_soon() {
        let path = "a".repeat(200);
        let names = |each: &str| (0..20).map(|at| each.replace('?', &at.to_string())).collect::<String>();
        check(&(names("{n?}a") + "!"), &path, None);
        check(&(names("{n?:a|aa}") + "!"), &path, None);
        check(&(names("{n?}a") + "{n3}!"), &path[..60], None);
    }

    #[test]
    fn wrong_patterns_are_refused() {
        assert!(matches!(Pattern::new("a{b"), Err(PatternError::Braces { .. })));
        assert!(matches!(Pattern::new("a}b"), Err(PatternError::Braces { .. })));
        assert!(matches!(Pattern::new("{}"), Err(PatternError::Braces { .. })));
        assert!(matches!(Pattern::new("{:a}"), Err(PatternError::Braces { .. })));
        assert!(matches!(Pattern::new("{a:b||c}"), Err(PatternError::Braces { .. })));
        assert!(matches!(Pattern::new("{a}{b}"), Err(PatternError::Adjacent { .. })));
    }
}
