//! Graphics cards, as far as their driver tells.
//!
//! Does not compute on any; `pipe` without CUDA does not need one.

use std::fs;

use pipe_engine::{Card, Driver};

use super::{Check, bytes, cuda};
use crate::session::Session;

pub(super) fn checks(_: &Session) -> Vec<Check> {
    let told = pipe_engine::driver();
    let cards: &[Card] = if let Driver::Answers(cards) = &told { cards } else { &[] };
    let version = cards.iter().find_map(|card| card.driver.clone()).or_else(driver);
    let count = devices().max(cards.len());
    let mut checks = vec![card(version.as_deref(), count, cfg!(feature = "cuda"))];
    checks.extend(cards.iter().map(one));
    if count > 0 || version.is_some() {
        checks.extend(silence(&told));
        checks.extend(visible(std::env::var("CUDA_VISIBLE_DEVICES").ok().as_deref()));
    }
    if count > 0 || version.is_some() || cfg!(feature = "cuda") {
        checks.extend(cuda::checks(version.as_deref(), count > 0));
    }
    #[cfg(feature = "wgpu")]
    checks.extend(adapters(&pipe_learn::gpu::adapters()));
    checks
}

/// What Vulkan or Metal tells of.
#[cfg(feature = "wgpu")]
fn adapters(names: &[String]) -> Vec<Check> {
    if names.is_empty() {
        let remedy = "on Linux a Vulkan driver brings one: mesa-vulkan-drivers, or NVIDIA's";
        return vec![Check::note("adapter", "none answers, so `device: wgpu` cannot be used", remedy)];
    }
    names.iter().map(|name| Check::ok("adapter", name.as_str())).collect()
}

/// A card that the driver tells of.
fn one(card: &Card) -> Check {
    let memory = card.memory.map(|memory| format!(", {}", bytes(memory))).unwrap_or_default();
    let free = card.free.map(|free| format!(", {} free", bytes(free))).unwrap_or_default();
    Check::ok("card", format!("{}: {}{memory}{free}", card.id, card.name.as_deref().unwrap_or("of unknown name")))
}

/// What is wrong with a driver that does not tell its cards.
fn silence(told: &Driver) -> Option<Check> {
    match told {
        Driver::Answers(_) => None,
        Driver::Absent => Some(Check::note(
            "nvidia-smi",
            "not in PATH, so nobody tells how much memory the cards have",
            "install the driver's programs; until then `gpu_memory` limits nothing",
        )),
        Driver::Hangs => Some(Check::problem("nvidia-smi", "does not answer: the driver hangs", "restart the machine")),
        Driver::Fails(why) => Some(Check::problem(
            "nvidia-smi",
            format!("fails: {why}"),
            "install the driver that fits the kernel, and restart the machine",
        )),
    }
}

/// Version of the kernel's driver.
fn driver() -> Option<String> {
    let text = fs::read_to_string("/proc/driver/nvidia/version").ok()?;
    let is_version = |word: &&str| word.contains('.') && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.lines().next()?.split_whitespace().find(is_version).map(str::to_owned)
}

/// Number of device files of cards.
fn devices() -> usize {
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
            "build pipe by `tools/build cuda`, which gives `target/pipe-cuda`",
        ),
    }
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
        assert!(silence(&Driver::Answers(Vec::new())).is_none());
        assert_eq!(silence(&Driver::Hangs).map(|check| check.verdict), Some(Verdict::Problem));
        let h200 =
            Card { id: "0".into(), name: Some("NVIDIA H200".into()), memory: Some(139 << 30), ..Card::default() };
        assert_eq!(one(&h200).says, "0: NVIDIA H200, 139.0 GiB");
        assert_eq!(visible(Some("")).map(|check| check.verdict), Some(Verdict::Note));
        assert_eq!(visible(Some("0,1")).map(|check| check.says), Some("shows 0,1 alone".to_owned()));
    }
}
