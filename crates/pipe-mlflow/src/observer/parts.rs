//! When the parts of a run begin and end, and how.
//!
//! Does not know results. In bullets:
//! * A part begins with its first event, after the one to which it belongs.
//! * A part ends when none of its stages is left, and a part that has trials not while one of them is open; a trial ends when its end was
//!   said and none of its stages is left. What goes on after its end ends again.
//! * In a run that searches, a part that is no trial waits for the stages of the best one, which become known in the end.
//! * What is left at the run's end ends then.

use pipe_store::WHOLE;

use super::{
    Interrupted, Observer,
    tally::{Tally, end_of, unfinished},
};
use crate::{
    limits::{facts, key, param, tag},
    message::{Message, Status},
    outline::Part,
    point::{TRIAL, trial_in},
};

impl Observer {
    pub(super) fn tally(&mut self, part: &str) -> &mut Tally {
        self.tallies.entry(part.to_owned()).or_default()
    }

    /// The part in whose count of all a part's stages are: that of its trial, or the run.
    pub(super) fn holder(&self, part: &str) -> String {
        self.outline.parts[part].trial.clone().unwrap_or_else(|| WHOLE.to_owned())
    }

    fn is_trial(&self, part: &str) -> bool {
        self.outline.parts[part].trial.as_deref() == Some(part)
    }

    /// Begins a part, if it has not begun.
    pub(super) fn begin(&mut self, part: &str, at: i64) {
        if self.tally(part).begun {
            return;
        }
        let Part { point, params, parent, trial } = self.outline.parts[part].clone();
        if part != WHOLE {
            self.begin(&parent, at);
            self.reopen(&parent);
        }
        self.tally(part).begun = true;
        match &trial {
            Some(trial) if trial == part => self.tally(&parent).search.open += 1,
            Some(trial) => drop(self.tally(trial).below.insert(part.to_owned())),
            None => {}
        }
        let about = &self.outline.about;
        let mut tags = about.tags.clone();
        tags.insert("pipe.run".to_owned(), about.run.to_string());
        tags.insert("pipe.experiment".to_owned(), about.experiment.clone());
        let name = if part == WHOLE {
            format!("{} #{}", about.experiment, about.run)
        } else {
            tags.insert("pipe.part".to_owned(), part.to_owned());
            point.iter().map(|(axis, value)| format!("{axis} {value}")).collect::<Vec<_>>().join(", ")
        };
        if let Some(at) = trial_in(&about.axes, &point) {
            tags.insert(format!("pipe.{TRIAL}"), point[at].1.clone());
        }
        let tags = tags.into_iter().map(|(name, value)| (key(&name), tag(&value))).collect();
        let parent = (part != WHOLE).then_some(parent);
        // The destination fills its experiment in.
        let begun = Message::Begun { experiment: about.experiment.clone(), name, parent, at, tags };
        self.tell(part, begun);
        self.tell_params(part, params);
    }

    pub(super) fn tell_params(&mut self, part: &str, params: impl IntoIterator<Item = (String, String)>) {
        facts(params, param).into_iter().for_each(|params| self.tell(part, Message::Params(params)));
    }

    /// A part goes on, and with it those in which it lies.
    pub(super) fn reopen(&mut self, part: &str) {
        if !std::mem::take(&mut self.tally(part).ended) {
            return;
        }
        let parent = self.outline.parts[part].parent.clone();
        if self.is_trial(part) {
            self.tally(&parent).search.open += 1;
        }
        self.reopen(&parent);
    }

    /// Ends a part where nothing of it is left.
    pub(super) fn settle(&mut self, part: &str, at: i64) {
        let is_trial = self.is_trial(part);
        let is_searched = self.outline.about.goal.is_some() && self.outline.parts[part].trial.is_none();
        let tally = self.tally(part);
        let is_over = match tally.trial {
            Some(trial) => end_of(trial).is_some() && tally.all.left() == 0,
            None if is_trial || is_searched && !tally.has_grown => false,
            None => tally.own.left() == 0 && tally.search.open == 0,
        };
        if part != WHOLE && tally.begun && !tally.ended && is_over {
            self.close(part, at, Interrupted::No);
        }
    }

    /// Ends a part.
    fn close(&mut self, part: &str, at: i64, interrupted: Interrupted) {
        if self.is_trial(part) {
            let parent = self.outline.parts[part].parent.clone();
            self.tally(&parent).search.open -= 1;
            if self.tally(part).untold == 0 {
                self.means_of_trial(part, at);
            }
        }
        self.tally(part).ended = true;
        let status = self.status(part, interrupted);
        self.tell(part, Message::Ended { status, at });
    }

    /// Ends all that has begun and not ended, the run last.
    pub(super) fn close_all(&mut self, at: i64, interrupted: Interrupted) {
        // The name of a part begins with that of the part in which it lies, so that this one comes after it.
        let open = self.tallies.iter().rev().filter(|(name, tally)| *name != WHOLE && tally.begun && !tally.ended);
        let open: Vec<String> = open.map(|(name, _)| name.clone()).collect();
        open.iter().for_each(|part| self.close(part, at, interrupted));
        let status = self.status(WHOLE, interrupted);
        self.tell(WHOLE, Message::Ended { status, at });
    }

    /// How a part ends now. Of the run, trials count together: a search has failed when none of them is complete.
    fn status(&self, part: &str, interrupted: Interrupted) -> Status {
        let trial_of = |part: &str| self.tallies.get(part).and_then(|tally| tally.trial);
        let Tally { own, all, search, trial, .. } = &self.tallies[part];
        if let Some(trial) = trial {
            return end_of(*trial).unwrap_or_else(|| unfinished(interrupted));
        }
        let within = self.outline.parts[part].trial.as_deref();
        let count = if part == WHOLE || within == Some(part) { all } else { own };
        let is_searched = match part {
            // Its search may not even have begun.
            WHOLE if self.outline.about.goal.is_some() && interrupted == Interrupted::Yes => false,
            WHOLE => self.tallies.values().all(|tally| tally.search.is_over(interrupted)),
            _ => search.is_over(interrupted),
        };
        let is_pruned = within.and_then(trial_of).and_then(end_of) == Some(Status::Killed);
        match () {
            () if count.failed() > 0 => Status::Failed,
            () if count.left() > 0 && is_pruned => Status::Killed,
            () if count.left() > 0 || !is_searched => unfinished(interrupted),
            () if within.is_some() && count.pruned() > 0 => Status::Killed,
            () => Status::Finished,
        }
    }
}
