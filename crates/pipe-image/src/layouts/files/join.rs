//! What the names in paths say, and when two paths speak of the same case.
//! It does not know what is joined.

use std::collections::{BTreeMap, BTreeSet};

use crate::pattern::Pattern;

/// What each name of a pattern stands for in a path.
pub(super) type Names = BTreeMap<String, String>;

/// A file that a pattern matches.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) file: String,
    pub(super) names: Names,
}

/// Gives what the names stand for, if the pattern matches.
pub(super) fn names(pattern: &Pattern, path: &str) -> Option<Names> {
    let found = pattern.find_file(path).or_else(|| pattern.find(path))?;
    Some(found.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Whether a name tells one case from another.
pub(super) fn tells(name: &str) -> bool {
    !matches!(name, "frame" | "channel" | "object" | "part" | "class") && !name.starts_with("any")
}

/// Whether a name says something of a case that has no place of its own.
pub(super) fn is_tag(name: &str) -> bool {
    tells(name) && !matches!(name, "case" | "patient" | "site")
}

/// Things by what some of their names stand for.
type ByValues = BTreeMap<Vec<String>, Vec<usize>>;

/// Things by their names, so that those of an image are found without looking at all of them.
#[derive(Default)]
pub(super) struct Index {
    /// Which names some of the things have, and which things these are.
    kinds: Vec<(BTreeSet<String>, Vec<usize>)>,
    /// By kind and by the names that it shares with images: by what these stand for, the things.
    found: BTreeMap<(usize, Vec<String>), ByValues>,
}

impl Index {
    pub(super) fn of<'a>(all: impl Iterator<Item = &'a Names>) -> Self {
        let mut kinds: Vec<(BTreeSet<String>, Vec<usize>)> = Vec::new();
        for (at, names) in all.enumerate() {
            let joins: BTreeSet<String> = names.keys().filter(|name| tells(name) || *name == "part").cloned().collect();
            match kinds.iter_mut().find(|(known, _)| *known == joins) {
                Some((_, list)) => list.push(at),
                None => kinds.push((joins, vec![at])),
            }
        }
        Self { kinds, found: BTreeMap::new() }
    }

    /// Gives the things whose names agree with those of an image where both have them, numbers by value, in their order; things
    /// that share no name do not belong together.
    pub(super) fn belonging<'a>(&mut self, image: &Names, names_of: impl Fn(usize) -> &'a Names) -> Vec<usize> {
        let mut all = Vec::new();
        for (kind, (joins, list)) in self.kinds.iter().enumerate() {
            let shared: Vec<String> = joins.iter().filter(|name| image.contains_key(*name)).cloned().collect();
            if shared.is_empty() {
                continue;
            }
            let key = |names: &Names| shared.iter().map(|name| plain(&names[name])).collect::<Vec<_>>();
            let wanted = key(image);
            let by_key = self.found.entry((kind, shared.clone())).or_insert_with(|| {
                let mut by_key = ByValues::new();
                for at in list {
                    by_key.entry(key(names_of(*at))).or_default().push(*at);
                }
                by_key
            });
            all.extend(by_key.get(&wanted).into_iter().flatten());
        }
        all.sort_unstable();
        all
    }
}

/// A text whose numbers have no zeros in front.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|character: char| character.is_ascii_digit()) {
        let (before, digits) = rest.split_at(at);
        let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
        let number = digits[..end].trim_start_matches('0');
        plain.push_str(before);
        plain.push_str(if number.is_empty() { "0" } else { number });
        rest = &digits[end..];
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Names {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn numbers_agree_by_value() {
        assert_eq!((plain("SC-HF-I-01"), plain("007a0"), plain("x")), ("SC-HF-I-1".into(), "7a0".into(), "x".into()));
        let things = [
            of(&[("case", "1"), ("part", "train")]),
            of(&[("case", "1"), ("part", "test")]),
            of(&[("case", "001"), ("object", "x"), ("any", "y")]),
            of(&[("object", "x")]),
            of(&[("case", "2"), ("part", "train")]),
        ];
        let mut index = Index::of(things.iter());
        let mut found = |pairs| index.belonging(&of(pairs), |at| &things[at]);
        assert_eq!(found(&[("case", "01"), ("frame", "3"), ("part", "train")]), [0, 2]);
        assert_eq!(found(&[("case", "2")]), [4]);
        assert_eq!(found(&[("slice", "2")]), [0; 0]);
    }
}
