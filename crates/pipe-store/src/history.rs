//! Past runs: which there were, and the means of their metrics.
//!
//! Does not know what their stages came to (`past_stages`), nor how they are shown.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension as _, Row};

use crate::{RunId, RunRow, Store, StoreError, runs};

/// Which runs are asked for.
#[derive(Clone, Debug)]
pub struct RunFilter<'a> {
    /// Of this experiment alone.
    pub experiment: Option<&'a str>,
    /// In this state alone.
    pub state: Option<&'a str>,
    /// How many at most.
    pub limit: usize,
}

const RUN: &str = "select id, experiment, file, command, started, commit_id, state, cached, ran, failed, skipped, seconds, pruned from runs";

impl Store {
    /// Past runs, newest first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn past_runs(&self, filter: &RunFilter<'_>) -> Result<Vec<RunRow>, StoreError> {
        let live = self.live_ids()?;
        let ledger = self.ledger();
        let find = || {
            let mut found = Vec::new();
            let of = if filter.experiment.is_some() { "where experiment = ?1" } else { "where ?1 is null" };
            let mut statement = ledger.prepare_cached(&format!("{RUN} {of} order by id desc"))?;
            let mut rows = statement.query([filter.experiment])?;
            while found.len() < filter.limit
                && let Some(row) = rows.next()?
            {
                let run = run_row(row, &live)?;
                if filter.state.is_none_or(|state| run.state.as_deref() == Some(state)) {
                    found.push(run);
                }
            }
            Ok(found)
        };
        find().map_err(|source| self.database(source))
    }

    /// One run.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn past_run(&self, run: RunId) -> Result<Option<RunRow>, StoreError> {
        let live = self.live_ids()?;
        let found = self
            .ledger()
            .prepare_cached(&format!("{RUN} where id = ?1"))
            .and_then(|mut statement| statement.query_row([run.0], |row| run_row(row, &live)).optional());
        found.map_err(|source| self.database(source))
    }

    /// The run that lies so many before the newest; the newest itself is 0 back.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn run_back(&self, back: u64) -> Result<Option<RunId>, StoreError> {
        self.ledger()
            .query_row(
                "select id from runs order by id desc limit 1 offset ?1",
                [i64::try_from(back).unwrap_or(i64::MAX)],
                |row| row.get(0).map(RunId),
            )
            .optional()
            .map_err(|source| self.database(source))
    }

    /// The oldest run.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn first_run(&self) -> Result<Option<RunId>, StoreError> {
        self.ledger()
            .query_row("select id from runs order by id limit 1", [], |row| row.get(0).map(RunId))
            .optional()
            .map_err(|source| self.database(source))
    }

    fn live_ids(&self) -> Result<BTreeSet<RunId>, StoreError> {
        Ok(self.live_runs()?.iter().map(|live| live.run).collect())
    }

    /// Of each of these metrics, for each run, the mean over the run's results; single cases do not count.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn run_means(&self, runs: &[RunId], metrics: &[String]) -> Result<Vec<Vec<Option<f64>>>, StoreError> {
        let (Some(first), Some(last)) = (runs.iter().min(), runs.iter().max()) else { return Ok(Vec::new()) };
        let ledger = self.ledger();
        let find = || {
            let range = (first.0, last.0);
            let mut statement = ledger.prepare_cached(
                "select id, uses.rowid from runs left join uses on digest = used where id between ?1 and ?2 order by id",
            )?;
            let used: Vec<(i64, Option<i64>)> =
                statement.query_map(range, |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<_>>()?;
            let lists = lists(&ledger, used.iter().filter_map(|(_, list)| *list).collect())?;
            let mut made: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
            if used.iter().any(|(_, list)| list.is_none()) {
                let mut statement = ledger.prepare_cached(
                    "select made ->> '$.run', id from artifacts where made ->> '$.run' between ?1 and ?2",
                )?;
                let mut rows = statement.query(range)?;
                while let Some(row) = rows.next()? {
                    made.entry(row.get(0)?).or_default().push(row.get(1)?);
                }
            }
            let of = |run: &RunId| -> Option<&[i64]> {
                let at = used.binary_search_by_key(&run.0, |(id, _)| *id).ok()?;
                match used[at].1 {
                    Some(list) => lists.binary_search_by_key(&list, |(row, _)| *row).ok().map(|at| &*lists[at].1),
                    None => made.get(&run.0).map(Vec::as_slice),
                }
            };
            let mut means = vec![Vec::with_capacity(metrics.len()); runs.len()];
            for metric in metrics {
                let values = values(&ledger, metric)?;
                for (run, means) in runs.iter().zip(&mut means) {
                    means.push(of(run).and_then(|artifacts| mean(&values, artifacts)));
                }
            }
            Ok(means)
        };
        find().map_err(|source| self.database(source))
    }
}

/// The results that some lists name. Runs that used the same results share one list, which is read once.
fn lists(ledger: &rusqlite::Connection, mut rows: Vec<i64>) -> rusqlite::Result<Vec<(i64, Vec<i64>)>> {
    rows.sort_unstable();
    rows.dedup();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(Vec::new()) };
    let mut statement =
        ledger.prepare_cached("select rowid, artifacts from uses where rowid between ?1 and ?2 order by rowid")?;
    let mut found = statement.query((first, last))?;
    let mut lists = Vec::with_capacity(rows.len());
    while let Some(row) = found.next()? {
        let id = row.get(0)?;
        if rows.binary_search(&id).is_ok() {
            let list: Vec<(serde::de::IgnoredAny, i64)> =
                row.get_ref(1)?.as_str().ok().and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default();
            lists.push((id, list.into_iter().map(|(_, artifact)| artifact).collect()));
        }
    }
    Ok(lists)
}

/// All values of a metric, by result.
fn values(ledger: &rusqlite::Connection, metric: &str) -> rusqlite::Result<Vec<(i64, f64)>> {
    let mut statement = ledger.prepare_cached(
        "select artifact, value from metrics
         where name = ?1 and case_id is null and value is not null order by artifact",
    )?;
    let rows = statement.query_map([metric], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn mean(values: &[(i64, f64)], artifacts: &[i64]) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for artifact in artifacts {
        let from = values.partition_point(|(of, _)| of < artifact);
        for (_, value) in values[from..].iter().take_while(|(of, _)| of == artifact) {
            sum += value;
            count += 1;
        }
    }
    (count > 0).then(|| sum / f64::from(count))
}

fn run_row(row: &Row<'_>, live: &BTreeSet<RunId>) -> rusqlite::Result<RunRow> {
    let mut run = runs::run_row(row)?;
    let without_end = || if live.contains(&run.id) { "running" } else { "killed" }.to_owned();
    run.state = Some(run.state.unwrap_or_else(without_end));
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewRun, RunEnd};

    /// A ledger with three runs: two of `a` that used one list, and one of `b` that noted nothing.
    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path()).expect("a new store");
        let end = RunEnd { cached: 2, ..RunEnd::default() };
        for experiment in ["a", "a"] {
            let new = NewRun { experiment, file: "e.yaml", command: "pipe run e.yaml", commit: None };
            let run = store.record_cached_run(&new, &end).expect("writable");
            store.note_uses(run, &[("one".into(), 1), ("two".into(), 2)]).expect("writable");
        }
        let new = NewRun { experiment: "b", file: "b.yaml", command: "pipe run b.yaml", commit: None };
        store.begin_run(&new).expect("writable");
        let script = "
            insert into recipes values (x'00', 'test', '{}');
            insert into artifacts values (1, x'00', 0, '[]', '[]', '{\"run\":1}'), (2, x'00', 0, '[]', '[]', '{\"run\":2}'),
                (3, x'00', 1, '[]', '[]', '{\"run\":3}');
            insert into metrics values (1, 'dice', 0.5, '', 'higher', null), (2, 'dice', 1.0, '', 'higher', null),
                (2, 'dice', null, '', 'higher', null), (2, 'dice', 9, '', 'higher', 'case'), (3, 'iou', 0.25, '', 'higher', null);";
        store.ledger().execute_batch(script).expect("SQL");
        (folder, store)
    }

    #[test]
    fn runs_by_experiment_and_state() {
        let (_folder, store) = store();
        let ids = |experiment, state, limit| {
            let runs = store.past_runs(&RunFilter { experiment, state, limit }).expect("readable");
            runs.iter().map(|run| run.id.0).collect::<Vec<_>>()
        };
        assert_eq!(ids(None, None, 9), [3, 2, 1]);
        assert_eq!(ids(None, None, 2), [3, 2]);
        assert_eq!(ids(Some("a"), None, 9), [2, 1]);
        assert_eq!(ids(None, Some("running"), 9), [3]);
        assert_eq!(ids(Some("a"), Some("done"), 1), [2]);
        store.die(RunId(3));
        assert_eq!(ids(None, Some("killed"), 9), [3]);
        assert_eq!(store.run_back(2).expect("readable"), Some(RunId(1)));
        assert_eq!(store.run_back(3).expect("readable"), None);
        assert_eq!(store.past_run(RunId(7)).expect("readable"), None);
    }

    #[test]
    fn means_leave_cases_and_missing_values_out() {
        let (_folder, store) = store();
        let names = ["dice".to_owned(), "iou".to_owned()];
        let means = store.run_means(&[RunId(3), RunId(2), RunId(1)], &names).expect("readable");
        assert_eq!(means, [[None, Some(0.25)], [Some(0.75), None], [Some(0.75), None]]);
    }
}
