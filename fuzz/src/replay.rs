//! Every committed input of the fuzz targets, and changed copies of it, within bounds of memory and time: in a normal test run, what
//! `tests/fuzz` does at length. It does not know what must hold; the targets do.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A target: the name of its corpus, and the function that reads.
pub type Target = (&'static str, fn(&[u8]));

/// The memory of the process, in KiB: inputs have a few KiB, and none may ask for much.
const MEMORY: u32 = 1 << 20;
/// No input may take longer; on a busy machine, hundreds of times what any does take.
const SLOWEST: Duration = Duration::from_secs(5);
/// All of them together.
const ALL: Duration = Duration::from_secs(300);
/// Says to the process that it is the bounded one.
const BOUNDED: &str = "PIPE_REPLAY";

/// Gives all inputs to their targets, in a process of its own whose memory is bounded; `test` is the name of the calling test.
///
/// # Panics
/// If a target panics, asks for too much memory, or takes too long; the message names the input.
pub fn replay(test: &str, targets: &[Target]) {
    if std::env::var_os(BOUNDED).is_some() {
        targets.iter().for_each(given);
        return;
    }
    let itself = std::env::current_exe().expect("a test is a program");
    // Where memory cannot be bounded, time still is.
    let bounded = format!("ulimit -v {MEMORY} 2>/dev/null; exec \"$0\" \"$@\"");
    let log = tempfile::NamedTempFile::new().expect("there is room");
    let log_file = log.reopen().expect("it was just made");
    let mut child = Command::new("sh")
        .args(["-c", &bounded])
        .arg(itself)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(BOUNDED, "1")
        .stdout(Stdio::null())
        .stderr(log_file)
        .spawn()
        .expect("there is a shell");
    let start = Instant::now();
    let ended = loop {
        match child.try_wait().expect("it is our child") {
            Some(status) => break Some(status),
            None if start.elapsed() > ALL => {
                child.kill().expect("it is our child");
                break None;
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    let told = std::fs::read_to_string(log.path()).unwrap_or_default();
    let last: Vec<&str> = told.lines().rev().take(12).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    match ended {
        Some(status) => assert!(status.success(), "{status} after\n{}", last.join("\n")),
        None => panic!("not done after {ALL:?}:\n{}", last.join("\n")),
    }
}

/// Gives its inputs to a target.
fn given((name, read): &Target) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs: Vec<(String, Vec<u8>)> = entries
        .map(|entry| {
            let entry = entry.expect("the folder can be read");
            let bytes = std::fs::read(entry.path()).expect("the input can be read");
            (format!("{name}/{}", entry.file_name().to_string_lossy()), bytes)
        })
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{name} has no inputs");
    for (at, (input, bytes)) in inputs.iter().enumerate() {
        // The last line tells what was being read, should memory run out.
        writeln!(std::io::stderr(), "{input}").expect("the log can be written");
        try_one(input, "as it is", bytes, *read);
        let other = &inputs[(at * 7 + 3) % inputs.len()].1;
        changed(bytes, other, |how, bytes| try_one(input, &how, bytes, *read));
    }
}

fn try_one(input: &str, how: &str, bytes: &[u8], read: fn(&[u8])) {
    let start = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| read(bytes)));
    assert!(outcome.is_ok(), "{input} {how}: a panic; the bytes are {bytes:02x?}");
    let took = start.elapsed();
    assert!(took < SLOWEST, "{input} {how}: it took {took:?}");
}

/// Makes the same changed copies of an input each time: cut, bent in up to three places, spliced with another input.
fn changed(bytes: &[u8], other: &[u8], mut give: impl FnMut(String, &[u8])) {
    const CUTS: usize = 16;
    const BENDS: usize = 40;
    const SPLICES: usize = 8;
    if bytes.is_empty() {
        return;
    }
    let mut state = bytes.len() as u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    for cut in 0..CUTS.min(bytes.len()) {
        let length = cut * bytes.len() / CUTS.min(bytes.len());
        give(format!("cut to {length}"), &bytes[..length]);
    }
    for bend in 0..BENDS {
        let mut bent = bytes.to_vec();
        for _ in 0..=random(3) {
            // Fields of several bytes overflow where all of them are high.
            let (at, length) = (random(bent.len()), [1, 1, 2, 4, 8][random(5)]);
            let value = [0, 1, 0x7f, 0x80, 0xfe, 0xff, random(256) as u8][random(7)];
            let end = (at + length).min(bent.len());
            bent[at..end].fill(value);
        }
        give(format!("bend {bend}"), &bent);
    }
    for splice in 0..SPLICES {
        let (head, tail) = (random(bytes.len() + 1), random(other.len() + 1));
        give(format!("splice {splice}"), &[&bytes[..head], &other[tail..]].concat());
    }
}
