//! Which pattern would find the masks of images that have none, in the layout `files`.
//! It does not open files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::Proposal;
use crate::layouts::{Files, Labels, Layout};
use crate::problem::{DataProblem, What};

/// So many images are tried for the rule that their masks follow.
const TRIED: usize = 60;
/// So many files are looked at.
const FILES: usize = 50_000;

/// The pattern that the most images without a mask agree on; `paired` tells whether others have one.
pub(super) fn proposal(layout: &Layout, root: &Path, problems: &[DataProblem], paired: bool) -> Option<Proposal> {
    let Layout::Files(layout) = layout else { return None };
    let Some(Labels::Files { paths, .. }) = &layout.masks else { return None };
    let alone = problems.iter().filter(|problem| problem.what == What::ImageWithoutMask);
    let alone: BTreeSet<&str> = alone.map(|problem| problem.file.as_str()).collect();
    if alone.len() < 2 {
        return None;
    }
    let files = below(root);
    let mut votes: BTreeMap<String, usize> = BTreeMap::new();
    let step = alone.len().div_ceil(TRIED);
    let tried: Vec<&str> = alone.iter().copied().step_by(step).collect();
    for image in &tried {
        let names = telling(layout, image);
        let own: BTreeSet<String> =
            files.iter().filter(|file| file != image).filter_map(|file| pattern(file, &names)).collect();
        own.into_iter().for_each(|pattern| *votes.entry(pattern).or_default() += 1);
    }
    // Patterns of images say nothing of masks.
    votes.retain(|pattern, _| !layout.images.iter().any(|known| known.to_string() == *pattern));
    let (pattern, count) = votes.into_iter().max_by(|one, other| one.1.cmp(&other.1).then(other.0.cmp(&one.0)))?;
    if count < 2 || count * 2 < tried.len() {
        return None;
    }
    let kept = paths.iter().filter(|_| paired).map(ToString::to_string);
    let all: Vec<Value> = kept.chain([pattern.clone()]).map(Value::from).collect();
    let share = if count == tried.len() { "all".to_owned() } else { format!("{count} of {}", tried.len()) };
    let why = format!("`{pattern}` finds a file for {share} images without a mask that were tried");
    let changes = vec![("data.layout.files.masks.files.paths".to_owned(), Value::from(all))];
    Some(Proposal::new(Some(What::ImageWithoutMask), why, changes))
}

/// The files below a folder, relative to it.
fn below(root: &Path) -> Vec<String> {
    let hidden = |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.');
    let walk = walkdir::WalkDir::new(root).follow_links(true).sort_by_file_name();
    let files = walk.into_iter().filter_entry(|entry| !hidden(entry)).filter_map(Result::ok);
    let files = files.filter(|entry| entry.file_type().is_file()).take(FILES);
    let relative = |entry: walkdir::DirEntry| Some(entry.path().strip_prefix(root).ok()?.to_str()?.replace('\\', "/"));
    files.filter_map(relative).collect()
}

/// What tells the image apart: the names of its pattern and what they stand for, the longest first.
fn telling(layout: &Files, image: &str) -> Vec<(String, String)> {
    let found = layout.images.iter().find_map(|pattern| pattern.find_file(image)).unwrap_or_default();
    let tells = |name: &str| !matches!(name, "frame" | "channel" | "object") && !name.starts_with("any");
    let mut names: Vec<(String, String)> =
        found.into_iter().filter(|(name, _)| tells(name)).map(|(name, value)| (name.to_owned(), value)).collect();
    names.sort_by(|one, other| other.1.len().cmp(&one.1.len()).then_with(|| one.0.cmp(&other.0)));
    names
}

/// A path with each value replaced by its name where it stands last as a word; nothing if one of them is not in it.
fn pattern(file: &str, names: &[(String, String)]) -> Option<String> {
    if names.is_empty() || file.contains(['{', '}']) {
        return None;
    }
    let mut text = file.to_owned();
    for (name, value) in names {
        let at = text.rmatch_indices(value.as_str()).map(|(at, _)| at).find(|at| is_word(&text, *at, value))?;
        text.replace_range(at..at + value.len(), &format!("{{{name}}}"));
    }
    Some(text)
}

/// Whether a value ends on both sides where it stands: `1` is no word of `10`, `p1` none of `xp1`, and nothing within braces is one.
fn is_word(text: &str, at: usize, value: &str) -> bool {
    let kind = |letter: char| {
        if letter.is_ascii_digit() {
            1
        } else if letter.is_alphabetic() {
            2
        } else {
            0
        }
    };
    let apart = |one: Option<char>, other: Option<char>| match (one, other) {
        (Some(one), Some(other)) => kind(one) == 0 || kind(one) != kind(other),
        _ => true,
    };
    let (before, behind) = (&text[..at], &text[at + value.len()..]);
    let within = before.rfind('{') > before.rfind('}');
    !within
        && apart(value.chars().next(), before.chars().next_back())
        && apart(value.chars().next_back(), behind.chars().next())
}
