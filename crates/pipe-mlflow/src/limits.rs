//! What an MLflow server takes: how long, how many, in which characters.
//!
//! Does not know what is sent. Measured with MLflow 3.17: one more than a limit of a batch is refused, too long a parameter or tag is cut
//! without a word, so that it is cut here, visibly.

use std::collections::BTreeMap;

use crate::message::{Message, Metric};

/// Most metrics of a batch.
pub(crate) const METRICS: usize = 1000;
/// Most parameters of a batch.
pub(crate) const PARAMS: usize = 100;
/// Most tags of a batch.
pub(crate) const TAGS: usize = 100;
/// Most of all of them together.
pub(crate) const ITEMS: usize = 1000;
/// Longest name, in characters.
const KEY: usize = 250;
/// Longest value of a parameter, in characters.
const PARAM: usize = 6000;
/// Longest value of a tag, in characters.
const TAG: usize = 8000;

/// A name of a metric, parameter or tag: what servers do not take in it becomes `_` or, where it divides, `.`.
pub(crate) fn key(name: &str) -> String {
    let clean = name.chars().filter_map(|c| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | ' ' | ':' | '/' => Some(c),
        '=' | '[' | ',' => Some('.'),
        ']' => None,
        c if c.is_alphanumeric() => Some(c),
        _ => Some('_'),
    });
    let clean: String = clean.collect();
    // Servers take names for paths: `a//b`, `./a` and `a/` are refused.
    let parts = clean.split('/').map(str::trim).filter(|part| !part.trim_matches('.').is_empty());
    let joined = parts.collect::<Vec<_>>().join("/");
    let joined = if joined.is_empty() { "_".to_owned() } else { joined };
    cut_to(&joined, KEY, "..")
}

/// The value of a parameter.
pub(crate) fn param(value: &str) -> String {
    visibly_cut(value, PARAM)
}

/// The value of a tag.
pub(crate) fn tag(value: &str) -> String {
    visibly_cut(value, TAG)
}

fn visibly_cut(value: &str, most: usize) -> String {
    let length = value.chars().count();
    if length <= most {
        return value.to_owned();
    }
    cut_to(value, most, &format!(" ... (cut, {length} characters)"))
}

/// The beginning of a text with an end, together at most so many characters.
fn cut_to(text: &str, most: usize, end: &str) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - end.chars().count()).chain(end.chars()).collect()
}

/// What one request can carry of metrics, parameters and tags.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Batch {
    pub metrics: Vec<Metric>,
    pub params: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
}

impl Batch {
    fn len(&self) -> usize {
        self.metrics.len() + self.params.len() + self.tags.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A part, and what is left.
    pub(crate) fn halves(self) -> (Self, Self) {
        let half = self.len().div_ceil(2);
        let (mut one, mut other) = (Self::default(), Self::default());
        for metric in self.metrics {
            let to = if one.len() < half { &mut one } else { &mut other };
            to.metrics.push(metric);
        }
        for (name, value) in self.params {
            let to = if one.len() < half { &mut one } else { &mut other };
            to.params.insert(name, value);
        }
        for (name, value) in self.tags {
            let to = if one.len() < half { &mut one } else { &mut other };
            to.tags.insert(name, value);
        }
        (one, other)
    }

    /// Adds a message's numbers and facts where all of them fit; says whether they did. A name that is already there is not added to:
    /// the order of what is said of it counts.
    pub(crate) fn add(&mut self, message: &Message) -> Fit {
        let room = ITEMS.saturating_sub(self.len());
        match message {
            Message::Metrics(metrics) if self.metrics.len() + metrics.len() <= METRICS => {
                if metrics.len() > room {
                    return Fit::Full;
                }
                self.metrics.extend(metrics.iter().cloned());
                Fit::Added
            }
            Message::Params(params) => add_facts(&mut self.params, params, PARAMS, room),
            Message::Tags(tags) => add_facts(&mut self.tags, tags, TAGS, room),
            Message::Metrics(_) => Fit::Full,
            _ => Fit::Other,
        }
    }
}

/// Whether a message went into a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Added,
    /// It belongs into the next one.
    Full,
    /// It is a request of its own.
    Other,
}

fn add_facts(to: &mut BTreeMap<String, String>, new: &BTreeMap<String, String>, most: usize, room: usize) -> Fit {
    if to.len() + new.len() > most || new.len() > room || new.keys().any(|name| to.contains_key(name)) {
        return Fit::Full;
    }
    to.extend(new.iter().map(|(name, value)| (name.clone(), value.clone())));
    Fit::Added
}

/// Facts in parts that each fit into one request, with names and values that servers take; names that become equal are told apart.
pub(crate) fn facts(
    all: impl IntoIterator<Item = (String, String)>,
    clean: fn(&str) -> String,
) -> Vec<BTreeMap<String, String>> {
    let mut parts = vec![BTreeMap::new()];
    let mut known = std::collections::BTreeSet::new();
    for (name, value) in all {
        let mut name = key(&name);
        let mut number = 2;
        while !known.insert(name.clone()) {
            name = cut_to(&name, KEY - 4, "..") + &format!("_{number}");
            number += 1;
        }
        let last = parts.last_mut().expect("there is one from the beginning");
        if last.len() == PARAMS {
            parts.push(BTreeMap::from([(name, clean(&value))]));
        } else {
            last.insert(name, clean(&value));
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Number;

    #[test]
    fn names_are_made_of_what_servers_take() {
        assert_eq!(key("train/loss"), "train/loss");
        assert_eq!(key("score/case=3/dice [%]"), "score/case.3/dice ._");
        assert_eq!(key("a//b/"), "a/b");
        assert_eq!(key("../x"), "x");
        assert_eq!(key("/"), "_");
        assert_eq!(key(&"k".repeat(251)).chars().count(), 250);
        assert_eq!(key("Größe"), "Größe");
    }

    #[test]
    fn what_is_too_long_is_cut_visibly() {
        assert_eq!(param(&"x".repeat(6000)), "x".repeat(6000));
        let cut = param(&"ä".repeat(6001));
        assert_eq!(cut.chars().count(), 6000);
        assert!(cut.ends_with("ä ... (cut, 6001 characters)"), "{cut}");
        assert_eq!(tag(&"x".repeat(9000)).len(), 8000);
    }

    fn metrics(count: usize) -> Message {
        let metric = Metric { key: "loss".into(), value: Number(1.0), timestamp: 1, step: 1 };
        Message::Metrics(vec![metric; count])
    }

    fn named(from: usize, count: usize) -> BTreeMap<String, String> {
        (from..from + count).map(|number| (format!("p{number}"), "1".to_owned())).collect()
    }

    #[test]
    fn a_batch_takes_what_the_server_does() {
        let mut batch = Batch::default();
        assert_eq!(batch.add(&Message::Params(named(0, 100))), Fit::Added);
        assert_eq!(batch.add(&Message::Params(named(100, 1))), Fit::Full);
        assert_eq!(batch.add(&metrics(901)), Fit::Full);
        assert_eq!(batch.add(&metrics(850)), Fit::Added);
        assert_eq!(batch.add(&Message::Tags(named(0, 51))), Fit::Full);
        assert_eq!(batch.add(&Message::Tags(named(0, 50))), Fit::Added);
        assert_eq!(batch.len(), 1000);
        assert_eq!(batch.add(&metrics(1)), Fit::Full);
        let ended = Message::Ended { status: crate::message::Status::Finished, at: 1 };
        assert_eq!(Batch::default().add(&ended), Fit::Other);
        assert_eq!(Batch::default().add(&metrics(1000)), Fit::Added);
        let mut again = Batch::default();
        assert_eq!(
            [again.add(&Message::Tags(named(0, 1))), again.add(&Message::Tags(named(0, 1)))],
            [Fit::Added, Fit::Full]
        );
    }

    #[test]
    fn facts_come_in_parts_and_none_hides_another() {
        let all = (0..201).map(|number| (format!("p{number}"), String::new()));
        assert_eq!(facts(all, param).iter().map(BTreeMap::len).collect::<Vec<_>>(), [100, 100, 1]);
        let equal = [("a=b", "1"), ("a.b", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let parts = facts(equal, param);
        assert_eq!(parts, [BTreeMap::from([("a.b".into(), "1".into()), ("a.b_2".into(), "2".into())])]);
        assert!(facts([], param).is_empty());
    }
}
