//! Runs and their parts at tracking servers: what a server calls them, which results it knows, who tells it.
//!
//! Does not know servers: destinations and places are texts. `spool.rs` keeps the messages.

use rusqlite::{OptionalExtension as _, Row, Transaction};

use crate::{Digest, RunId, Store, StoreError, fail_point, lease::Lock, runs::now, store::Durability};

/// The part of a run that is the run itself.
pub const WHOLE: &str = "";

/// A run, or a part of one, at one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Its number.
    pub id: i64,
    /// The destination.
    pub destination: String,
    /// The run.
    pub run: RunId,
    /// The part; [`WHOLE`] is the run itself.
    pub part: String,
    /// A text that nobody else has, by which it is found again at the destination.
    pub token: String,
    /// What the destination calls it; none before it was told of it.
    pub place: Option<String>,
    /// Whether somebody may have told the destination of it without hearing the answer.
    pub is_uncertain: bool,
}

/// The right to do something alone, among all processes; it ends with its holder.
#[derive(Debug)]
pub struct Alone {
    // Held for its lock alone.
    _lock: Lock,
}

impl Store {
    /// A run, or a part of one, at a destination.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn track(&self, id: i64) -> Result<Option<Track>, StoreError> {
        self.ledger()
            .prepare_cached(&format!("{TRACK} where id = ?1"))
            .and_then(|mut statement| statement.query_row([id], read_track).optional())
            .map_err(|source| self.database(source))
    }

    /// What a destination was told of a part of a run; none where it was told nothing.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn track_of(&self, destination: &str, run: RunId, part: &str) -> Result<Option<Track>, StoreError> {
        self.ledger()
            .prepare_cached(&format!("{TRACK} where destination = ?1 and run = ?2 and part = ?3"))
            .and_then(|mut statement| statement.query_row((destination, run.0, part), read_track).optional())
            .map_err(|source| self.database(source))
    }

    /// Notes that a destination is about to be told of a part of a run: until it has a place, it may or may not have one.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn note_uncertain(&self, track: i64) -> Result<(), StoreError> {
        self.transaction(Durability::Process, |transaction| {
            transaction.execute("update tracks set uncertain = 1 where id = ?1", [track]).map(drop)
        })
    }

    /// Notes what a destination calls a part of a run.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn note_place(&self, track: i64, place: &str) -> Result<(), StoreError> {
        fail_point("place.accepted");
        self.transaction(Durability::Process, |transaction| {
            transaction.execute("update tracks set place = ?2 where id = ?1", (track, place)).map(drop)
        })
    }

    /// Notes which results a run had, so that nobody is told of the same ones again.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn note_results(&self, run: RunId, results: &Digest) -> Result<(), StoreError> {
        self.transaction(Durability::Process, |transaction| {
            let sql = "update tracks set results = ?2, is_open = 0 where run = ?1 and part = ''";
            transaction.execute(sql, (run.0, results.bytes())).map(drop)
        })
    }

    /// Notes that nothing more will be told of a run.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn close_tracks(&self, run: RunId) -> Result<(), StoreError> {
        self.transaction(Durability::Process, |transaction| {
            transaction.execute("update tracks set is_open = 0 where run = ?1", [run.0]).map(drop)
        })
    }

    /// Whether a destination was told of a run with these results.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn knows_results(&self, destination: &str, results: &Digest) -> Result<bool, StoreError> {
        let sql = "select count(*) > 0 from tracks where destination = ?1 and part = '' and results = ?2";
        let found = self.ledger().query_row(sql, (destination, results.bytes()), |row| row.get(0));
        found.map_err(|source| self.database(source))
    }

    /// Runs whose end no destination was told of, with how many of their events were heard.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn open_tracks(&self) -> Result<Vec<(RunId, u64)>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let sql = "select run, min(heard) from tracks where is_open = 1 and part = '' group by run order by run";
            let mut statement = ledger.prepare_cached(sql)?;
            let rows =
                statement.query_map([], |row| Ok((RunId(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned())))?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// The destinations of a run.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn destinations_of(&self, run: RunId) -> Result<Vec<String>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let sql = "select destination from tracks where run = ?1 and part = '' order by destination";
            let mut statement = ledger.prepare_cached(sql)?;
            statement.query_map([run.0], |row| row.get(0))?.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// The right to deliver to a destination; none while another has it, so that messages stay in order.
    ///
    /// # Errors
    /// The lock cannot be made.
    pub fn deliver_alone(&self, destination: &str) -> Result<Option<Alone>, StoreError> {
        self.alone(&format!("deliver-{}", Digest::of(destination.as_bytes())))
    }

    /// The right to tell of a run; none while another has it.
    ///
    /// # Errors
    /// The lock cannot be made.
    pub fn tell_alone(&self, run: RunId) -> Result<Option<Alone>, StoreError> {
        self.alone(&format!("tell-{run}"))
    }

    fn alone(&self, name: &str) -> Result<Option<Alone>, StoreError> {
        self.writable()?;
        Ok(Lock::take(&self.leases().join(name))?.map(|lock| Alone { _lock: lock }))
    }
}

const TRACK: &str = "select id, destination, run, part, token, place, uncertain from tracks";

fn read_track(row: &Row<'_>) -> rusqlite::Result<Track> {
    Ok(Track {
        id: row.get(0)?,
        destination: row.get(1)?,
        run: RunId(row.get(2)?),
        part: row.get(3)?,
        token: row.get(4)?,
        place: row.get(5)?,
        is_uncertain: row.get(6)?,
    })
}

/// The number of a track, which is made if it is not there.
pub(crate) fn track(
    transaction: &Transaction<'_>,
    root: &str,
    to: &str,
    run: RunId,
    part: &str,
) -> rusqlite::Result<i64> {
    let mut find =
        transaction.prepare_cached("select id from tracks where destination = ?1 and run = ?2 and part = ?3")?;
    if let Some(id) = find.query_row((to, run.0, part), |row| row.get(0)).optional()? {
        return Ok(id);
    }
    // Runs of other ledgers have the same numbers; time, process and folder tell them apart.
    let own = format!("{root}|{}|{}|{to}|{run}|{part}", now(), std::process::id());
    transaction
        .prepare_cached("insert into tracks (destination, run, part, token) values (?1, ?2, ?3, ?4)")?
        .execute((to, run.0, part, Digest::of(own.as_bytes()).to_string()))?;
    Ok(transaction.last_insert_rowid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewMessage, fixture};

    const SERVER: &str = "http://127.0.0.1:5000";

    fn message(part: &str, text: &str) -> NewMessage {
        NewMessage { destination: SERVER.into(), part: part.into(), text: text.into() }
    }

    #[test]
    fn a_place_is_kept_and_a_token_is_nobody_elses() {
        let (_folder, store) = fixture::store();
        let (one, two) = (fixture::run(&store), fixture::run(&store));
        for run in [one, two] {
            store.spool(run, &[message(WHOLE, "a"), message("fold=1", "b")], 0).expect("writable");
        }
        let track = |run, part| store.track_of(SERVER, run, part).expect("readable").expect("told");
        let tokens = [track(one, WHOLE), track(one, "fold=1"), track(two, WHOLE)].map(|track| track.token);
        assert!(tokens[0] != tokens[1] && tokens[0] != tokens[2] && tokens[1] != tokens[2]);
        let id = track(one, "fold=1").id;
        store.note_uncertain(id).expect("writable");
        store.note_place(id, "abc").expect("writable");
        let found = store.track(id).expect("readable").expect("there");
        assert_eq!((found.place.as_deref(), found.is_uncertain), (Some("abc"), true));
        assert_eq!(store.track_of(SERVER, one, "fold=2").expect("readable"), None);
    }

    #[test]
    fn results_are_told_of_once() {
        let (_folder, store) = fixture::store();
        let run = fixture::run(&store);
        store.spool(run, &[message(WHOLE, "a")], 0).expect("writable");
        let results = Digest::of(b"results");
        assert!(!store.knows_results(SERVER, &results).expect("readable"));
        store.note_results(run, &results).expect("writable");
        assert!(store.knows_results(SERVER, &results).expect("readable"));
        assert!(!store.knows_results("http://other", &results).expect("readable"));
        assert!(store.open_tracks().expect("readable").is_empty());
    }

    #[test]
    fn one_delivers_at_a_time() {
        let (folder, store) = fixture::store();
        let other = Store::open(folder.path()).expect("the same store");
        let alone = store.deliver_alone(SERVER).expect("a lock").expect("nobody else");
        assert!(other.deliver_alone(SERVER).expect("readable").is_none());
        assert!(other.deliver_alone("http://other").expect("readable").is_some());
        drop(alone);
        assert!(other.deliver_alone(SERVER).expect("readable").is_some());
        assert!(store.tell_alone(RunId(1)).expect("a lock").is_some());
    }
}
