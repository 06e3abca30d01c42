//! What a pruner is, and the list of pruners as code.
//!
//! Does not know any pruner.

use super::{Promotion, PrunerError, Rung, Verdict};
use crate::{Goal, Trial};

/// Everything that a verdict may follow from, beside the settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged<'a> {
    /// Which way is better.
    pub(crate) goal: Goal,
    /// The trial, with its curve so far.
    pub(crate) trial: &'a Trial,
    /// All trials so far; the trial itself is passed over.
    pub(crate) trials: &'a [Trial],
}

impl<'a> Judged<'a> {
    /// The trials that are not the judged one.
    pub(crate) fn others(&self) -> impl Iterator<Item = &'a Trial> + use<'a> {
        let own = self.trial.number;
        self.trials.iter().filter(move |trial| trial.number != own)
    }
}

/// What a pruner is. Its settings are the type; all of them stand in YAML below its name.
pub(crate) trait Judge {
    /// Checks settings that must fit each other.
    ///
    /// # Errors
    /// They do not.
    fn check(&self) -> Result<(), PrunerError> {
        Ok(())
    }

    /// Whether a trial goes on, asked after each of its values.
    fn judge(&self, judged: &Judged<'_>) -> Verdict;

    /// Where a trial is judged against those that came as far; nowhere for pruners without rungs.
    fn rungs(&self, _: u64) -> Vec<Rung> {
        Vec::new()
    }

    /// The trial that has earned its next rung; none for pruners without rungs.
    fn promotion(&self, _: Goal, _: &[Trial]) -> Option<Promotion> {
        None
    }
}

/// Makes [`Pruner`](super::Pruner) from lines `/// about "name" Settings`.
macro_rules! pruners {
    ($($(#[$about:meta])* $name:literal $settings:ident),* $(,)?) => {
        crate::choices::choices! {
            /// Which trials end early, with its settings.
            Pruner, WrittenPruner, PRUNERS, "the name of a pruner, or a map from its name to its settings", {
                $($(#[$about])* $name $settings,)*
            }
        }

        impl Pruner {
            /// Checks settings that must fit each other.
            ///
            /// # Errors
            /// They do not.
            pub fn check(&self) -> Result<(), PrunerError> {
                match self { $(Self::$settings(settings) => registry::Judge::check(settings),)* }
            }

            /// Whether a trial goes on, asked after each of its values.
            pub fn judge(&self, goal: crate::Goal, trial: &crate::Trial, trials: &[crate::Trial]) -> Verdict {
                let judged = registry::Judged { goal, trial, trials };
                match self { $(Self::$settings(settings) => registry::Judge::judge(settings, &judged),)* }
            }

            /// Where a trial is judged against those that came as far, and how far it goes if it stays; nowhere for pruners without rungs.
            pub fn rungs(&self, trial: u64) -> Vec<Rung> {
                match self { $(Self::$settings(settings) => registry::Judge::rungs(settings, trial),)* }
            }

            /// The pruned trial that has earned its next rung since, for those who extend trials instead of starting new ones.
            pub fn promotion(&self, goal: crate::Goal, trials: &[crate::Trial]) -> Option<Promotion> {
                match self { $(Self::$settings(settings) => registry::Judge::promotion(settings, goal, trials),)* }
            }
        }
    };
}

pub(super) use pruners;
