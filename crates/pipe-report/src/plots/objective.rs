//! The axis of what a search optimises, and which of its trials are drawn.
//!
//! Does not know pictures.

use super::scale::{Scale, Steps};
use crate::{Search, SearchGoal, SearchTrial};

/// What is larger is drawn at the edge.
const LARGEST: f64 = 1e300;

/// Results from which a fence is found: of fewer none is odd.
const FEW: usize = 8;

/// The axis of values: a few that are far worse than all others lie at its end, so that differences among the others are seen.
pub(super) struct Objective {
    /// The axis.
    pub(super) scale: Scale,
    /// What is worse is drawn at the end.
    fence: Option<f64>,
    goal: SearchGoal,
}

impl Objective {
    /// The axis of the results of a search, and of further values, such as last ones of trials that were pruned.
    pub(super) fn new(search: &Search, further: impl Iterator<Item = f64>) -> Self {
        Self::of(search.goal, search.trials.iter().filter_map(SearchTrial::result).collect(), further)
    }

    /// The axis of some values, of which a few may be odd, and of further values.
    pub(super) fn of(goal: SearchGoal, mut values: Vec<f64>, further: impl Iterator<Item = f64>) -> Self {
        let further: Vec<f64> = further.filter(|value| value.is_finite()).collect();
        // From the best on.
        values.sort_by(|one, other| match goal {
            SearchGoal::Maximise => other.total_cmp(one),
            SearchGoal::Minimise => one.total_cmp(other),
        });
        let fence = fence(&values, &further, goal);
        let fits = |value: &f64| fence.is_none_or(|fence| !goal.is_better(fence, *value));
        // The way between the ends of all numbers is none.
        let shown = values.iter().chain(&further).copied().filter(fits).map(|value| value.clamp(-LARGEST, LARGEST));
        Self { scale: Scale::padded(shown, Steps::Linear), fence, goal }
    }

    /// Where a value is drawn.
    pub(super) fn place(&self, value: f64) -> f64 {
        // Smaller than all numbers or larger, it would have a place nowhere.
        value.clamp(self.scale.ends[0], self.scale.ends[1])
    }

    /// The end where values are bad.
    pub(super) fn bad(&self) -> f64 {
        match self.goal {
            SearchGoal::Maximise => self.scale.ends[0],
            SearchGoal::Minimise => self.scale.ends[1],
        }
    }

    /// Whether a value lies beyond the end.
    pub(super) fn is_far(&self, value: f64) -> bool {
        self.fence.is_some() && value != self.place(value)
    }

    /// What is said of trials beyond the end: `3 trials below 0.61 are drawn at the edge`.
    pub(super) fn note(&self, far: usize) -> Option<String> {
        let side = if self.goal == SearchGoal::Maximise { "below" } else { "above" };
        let (trials, are) = if far == 1 { ("trial", "is") } else { ("trials", "are") };
        let end = super::scale::precise(self.bad(), &self.scale);
        (far > 0).then(|| format!("{far} {trials} {side} {end} {are} drawn at the edge"))
    }
}

/// Tukey's outer fence, three interquartile ranges beyond the worse quartile, where it at least halves the axis.
fn fence(results: &[f64], further: &[f64], goal: SearchGoal) -> Option<f64> {
    if results.len() < FEW {
        return None;
    }
    let quartile = |at: usize| results[(results.len() - 1) * at / 4];
    let (best, worse) = (results[0], quartile(3));
    let fence = worse + (worse - quartile(1)) * 3.0;
    let worst = results
        .iter()
        .chain(further)
        .copied()
        .reduce(|one, other| if goal.is_better(one, other) { other } else { one });
    worst.filter(|worst| worse != best && (worst - best).abs() > 2.0 * (fence - best).abs()).map(|_| fence)
}

/// At most `most` of some trials, evenly, with those that must stay.
pub(super) fn sample<'t>(
    trials: &[&'t SearchTrial],
    most: usize,
    stays: impl Fn(&SearchTrial) -> bool,
) -> Vec<&'t SearchTrial> {
    if trials.len() <= most {
        return trials.to_vec();
    }
    let is_nth = |at: usize| at * most / trials.len() != (at + 1) * most / trials.len();
    trials.iter().enumerate().filter(|(at, trial)| is_nth(*at) || stays(trial)).map(|(_, trial)| *trial).collect()
}

/// What is said where not all are drawn.
pub(super) fn sampled(drawn: usize, of: usize, what: &str) -> Option<String> {
    (drawn < of).then(|| format!("{drawn} of {of} {what} are drawn, the best among them"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::made_up::search;

    #[test]
    fn a_few_bad_values_do_not_hide_the_others() {
        let mut values: Vec<f64> = (0..20).map(|at| 0.8 + 0.001 * f64::from(at)).collect();
        values[7] = 0.01;
        let objective = Objective::new(&search(SearchGoal::Maximise, &values), std::iter::empty());
        assert!(objective.scale.ends[0] > 0.7 && objective.is_far(0.01) && !objective.is_far(0.8));
        assert_eq!(objective.place(0.01), objective.bad());
        assert!(objective.note(1).expect("one").starts_with("1 trial below 0.7"));
        // Of losses, larger ones are bad.
        let losses: Vec<f64> = values.iter().map(|value| 1.0 - value).collect();
        let objective = Objective::new(&search(SearchGoal::Minimise, &losses), std::iter::empty());
        assert!(objective.scale.ends[1] < 0.3 && objective.is_far(0.99) && objective.bad() == objective.scale.ends[1]);
        // Few values, or values that spread evenly, are all within.
        for values in [vec![0.8, 0.81, 0.01], (0..20).map(|at| 0.05 * f64::from(at)).collect()] {
            let objective = Objective::new(&search(SearchGoal::Maximise, &values), std::iter::empty());
            assert!(values.iter().all(|value| !objective.is_far(*value)));
        }
    }

    #[test]
    fn a_sample_is_even_and_keeps_what_stays() {
        let search = search(SearchGoal::Maximise, &vec![0.5; 1000]);
        let all: Vec<&SearchTrial> = search.trials.iter().collect();
        let kept = sample(&all, 100, |trial| trial.number == 3);
        assert!((100..=101).contains(&kept.len()) && kept.iter().any(|trial| trial.number == 3), "{}", kept.len());
        assert!(kept.windows(2).all(|pair| pair[0].number < pair[1].number));
        assert_eq!(sample(&all[..5], 5, |_| false).len(), 5);
        assert_eq!((sampled(5, 5, "trials"), sampled(5, 9, "trials").is_some()), (None, true));
    }
}
