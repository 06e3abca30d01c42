//! Delivers what earlier runs left, also those whose process died before it had kept all it heard.
//!
//! Does not print.

use std::{fs, path::Path, thread};

use pipe_engine::Event;
use pipe_store::{NewMessage, Record, RunId, Store, StoreError, WHOLE};
use serde::Deserialize;

use crate::{
    courier::Courier,
    message::{Message, Status},
    observer::{Interrupted, Observer},
    outline::{Outline, Placed},
    recorder::{OUTLINE, result, spooled},
    settings::Server,
    shared::{Delivered, Shared},
    thread::{Backoff, Told},
    tracking::now,
    trouble::Trouble,
};

/// The file of a run's events, in its folder: `{"at": TIME, "event": EVENT}` a line, the first one that of its beginning.
pub const EVENTS: &str = "events.jsonl";
/// How often a server that has no time is asked again.
const TRIES: u32 = 5;

/// What came of delivering to one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// What was delivered.
    pub delivered: Delivered,
    /// What people should hear.
    pub warnings: Vec<String>,
    /// Whether something stopped it.
    pub trouble: Option<String>,
}

/// Delivers all that waits for a server.
///
/// # Errors
/// The store cannot be written.
pub fn sync(store: &Store, server: &Server) -> Result<Synced, StoreError> {
    let shared = Shared::default();
    let done = |trouble: Option<String>, warnings: Vec<String>| Synced { delivered: shared.done(), warnings, trouble };
    let mut courier = match Courier::new(store, server) {
        Ok(courier) => courier,
        Err(trouble) => return Ok(done(Some(trouble.to_string()), Vec::new())),
    };
    let Some(_alone) = store.deliver_alone(server.destination())? else {
        return Ok(done(Some(format!("another process delivers to {} just now", server.destination())), Vec::new()));
    };
    let (mut backoff, mut told, mut warnings) = (Backoff::default(), Told::default(), Vec::new());
    loop {
        let outcome = courier.deliver(&shared);
        warnings.extend(courier.refusals().iter().filter_map(|refusal| told.words(refusal)));
        match outcome {
            Ok(()) => return Ok(done(None, warnings)),
            Err(trouble) => {
                let wait = backoff.wait(&trouble);
                if !matches!(trouble, Trouble::Busy { .. }) || backoff.tries() >= TRIES {
                    return Ok(done(Some(trouble.to_string()), warnings));
                }
                thread::sleep(wait);
            }
        }
    }
}

/// A line of a run's events.
#[derive(Deserialize)]
struct Line {
    at: String,
    event: Event,
}

/// Keeps for delivery what runs whose process died had heard and not kept, and that they ended; says how many there were.
///
/// # Errors
/// The ledger cannot be written.
pub fn revive(store: &Store) -> Result<u64, StoreError> {
    let mut revived = 0;
    for (run, heard) in store.open_tracks()? {
        if store.is_running(run)? {
            continue;
        }
        // Whoever holds it lives, and is about to tell how its run ended.
        let Some(_alone) = store.tell_alone(run)? else { continue };
        let folder = store.root().join("attempts").join(run.to_string());
        let messages = match unheard(store, run, &folder, heard) {
            Some(messages) => messages,
            None => {
                let ended = Message::Ended { status: Status::Killed, at: now() };
                let text = serde_json::to_string(&ended).expect("messages are plain data");
                let to = store.destinations_of(run)?.into_iter();
                to.map(|destination| NewMessage { destination, part: WHOLE.to_owned(), text: text.clone() }).collect()
            }
        };
        store.spool(run, &messages, u64::MAX >> 1)?;
        store.close_tracks(run)?;
        revived += 1;
    }
    Ok(revived)
}

/// What a run would have told after the events that it heard, if it had lived to its end.
fn unheard(store: &Store, run: RunId, folder: &Path, heard: u64) -> Option<Vec<NewMessage>> {
    let outline: Outline = serde_json::from_slice(&fs::read(folder.join(OUTLINE)).ok()?).ok()?;
    let text = fs::read_to_string(folder.join(EVENTS)).unwrap_or_default();
    let mut observer = Observer::new(outline);
    let mut told = Vec::new();
    let results = |stage: &str, record: Option<&Record>, placed: &Placed| result(store, run, stage, record, placed);
    let mut last = observer.outline().about.at;
    drop(observer.take());
    // The last line may have been torn; it was heard by nobody.
    for (number, line) in text.lines().enumerate() {
        let Ok(Line { at, event }) = serde_json::from_str(line) else { continue };
        last = at.parse::<jiff::Timestamp>().map_or(last, jiff::Timestamp::as_millisecond);
        observer.hear(last, &event, &results);
        let new = observer.take();
        if number as u64 >= heard {
            told.extend(new);
        }
    }
    observer.end(last, &[], Interrupted::Yes, &results);
    told.extend(observer.take());
    let (about, to) = (&observer.outline().about, store.destinations_of(run).ok()?);
    Some(to.iter().flat_map(|to| told.iter().filter_map(|(part, message)| spooled(about, to, part, message))).collect())
}
