//! What a sampler is asked.
//!
//! Does not know samplers.

use crate::{Finite, Goal, Space, State, Trial};

/// Everything that a suggestion may follow from, beside the settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    /// Where to search.
    pub(crate) space: &'a Space,
    /// Which way is better.
    pub(crate) goal: Goal,
    /// Of the study.
    pub(crate) seed: u64,
    /// The trials so far, in order.
    pub(crate) trials: &'a [Trial],
    /// Of the trial that asks.
    pub(crate) number: u64,
}

impl<'a> Ask<'a> {
    /// The other trials.
    pub(crate) fn others(&self) -> impl Iterator<Item = &'a Trial> + use<'a> {
        let own = self.number;
        self.trials.iter().filter(move |trial| trial.number != own)
    }

    /// Completed trials with their values.
    pub(crate) fn completed(&self) -> impl Iterator<Item = (&'a Trial, Finite)> + use<'a> {
        self.others().filter_map(|trial| Some((trial, trial.value()?)))
    }

    /// Trials that are under way.
    pub(crate) fn running(&self) -> impl Iterator<Item = &'a Trial> + use<'a> {
        self.others().filter(|trial| trial.state == State::Running)
    }
}

/// What a sampler is. Its settings are the type; all of them stand in YAML below its name.
pub(crate) trait Suggest {
    /// Checks that it can search a space.
    ///
    /// # Errors
    /// It cannot.
    fn check(&self, _: &Space) -> Result<(), super::SamplerError> {
        Ok(())
    }

    /// How many points it has; none where it never ends.
    fn total(&self, _: &Space) -> Option<u64> {
        None
    }

    /// The point that a trial should try; none where there is no further one.
    fn suggest(&self, ask: &Ask<'_>) -> Option<crate::Point>;
}
