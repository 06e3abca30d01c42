//! The texts that values come from, and places in them.
//!
//! Does not know what a text means.

use std::sync::Arc;

/// Number of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(u32);

/// A stretch of one text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The text.
    pub file: FileId,
    /// First byte.
    pub start: usize,
    /// Number of bytes.
    pub length: usize,
}

/// A place for people: lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the text.
    pub file: String,
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// All texts of one experiment.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    texts: Vec<(String, Arc<str>)>,
}

impl Sources {
    /// Adds a text under the name that messages show.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(u32::try_from(self.texts.len()).expect("fewer than four billion files"));
        self.texts.push((name.into(), text.into()));
        id
    }

    /// Name of a text.
    pub fn name(&self, file: FileId) -> &str {
        &self.texts[file.0 as usize].0
    }

    /// A text.
    pub fn text(&self, file: FileId) -> &Arc<str> {
        &self.texts[file.0 as usize].1
    }

    /// Where a span starts.
    pub fn place(&self, span: Span) -> Place {
        let text = self.text(span.file);
        let before = &text[..floor(text, span.start)];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place { file: self.name(span.file).to_owned(), line, column }
    }
}

/// The character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters() {
        let mut sources = Sources::default();
        let file = sources.add("a.yaml", "ä: 1\nb: ü2");
        let place = sources.place(Span { file, start: 11, length: 1 });
        assert_eq!((place.line, place.column), (2, 5));
    }
}
