//! Cards given out: whole, in parts, by memory; lost ones never again.
//!
//! Does not know stages. Every card is shared with every other `pipe` of this user on this machine.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use pipe_store::StoreError;

use crate::{
    Card,
    capacity::Lack,
    shares::{Amount, Share, take_share},
};

/// A whole card, in the units in which parts are given out.
pub(crate) const WHOLE: u32 = 100;

/// What a stage takes of cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// It sees what `pipe` itself sees.
    Whatever,
    /// It sees none.
    Nothing,
    /// It sees those that it gets.
    Cards(Wanted),
}

/// How much of how many cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub count: usize,
    pub part: Part,
    /// Bytes of memory on each.
    pub memory: Option<u64>,
    /// The one card that it must be, by its place.
    pub only: Option<usize>,
}

/// Which part of a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Hundredths(u32),
    /// The part that its memory is.
    OfMemory,
}

impl Wanted {
    /// In cards, for people.
    pub(crate) fn cards(&self) -> f64 {
        match self.part {
            Part::Hundredths(part) if part < WHOLE => f64::from(part) / f64::from(WHOLE),
            Part::Hundredths(_) | Part::OfMemory => self.count as f64,
        }
    }

    /// What it takes of a card; none where the card is too small for it.
    fn of(&self, card: &Card) -> Option<Amount> {
        let part = |hundredths: u32| card.memory.map_or(0, |memory| memory / u64::from(WHOLE) * u64::from(hundredths));
        let of_memory = |bytes: u64| {
            let of = |memory: u64| (u128::from(WHOLE) * u128::from(bytes) / u128::from(memory.max(1))) as u32;
            card.memory.map_or(WHOLE, of).clamp(1, WHOLE)
        };
        let amount = match (self.part, self.memory) {
            (Part::Hundredths(hundredths), None) => Amount { hundredths, bytes: part(hundredths) },
            (Part::Hundredths(hundredths), Some(bytes)) => Amount { hundredths, bytes },
            (Part::OfMemory, bytes) => {
                let bytes = bytes.unwrap_or(0);
                Amount { hundredths: of_memory(bytes), bytes }
            }
        };
        match card.memory {
            // Nothing is known of it, so nothing can be held against it.
            None => Some(Amount { bytes: 0, ..amount }),
            Some(memory) => (amount.bytes <= memory).then_some(amount),
        }
    }
}

/// The cards of a run, and what is free of them.
pub(crate) struct Gpus {
    gpus: Vec<Gpu>,
    folder: PathBuf,
}

struct Gpu {
    card: Card,
    free: Amount,
    is_lost: bool,
}

/// A part of a card that a stage has.
pub(crate) struct Held {
    gpu: usize,
    amount: Amount,
    _share: Share,
}

/// Everything that a card has.
fn whole(card: &Card) -> Amount {
    Amount { hundredths: WHOLE, bytes: card.memory.unwrap_or(u64::MAX) }
}

impl Gpus {
    pub(crate) fn new(cards: &[Card]) -> Self {
        Self::shared_in(cards, &folder())
    }

    pub(crate) fn shared_in(cards: &[Card], folder: &Path) -> Self {
        let gpu = |card: &Card| Gpu { card: card.clone(), free: whole(card), is_lost: false };
        Self { gpus: cards.iter().map(gpu).collect(), folder: folder.to_path_buf() }
    }

    /// Cards that are left and large enough, each with what is taken of it.
    fn fitting(&self, wanted: &Wanted) -> Vec<(usize, Amount)> {
        let fit = |(at, gpu): (usize, &Gpu)| {
            let is_meant = wanted.only.is_none_or(|only| only == at) && !gpu.is_lost;
            is_meant.then(|| Some((at, wanted.of(&gpu.card)?))).flatten()
        };
        self.gpus.iter().enumerate().filter_map(fit).collect()
    }

    /// Whether it could be had if nobody else had any.
    pub(crate) fn could_give(&self, wanted: &Wanted) -> bool {
        self.fitting(wanted).len() >= wanted.count
    }

    /// Takes the cards that are fullest and still have room, so that the others stay whole; or says what is lacking.
    pub(crate) fn take(&mut self, wanted: &Wanted) -> Result<Result<Vec<Held>, Lack>, StoreError> {
        let mut fitting = self.fitting(wanted);
        let has_room = |(at, amount): &(usize, Amount)| self.gpus[*at].free.hundredths >= amount.hundredths;
        let has_memory = |(at, amount): &(usize, Amount)| self.gpus[*at].free.bytes >= amount.bytes;
        let of_room = fitting.iter().filter(|fit| has_room(fit)).count();
        fitting.retain(|fit| has_room(fit) && has_memory(fit));
        if fitting.len() < wanted.count {
            let is_of_memory = wanted.part == Part::OfMemory || of_room >= wanted.count;
            return Ok(Err(self.lack(wanted, is_of_memory)));
        }
        fitting.sort_by_key(|(at, _)| (self.gpus[*at].free.hundredths, self.gpus[*at].free.bytes, *at));
        let mut held = Vec::new();
        for (gpu, amount) in fitting {
            if held.len() == wanted.count {
                break;
            }
            let card = &self.gpus[gpu].card;
            let name = card.uuid.as_ref().unwrap_or(&card.id);
            if let Some(share) = take_share(&self.folder, name, whole(card), amount)? {
                held.push(Held { gpu, amount, _share: share });
            }
        }
        if held.len() < wanted.count {
            let memory = wanted.memory.map(|memory| format!(" with {} of memory", pipe_spec::Bytes::new(memory)));
            let what = format!("{} GPU{}", wanted.cards(), memory.unwrap_or_default());
            return Ok(Err(Lack::Elsewhere { what }));
        }
        held.sort_by_key(|held| held.gpu);
        for Held { gpu, amount, .. } in &held {
            let free = &mut self.gpus[*gpu].free;
            free.hundredths -= amount.hundredths;
            free.bytes -= amount.bytes;
        }
        Ok(Ok(held))
    }

    fn lack(&self, wanted: &Wanted, is_of_memory: bool) -> Lack {
        let left = self.gpus.iter().filter(|gpu| !gpu.is_lost);
        match wanted.memory.filter(|_| is_of_memory) {
            Some(memory) => Lack::GpuMemory { wanted: memory, free: left.map(|gpu| gpu.free.bytes).collect() },
            None => {
                let free = left.map(|gpu| f64::from(gpu.free.hundredths) / f64::from(WHOLE)).collect();
                Lack::Gpus { wanted: wanted.cards(), free }
            }
        }
    }

    pub(crate) fn give_back(&mut self, held: Vec<Held>) {
        for Held { gpu, amount, .. } in held {
            let free = &mut self.gpus[gpu].free;
            free.hundredths += amount.hundredths;
            free.bytes += amount.bytes;
        }
    }

    /// The ids of what is held, as CUDA_VISIBLE_DEVICES wants them.
    pub(crate) fn ids(&self, held: &[Held]) -> Vec<String> {
        held.iter().map(|held| self.gpus[held.gpu].card.id.clone()).collect()
    }

    /// Gives the cards of these ids out no more; how many are left.
    pub(crate) fn lose(&mut self, ids: &[String]) -> usize {
        for gpu in self.gpus.iter_mut().filter(|gpu| ids.contains(&gpu.card.id)) {
            gpu.is_lost = true;
        }
        self.gpus.iter().filter(|gpu| !gpu.is_lost).count()
    }

    /// The ids of lost cards.
    pub(crate) fn lost(&self) -> Vec<&str> {
        self.gpus.iter().filter(|gpu| gpu.is_lost).map(|gpu| gpu.card.id.as_str()).collect()
    }
}

/// Where the shares of this user's cards lie. Those of other users are not ours to open.
fn folder() -> PathBuf {
    use std::os::unix::fs::MetadataExt as _;
    let user = fs::metadata("/proc/self").map_or(0, |process| process.uid());
    env::temp_dir().join(format!("pipe-gpus-{user}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn cards(cards: &[(&str, Option<u64>)]) -> Vec<Card> {
        let card = |(id, memory): &(&str, Option<u64>)| Card {
            id: (*id).to_owned(),
            memory: memory.map(|gibibytes| gibibytes * GIB),
            ..Card::default()
        };
        cards.iter().map(card).collect()
    }

    fn parts(hundredths: u32, memory: Option<u64>) -> Wanted {
        let count = (hundredths / WHOLE).max(1) as usize;
        let part = Part::Hundredths(hundredths.min(WHOLE));
        Wanted { count, part, memory: memory.map(|gibibytes| gibibytes * GIB), only: None }
    }

    fn memory(gibibytes: u64) -> Wanted {
        Wanted { part: Part::OfMemory, ..parts(WHOLE, Some(gibibytes)) }
    }

    #[track_caller]
    fn taken(gpus: &mut Gpus, wanted: &Wanted) -> Option<(String, Vec<Held>)> {
        let held = gpus.take(wanted).expect("writable").ok()?;
        Some((gpus.ids(&held).join(","), held))
    }

    #[test]
    fn cards_are_packed_and_given_back() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut gpus = Gpus::shared_in(&cards(&[("3", None), ("5", None)]), folder.path());
        let (first, one) = taken(&mut gpus, &parts(50, None)).expect("room");
        let (second, two) = taken(&mut gpus, &parts(50, Some(1000))).expect("room");
        assert_eq!((first.as_str(), second.as_str()), ("3", "3"), "parts share one, and memory is not known");
        let (whole, three) = taken(&mut gpus, &parts(100, None)).expect("room");
        assert_eq!(whole, "5");
        assert!(taken(&mut gpus, &parts(10, None)).is_none());
        [one, two, three].into_iter().for_each(|held| gpus.give_back(held));
        assert_eq!(taken(&mut gpus, &parts(200, None)).expect("both are free").0, "3,5");
    }

    #[test]
    fn memory_is_never_given_twice() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let all = cards(&[("0", Some(80)), ("1", Some(24))]);
        let mut gpus = Gpus::shared_in(&all, folder.path());
        assert!(!gpus.could_give(&memory(81)) && gpus.could_give(&memory(80)));
        let (id, large) = taken(&mut gpus, &memory(60)).expect("room");
        assert_eq!(id, "0");
        let lack = gpus.take(&memory(30)).expect("writable").err().expect("20 and 24 are left");
        assert_eq!(lack, Lack::GpuMemory { wanted: 30 * GIB, free: vec![20 * GIB, 24 * GIB] });
        assert_eq!(lack.to_string(), "30 GiB of GPU memory; free of each: 20 GiB, 24 GiB");
        let mut theirs = Gpus::shared_in(&all, folder.path());
        let lack = theirs.take(&memory(30)).expect("writable").err().expect("another process has it");
        assert_eq!(lack.to_string(), "1 GPU with 30 GiB of memory, which another pipe has");
        // A half is half of the memory, too.
        let (id, _half) = taken(&mut theirs, &parts(50, None)).expect("room");
        assert_eq!(id, "1");
        gpus.give_back(large);
        assert_eq!(taken(&mut theirs, &parts(40, Some(60))).expect("it is back").0, "0");
    }

    #[test]
    fn lost_cards_and_cards_by_their_place() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut gpus = Gpus::shared_in(&cards(&[("0", None), ("1", None)]), folder.path());
        let second = Wanted { only: Some(1), ..parts(100, None) };
        let (id, held) = taken(&mut gpus, &second).expect("room");
        assert_eq!(id, "1");
        gpus.give_back(held);
        assert_eq!(gpus.lose(&["1".to_owned()]), 1);
        assert!(!gpus.could_give(&second) && !gpus.could_give(&parts(200, None)) && gpus.could_give(&parts(100, None)));
        assert_eq!(gpus.lost(), ["1"]);
    }
}
