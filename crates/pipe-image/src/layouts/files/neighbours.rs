//! Slices beside a slice, as further frames of it: what is called 2.5D.
//! It does not know files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::join::Names;
use crate::layouts::survey::natural;

/// Slices beside a slice, as further frames of it. The label is that of the slice in the middle; where a volume ends, its last slice is
/// repeated. Networks for images see frames as channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Neighbours {
    /// How many on each side: 1 makes cases of three frames, 2 of five.
    #[schemars(range(min = 1, max = 31))]
    pub each_side: usize,
    /// From one to the next, in slices.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 32))]
    pub stride: usize,
    /// The name of the pattern that counts the slices, where each is a file of its own: `slice`. Images that differ in it alone are a
    /// volume, in the order of its numbers. Not needed with `slices: true`.
    #[serde(default)]
    pub along: Option<String>,
}

fn one() -> usize {
    1
}

impl Neighbours {
    /// The largest number of slices on a side, and the largest stride.
    const MOST: usize = 32;

    /// Gives the number of frames of a case.
    pub fn frames(&self) -> usize {
        2 * self.each_side.min(Self::MOST) + 1
    }

    /// Gives the places of a slice and its neighbours among `count`.
    pub(super) fn places(&self, at: usize, count: usize) -> Vec<usize> {
        let (side, stride) = (self.each_side.min(Self::MOST), self.stride.min(Self::MOST));
        let last = count.saturating_sub(1);
        (0..=2 * side).map(|place| (at + place * stride).saturating_sub(side * stride).min(last)).collect()
    }

    /// Says what is wrong with the settings.
    pub(super) fn problem(&self, slices: bool, names: impl Fn(&str) -> bool) -> Option<String> {
        let in_range = |number: usize| (1..Self::MOST).contains(&number);
        match &self.along {
            _ if !in_range(self.each_side) || self.stride == 0 || self.stride > Self::MOST => {
                Some("`each_side` of `neighbours` is 1 to 31, `stride` 1 to 32".to_owned())
            }
            None if !slices => Some(
                "`neighbours` are of slices: set `slices: true` for volumes, or say in `along` which name counts the files of a volume"
                    .to_owned(),
            ),
            Some(along) if slices => {
                Some(format!("the slices of a volume are counted by themselves: leave `along: {along}` out"))
            }
            Some(along) if !names(along) => Some(format!("`along` of `neighbours` is `{along}`, and no pattern has it")),
            None | Some(_) => None,
        }
    }

    /// Puts images in line that differ in nothing but the name that counts, and gives for each its neighbours with itself in the middle.
    pub(super) fn lines<'a>(
        &self,
        images: impl Iterator<Item = (&'a String, &'a Names)>,
        tells: impl Fn(&str) -> bool,
    ) -> BTreeMap<&'a str, Vec<&'a str>> {
        let along = self.along.as_deref().unwrap_or_default();
        type Pairs<'a> = Vec<(&'a str, &'a str)>;
        // By what images of a volume share: their numbers and ids.
        let mut lines: BTreeMap<Pairs<'a>, Pairs<'a>> = BTreeMap::new();
        for (id, names) in images {
            let key = names.iter().filter(|(name, _)| *name != along && tells(name));
            let key = key.map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let number = names.get(along).map_or("", String::as_str);
            lines.entry(key).or_default().push((number, id));
        }
        let mut beside = BTreeMap::new();
        for mut line in lines.into_values() {
            line.sort_by(|(a, _), (b, _)| natural(a).cmp(&natural(b)));
            for (at, (_, id)) in line.iter().enumerate() {
                beside.insert(*id, self.places(at, line.len()).into_iter().map(|place| line[place].1).collect());
            }
        }
        beside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(each_side: usize, stride: usize, at: usize, expected: &[usize]) {
        assert_eq!(Neighbours { each_side, stride, along: None }.places(at, 10), expected);
    }

    #[test]
    fn ends_are_repeated() {
        check(1, 1, 4, &[3, 4, 5]);
        check(2, 2, 5, &[1, 3, 5, 7, 9]);
        check(2, 2, 1, &[0, 0, 1, 3, 5]);
        check(2, 2, 9, &[5, 7, 9, 9, 9]);
        check(1, 32, 0, &[0, 0, 9]);
    }

    #[test]
    fn settings_that_mean_nothing_are_told() {
        let problem = |each_side, stride, along: Option<&str>, slices| {
            let neighbours = Neighbours { each_side, stride, along: along.map(str::to_owned) };
            neighbours.problem(slices, |name| name == "slice")
        };
        assert_eq!(problem(1, 1, None, true), None);
        assert_eq!(problem(2, 2, Some("slice"), false), None);
        assert!(problem(0, 1, None, true).is_some_and(|text| text.contains("1 to 31")));
        assert!(problem(1, 0, None, true).is_some_and(|text| text.contains("1 to 32")));
        assert!(problem(1, 1, None, false).is_some_and(|text| text.contains("slices: true")));
        assert!(problem(1, 1, Some("slice"), true).is_some_and(|text| text.contains("leave `along: slice` out")));
        assert!(problem(1, 1, Some("z"), false).is_some_and(|text| text.contains("no pattern has it")));
    }
}
