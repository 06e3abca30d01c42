//! Good trials and others.
//!
//! Does not know densities.

use crate::{State, Trial, samplers::Ask};

/// Trials in their order, those that count as good and the others.
pub(super) struct Split<'a> {
    pub(super) good: Vec<&'a Trial>,
    pub(super) bad: Vec<&'a Trial>,
}

impl<'a> Split<'a> {
    /// Takes as good the first of: complete trials by value, then pruned ones by how far they came, then by value. Failed trials are
    /// neither; those under way are bad where they are seen at all.
    pub(super) fn of(ask: &Ask<'a>, good: usize, see_running: bool) -> Self {
        let rank = |trial: &'a Trial| match trial.state {
            State::Complete { value } => Some((0, 0, ask.goal.loss(value))),
            State::Pruned { step, value } => Some((1, u64::MAX - step, ask.goal.loss(value))),
            State::Running | State::Failed => None,
        };
        let mut ranked: Vec<_> = ask.others().filter_map(|trial| Some((rank(trial)?, trial))).collect();
        // Stable: of equal ones the earlier is the better.
        ranked.sort_by(|((kind, step, loss), _), ((other_kind, other_step, other_loss), _)| {
            (kind, step).cmp(&(other_kind, other_step)).then(loss.total_cmp(other_loss))
        });
        let mut good: Vec<&Trial> = ranked.iter().take(good).map(|(_, trial)| *trial).collect();
        let mut bad: Vec<&Trial> = ranked.iter().skip(good.len()).map(|(_, trial)| *trial).collect();
        if see_running {
            bad.extend(ask.running());
        }
        good.sort_by_key(|trial| trial.number);
        bad.sort_by_key(|trial| trial.number);
        Self { good, bad }
    }
}
