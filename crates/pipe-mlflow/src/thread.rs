//! The thread that delivers to one server while a run goes on, and what it does when the server does not want.
//!
//! Does not know messages. In bullets:
//! * It delivers at most twice a second, so that a batch is worth its request.
//! * Where the server has no time, it is asked again later and later, or when it said so itself.
//! * What a person has to mend is said once, and then looked at every minute.
//! * After the run's end it delivers what is left, and gives up at the first trouble.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use pipe_store::Store;

use crate::{courier::Courier, settings::Server, shared::Shared, trouble::Trouble};

/// The time between two deliveries.
const PACE: Duration = Duration::from_millis(500);
/// How often is looked whether there is something, or whether another process is done.
const LOOK: Duration = Duration::from_secs(1);
/// The longest time until a server is asked again.
const LONGEST: Duration = Duration::from_secs(60);
/// A server that has no time is asked so often before a person hears of it.
const BUSY: u32 = 3;

/// Which troubles people have heard of: each kind is said once.
#[derive(Default)]
pub(crate) struct Told(BTreeSet<&'static str>);

impl Told {
    /// The words, where they are new.
    pub(crate) fn words(&mut self, trouble: &Trouble) -> Option<String> {
        let what = match trouble {
            Trouble::Refused { .. } => "all else is told",
            _ => "the run goes on, and what is to be told is kept: the next run or `pipe track sync` delivers it",
        };
        self.0.insert(trouble.kind()).then(|| format!("MLflow: {trouble}; {what}"))
    }
}

/// When a server is asked again after a trouble.
#[derive(Default)]
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    pub(crate) fn wait(&mut self, trouble: &Trouble) -> Duration {
        self.tries += 1;
        let doubled = Duration::from_secs(1) * 2_u32.pow((self.tries - 1).min(6));
        match trouble {
            Trouble::Busy { after: Some(after), .. } => (*after).max(PACE),
            Trouble::Busy { .. } | Trouble::Silent { .. } | Trouble::Unreachable { .. } | Trouble::Spool { .. } => {
                doubled.min(LONGEST)
            }
            _ => LONGEST,
        }
    }

    /// How often it was asked without success.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }
}

/// Delivers until the run is over and nothing is left, or nobody waits any more.
pub(crate) fn deliver(store: &Store, server: &Server, shared: &Shared) {
    let (mut told, mut backoff) = (Told::default(), Backoff::default());
    let mut say = |trouble: &Trouble| told.words(trouble).into_iter().for_each(|words| shared.warn(words));
    let mut courier = match Courier::new(store, server) {
        Ok(courier) => courier,
        Err(trouble) => return say(&trouble),
    };
    let to = server.destination();
    let mut alone = None;
    while !shared.is_abandoned() {
        let was_over = shared.is_over();
        if alone.is_none() {
            match store.deliver_alone(to) {
                Ok(Some(right)) => alone = Some(right),
                // Another process delivers, also what is kept here.
                Ok(None) if was_over && store.waiting(to, 1).is_ok_and(|waiting| waiting.is_empty()) => return,
                Ok(None) => {
                    std::thread::sleep(PACE);
                    continue;
                }
                Err(error) => return shared.warn(format!("MLflow: what is kept cannot be delivered ({error})")),
            }
        }
        let begun = Instant::now();
        let outcome = courier.deliver(shared);
        courier.refusals().iter().for_each(&mut say);
        match outcome {
            Ok(()) if was_over => return,
            Ok(()) => {
                backoff = Backoff::default();
                shared.rest(PACE.saturating_sub(begun.elapsed()));
                shared.wait_for_more(LOOK);
            }
            Err(trouble) => {
                let wait = backoff.wait(&trouble);
                if was_over || !matches!(trouble, Trouble::Busy { .. }) || backoff.tries() >= BUSY {
                    say(&trouble);
                }
                if was_over {
                    return;
                }
                shared.rest(wait);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_later_and_later_or_when_it_says() {
        let uri = || "http://s".to_owned();
        let busy = |after| Trouble::Busy { uri: uri(), status: 503, why: String::new(), after };
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.wait(&busy(None)).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.wait(&busy(Some(Duration::from_secs(7)))).as_secs(), 7);
        let unknown = Trouble::Unknown { uri: uri(), told: false };
        assert_eq!(Backoff::default().wait(&unknown), LONGEST);
    }

    #[test]
    fn a_trouble_is_said_once() {
        let mut told = Told::default();
        let silent = |seconds| Trouble::Silent { uri: "http://s".into(), seconds };
        let words = told.words(&silent(1)).expect("new");
        assert!(words.contains("pipe track sync") && words.contains("MLFLOW_HTTP_REQUEST_TIMEOUT"), "{words}");
        assert_eq!(told.words(&silent(2)), None);
        assert!(told.words(&Trouble::Unknown { uri: "http://s".into(), told: true }).is_some());
    }
}
