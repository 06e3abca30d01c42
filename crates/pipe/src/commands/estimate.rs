//! How long what would run will take, judged by how long it took before.
//!
//! Does not read the ledger, and invents nothing: a stage without history has no estimate.

use pipe_engine::{COMMAND, Plan, Verdict};
use pipe_store::Timings;

use crate::output;

/// What is expected of a plan.
pub(crate) struct Estimate {
    /// Seconds of each stage that would or might run; none where it is cached or has no history.
    pub stages: Vec<Option<f64>>,
    /// Their sum; none where no stage has a history.
    pub seconds: Option<f64>,
    /// Seconds until all are done: the longest chain, or the sum shared by all jobs, whichever is larger.
    pub wall_seconds: Option<f64>,
    /// How many may run at once.
    pub jobs: usize,
    /// Stages that would or might run and have no history.
    pub without_history: usize,
}

impl Estimate {
    pub(crate) fn new(plan: &Plan, verdicts: &[Verdict], timings: &Timings, jobs: usize) -> Self {
        let expected = |(node, verdict): (usize, &Verdict)| match verdict {
            Verdict::Hit(_) => None,
            Verdict::Miss { .. } | Verdict::Unknown { .. } => {
                let planned = &plan.nodes[node];
                // Two programs have no more in common than that they are programs.
                let of_kind = || timings.kind(planned.kind.name).filter(|_| planned.kind.name != COMMAND.name);
                timings.stage(&planned.id).or_else(of_kind)
            }
        };
        let stages: Vec<_> = verdicts.iter().enumerate().map(expected).collect();
        let upstream: Vec<Vec<usize>> = (0..plan.nodes.len()).map(|node| plan.upstream(node).collect()).collect();
        let waiting = verdicts.iter().filter(|verdict| !matches!(verdict, Verdict::Hit(_))).count();
        Self::of(stages, &upstream, waiting, jobs)
    }

    /// `upstream` names the stages that each waits for, all of which stand before it.
    fn of(stages: Vec<Option<f64>>, upstream: &[Vec<usize>], waiting: usize, jobs: usize) -> Self {
        let known: Vec<f64> = stages.iter().flatten().copied().collect();
        let mut ends: Vec<f64> = Vec::with_capacity(stages.len());
        for (seconds, before) in stages.iter().zip(upstream) {
            let begin = before.iter().map(|from| ends[*from]).fold(0.0, f64::max);
            ends.push(begin + seconds.unwrap_or(0.0));
        }
        let sum: f64 = known.iter().sum();
        let longest = ends.iter().copied().fold(0.0, f64::max);
        let is_known = !known.is_empty();
        Self {
            without_history: waiting - known.len(),
            seconds: is_known.then_some(sum),
            wall_seconds: is_known.then_some(longest.max(sum / jobs as f64)),
            stages,
            jobs,
        }
    }

    /// One line for people; nothing where nothing would run.
    pub(crate) fn words(&self) -> String {
        let unknown = match self.without_history {
            0 => String::new(),
            1 => "1 stage has no history".to_owned(),
            several => format!("{several} stages have no history"),
        };
        match (self.seconds, self.wall_seconds) {
            (Some(sum), Some(wall)) => {
                let (sum, wall) = (output::seconds(sum), output::seconds(wall));
                let unknown = if unknown.is_empty() { unknown } else { format!("; {unknown}") };
                format!("about {sum} of work if all of these run, {wall} with {} at once{unknown}\n", self.jobs)
            }
            _ if unknown.is_empty() => String::new(),
            _ => format!("no estimate: {unknown}\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stages: &[Option<f64>], upstream: &[&[usize]], jobs: usize, expected: &str) {
        let upstream: Vec<_> = upstream.iter().map(|list| list.to_vec()).collect();
        assert_eq!(Estimate::of(stages.to_vec(), &upstream, stages.len(), jobs).words(), expected);
    }

    #[test]
    fn the_longest_chain_or_the_shared_sum() {
        let chain: &[&[usize]] = &[&[], &[0], &[1]];
        let star: &[&[usize]] = &[&[], &[], &[]];
        let each = [Some(10.0), Some(20.0), Some(12.0)];
        check(&each, chain, 2, "about 42.0 s of work if all of these run, 42.0 s with 2 at once\n");
        check(&each, star, 2, "about 42.0 s of work if all of these run, 21.0 s with 2 at once\n");
        check(&each, star, 8, "about 42.0 s of work if all of these run, 20.0 s with 8 at once\n");
    }

    #[test]
    fn nothing_is_invented() {
        check(&[None, None], &[&[], &[0]], 2, "no estimate: 2 stages have no history\n");
        check(&[], &[], 2, "");
        check(
            &[Some(1.0), None],
            &[&[], &[0]],
            2,
            "about 1.0 s of work if all of these run, 1.0 s with 2 at once; 1 stage has no history\n",
        );
    }
}
