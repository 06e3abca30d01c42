//! Graphics cards, as far as their driver tells.
//!
//! Does not compute on any; `pipe` without CUDA does not need one.

use std::{
    fs,
    io::Read as _,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::Check;
use crate::session::Session;

/// A driver that hangs does not answer at all.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn checks(_: &Session) -> Vec<Check> {
    let driver = driver();
    let cards = cards();
    let mut checks = vec![card(driver.as_deref(), cards, cfg!(feature = "cuda"))];
    if cards > 0 || driver.is_some() {
        checks.extend(names());
        checks.extend(visible(std::env::var("CUDA_VISIBLE_DEVICES").ok().as_deref()));
    }
    checks
}

/// Version of the kernel's driver.
fn driver() -> Option<String> {
    let text = fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    let is_version = |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.lines().next()?.split_whitespace().find(is_version).map(str::to_owned)
}

/// Number of device files of cards.
fn cards() -> usize {
    let names = fs::read_dir("/dev").into_iter().flatten().filter_map(Result::ok).map(|entry| entry.file_name());
    let is_card = |name: &str| {
        let number = name.strip_prefix("nvidia").unwrap_or_default();
        !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
    };
    names.filter(|name| name.to_str().is_some_and(is_card)).count()
}

fn card(driver: Option<&str>, cards: usize, has_cuda: bool) -> Check {
    let s = if cards == 1 { "" } else { "s" };
    match (driver, cards) {
        (None, 0) if has_cuda => Check::note(
            "card",
            "none found, though pipe was built with CUDA",
            "install the NVIDIA driver, or run on the processor: `resources: { device: cpu }`",
        ),
        (None, 0) => Check::ok("card", "none found; stages run on the processor"),
        (None, _) => Check::note(
            "card",
            format!("{cards} device file{s}, but no NVIDIA driver is loaded"),
            "install the driver, or restart the machine after its update",
        ),
        (Some(driver), 0) => Check::note(
            "card",
            format!("NVIDIA driver {driver}, but no device file"),
            "in a container, hand the cards over: `docker run --gpus all`",
        ),
        (Some(driver), _) if has_cuda => Check::ok("card", format!("{cards} NVIDIA card{s}, driver {driver}")),
        (Some(driver), _) => Check::note(
            "card",
            format!("{cards} NVIDIA card{s}, driver {driver}, but pipe was built without CUDA"),
            "cargo build --release --features cuda, then `resources: { device: cuda:0 }`",
        ),
    }
}

/// What the driver's own program says of each card.
fn names() -> Option<Check> {
    let mut child = Command::new("nvidia-smi")
        .args(["--query-gpu=name,memory.total,memory.free", "--format=csv,noheader"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let end = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().ok()? {
            Some(status) => break status,
            None if Instant::now() > end => {
                drop(child.kill());
                // One that hangs in the driver cannot be ended; it is not waited for.
                return Some(Check::problem("nvidia-smi", "does not answer: the driver hangs", "restart the machine"));
            }
            None => thread::sleep(Duration::from_millis(20)),
        }
    };
    let mut text = String::new();
    child.stdout.take()?.read_to_string(&mut text).ok()?;
    let cards: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if status.success() && !cards.is_empty() {
        return Some(Check::ok("nvidia-smi", cards.join("; ")));
    }
    let says = format!("fails: {}", cards.first().copied().unwrap_or("it says nothing"));
    Some(Check::problem("nvidia-smi", says, "install the driver that fits the kernel, and restart the machine"))
}

/// Whether the environment hides cards.
fn visible(variable: Option<&str>) -> Option<Check> {
    Some(match variable?.trim() {
        "" | "-1" | "NoDevFiles" => {
            Check::note("CUDA_VISIBLE_DEVICES", "hides all cards", "unset CUDA_VISIBLE_DEVICES")
        }
        list => Check::ok("CUDA_VISIBLE_DEVICES", format!("shows {list} alone")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::Verdict;

    #[test]
    fn what_cards_and_drivers_mean() {
        let check = |driver, cards, has_cuda, expected| assert_eq!(card(driver, cards, has_cuda).verdict, expected);
        check(None, 0, false, Verdict::Ok);
        check(None, 0, true, Verdict::Note);
        check(Some("570.1"), 2, true, Verdict::Ok);
        check(Some("570.1"), 2, false, Verdict::Note);
        check(Some("570.1"), 0, true, Verdict::Note);
        assert!(visible(None).is_none());
        assert_eq!(visible(Some("")).map(|check| check.verdict), Some(Verdict::Note));
        assert_eq!(visible(Some("0,1")).map(|check| check.says), Some("shows 0,1 alone".to_owned()));
    }
}
