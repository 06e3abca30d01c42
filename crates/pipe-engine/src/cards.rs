//! The cards of this machine, asked of their driver, and those of them that a run may use.
//!
//! Does not compute on any, and gives none out.

use std::{
    env, fmt, fs,
    io::Read as _,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use pipe_spec::Bytes;
use serde::Serialize;
use thiserror::Error;

/// The variable that says which cards a process sees.
pub(crate) const VISIBLE: &str = "CUDA_VISIBLE_DEVICES";
/// Numbers mean what `nvidia-smi` means by them only in this order; CUDA's own puts the fastest card first.
pub(crate) const ORDER: (&str, &str) = ("CUDA_DEVICE_ORDER", "PCI_BUS_ID");
/// A driver that nobody uses wakes eight cards one by one; one that hangs does not answer at all.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is asked for, in the order of [`card`].
const QUESTION: &str = "--query-gpu=index,uuid,name,memory.total,memory.free,driver_version";
/// Where the kernel's driver lists its cards.
const LISTED: &str = "/proc/driver/nvidia/gpus";

/// A card, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Card {
    /// As CUDA_VISIBLE_DEVICES names it: by number or by UUID.
    pub id: String,
    /// Its UUID.
    pub uuid: Option<String>,
    /// Its name, `NVIDIA H200`.
    pub name: Option<String>,
    /// Bytes of its memory.
    pub memory: Option<u64>,
    /// Bytes of it that were free when it was asked.
    #[serde(skip)]
    pub free: Option<u64>,
    /// Version of its driver.
    pub driver: Option<String>,
}

/// What the driver's own program, `nvidia-smi`, says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driver {
    /// The cards it has, in its order.
    Answers(Vec<Card>),
    /// Nothing, however long one waits.
    Hangs,
    /// That something is wrong.
    Fails(String),
    /// There is no such program.
    Absent,
}

/// By what the cards of a run were chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Chosen {
    Option,
    Variable(String),
    Machine,
}

/// The cards that a run may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cards {
    /// Each once, in the order in which they were named.
    pub usable: Vec<Card>,
    chosen: Chosen,
    /// What CUDA_VISIBLE_DEVICES names and the machine lacks; it matters to who needs a card.
    pub(crate) missing: Option<NoCard>,
}

/// A name that means no card of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{by} names card `{id}`, which {why}")]
pub struct NoCard {
    /// What names it.
    by: &'static str,
    id: String,
    why: String,
}

/// Asks the driver.
pub fn driver() -> Driver {
    let asked = Command::new("nvidia-smi")
        .args([QUESTION, "--format=csv,noheader,nounits"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = asked else { return Driver::Absent };
    let end = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() > end => {
                // One that hangs in the driver cannot be ended; it is not waited for.
                drop(child.kill());
                return Driver::Hangs;
            }
            Ok(None) => thread::sleep(Duration::from_millis(10)),
            Err(error) => return Driver::Fails(error.to_string()),
        }
    };
    let mut text = String::new();
    let read = child.stdout.take().map(|mut output| output.read_to_string(&mut text));
    let cards: Option<Vec<_>> = text.lines().filter(|line| !line.trim().is_empty()).map(card).collect();
    match cards {
        Some(cards) if status.success() && matches!(read, Some(Ok(_))) => Driver::Answers(cards),
        _ => Driver::Fails(text.lines().next().unwrap_or("it says nothing").trim().to_owned()),
    }
}

/// A line of the answer; none where it is not one.
fn card(line: &str) -> Option<Card> {
    let mut values = line.split(',').map(str::trim);
    let mut next = || values.next();
    // What a card does not tell stands in brackets: `[N/A]`.
    fn known(value: Option<&str>) -> Option<&str> {
        value.filter(|value| !value.is_empty() && !value.starts_with('['))
    }
    let mebibytes = |value: Option<&str>| Some(known(value)?.parse::<u64>().ok()? << 20);
    let id = next()?.parse::<u32>().ok()?.to_string();
    let [uuid, name] = [next(), next()].map(|value| known(value).map(str::to_owned));
    let [memory, free] = [next(), next()].map(mebibytes);
    Some(Card { id, uuid, name, memory, free, driver: known(next()).map(str::to_owned) })
}

/// The cards that the kernel's driver lists, where its program does not tell.
fn listed() -> Vec<Card> {
    let mut folders: Vec<_> =
        fs::read_dir(LISTED).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.sort();
    let card = |(number, folder): (usize, &std::path::PathBuf)| {
        let text = fs::read_to_string(folder.join("information")).unwrap_or_default();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.map(|value| value.trim().to_owned()).filter(|value| !value.contains('?'))
        };
        Card { id: number.to_string(), uuid: value("GPU UUID:"), name: value("Model:"), ..Card::default() }
    };
    folders.iter().enumerate().map(card).collect()
}

impl Cards {
    /// The cards that were asked for by `--gpus`, else those of CUDA_VISIBLE_DEVICES, else all.
    ///
    /// What cannot be checked, because a driver that is there does not tell its cards, is taken as given.
    ///
    /// # Errors
    /// This machine has no such card.
    pub fn of_machine(asked: Option<&[String]>) -> Result<Self, NoCard> {
        // Who may use none has no question, and the driver is slow to answer.
        let is_none = asked.is_some_and(|ids| ids.iter().all(|id| id.trim().is_empty()));
        let driver = if is_none { Driver::Absent } else { driver() };
        Self::chosen(asked, env::var(VISIBLE).ok(), &driver, listed)
    }

    fn chosen(
        asked: Option<&[String]>,
        variable: Option<String>,
        driver: &Driver,
        listed: impl Fn() -> Vec<Card>,
    ) -> Result<Self, NoCard> {
        let known = match driver {
            Driver::Answers(cards) => Some(cards.as_slice()),
            Driver::Hangs | Driver::Fails(_) | Driver::Absent => None,
        };
        if let Some(ids) = asked {
            let ids: Vec<_> = ids.iter().map(|id| id.trim()).collect();
            let usable = match ids[..] {
                [] | ["" | "none"] => Vec::new(),
                ["all"] => known.map_or_else(&listed, <[Card]>::to_vec),
                // Without a driver there is no card, whatever its name.
                _ if *driver == Driver::Absent => named(&ids, Some(&listed()), "`--gpus`")?,
                _ => named(&ids, known, "`--gpus`")?,
            };
            return Ok(Self { usable, chosen: Chosen::Option, missing: None });
        }
        let Some(variable) = variable else {
            let usable = known.map_or_else(listed, <[Card]>::to_vec);
            return Ok(Self { usable, chosen: Chosen::Machine, missing: None });
        };
        // CUDA reads as far as it understands: `-1` ends the list.
        let ids = variable.split(',').map(str::trim);
        let ids: Vec<_> = ids.take_while(|id| !id.is_empty() && !id.starts_with('-') && *id != "NoDevFiles").collect();
        let (usable, missing) = match named(&ids, known, VISIBLE) {
            Ok(usable) => (usable, None),
            Err(missing) => (Vec::new(), Some(missing)),
        };
        Ok(Self { usable, chosen: Chosen::Variable(variable), missing })
    }

    #[cfg(test)]
    pub(crate) fn some(usable: Vec<Card>) -> Self {
        Self { usable, chosen: Chosen::Machine, missing: None }
    }

    /// Why there are no more of them, and what to do about it.
    pub(crate) fn why_no_more(&self) -> String {
        match &self.chosen {
            Chosen::Option if self.usable.is_empty() => "`--gpus` names none".to_owned(),
            Chosen::Option => format!("`--gpus` names {self}; name more of them"),
            Chosen::Variable(text) if self.usable.is_empty() => {
                format!("CUDA_VISIBLE_DEVICES is `{text}` and hides all cards; unset it, or name cards by `--gpus`")
            }
            Chosen::Variable(text) => {
                format!("CUDA_VISIBLE_DEVICES is `{text}` and shows {self} alone; unset it, or name cards by `--gpus`")
            }
            Chosen::Machine if self.usable.is_empty() => {
                "no NVIDIA driver tells of a card; `pipe doctor` says what is missing".to_owned()
            }
            Chosen::Machine => format!("this machine has {self}"),
        }
    }
}

/// Shows each card with what is known of it.
impl fmt::Display for Cards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&listing(&self.usable))
    }
}

/// Shows its id, and in brackets its name and memory where they are known.
impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.memory.map(|memory| Bytes::new(memory).to_string());
        let known: Vec<_> = self.name.iter().chain(&memory).map(String::as_str).collect();
        match known.as_slice() {
            [] => write!(f, "card {}", self.id),
            known => write!(f, "card {} ({})", self.id, known.join(", ")),
        }
    }
}

fn listing(cards: &[Card]) -> String {
    let shown: Vec<_> = cards.iter().map(ToString::to_string).collect();
    match shown.as_slice() {
        [] => "no card".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The cards that some names mean, each once.
fn named(ids: &[&str], known: Option<&[Card]>, by: &'static str) -> Result<Vec<Card>, NoCard> {
    let mut cards: Vec<Card> = Vec::new();
    for id in ids {
        let missing = |why: String| NoCard { by, id: (*id).to_owned(), why };
        let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number && !["GPU-", "MIG-"].iter().any(|kind| id.starts_with(kind)) {
            let why = "is neither a number nor a UUID as `nvidia-smi` shows them; ids are separated by commas";
            return Err(missing(why.to_owned()));
        }
        // Slices of cards are on no list.
        let known = known.filter(|_| !id.starts_with("MIG-"));
        let card = match known {
            None => Card { id: (*id).to_owned(), ..Card::default() },
            Some(known) => {
                // CUDA takes the beginning of a UUID for all of it.
                let is_meant = |card: &&Card| {
                    let by_uuid = id.starts_with("GPU-") && card.uuid.as_ref().is_some_and(|uuid| uuid.starts_with(id));
                    card.id == *id || by_uuid
                };
                let found = known.iter().find(is_meant);
                let none = || missing(format!("this machine does not have; it has {}", listing(known)));
                Card { id: (*id).to_owned(), ..found.ok_or_else(none)?.clone() }
            }
        };
        let is_same = |other: &Card| other.id == card.id || (card.uuid.is_some() && other.uuid == card.uuid);
        if !cards.iter().any(is_same) {
            cards.push(card);
        }
    }
    Ok(cards)
}

/// How many cards this process sees; none where that cannot be known.
pub fn cards_visible() -> Option<usize> {
    let count = |text: String| {
        let ids = text.split(',').map(str::trim);
        ids.take_while(|id| !id.is_empty() && !id.starts_with('-') && *id != "NoDevFiles").count()
    };
    env::var(VISIBLE).ok().map(count).or_else(|| Some(listed().len()).filter(|count| *count > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Driver {
        let text =
            "0, GPU-aa11, NVIDIA H200, 143771, 143000, 570.124.06\n1, GPU-bb22, NVIDIA H200, [N/A], [N/A], 570.124.06";
        Driver::Answers(text.lines().map(|line| card(line).expect("a card")).collect())
    }

    #[track_caller]
    fn check(
        asked: Option<&[&str]>,
        variable: Option<&str>,
        driver: &Driver,
        expected: Result<&[&str], &str>,
    ) -> Option<Cards> {
        let asked: Option<Vec<_>> = asked.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
        let listed = || vec![Card { id: "0".to_owned(), ..Card::default() }];
        let found = Cards::chosen(asked.as_deref(), variable.map(str::to_owned), driver, listed);
        let ids = found.as_ref().map(|cards| cards.usable.iter().map(|card| card.id.as_str()).collect::<Vec<_>>());
        match expected {
            Ok(expected) => assert_eq!(ids.expect("cards"), expected),
            Err(expected) => assert_eq!(ids.expect_err("no card").to_string(), expected),
        }
        found.ok()
    }

    #[test]
    fn cards_by_name() {
        let there = "which this machine does not have; it has card 0 (NVIDIA H200, 140.4 GiB) and card 1 (NVIDIA H200)";
        check(None, None, &two(), Ok(&["0", "1"]));
        check(Some(&["1", "GPU-bb22", "1"]), Some("0"), &two(), Ok(&["1"]));
        check(Some(&["7"]), None, &two(), Err(&format!("`--gpus` names card `7`, {there}")));
        check(Some(&["3", "7"]), None, &Driver::Hangs, Ok(&["3", "7"]));
        check(Some(&["0"]), None, &Driver::Absent, Ok(&["0"]));
        let one = "`--gpus` names card `3`, which this machine does not have; it has card 0";
        check(Some(&["3"]), None, &Driver::Absent, Err(one));
        check(Some(&[""]), None, &two(), Ok(&[]));
        check(Some(&["none"]), None, &two(), Ok(&[]));
        check(Some(&["all"]), Some("1"), &two(), Ok(&["0", "1"]));
        for wrong in ["", "nonsense", "0 1", "-1", "GPU", "all"] {
            let says = format!(
                "`--gpus` names card `{wrong}`, which is neither a number nor a UUID as `nvidia-smi` shows them; ids are separated by commas"
            );
            check(Some(&["0", wrong]), None, &Driver::Hangs, Err(&says));
        }
        check(None, Some("GPU-bb,0"), &two(), Ok(&["GPU-bb", "0"]));
        check(None, Some("MIG-1"), &two(), Ok(&["MIG-1"]));
        check(None, None, &Driver::Hangs, Ok(&["0"]));
    }

    #[test]
    fn a_variable_that_hides_cards() {
        for text in ["", "-1", "NoDevFiles"] {
            let cards = check(None, Some(text), &two(), Ok(&[])).expect("chosen");
            assert!(cards.why_no_more().contains("hides all cards"), "{}", cards.why_no_more());
        }
        let cards = check(None, Some("0,9"), &two(), Ok(&[])).expect("chosen");
        assert!(cards.missing.expect("9").to_string().starts_with("CUDA_VISIBLE_DEVICES names card `9`, which"));
    }

    #[test]
    fn what_a_driver_says() {
        let Driver::Answers(cards) = two() else { panic!("it answers") };
        assert_eq!((cards[0].memory, cards[1].memory), (Some(143_771 << 20), None));
        assert_eq!(cards[1].driver.as_deref(), Some("570.124.06"));
        assert_eq!(card("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."), None);
    }
}
