//! The thread that hears the events of a run and keeps what is to be told: in the ledger's spool, and in files.
//!
//! Does not talk to servers. The run only puts events into a channel, which never waits; here they are gathered for a moment, so that a
//! flood of them costs a few transactions.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use pipe_engine::Event;
use pipe_store::{Digest, NewMessage, Record, RunId, Store};
use serde_json::Value as Json;

use crate::{
    files::Files,
    message::{FileToKeep, Message},
    observer::{Interrupted, Observer, Result, Told},
    outline::{About, Keep, Outline, Params, Placed},
    shared::Shared,
    sync::revive,
};

/// For how long events are gathered.
const MOMENT: Duration = Duration::from_millis(100);
/// Beside the events of a run: how it was divided into parts.
pub(crate) const OUTLINE: &str = "tracking.json";

/// What the run says to the thread.
pub(crate) enum Word {
    Event { at: i64, event: Box<Event> },
    End(Box<Ending>),
}

/// How a run ended.
#[derive(Debug)]
pub struct Ending {
    /// When, Unix time in milliseconds.
    pub at: i64,
    /// Whether a signal ended it.
    pub interrupted: Interrupted,
    /// The results by stage.
    pub records: Vec<(String, Option<Record>)>,
    /// Files of the run as a whole, relative to the store: its report, its resolved experiment.
    pub files: Vec<FileToKeep>,
}

pub(crate) struct Recorder {
    store: Arc<Store>,
    run: RunId,
    destinations: Vec<String>,
    observer: Observer,
    files: Option<Files>,
    /// Messages that could not be kept yet.
    unkept: Vec<Told>,
    /// Events heard.
    heard: u64,
    shared: Arc<Shared>,
}

impl Recorder {
    pub(crate) fn new(
        store: Arc<Store>,
        outline: Outline,
        destinations: Vec<String>,
        files: Option<Files>,
        shared: Arc<Shared>,
    ) -> Self {
        let run = RunId(outline.about.run);
        let observer = Observer::new(outline);
        Self { store, run, destinations, observer, files, unkept: Vec::new(), heard: 0, shared }
    }

    /// Hears until the run is over.
    pub(crate) fn listen(mut self, words: &Receiver<Word>) {
        // First of all the run itself, so that whoever comes after a kill finds it.
        self.keep();
        self.note_outline();
        // What a killed run heard comes before what this one does, if not before its beginning.
        if !self.destinations.is_empty()
            && let Err(error) = revive(&self.store)
        {
            self.shared.warn(format!("what a run that was killed had to tell cannot be kept ({error})"));
        }
        loop {
            match words.recv() {
                Ok(Word::Event { at, event }) => self.hear(at, &event),
                Ok(Word::End(ending)) => return self.end(*ending),
                // The run failed before its end; what it is about is told as after a kill.
                Err(_) => return self.keep(),
            }
            let until = Instant::now() + MOMENT;
            loop {
                match words.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(Word::Event { at, event }) => self.hear(at, &event),
                    Ok(Word::End(ending)) => return self.end(*ending),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
            self.keep();
        }
    }

    fn hear(&mut self, at: i64, event: &Event) {
        self.heard += 1;
        self.observer.hear(at, event, &|stage, record, placed| result(&self.store, self.run, stage, record, placed));
    }

    fn end(mut self, ending: Ending) {
        let Ending { at, interrupted, records, files } = ending;
        files.into_iter().for_each(|file| self.observer.keep(file));
        let (store, run) = (Arc::clone(&self.store), self.run);
        self.observer
            .end(at, &records, interrupted, &|stage, record, placed| result(&store, run, stage, record, placed));
        self.keep();
        let digest = results_digest(
            &self.observer.outline().about.experiment,
            records.iter().map(|(_, record)| record.as_ref()),
        );
        if let Err(error) = self.store.note_results(self.run, &digest) {
            self.shared.warn(format!("what the run had cannot be noted for trackers ({error})"));
        }
    }

    /// Keeps what there is to tell. What the ledger does not take now waits in memory.
    fn keep(&mut self) {
        let told = self.observer.take();
        if let Some(files) = &mut self.files
            && let Err(error) = files.write(&told)
        {
            let folder = files.folder().display().to_string();
            self.shared
                .warn(format!("tracking files cannot be written to {folder} ({error}); the run goes on without them"));
            self.files = None;
        }
        if self.destinations.is_empty() {
            return;
        }
        self.unkept.extend(told);
        let about = &self.observer.outline().about;
        let messages: Vec<_> = self
            .destinations
            .iter()
            .flat_map(|to| self.unkept.iter().filter_map(|(part, message)| spooled(about, to, part, message)))
            .collect();
        match self.store.spool(self.run, &messages, self.heard) {
            Ok(()) => {
                self.unkept.clear();
                self.shared.kept();
            }
            Err(error) => self.shared.warn(format!("what is to be told to trackers cannot be kept ({error})")),
        }
    }

    fn note_outline(&self) {
        if self.destinations.is_empty() {
            return;
        }
        let folder = self.store.root().join("attempts").join(self.run.to_string());
        let text = serde_json::to_vec(self.observer.outline()).expect("an outline is plain data");
        let noted = fs::create_dir_all(&folder).map(|()| self.store.write(&folder.join(OUTLINE), &text));
        if !matches!(noted, Ok(Ok(()))) {
            self.shared.warn(format!("{} cannot be written", folder.join(OUTLINE).display()));
        }
    }
}

/// A message as it is kept for a destination; none of one that is for files alone.
pub(crate) fn spooled(about: &About, to: &str, part: &str, message: &Message) -> Option<NewMessage> {
    let text = match message {
        Message::Trial(_) => return None,
        Message::Begun { name, parent, at, tags, .. } => {
            let mut tags = tags.clone();
            tags.extend(
                about.own_tags.get(to).into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())),
            );
            let experiment = about.titles.get(to).unwrap_or(&about.experiment).clone();
            let begun = Message::Begun { experiment, name: name.clone(), parent: parent.clone(), at: *at, tags };
            serde_json::to_string(&begun)
        }
        other => serde_json::to_string(other),
    };
    let text = text.expect("messages are plain data");
    Some(NewMessage { destination: to.to_owned(), part: part.to_owned(), text })
}

/// What the store knows of the result of a stage.
pub(crate) fn result(
    store: &Store,
    run: RunId,
    stage: &str,
    record: Option<&Record>,
    placed: &Placed,
) -> Option<Result> {
    let record = match record {
        Some(record) => record.clone(),
        None => store.made_in(run, stage).ok()??,
    };
    let metrics = store.metrics(record.id).ok()?;
    let recipe = match placed.params {
        Params::Known => None,
        Params::OfResult => recipe(store, &record),
    };
    let files = match &placed.keep {
        Keep::Nothing => Vec::new(),
        Keep::Files { port } => files(store, &record, port, stage),
        Keep::Model { port, .. } => files(store, &record, port, ""),
    };
    Some(Result { record, metrics, files, recipe })
}

/// What the manifest of a result says of what a person wrote.
fn recipe(store: &Store, record: &Record) -> Option<Json> {
    let text = store.manifest(&record.fingerprint).ok()??;
    match serde_json::from_str(&text).ok()? {
        Json::Object(mut manifest) => manifest.remove("with"),
        _ => None,
    }
}

/// The files of an output, below a folder of a name.
fn files(store: &Store, record: &Record, port: &str, folder: &str) -> Vec<FileToKeep> {
    let Some(output) = record.outputs.iter().find(|output| output.port == port) else { return Vec::new() };
    // What rotted is not told; the run itself says so where it matters.
    let found = store.files_of(&output.object).unwrap_or_default();
    let folder = folder.split('[').next().unwrap_or_default();
    let name =
        |path: &str| [folder, if path.is_empty() { port } else { path }].join("/").trim_start_matches('/').to_owned();
    let below = |path: &Path| path.strip_prefix(store.root()).unwrap_or(path).to_path_buf();
    found.iter().map(|(path, lies)| FileToKeep { from: below(lies), to: name(path) }).collect()
}

/// Names a set of results.
pub(crate) fn results_digest<'r>(experiment: &str, records: impl Iterator<Item = Option<&'r Record>>) -> Digest {
    let ids: Vec<_> = records.map(|record| record.map(|record| record.id)).collect();
    Digest::of(serde_json::to_string(&(experiment, ids)).expect("names and numbers are plain data").as_bytes())
}
