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

/// Whether images and things that both have a name belong together only if it stands for the same.
pub(super) fn joins(name: &str) -> bool {
    tells(name) || name == "part"
}

/// Whether a name says something of a case that has no place of its own.
fn is_tag(name: &str) -> bool {
    tells(name) && !matches!(name, "case" | "patient" | "site")
}

/// Gives what names say that has no place of its own in a case.
pub(super) fn tags(names: &Names) -> BTreeMap<String, String> {
    let kept = names.iter().filter(|(name, _)| is_tag(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Things by what some of their names stand for.
type ByValues = BTreeMap<Vec<String>, Vec<usize>>;

/// Things by their names, so that those of an image are found without looking at all of them.
#[derive(Default)]
struct Index {
    /// Which names some of the things have, and which things these are.
    kinds: Vec<(BTreeSet<String>, Vec<usize>)>,
    /// By kind and by the names that it shares with images: by what these stand for, the things.
    found: BTreeMap<(usize, Vec<String>), ByValues>,
}

impl Index {
    fn of(things: &[&Names]) -> Self {
        let mut kinds: Vec<(BTreeSet<String>, Vec<usize>)> = Vec::new();
        for (at, names) in things.iter().enumerate() {
            let joins: BTreeSet<String> = names.keys().filter(|name| joins(name)).cloned().collect();
            match kinds.iter_mut().find(|(known, _)| *known == joins) {
                Some((_, list)) => list.push(at),
                None => kinds.push((joins, vec![at])),
            }
        }
        Self { kinds, found: BTreeMap::new() }
    }

    /// Gives the things whose names agree with those of an image where both have them, numbers by value, in their order; things
    /// that share no name do not belong together.
    fn belonging(&mut self, image: &Names, things: &[&Names]) -> Vec<usize> {
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
                    by_key.entry(key(things[*at])).or_default().push(*at);
                }
                by_key
            });
            all.extend(by_key.get(&wanted).into_iter().flatten());
        }
        all.sort_unstable();
        all
    }
}

/// Which things belong to which images.
#[derive(Debug, PartialEq)]
pub(super) struct Joined {
    /// By image, its things in their order.
    pub(super) own: Vec<Vec<usize>>,
    /// Things that two images mean by other texts, and none by its own, with two such images.
    pub(super) unclear: BTreeMap<usize, [usize; 2]>,
}

/// Joins images and things whose names agree where both have them, numbers by value; what an image says letter by letter is never
/// another's that says it with other zeros.
pub(super) fn joined(images: &[&Names], things: &[&Names]) -> Joined {
    let mut index = Index::of(things);
    let mut own: Vec<Vec<usize>> = images.iter().map(|image| index.belonging(image, things)).collect();
    let said = |image: &Names, thing: &Names| -> Vec<String> {
        thing.keys().filter(|name| joins(name)).filter_map(|name| image.get(name).cloned()).collect()
    };
    let is_exact = |image: &Names, thing: &Names| {
        thing.iter().filter(|(name, _)| joins(name)).all(|(name, value)| image.get(name).is_none_or(|own| own == value))
    };
    let mut exact = vec![false; things.len()];
    for (image, own) in own.iter().enumerate() {
        for at in own {
            exact[*at] |= is_exact(images[image], things[*at]);
        }
    }
    let mut unclear = BTreeMap::new();
    let mut first: BTreeMap<usize, usize> = BTreeMap::new();
    for (image, own) in own.iter_mut().enumerate() {
        own.retain(|at| !exact[*at] || is_exact(images[image], things[*at]));
        for at in own.iter().filter(|at| !exact[**at]) {
            let one = *first.entry(*at).or_insert(image);
            if said(images[one], things[*at]) != said(images[image], things[*at]) {
                unclear.entry(*at).or_insert([one, image]);
            }
        }
    }
    Joined { own, unclear }
}

/// Gives texts that are equal but for zeros in front of numbers one spelling, that of the first: patient `01` is patient `1`.
pub(super) fn one_spelling<'a>(texts: impl Iterator<Item = &'a mut String>) {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for text in texts {
        let first = known.entry(plain(text)).or_insert_with(|| text.clone());
        if first != text {
            text.clone_from(first);
        }
    }
}

/// A text whose numbers have no zeros in front; those behind a decimal point stay.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|character: char| character.is_ascii_digit()) {
        let (before, digits) = rest.split_at(at);
        let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
        let is_decimal = before == "." && plain.ends_with(|character: char| character.is_ascii_digit());
        let number = if is_decimal { &digits[..end] } else { digits[..end].trim_start_matches('0') };
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
        let things: Vec<&Names> = things.iter().collect();
        let mut index = Index::of(&things);
        let mut found = |pairs| index.belonging(&of(pairs), &things);
        assert_eq!(found(&[("case", "01"), ("frame", "3"), ("part", "train")]), [0, 2]);
        assert_eq!(found(&[("case", "2")]), [4]);
        assert_eq!(found(&[("slice", "2")]), [0; 0]);
        assert_eq!((plain("0.05"), plain("v1.007"), plain("a.01")), ("0.05".into(), "v1.007".into(), "a.1".into()));
    }

    #[test]
    fn letter_by_letter_comes_first() {
        let of = |case: &str| of(&[("case", case)]);
        let check = |images: &[&str], things: &[&str], own: &[&[usize]], unclear: &[(usize, [usize; 2])]| {
            let [images, things] = [images, things].map(|cases| cases.iter().map(|case| of(case)).collect::<Vec<_>>());
            let found = joined(&images.iter().collect::<Vec<_>>(), &things.iter().collect::<Vec<_>>());
            assert_eq!(
                (found.own.iter().map(Vec::as_slice).collect::<Vec<_>>(), found.unclear),
                (own.to_vec(), unclear.iter().copied().collect())
            );
        };
        check(&["1", "01"], &["1"], &[&[0], &[]], &[]);
        check(&["1", "01"], &["01", "1"], &[&[1], &[0]], &[]);
        check(&["1", "2"], &["01", "02"], &[&[0], &[1]], &[]);
        check(&["01", "001"], &["1"], &[&[0], &[0]], &[(0, [0, 1])]);
        // Frames of one case share its mask.
        check(&["1", "1"], &["01"], &[&[0], &[0]], &[]);
    }

    #[test]
    fn a_patient_has_one_spelling() {
        let mut texts = ["1", "01", "p2", "p02", "0.5", "0.05"].map(str::to_owned);
        one_spelling(texts.iter_mut());
        assert_eq!(texts, ["1", "1", "p2", "p2", "0.5", "0.05"]);
    }
}
