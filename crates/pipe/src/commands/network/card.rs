//! What the machine tells of itself while something runs: the memory it takes, and how busy the card is.
//!
//! Asks `nvidia-smi`; where there is none, the memory is that of this process.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Something that looks at the card until it is asked.
pub(super) struct Watch {
    samples: Arc<Mutex<Vec<Sample>>>,
    watcher: Option<Child>,
    is_card: bool,
}

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The most bytes that were taken.
    pub memory: Option<u64>,
    /// Where: on the card by this process, on the card by everything, or in this process.
    pub memory_of: &'static str,
    /// How many percent of the time the card was busy; one number for each look at it within a round.
    pub busy: Vec<f64>,
}

/// One look at the card.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sample {
    at: Instant,
    /// Of the time since the last look, in percent.
    busy: f64,
    /// Mebibytes that are taken, by whatever.
    memory: u64,
}

/// Between two looks at the card.
const EVERY: &str = "100";
/// What `nvidia-smi` says of a moment is of up to so long before.
const BEHIND: Duration = Duration::from_millis(350);

impl Watch {
    /// Begins, if the device is an NVIDIA card.
    pub(super) fn new(device: &str) -> Self {
        let samples = Arc::new(Mutex::new(Vec::new()));
        let is_card = device.starts_with("cuda");
        let watcher = is_card.then(|| watcher(&samples)).flatten();
        Self { samples, watcher, is_card }
    }

    /// Ends, and gives what was seen in these times.
    pub(super) fn seen(mut self, rounds: &[[Instant; 2]]) -> Seen {
        // While this process still holds what it took.
        let own = self.is_card.then(memory_on_card).flatten();
        if let Some(mut child) = self.watcher.take() {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
        let samples = self.samples.lock().map(|samples| samples.clone()).unwrap_or_default();
        let is_within = |at: Instant| rounds.iter().any(|[from, to]| at > *from + BEHIND && at < *to);
        let busy = samples.iter().filter(|sample| is_within(sample.at)).map(|sample| sample.busy).collect();
        let (memory, memory_of) = match samples.iter().map(|sample| sample.memory << 20).max() {
            _ if !self.is_card => (pipe_engine::own_peak(), "of this process"),
            Some(all) if own.is_none_or(|own| own < all) => (Some(all), "on the card, by all that use it"),
            _ => (own, "on the card"),
        };
        Seen { memory, memory_of, busy }
    }
}

/// Looks again and again, and writes down what it sees.
fn watcher(samples: &Arc<Mutex<Vec<Sample>>>) -> Option<Child> {
    let visible = std::env::var("CUDA_VISIBLE_DEVICES").unwrap_or_default();
    let card = visible.split(',').next().filter(|card| !card.is_empty()).unwrap_or("0").to_owned();
    let mut child = Command::new("nvidia-smi")
        .args(["--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits", "-lms", EVERY, "-i", &card])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let lines = BufReader::new(child.stdout.take()?).lines();
    let samples = Arc::clone(samples);
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let Some((busy, memory)) = numbers(&line) else { continue };
            if let Ok(mut samples) = samples.lock() {
                samples.push(Sample { at: Instant::now(), busy, memory });
            }
        }
    });
    Some(child)
}

/// `93, 4012`.
fn numbers(line: &str) -> Option<(f64, u64)> {
    let (busy, memory) = line.split_once(',')?;
    Some((busy.trim().parse().ok()?, memory.trim().parse().ok()?))
}

/// Bytes that this process holds on the card now.
fn memory_on_card() -> Option<u64> {
    let arguments = ["--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"];
    let answer = Command::new("nvidia-smi").args(arguments).output().ok()?;
    let own = std::process::id().to_string();
    let of_line = |line: &str| {
        let (pid, memory) = line.split_once(',')?;
        // Within a container the driver may know the process by another number, or give `[N/A]`.
        (pid.trim() == own).then(|| memory.trim().parse::<u64>().ok()).flatten()
    };
    String::from_utf8_lossy(&answer.stdout).lines().filter_map(of_line).max().map(|memory| memory << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_driver() {
        assert_eq!(numbers("93, 4012"), Some((93.0, 4012)));
        assert_eq!(numbers("[N/A], 4012"), None);
        assert_eq!(numbers(""), None);
    }

    #[test]
    fn looks_within_a_round_count() {
        let watch = Watch::new("cpu");
        let start = Instant::now();
        let at = |milliseconds: u64| start + Duration::from_millis(milliseconds);
        let sample = |milliseconds, busy| Sample { at: at(milliseconds), busy, memory: 1 };
        watch.samples.lock().expect("nobody else has it").extend([
            sample(100, 1.0),
            sample(500, 2.0),
            sample(1200, 3.0),
        ]);
        let seen = watch.seen(&[[at(0), at(1000)]]);
        assert_eq!(seen.busy, [2.0]);
        assert_eq!(seen.memory_of, "of this process");
    }
}
