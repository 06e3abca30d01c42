//! `pipe runs`: past runs. One question a file.
//!
//! Does not start runs, nor change what they left.

mod compare;
mod diff;
mod list;
mod log;
mod show;
mod which;

pub(crate) use self::{
    diff::{Changed, differences},
    which::find,
};
use crate::{
    args::{Runs, RunsCommand},
    failure::Failure,
    session::Session,
};

pub(crate) fn runs(session: &Session, runs: &Runs) -> Result<(), Failure> {
    let store = session.store()?;
    match &runs.command {
        None => list::list(&store, &runs.list),
        Some(RunsCommand::List(list)) => list::list(&store, list),
        Some(RunsCommand::Show { run, format }) => show::show(session, &store, *run, *format),
        Some(RunsCommand::Compare { runs, format }) => compare::compare(&store, runs, *format),
        Some(RunsCommand::Diff { old, new, format }) => diff::diff(&store, [*old, *new], *format),
        Some(RunsCommand::Log { run, stage, attempt, format }) => {
            log::log(session, &store, *run, stage.as_deref(), *attempt, *format)
        }
    }
}
