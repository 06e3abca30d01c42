//! The tracking of one run: what it hears, and who is told.
//!
//! Does not read experiments; whoever starts a run says what it is about.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, Sender},
    },
    thread,
    time::Duration,
};

use pipe_engine::Event;
use pipe_store::{Alone, Record, RunId, Store, StoreError};

use crate::{
    files::{Files, Form},
    outline::{About, Outline, Stage},
    recorder::{Ending, Recorder, Word, results_digest},
    settings::Server,
    shared::{Delivered, Shared},
    thread::deliver,
};

/// How long a run waits at its end for a server that takes nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long it waits at all.
const MOST: Duration = Duration::from_secs(30);
/// How long it waits until what it said is kept.
const KEEPING: Duration = Duration::from_secs(20);

/// Who is told.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// A server.
    pub server: Option<Server>,
    /// A folder of files, and their form.
    pub files: Option<(PathBuf, Form)>,
}

impl Targets {
    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.server.is_none() && self.files.is_none()
    }
}

/// Why a run is not tracked.
#[derive(Debug, thiserror::Error)]
pub enum NotTracked {
    /// The store cannot be used for it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The files cannot be written.
    #[error("tracking files cannot be written to {path}")]
    Files {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A thread cannot be started.
    #[error("a thread for it cannot be started")]
    Thread(#[source] io::Error),
}

/// A run that is tracked. What it hears is told by other threads, so that hearing never waits.
pub struct Tracking {
    words: Sender<Word>,
    shared: Arc<Shared>,
    recorder: mpsc::Receiver<()>,
    /// Warnings that were given out.
    warned: usize,
    // Held so that nobody takes this run for a dead one before all of it is kept.
    _alone: Option<Alone>,
}

/// How the tracking of a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What was delivered.
    pub delivered: Delivered,
    /// What waits for a later delivery.
    pub left: u64,
    /// What people should hear.
    pub warnings: Vec<String>,
}

impl Tracking {
    /// Begins to track a run; `root` is the folder of the store.
    ///
    /// # Errors
    /// The store may not be written, or the files.
    pub fn begin(root: &Path, targets: Targets, about: &About, stages: &[Stage]) -> Result<Self, NotTracked> {
        // A handle of its own: what is kept for trackers never makes the run wait for more than a file lock.
        let store = Arc::new(Store::open(root)?);
        let run = RunId(about.run);
        let alone = store.tell_alone(run)?;
        let files = match &targets.files {
            Some((folder, form)) => Some(
                Files::open(folder, &about.experiment, about.run, *form)
                    .map_err(|source| NotTracked::Files { path: folder.clone(), source })?,
            ),
            None => None,
        };
        let shared = Arc::new(Shared::default());
        let destinations: Vec<_> = targets.server.iter().map(|server| server.destination().to_owned()).collect();
        let outline = Outline::new(about, stages);
        let recorder = Recorder::new(Arc::clone(&store), outline, destinations, files, Arc::clone(&shared));
        let (words, heard) = mpsc::channel();
        let (done, recorded) = mpsc::channel();
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new().name(name.to_owned()).spawn(work).map(drop).map_err(NotTracked::Thread)
        };
        let over = Arc::clone(&shared);
        spawn(
            "pipe-tracking",
            Box::new(move || {
                recorder.listen(&heard);
                over.over();
                drop(done);
            }),
        )?;
        if let Some(server) = targets.server {
            let shared = Arc::clone(&shared);
            shared.courier_begins();
            spawn(
                "pipe-mlflow",
                Box::new(move || {
                    deliver(&store, &server, &shared);
                    shared.courier_ends();
                }),
            )?;
        }
        Ok(Self { words, shared, recorder: recorded, warned: 0, _alone: alone })
    }

    /// Hears an event, and waits for nobody.
    pub fn hear(&self, event: &Event) {
        // Fails only after a panic of the other side, which costs a run its tracking and nothing else.
        drop(self.words.send(Word::Event { at: now(), event: Box::new(event.clone()) }));
    }

    /// What people should hear since the last call.
    pub fn warnings(&mut self) -> Vec<String> {
        let new = self.shared.warnings(self.warned);
        self.warned += new.len();
        new
    }

    /// Ends the tracking: what is left is delivered within a short time, or kept for later.
    pub fn end(mut self, ending: Ending, root: &Path) -> Ended {
        drop(self.words.send(Word::End(Box::new(ending))));
        // It drops its end of the channel when it is done.
        let is_kept = self.recorder.recv_timeout(KEEPING) == Err(mpsc::RecvTimeoutError::Disconnected);
        let delivered = self.shared.wait_for_couriers(PATIENCE, MOST);
        let mut warnings = self.warnings();
        if !is_kept {
            warnings.push("not all that is to be told to trackers could be kept".to_owned());
        }
        let left = Store::open_to_read(root).and_then(|store| store.spooled());
        let left = left.map_or(0, |all| all.iter().map(|spooled| spooled.waiting).sum());
        Ended { delivered, left, warnings }
    }
}

/// Delivers what earlier runs left, within a short time; gives what people should hear.
///
/// # Errors
/// The store may not be written.
pub fn deliver_left(root: &Path, server: &Server) -> Result<Vec<String>, NotTracked> {
    let store = Store::open(root)?;
    if store.waiting(server.destination(), 1)?.is_empty() {
        return Ok(Vec::new());
    }
    let shared = Arc::new(Shared::default());
    shared.over();
    shared.courier_begins();
    let (own, server) = (Arc::clone(&shared), server.clone());
    let work = move || {
        deliver(&store, &server, &own);
        own.courier_ends();
    };
    thread::Builder::new().name("pipe-mlflow".to_owned()).spawn(work).map_err(NotTracked::Thread)?;
    shared.wait_for_couriers(PATIENCE, MOST);
    Ok(shared.warnings(0))
}

/// Whether a server knows these results of an experiment already, so that a run that made nothing is no news.
///
/// # Errors
/// The ledger cannot be read.
pub fn is_known<'r>(
    store: &Store,
    server: &Server,
    experiment: &str,
    records: impl Iterator<Item = Option<&'r Record>>,
) -> Result<bool, StoreError> {
    store.knows_results(server.destination(), &results_digest(experiment, records))
}

/// This moment, Unix time in milliseconds.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
