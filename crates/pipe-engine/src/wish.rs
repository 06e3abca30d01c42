//! What each stage takes of cards, from what it asks for and what its kind does; what cannot be had is said at once.
//!
//! Does not give anything out.

use pipe_spec::{Bytes, Device, Gpus as Asked, Resources};

use crate::{
    Cards, EngineError, PlanNode,
    gpus::{Part, WHOLE, Wanted, Wish},
};

/// What built-in stages can compute on in this build and on this machine, besides the processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backends {
    /// On NVIDIA's cards.
    pub cuda: Cuda,
    /// On GPUs through Vulkan or Metal.
    pub wgpu: bool,
}

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

/// Who asks.
struct Asking<'a> {
    stage: &'a str,
    resources: &'a Resources,
    computes: bool,
    cards: &'a Cards,
    backends: &'a Backends,
}

/// What a node takes of cards.
///
/// # Errors
/// The machine, or this build, can never give it.
pub(crate) fn wish(node: &PlanNode, cards: &Cards, backends: &Backends) -> Result<Wish, EngineError> {
    let PlanNode { id, resources, kind, .. } = node;
    Asking { stage: id, resources, computes: kind.computes, cards, backends }.wish()
}

/// The device as the stage itself sees it: a card that it has by its place among all is the only one it sees.
pub(crate) fn seen(device: Device, wish: &Wish) -> Device {
    match wish {
        Wish::Cards(Wanted { only: Some(_), .. }) => Device::Cuda(Some(0)),
        _ => device,
    }
}

impl Asking<'_> {
    fn wish(&self) -> Result<Wish, EngineError> {
        let Resources { device, gpu, gpu_memory, .. } = self.resources;
        if self.computes && *device == Device::Wgpu && !self.backends.wgpu {
            return Err(self.not_built("Vulkan or Metal", "wgpu"));
        }
        let memory = gpu_memory.map(Bytes::get);
        let one = |part| {
            let only = if let Device::Cuda(place) = *device { place } else { None };
            Wanted { count: 1, part, memory, only }
        };
        // What it says it wants, it must get; a card that nobody asked for is only offered.
        let is_asked = matches!(device, Device::Cuda(_)) || gpu.is_some();
        let wanted = match gpu.map(Asked::hundredths) {
            Some(0) => return Ok(Wish::Nothing),
            Some(hundredths) => Wanted {
                count: (hundredths / WHOLE).max(1) as usize,
                part: Part::Hundredths(hundredths.min(WHOLE)),
                memory,
                only: None,
            },
            None if *device == Device::Cpu => return Ok(Wish::Nothing),
            None if self.computes => match device {
                Device::Auto if self.backends.cuda != Cuda::Built => return Ok(Wish::Whatever),
                // It takes the processor; what it may not use it should not see either.
                Device::Auto if self.cards.usable.is_empty() && self.cards.missing.is_none() => {
                    return Ok(Wish::Nothing);
                }
                Device::Wgpu => return Ok(Wish::Whatever),
                _ => one(memory.map_or(Part::Hundredths(WHOLE), |_| Part::OfMemory)),
            },
            None if memory.is_some() => one(Part::OfMemory),
            None => return Ok(Wish::Whatever),
        };
        if self.computes && is_asked && self.backends.cuda == Cuda::NotBuilt {
            return Err(self.not_built("CUDA", "cuda"));
        }
        self.is_there(&wanted)?;
        match &self.backends.cuda {
            Cuda::Lacks(what) if self.computes && is_asked => {
                let (stage, asks, what) = (self.stage.to_owned(), self.asks(), what.clone());
                Err(EngineError::CudaLacks { stage, asks, what })
            }
            _ => Ok(Wish::Cards(wanted)),
        }
    }

    /// What it asks for, in words: `device `cuda``, `0.5 GPU`.
    fn asks(&self) -> String {
        match (self.resources.device, self.resources.gpu) {
            (Device::Auto, Some(gpu)) => format!("{} GPU", f64::from(gpu)),
            (device, _) => format!("device `{device}`"),
        }
    }

    fn not_built(&self, kind: &'static str, feature: &'static str) -> EngineError {
        EngineError::NotBuilt { stage: self.stage.to_owned(), asks: self.asks(), kind, feature }
    }

    /// Whether the machine has as much.
    fn is_there(&self, wanted: &Wanted) -> Result<(), EngineError> {
        if let Some(missing) = &self.cards.missing {
            return Err(missing.clone().into());
        }
        let (stage, there) = (self.stage.to_owned(), self.cards.usable.len());
        if let Some(place) = wanted.only.filter(|place| *place >= there && there > 0) {
            let device = Device::Cuda(Some(place));
            return Err(EngineError::NoDevice { stage, device, there });
        }
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
        let backends = Backends { cuda: cuda.clone(), wgpu: *cuda == Cuda::Built };
        let resources: Resources = serde_json::from_str(json).expect("resources");
        let card = |id: usize| Card { id: id.to_string(), memory: Some(80 << 30), ..Card::default() };
        let cards = Cards::some((0..cards).map(card).collect());
        Asking { stage: "train", resources: &resources, computes, cards: &cards, backends: &backends }.wish()
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
        check(
            r#"{"gpu_memory": "90GiB"}"#,
            Err("`train` asks for 90 GiB of GPU memory on one card, and there are card 0 (80 GiB), card 1 (80 GiB)"),
        );
        check(
            r#"{"gpu": 3}"#,
            Err("`train` asks for 3 GPU and 2 may be used: this machine has card 0 (80 GiB) and card 1 (80 GiB)"),
        );
        let refused =
            |json, cards, cuda: &Cuda| asked(json, true, cards, cuda).expect_err("it cannot be had").to_string();
        let lacks = Cuda::Lacks("no NVRTC".to_owned());
        // A card is what is missed first: what compiles for it helps nobody without.
        for cuda in [&Cuda::Built, &lacks] {
            let none = refused(r#"{"device": "cuda"}"#, 0, cuda);
            let start = "`train` asks for 1 GPU and 0 may be used: no NVIDIA driver tells of a card";
            assert!(none.starts_with(start), "{none}");
        }
        assert_eq!(
            refused(r#"{"device": "cuda"}"#, 2, &lacks),
            "`train` asks for device `cuda`, and this machine lacks what it needs: no NVRTC"
        );
        let half = r#"{"gpu": 0.5}"#;
        assert_eq!(
            refused(half, 2, &lacks),
            "`train` asks for 0.5 GPU, and this machine lacks what it needs: no NVRTC"
        );
        for (json, asks, kind) in [
            (r#"{"device": "cuda"}"#, "device `cuda`", "CUDA"),
            (half, "0.5 GPU", "CUDA"),
            (r#"{"device": "wgpu"}"#, "device `wgpu`", "Vulkan or Metal"),
        ] {
            let refused = refused(json, 2, &Cuda::NotBuilt);
            let start = format!("`train` asks for {asks}, and this pipe was built without {kind}; ");
            assert!(refused.starts_with(&start), "{refused}");
        }
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
