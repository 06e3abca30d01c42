//! The ledger and what is going on in it.
//!
//! Does not repair anything.

use jiff::{SignedDuration, Timestamp};
use pipe_store::{Health, Held, Unfinished, health, held};

use super::{Check, bytes};
use crate::session::Session;

/// Clocks of machines that share a store may differ so much.
const SKEW: SignedDuration = SignedDuration::from_secs(120);
/// No clock that is right shows an earlier time: 2025-01-01.
const EARLIEST: i64 = 1_735_689_600;

pub(super) fn checks(session: &Session) -> Vec<Check> {
    let runs = session.runs();
    let now = Timestamp::now();
    let health = match health(&runs) {
        Ok(None) => return vec![Check::ok("ledger", "none yet; the first run makes it"), clock(now, None)],
        Ok(Some(health)) => health,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            let remedy = format!("see who uses {}, or move it away: results are then made anew", runs.display());
            return vec![Check::problem("ledger", format!("{error}{cause}"), remedy), clock(now, None)];
        }
    };
    let held = held(&runs);
    let mut checks = vec![ledger(&health)];
    checks.extend(unfinished(&health.unfinished));
    checks.extend(leases(&held));
    checks.push(clock(now, health.newest.as_deref()));
    checks
}

fn ledger(health: &Health) -> Check {
    let Health { format, known, journal, .. } = health;
    if let Some(first) = health.damage.first() {
        let remedy = "restore `runs/ledger.sqlite` from a copy, or move it away: results are then made anew";
        return Check::problem("ledger", format!("damaged: {first}"), remedy);
    }
    let says = format!("format {format}, {}, journal {journal}, whole", bytes(health.bytes));
    if format > known {
        let says = format!("{says}; written by a newer pipe, this one knows format {known}");
        return Check::problem("ledger", says, "update pipe");
    }
    Check::ok("ledger", says)
}

/// Runs at work, and runs that were killed.
fn unfinished(runs: &[Unfinished]) -> Vec<Check> {
    let (alive, dead): (Vec<_>, Vec<_>) = runs.iter().partition(|run| run.lives);
    let named = |runs: &[&Unfinished]| {
        let last = runs.first()?;
        let s = if runs.len() == 1 { "" } else { "s" };
        let Unfinished { id, experiment, started, .. } = last;
        Some(format!("{} run{s}, the last is run {id} of {experiment}, started {started}", runs.len()))
    };
    let killed = named(&dead).map(|says| {
        let remedy = "nothing is lost: the same `pipe run` continues, and tidies up";
        Check::note("killed", format!("{says}; nobody ended them"), remedy)
    });
    named(&alive).map(|says| Check::ok("at work", says)).into_iter().chain(killed).collect()
}

fn leases(held: &[Held]) -> Option<Check> {
    const SHOWN: usize = 5;
    if held.is_empty() {
        return Some(Check::ok("leases", "none held"));
    }
    let holder = |Held { fingerprint, by }: &Held| match by.process {
        0 => format!("{} by a process", fingerprint.short()),
        process => format!("{} of {} by process {process} on {}, run {}", by.stage, by.experiment, by.host, by.run),
    };
    let shown: Vec<_> = held.iter().take(SHOWN).map(holder).collect();
    let more = if held.len() > SHOWN { format!(" and {} more", held.len() - SHOWN) } else { String::new() };
    Some(Check::ok("leases", format!("{} held: {}{more}", held.len(), shown.join(", "))))
}

fn clock(now: Timestamp, newest: Option<&str>) -> Check {
    let remedy = "set the clock: `timedatectl set-ntp true`; results are right, but times and ages are not";
    if now.as_second() < EARLIEST {
        return Check::problem("clock", format!("shows {now}, which is long past"), remedy);
    }
    let newest = newest.and_then(|text| text.parse::<Timestamp>().ok());
    match newest.map(|newest| (newest, newest.duration_since(now))) {
        Some((newest, ahead)) if ahead > SKEW => {
            let says = format!("shows {now}, but the ledger holds {newest}: it went back, or was wrong then");
            Check::problem("clock", says, remedy)
        }
        _ => Check::ok("clock", now.strftime("%Y-%m-%d %H:%M UTC").to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Verdict;

    #[test]
    fn clocks() {
        let check = |now: &str, newest: Option<&str>, expected| {
            assert_eq!(clock(now.parse().expect("a time"), newest).verdict, expected, "{now} {newest:?}");
        };
        check("2026-01-01T00:00:00Z", None, Verdict::Ok);
        check("2026-01-01T00:00:00Z", Some("2025-12-31T00:00:00Z"), Verdict::Ok);
        check("2026-01-01T00:00:00Z", Some("2026-01-01T00:01:00Z"), Verdict::Ok);
        check("2026-01-01T00:00:00Z", Some("2026-01-02T00:00:00Z"), Verdict::Problem);
        check("1970-01-01T00:00:00Z", None, Verdict::Problem);
    }

    #[test]
    fn ledgers() {
        let whole = Health {
            format: 1,
            known: 1,
            journal: "wal".into(),
            bytes: 4096,
            damage: Vec::new(),
            newest: None,
            unfinished: Vec::new(),
        };
        assert_eq!(ledger(&whole).verdict, Verdict::Ok);
        assert_eq!(ledger(&Health { format: 2, ..whole.clone() }).verdict, Verdict::Problem);
        assert_eq!(ledger(&Health { damage: vec!["row 3 missing".into()], ..whole }).verdict, Verdict::Problem);
    }
}
