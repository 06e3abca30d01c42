//! What most commands begin with: workspace, experiment, plan, store.
//!
//! Does not know any command.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use pipe_engine::{Freshness, Plan, Verdict, freshen, plan};
use pipe_spec::{Composed, Experiment, Library, Request, compose, expand};
use pipe_stages::STAGES;
use pipe_store::{Record, Store};

use crate::{args::Chosen, failure::Failure, library::EMBEDDED, workspace};

/// A workspace in which commands work.
pub(crate) struct Session {
    /// Its folder.
    pub workspace: PathBuf,
}

/// An experiment with its plan.
pub(crate) struct Planned {
    pub experiment: Experiment,
    pub plan: Plan,
}

/// A planned experiment, held against the store.
pub(crate) struct Known {
    pub planned: Planned,
    pub store: Store,
    pub freshness: Freshness,
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Session {
    pub(crate) fn new(asked: Option<&Path>) -> Result<Self, Failure> {
        let shown = asked.unwrap_or(Path::new(".")).to_path_buf();
        let workspace = workspace::find(asked).map_err(|source| Failure::file("use the workspace", shown, source))?;
        Ok(Self { workspace })
    }

    fn library(&self) -> Library {
        Library { workspace: self.workspace.clone(), embedded: EMBEDDED }
    }

    /// The experiment as one tree, before references are resolved.
    pub(crate) fn composed(&self, chosen: &Chosen) -> Result<Composed<'static>, Failure> {
        // A name as typed first; a name relative to the workspace is understood from any folder in it.
        let in_workspace = self.workspace.join(&chosen.file);
        let file = if !chosen.file.exists() && in_workspace.exists() { &in_workspace } else { &chosen.file };
        let request =
            Request { file, profiles: &chosen.profiles, overrides: &chosen.overrides, environment: &environment };
        Ok(compose(&self.library(), &request)?)
    }

    pub(crate) fn planned(&self, chosen: &Chosen) -> Result<Planned, Failure> {
        let experiment = expand(self.composed(chosen)?)?;
        let plan = plan(STAGES, &experiment)?;
        Ok(Planned { experiment, plan })
    }

    pub(crate) fn store(&self) -> Result<Store, Failure> {
        Ok(Store::open(&self.runs())?)
    }

    /// The folder of store and reports.
    pub(crate) fn runs(&self) -> PathBuf {
        self.workspace.join(workspace::RUNS)
    }

    /// The folder of an experiment's report.
    pub(crate) fn reports(&self, experiment: &str) -> PathBuf {
        self.runs().join("reports").join(experiment)
    }

    /// A path as people read it: relative to the current folder where it lies below.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        path.strip_prefix(&here).unwrap_or(path).display().to_string()
    }

    pub(crate) fn known(&self, chosen: &Chosen, force: &[String]) -> Result<Known, Failure> {
        let planned = self.planned(chosen)?;
        let mut forced = BTreeSet::new();
        for name in force {
            forced.extend(planned.named(name)?);
        }
        let store = self.store()?;
        let freshness = freshen(&planned.plan, &store, &self.workspace, &planned.experiment, &forced)?;
        Ok(Known { planned, store, freshness })
    }
}

impl Planned {
    /// The instances that a name means.
    pub(crate) fn named(&self, name: &str) -> Result<Vec<usize>, Failure> {
        let found = self.plan.find(name);
        if found.is_empty() {
            let near = self.plan.unknown(name);
            return Err(Failure::Argument(format!("there is no stage `{name}`; {near}")));
        }
        Ok(found)
    }
}

impl Known {
    /// The results that are there, one a node.
    pub(crate) fn records(&self) -> Vec<Option<Record>> {
        let record = |verdict: &Verdict| match verdict {
            Verdict::Hit(record) => Some((**record).clone()),
            Verdict::Miss { .. } | Verdict::Unknown { .. } => None,
        };
        self.freshness.verdicts.iter().map(record).collect()
    }
}
