//! Delivers what is kept for one server: each message once, those of a part in their order.
//!
//! Does not know threads nor when to try again. A crash, or a lost answer, between the server's acceptance and our note makes nothing
//! double: a run carries a token and is looked for before it is made again, equal metrics and facts are one at the server, a file put
//! twice is one file, a model and its version are looked for too.

use std::collections::{BTreeMap, BTreeSet};

use pipe_store::{RunId, Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::{
    client::Client,
    limits::{Batch, Fit, tag},
    message::{FileToKeep, Message, Status},
    settings::Server,
    shared::{Delivered, Shared},
    trouble::Trouble,
    wire,
};

/// Most messages looked at at once.
const LOOK: usize = 1000;
/// Most requests into which a refused batch is divided to find what is wrong in it.
const DIVISIONS: usize = 64;
/// The tag by which a run is found again.
const TOKEN: &str = "pipe.token";

/// What a server calls a part of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    pub experiment: String,
    pub run: String,
    /// Where its files go.
    pub artifacts: String,
    /// Whether there may be another one with its token, whose maker never heard of it.
    pub may_be_double: bool,
}

/// Delivers to one server.
pub(crate) struct Courier<'s> {
    store: &'s Store,
    client: Client,
    /// Its experiments by name.
    experiments: BTreeMap<String, String>,
    places: BTreeMap<i64, Option<Place>>,
    /// What was refused, to be told once.
    refusals: Vec<Trouble>,
    destination: String,
}

impl<'s> Courier<'s> {
    pub(crate) fn new(store: &'s Store, server: &Server) -> Result<Self, Trouble> {
        let client = Client::new(server)?;
        let destination = server.destination().to_owned();
        let (experiments, places) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { store, client, experiments, places, refusals: Vec::new(), destination })
    }

    /// What was refused since the last call.
    pub(crate) fn refusals(&mut self) -> Vec<Trouble> {
        std::mem::take(&mut self.refusals)
    }

    /// Delivers what waits, until nothing is left or nobody waits any more.
    ///
    /// # Errors
    /// The server does not take it now; what was delivered before is noted.
    pub(crate) fn deliver(&mut self, shared: &Shared) -> Result<(), Trouble> {
        loop {
            let waiting = self.store.waiting(&self.destination, LOOK).map_err(|error| self.spool(&error))?;
            if waiting.is_empty() {
                return Ok(());
            }
            let mut gone = BTreeSet::new();
            for at in 0..waiting.len() {
                if gone.contains(&waiting[at].id) {
                    continue;
                }
                if shared.is_abandoned() {
                    return Ok(());
                }
                let mut progress = Delivered::default();
                let taken = self.deliver_from(&waiting[at..], &gone, &mut progress)?;
                gone.extend(taken);
                shared.moved(progress);
            }
        }
    }

    /// Delivers the first message, and with it what of the same part fits into one request; gives what is done with.
    fn deliver_from(
        &mut self,
        waiting: &[pipe_store::Message],
        gone: &BTreeSet<i64>,
        progress: &mut Delivered,
    ) -> Result<Vec<i64>, Trouble> {
        let track = waiting[0].track;
        let mut batch = Batch::default();
        let mut taken: Vec<pipe_store::Message> = Vec::new();
        let mut alone = None;
        for message in waiting.iter().filter(|message| message.track == track && !gone.contains(&message.id)) {
            let Ok(said) = serde_json::from_str::<Message>(&message.text) else {
                // Of a version that said it otherwise; nobody will understand it later.
                if taken.is_empty() {
                    taken.push(message.clone());
                    let why = "it is not understood".to_owned();
                    return self.refuse(&taken, self.refusal("UNREADABLE", why), progress);
                }
                break;
            };
            match batch.add(&said) {
                Fit::Added => taken.push(message.clone()),
                Fit::Other if taken.is_empty() => {
                    taken.push(message.clone());
                    alone = Some(said);
                    break;
                }
                Fit::Full | Fit::Other => break,
            }
        }
        let done = match alone {
            Some(Message::Begun { .. }) => self.begin(track, alone.as_ref().expect("matched")),
            said => self.place(track).and_then(|place| match (place, said) {
                (None, _) => {
                    Err(self.refusal("NO_RUN", "the server has not taken the run that it is about".to_owned()))
                }
                (Some(place), Some(said)) => self.say(&place, track, &said),
                (Some(place), None) => self.log(&place, batch),
            }),
        };
        match done {
            Ok(()) => {
                self.store.delivered(&taken).map_err(|error| self.spool(&error))?;
                progress.delivered += taken.len() as u64;
                Ok(taken.iter().map(|message| message.id).collect())
            }
            Err(trouble @ Trouble::Refused { .. }) => self.refuse(&taken, trouble, progress),
            Err(trouble) => Err(trouble),
        }
    }

    fn refuse(
        &mut self,
        taken: &[pipe_store::Message],
        trouble: Trouble,
        progress: &mut Delivered,
    ) -> Result<Vec<i64>, Trouble> {
        self.store.refused(taken).map_err(|error| self.spool(&error))?;
        progress.refused += taken.len() as u64;
        self.refusals.push(trouble);
        Ok(taken.iter().map(|message| message.id).collect())
    }

    fn refusal(&self, code: &str, why: String) -> Trouble {
        Trouble::Refused { uri: self.client.uri().to_owned(), status: 0, code: code.to_owned(), why }
    }

    fn spool(&self, error: &StoreError) -> Trouble {
        Trouble::Spool { uri: self.destination.clone(), why: error.to_string() }
    }

    /// Numbers and facts in one request. A batch is refused as a whole, so that it is divided until only what is wrong is left out.
    fn log(&mut self, place: &Place, batch: Batch) -> Result<(), Trouble> {
        let mut parts = vec![batch];
        let mut requests = 0;
        let mut first = None;
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            requests += 1;
            match self.client.post::<wire::Nothing>("runs/log-batch", &wire::LogBatch::new(&place.run, &part)) {
                Ok(wire::Nothing {}) => {}
                Err(trouble @ Trouble::Refused { .. }) if !trouble.is("RESOURCE_DOES_NOT_EXIST") => {
                    let (one, other) = part.halves();
                    if !other.is_empty() && requests < DIVISIONS {
                        parts.extend([other, one]);
                    }
                    first.get_or_insert(trouble);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        match first {
            // All of it but what was wrong has arrived.
            Some(trouble) if requests > 1 => self.refusals.push(trouble),
            Some(trouble) => return Err(trouble),
            None => {}
        }
        Ok(())
    }

    fn say(&mut self, place: &Place, track: i64, message: &Message) -> Result<(), Trouble> {
        match message {
            Message::Link { tag: name, run, part, otherwise } => {
                let made =
                    self.store.track_of(&self.destination, RunId(*run), part).map_err(|error| self.spool(&error))?;
                let made = made.and_then(|track| read(track.place.as_deref()));
                let value = made.map_or_else(|| otherwise.clone(), |place| place.run);
                let set = wire::SetTag { run_id: &place.run, key: name, value: &tag(&value) };
                self.client.post("runs/set-tag", &set).map(|wire::Nothing {}| ())
            }
            Message::Dataset(dataset) => {
                let inputs = wire::LogInputs::new(&place.run, dataset);
                self.client.post("runs/log-inputs", &inputs).map(|wire::Nothing {}| ())
            }
            Message::File(file) => self.put(&place.artifacts, file),
            Message::Model(model) => self.model(place, track, model),
            Message::Ended { status, at } => self.finish(place, track, *status, *at),
            Message::Begun { .. } | Message::Params(_) | Message::Tags(_) | Message::Metrics(_) | Message::Trial(_) => {
                Ok(())
            }
        }
    }

    pub(crate) fn put(&self, artifacts: &str, file: &FileToKeep) -> Result<(), Trouble> {
        let Some(folder) = proxied(artifacts) else {
            let why = format!(
                "its files lie at {artifacts}, which only the server can write; start it with --serve-artifacts, or keep files elsewhere"
            );
            return Err(self.refusal("NO_PROXY", why));
        };
        self.client.put(&format!("{folder}/{}", file.to), &self.store.root().join(&file.from))
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The token of a track.
    pub(crate) fn token(&self, track: i64) -> Result<String, Trouble> {
        let found = self.store.track(track).map_err(|error| self.spool(&error))?;
        found
            .map(|track| track.token)
            .ok_or_else(|| self.refusal("NO_RUN", "it is about a run that is unknown".to_owned()))
    }

    fn place(&mut self, track: i64) -> Result<Option<Place>, Trouble> {
        if let Some(place) = self.places.get(&track) {
            return Ok(place.clone());
        }
        let found = self.store.track(track).map_err(|error| self.spool(&error))?;
        let place = found.and_then(|track| read(track.place.as_deref()));
        self.places.insert(track, place.clone());
        Ok(place)
    }

    /// Makes a run at the server, or finds the one that was made already.
    fn begin(&mut self, id: i64, message: &Message) -> Result<(), Trouble> {
        let Message::Begun { experiment, name, parent, at, tags } = message else { return Ok(()) };
        if self.place(id)?.is_some() {
            return Ok(());
        }
        self.places.remove(&id);
        let track = self.store.track(id).map_err(|error| self.spool(&error))?;
        let Some(track) = track else { return Ok(()) };
        let experiment = self.experiment(experiment)?;
        let found = if track.is_uncertain { self.runs_of(&experiment, &track.token)? } else { Vec::new() };
        let (run, may_be_double) = match found.into_iter().next() {
            Some(run) => (run, true),
            None => {
                let mut tags = tags.clone();
                tags.insert(TOKEN.to_owned(), track.token.clone());
                if let Some(part) = parent {
                    let parent = self.store.track_of(&self.destination, track.run, part);
                    let parent = parent.map_err(|error| self.spool(&error))?;
                    if let Some(place) = parent.and_then(|parent| read(parent.place.as_deref())) {
                        tags.insert("mlflow.parentRunId".to_owned(), place.run);
                    }
                }
                let new = wire::CreateRun {
                    experiment_id: &experiment,
                    run_name: name,
                    start_time: *at,
                    tags: wire::pairs(&tags),
                };
                self.store.note_uncertain(id).map_err(|error| self.spool(&error))?;
                let made: wire::FoundRun = self.client.post("runs/create", &new)?;
                (made.run.info, track.is_uncertain)
            }
        };
        let place = Place { experiment, run: run.run_id, artifacts: run.artifact_uri, may_be_double };
        let text = serde_json::to_string(&place).expect("a place is plain data");
        self.store.note_place(id, &text).map_err(|error| self.spool(&error))?;
        self.places.insert(id, Some(place));
        Ok(())
    }

    /// Runs with a token, in an order that stays.
    fn runs_of(&self, experiment: &str, token: &str) -> Result<Vec<wire::RunInfo>, Trouble> {
        let filter = format!("tags.`{TOKEN}` = '{token}'");
        let search = wire::Search { experiment_ids: [experiment], filter: &filter, max_results: 10 };
        let found: wire::FoundRuns = self.client.post("runs/search", &search)?;
        let mut runs: Vec<_> = found.runs.into_iter().map(|run| run.info).collect();
        runs.sort_by(|one, other| one.run_id.cmp(&other.run_id));
        Ok(runs)
    }

    /// The id of an experiment, which is made where it is not there. Another process may make it at the same moment.
    fn experiment(&mut self, name: &str) -> Result<String, Trouble> {
        if let Some(id) = self.experiments.get(name) {
            return Ok(id.clone());
        }
        let by_name = || self.client.get::<wire::FoundExperiment>("experiments/get-by-name", "experiment_name", name);
        let found = match by_name() {
            Err(missing) if missing.is("RESOURCE_DOES_NOT_EXIST") => {
                let made = self.client.post("experiments/create", &wire::CreateExperiment { name });
                match made {
                    Ok(wire::ExperimentId { experiment_id }) => experiment_id,
                    Err(there) if there.is("RESOURCE_ALREADY_EXISTS") => by_name()?.experiment.experiment_id,
                    Err(trouble) => return Err(trouble),
                }
            }
            found => {
                let wire::Experiment { experiment_id, lifecycle_stage } = found?.experiment;
                if lifecycle_stage == "deleted" {
                    return Err(Trouble::Deleted { uri: self.client.uri().to_owned(), name: name.to_owned() });
                }
                experiment_id
            }
        };
        self.experiments.insert(name.to_owned(), found.clone());
        Ok(found)
    }

    /// Ends a run, and removes what was made twice because an answer was lost.
    fn finish(&mut self, place: &Place, track: i64, status: Status, at: i64) -> Result<(), Trouble> {
        let update = wire::UpdateRun { run_id: &place.run, status, end_time: at };
        self.client.post("runs/update", &update).map(|wire::Nothing {}| ())?;
        if place.may_be_double {
            let token = self.token(track)?;
            for run in self.runs_of(&place.experiment, &token)? {
                if run.run_id != place.run {
                    self.client.post("runs/delete", &wire::RunId { run_id: &run.run_id }).map(|wire::Nothing {}| ())?;
                }
            }
        }
        Ok(())
    }
}

/// A place as it was noted.
fn read(text: Option<&str>) -> Option<Place> {
    serde_json::from_str(text?).ok()
}

/// The folder of artifacts that the server itself keeps.
pub(crate) fn proxied(uri: &str) -> Option<&str> {
    let path = uri.strip_prefix("mlflow-artifacts:")?;
    let path = match path.strip_prefix("//") {
        // An address of its own: the folder follows the host.
        Some(host) => host.split_once('/')?.1,
        None => path,
    };
    Some(path.trim_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_files_go() {
        assert_eq!(proxied("mlflow-artifacts:/1/ab/artifacts"), Some("1/ab/artifacts"));
        assert_eq!(proxied("mlflow-artifacts://host:5000/1/ab/artifacts"), Some("1/ab/artifacts"));
        assert_eq!(proxied("s3://bucket/1/ab/artifacts"), None);
    }
}
