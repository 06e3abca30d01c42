//! What each stage takes of cards, from what it asks for and what its kind does; what cannot be had is said at once.
//!
//! Does not give anything out.

use pipe_spec::{Bytes, Gpus as Asked, Resources};

use crate::{
    Cards, EngineError, PlanNode,
    gpus::{Part, WHOLE, Wanted, Wish},
};

/// Whether built-in stages can compute on cards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cuda {
    /// This build can.
    Built,
    /// This build can, and the machine lacks what kernels are compiled with.
    Lacks(String),
    /// This build cannot.
    NotBuilt,
}

/// A device as `resources` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Device {
    Auto,
    Cpu,
    /// A card, perhaps by its place among those there are.
    Cuda(Option<usize>),
    Other,
}

impl Device {
    fn of(text: &str) -> Self {
        let place = text.strip_prefix("cuda:").and_then(|place| place.parse().ok());
        match (text, place) {
            ("auto", _) => Self::Auto,
            ("cpu", _) => Self::Cpu,
            ("cuda", _) => Self::Cuda(None),
            (_, Some(place)) => Self::Cuda(Some(place)),
            _ => Self::Other,
        }
    }
}

/// Who asks.
struct Asking<'a> {
    stage: &'a str,
    resources: &'a Resources,
    computes: bool,
    cards: &'a Cards,
    cuda: &'a Cuda,
}

/// What a node takes of cards.
///
/// # Errors
/// The machine, or this build, can never give it.
pub(crate) fn wish(node: &PlanNode, cards: &Cards, cuda: &Cuda) -> Result<Wish, EngineError> {
    let PlanNode { id, resources, kind, .. } = node;
    Asking { stage: id, resources, computes: kind.computes, cards, cuda }.wish()
}

/// The device as the stage itself sees it: a card that it has by its place among all is the only one it sees.
pub(crate) fn seen(device: &str, wish: &Wish) -> String {
    match wish {
        Wish::Cards(Wanted { only: Some(_), .. }) => "cuda:0".to_owned(),
        _ => device.to_owned(),
    }
}

impl Asking<'_> {
    fn wish(&self) -> Result<Wish, EngineError> {
        let Resources { device: name, gpu, gpu_memory, .. } = self.resources;
        let device = Device::of(name);
        if self.computes && matches!(device, Device::Cuda(_)) {
            self.can_be_had(*gpu)?;
        }
        let memory = gpu_memory.map(Bytes::get);
        let one = |part| {
            let only = if let Device::Cuda(place) = device { place } else { None };
            Wanted { count: 1, part, memory, only }
        };
        let wanted = match gpu.map(Asked::hundredths) {
            Some(0) => return Ok(Wish::Nothing),
            Some(hundredths) => Wanted {
                count: (hundredths / WHOLE).max(1) as usize,
                part: Part::Hundredths(hundredths.min(WHOLE)),
                memory,
                only: None,
            },
            None if device == Device::Cpu => return Ok(Wish::Nothing),
            None if self.computes => match device {
                Device::Auto if *self.cuda != Cuda::Built => return Ok(Wish::Whatever),
                // It takes the processor; what it may not use it should not see either.
                Device::Auto if self.cards.usable.is_empty() && self.cards.missing.is_none() => {
                    return Ok(Wish::Nothing);
                }
                Device::Other => return Ok(Wish::Whatever),
                _ => one(memory.map_or(Part::Hundredths(WHOLE), |_| Part::OfMemory)),
            },
            None if memory.is_some() => one(Part::OfMemory),
            None => return Ok(Wish::Whatever),
        };
        self.is_there(&wanted)?;
        Ok(Wish::Cards(wanted))
    }

    /// Whether the device that it names can be one of its cards.
    fn can_be_had(&self, gpu: Option<Asked>) -> Result<(), EngineError> {
        let (stage, device) = (self.stage.to_owned(), self.resources.device.clone());
        match self.cuda {
            Cuda::Built => {}
            Cuda::Lacks(what) => return Err(EngineError::CudaLacks { stage, device, what: what.clone() }),
            Cuda::NotBuilt => return Err(EngineError::NoCuda { stage, device }),
        }
        let Device::Cuda(place) = Device::of(&device) else { return Ok(()) };
        let (there, has) = match gpu.map(Asked::hundredths) {
            Some(hundredths) => (hundredths.div_ceil(WHOLE) as usize, "gets"),
            // Why there are none is said in other words.
            None if self.cards.usable.is_empty() => return Ok(()),
            None => (self.cards.usable.len(), "may use"),
        };
        if place.unwrap_or(0) >= there {
            return Err(EngineError::NoDevice { stage, device, has, there });
        }
        Ok(())
    }

    /// Whether the machine has as much.
    fn is_there(&self, wanted: &Wanted) -> Result<(), EngineError> {
        if let Some(missing) = &self.cards.missing {
            return Err(missing.clone().into());
        }
        let (stage, there) = (self.stage.to_owned(), self.cards.usable.len());
        if wanted.count > there {
            let why = self.cards.why_no_more();
            return Err(EngineError::NoGpu { stage, wanted: wanted.cards(), there, why });
        }
        let Some(memory) = wanted.memory else { return Ok(()) };
        let has = |card: &&crate::Card| card.memory.is_none_or(|has| has >= memory);
        let may_be = |at: usize| wanted.only.is_none_or(|only| only == at);
        let cards = || self.cards.usable.iter().enumerate().filter(|(at, _)| may_be(*at)).map(|(_, card)| card);
        if cards().filter(has).count() < wanted.count {
            let there = cards().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(EngineError::GpuMemory { stage, wanted: Bytes::new(memory), count: wanted.count, there });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Card;

    const WHOLE_CARD: Wanted = Wanted { count: 1, part: Part::Hundredths(WHOLE), memory: None, only: None };

    fn asked(json: &str, computes: bool, cards: usize, cuda: &Cuda) -> Result<Wish, EngineError> {
        let resources: Resources = serde_json::from_str(json).expect("resources");
        let card = |id: usize| Card { id: id.to_string(), memory: Some(80 << 30), ..Card::default() };
        let cards = Cards::some((0..cards).map(card).collect());
        Asking { stage: "train", resources: &resources, computes, cards: &cards, cuda }.wish()
    }

    /// A stage that computes, in a build with CUDA, on a machine with two cards.
    #[track_caller]
    fn check(json: &str, expected: Result<Wish, &str>) {
        let found = asked(json, true, 2, &Cuda::Built);
        match expected {
            Ok(expected) => assert_eq!(found.expect("it can be had"), expected),
            Err(expected) => assert_eq!(found.expect_err("it cannot be had").to_string(), expected),
        }
    }

    #[test]
    fn stages_that_compute_get_a_card() {
        for device in ["auto", "cuda"] {
            check(&format!(r#"{{"device": "{device}"}}"#), Ok(Wish::Cards(WHOLE_CARD)));
        }
        check(r#"{"device": "cuda:1"}"#, Ok(Wish::Cards(Wanted { only: Some(1), ..WHOLE_CARD })));
        check(r#"{"device": "cpu"}"#, Ok(Wish::Nothing));
        check(r#"{"device": "wgpu"}"#, Ok(Wish::Whatever));
        check(r#"{"gpu": 0}"#, Ok(Wish::Nothing));
        check(r#"{"gpu": 2}"#, Ok(Wish::Cards(Wanted { count: 2, ..WHOLE_CARD })));
        check(r#"{"gpu": 0.5}"#, Ok(Wish::Cards(Wanted { part: Part::Hundredths(50), ..WHOLE_CARD })));
        let memory = Wanted { part: Part::OfMemory, memory: Some(20 << 30), ..WHOLE_CARD };
        check(r#"{"gpu_memory": "20GiB"}"#, Ok(Wish::Cards(memory)));
    }

    #[test]
    fn what_cannot_be_had_is_said() {
        check(
            r#"{"device": "cuda:7"}"#,
            Err("`train` asks for device `cuda:7`, and may use 2 cards: `cuda:0` to `cuda:1`"),
        );
        check(r#"{"device": "cuda:1", "gpu": 1}"#, Err("`train` asks for device `cuda:1`, and gets 1 card: `cuda:0`"));
        check(r#"{"device": "cuda", "gpu": 0}"#, Err("`train` asks for device `cuda`, and gets no card"));
        check(
            r#"{"gpu_memory": "90GiB"}"#,
            Err("`train` asks for 90 GiB of GPU memory on one card, and there are card 0 (80 GiB), card 1 (80 GiB)"),
        );
        check(
            r#"{"gpu": 3}"#,
            Err("`train` asks for 3 GPU and 2 may be used: this machine has card 0 (80 GiB) and card 1 (80 GiB)"),
        );
        let none = asked(r#"{"device": "cuda"}"#, true, 0, &Cuda::Built).expect_err("no card").to_string();
        assert!(
            none.starts_with("`train` asks for 1 GPU and 0 may be used: no NVIDIA driver tells of a card"),
            "{none}"
        );
        let none = asked(r#"{"device": "cuda"}"#, true, 2, &Cuda::NotBuilt).expect_err("no CUDA").to_string();
        assert!(none.contains("built without CUDA"), "{none}");
        let none =
            asked(r#"{"device": "cuda"}"#, true, 2, &Cuda::Lacks("no NVRTC".to_owned())).expect_err("no compiler");
        assert_eq!(none.to_string(), "`train` asks for device `cuda`, and this machine lacks what it needs: no NVRTC");
    }

    #[test]
    fn nobody_else_gets_one_unasked() {
        let wish = |json, computes, cards, cuda| asked(json, computes, cards, cuda).expect("it can be had");
        assert_eq!(wish("{}", false, 2, &Cuda::Built), Wish::Whatever);
        assert_eq!(wish(r#"{"device": "cpu"}"#, false, 2, &Cuda::Built), Wish::Nothing);
        assert_eq!(wish("{}", true, 2, &Cuda::NotBuilt), Wish::Whatever);
        assert_eq!(wish("{}", true, 0, &Cuda::Built), Wish::Nothing);
        assert_eq!(wish(r#"{"gpu_memory": "1GiB"}"#, true, 0, &Cuda::Built), Wish::Nothing);
        assert!(asked(r#"{"gpu_memory": "1GiB"}"#, false, 0, &Cuda::Built).is_err());
    }
}
