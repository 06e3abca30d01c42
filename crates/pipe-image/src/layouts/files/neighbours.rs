//! Slices beside a slice, as further frames of it: what is called 2.5D.
//! It does not know files.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    pub(super) fn problem(&self, slices: bool) -> Option<String> {
        let in_range = |number: usize| (1..Self::MOST).contains(&number);
        if !in_range(self.each_side) || self.stride == 0 || self.stride > Self::MOST {
            return Some("`each_side` of `neighbours` is 1 to 31, `stride` 1 to 32".to_owned());
        }
        (!slices).then(|| {
            "`neighbours` are of slices: set `slices: true`, and where each slice is a file of its own say in `stack` which name counts them"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(each_side: usize, stride: usize, at: usize, expected: &[usize]) {
        assert_eq!(Neighbours { each_side, stride }.places(at, 10), expected);
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
        let problem = |each_side, stride, slices| Neighbours { each_side, stride }.problem(slices);
        assert_eq!(problem(1, 1, true), None);
        assert!(problem(0, 1, true).is_some_and(|text| text.contains("1 to 31")));
        assert!(problem(1, 0, true).is_some_and(|text| text.contains("1 to 32")));
        assert!(problem(1, 1, false).is_some_and(|text| text.contains("slices: true")));
    }
}
