//! What is to be told to tracking servers: messages in order, kept until they are delivered, and what a server calls a run.
//!
//! Does not know servers, nor what a message says: destinations, places and messages are texts. A message goes into the spool
//! together with the number of events that were heard till then, so that after a kill nobody has to guess which are missing.
//! Delivered messages are counted and removed, so that the ledger does not grow with curves that it has elsewhere.

use rusqlite::Transaction;
use serde::Serialize;

use crate::{RunId, Store, StoreError, fail_point, runs::now, store::Durability, tracks::track};

/// A message that is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// Where it goes.
    pub destination: String,
    /// The part of the run that it is about; [`crate::WHOLE`] is the run itself.
    pub part: String,
    /// What it says.
    pub text: String,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its number; messages are delivered in the order of their numbers.
    pub id: i64,
    /// What it is about.
    pub track: i64,
    /// What it says.
    pub text: String,
}

/// How much waits for a destination, and what became of the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spooled {
    /// The destination.
    pub destination: String,
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that arrived.
    pub delivered: u64,
    /// Messages that the destination did not want.
    pub refused: u64,
    /// Runs of which messages wait.
    pub runs: Vec<RunId>,
    /// When the oldest message that waits was kept, RFC 3339.
    pub since: Option<String>,
}

impl Store {
    /// Keeps messages of a run, in their order, and notes how many of its events they stand for.
    ///
    /// # Errors
    /// The ledger cannot be written; nothing is kept then.
    pub fn spool(&self, run: RunId, messages: &[NewMessage], heard: u64) -> Result<(), StoreError> {
        let root = self.root().display().to_string();
        self.transaction(Durability::Process, |transaction| {
            for NewMessage { destination, part, text } in messages {
                let track = track(transaction, &root, destination, run, part)?;
                transaction.prepare_cached("insert into spool (track, message, at) values (?1, ?2, ?3)")?.execute((
                    track,
                    text,
                    now(),
                ))?;
            }
            transaction
                .prepare_cached("update tracks set heard = ?2 where run = ?1 and part = ''")?
                .execute((run.0, heard.cast_signed()))?;
            fail_point("spool.rows");
            Ok(())
        })?;
        fail_point("spool.committed");
        Ok(())
    }

    /// The first messages that wait for a destination.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn waiting(&self, destination: &str, limit: usize) -> Result<Vec<Message>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement = ledger.prepare_cached(
                "select spool.id, track, message from spool join tracks on tracks.id = track
                 where destination = ?1 order by spool.id limit ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows = statement.query_map((destination, limit), |row| {
                Ok(Message { id: row.get(0)?, track: row.get(1)?, text: row.get(2)? })
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        find().map_err(|source| self.database(source))
    }

    /// Notes that messages arrived.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn delivered(&self, messages: &[Message]) -> Result<(), StoreError> {
        fail_point("deliver.accepted");
        self.transaction(Durability::Process, |transaction| remove(transaction, messages, "delivered"))?;
        fail_point("deliver.noted");
        Ok(())
    }

    /// Notes that a destination will never take messages.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn refused(&self, messages: &[Message]) -> Result<(), StoreError> {
        self.transaction(Durability::Process, |transaction| remove(transaction, messages, "refused"))
    }

    /// All destinations that were ever told something, by name.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn spooled(&self) -> Result<Vec<Spooled>, StoreError> {
        let ledger = self.ledger();
        let find = || {
            let mut statement = ledger.prepare_cached(
                "select destination, sum(delivered), sum(refused) from tracks group by destination order by destination",
            )?;
            let all = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))?;
            let mut found = Vec::new();
            for row in all {
                let (destination, delivered, refused): (String, i64, i64) = row?;
                // Left to itself, SQLite would read the spool once for each track.
                let mut statement = ledger.prepare_cached(
                    "select run, count(*), min(at) from spool cross join tracks on tracks.id = track
                     where destination = ?1 group by run order by run",
                )?;
                let rows = statement.query_map([&destination], |row| {
                    Ok((RunId(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned(), row.get::<_, String>(2)?))
                })?;
                let waits: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
                found.push(Spooled {
                    destination,
                    waiting: waits.iter().map(|(_, count, _)| count).sum(),
                    delivered: delivered.cast_unsigned(),
                    refused: refused.cast_unsigned(),
                    since: waits.iter().map(|(_, _, at)| at.clone()).min(),
                    runs: waits.into_iter().map(|(run, _, _)| run).collect(),
                });
            }
            Ok(found)
        };
        find().map_err(|source| self.database(source))
    }
}

fn remove(transaction: &Transaction<'_>, messages: &[Message], counted: &str) -> rusqlite::Result<()> {
    let mut remove = transaction.prepare_cached("delete from spool where id = ?1")?;
    let mut count =
        transaction.prepare_cached(&format!("update tracks set {counted} = {counted} + ?2 where id = ?1"))?;
    for message in messages {
        let removed = remove.execute([message.id])?;
        count.execute((message.track, i64::try_from(removed).unwrap_or(0)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{WHOLE, fixture};

    const SERVER: &str = "http://127.0.0.1:5000";

    fn message(part: &str, text: &str) -> NewMessage {
        NewMessage { destination: SERVER.into(), part: part.into(), text: text.into() }
    }

    #[test]
    fn messages_wait_in_order_and_are_counted_once() {
        let (folder, store) = fixture::store();
        let run = fixture::run(&store);
        store.spool(run, &[message(WHOLE, "a"), message("fold=1", "b")], 2).expect("writable");
        store.spool(run, &[message(WHOLE, "c")], 5).expect("writable");
        drop(store);
        let store = Store::open(folder.path()).expect("the same store");
        let waiting = store.waiting(SERVER, 9).expect("readable");
        assert_eq!(waiting.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(waiting[0].track == waiting[2].track && waiting[0].track != waiting[1].track);
        assert!(store.waiting("http://other", 9).expect("readable").is_empty());
        assert_eq!(store.open_tracks().expect("readable"), [(run, 5)]);

        store.delivered(&waiting[..1]).expect("writable");
        store.delivered(&waiting[..1]).expect("writable");
        store.refused(&waiting[1..2]).expect("writable");
        let spooled = store.spooled().expect("readable").remove(0);
        assert_eq!((spooled.waiting, spooled.delivered, spooled.refused, spooled.runs), (1, 1, 1, vec![run]));
        assert!(spooled.since.is_some());
        assert_eq!(store.waiting(SERVER, 9).expect("readable")[0].text, "c");
    }
}
