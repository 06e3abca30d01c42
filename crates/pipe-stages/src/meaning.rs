//! What a failure on a card means: the card is lost, or its memory was too small, and which batch would fit.
//!
//! Does not run anything. It reads the words of CubeCL, Burn's GPU runtime, which panics with them.

use pipe_engine::{Card, Cards, Context, DueTo, StageFailure};
use pipe_image::Pack;
use pipe_learn::{Memory, footprint};
use pipe_spec::{Bytes, Gpus};

use crate::{
    selection::{Selection, position},
    train::TrainWith,
};

/// What is said of a device that is lost, in small letters: CubeCL's errors, CUDA's names for faults after which a context is of no
/// use (`poisons_device` of cubecl-cuda 0.11.3), what drivers say, and Vulkan's name for it.
const LOST: &[&str] = &[
    "device is poisoned",
    "device was poisoned",
    "devicepoisoned",
    "cuda_error_ecc_uncorrectable",
    "cuda_error_illegal_address",
    "cuda_error_launch_timeout",
    "cuda_error_launch_failed",
    "cuda_error_hardware_stack_error",
    "cuda_error_contained",
    "cuda_error_external_device",
    "cuda_error_device_unavailable",
    "unspecified launch failure",
    "uncorrectable ecc error",
    "device_lost",
    "device lost",
    "devicelost",
    "device is lost",
    "gpu is lost",
    "fallen off the bus",
];

/// The same faults by number, as CubeCL writes them: `cuEventSynchronize failed with status 719`.
const LOST_STATUS: &[u32] = &[46, 214, 700, 702, 714, 719, 721, 911];

/// What is said of memory that a device does not have, in small letters.
const TOO_LARGE: &[&str] = &[
    "out of device memory",
    "an out-of-memory error happened",
    "can't allocate buffer of size",
    "every page size the memory tracks still holds live allocations",
    "couldn't map storage for a deferred allocation",
    "cuda_error_out_of_memory",
    "outofmemory",
    "buffertoobig",
    "not enough memory left",
];

/// Part of a card's memory that a training may take: the driver, compiled kernels and the gaps between arrays take the rest.
const USABLE: f64 = 0.9;

/// Whether an error's words say that the device is lost.
pub fn lost_device(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let status = |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|number| number.parse().ok());
    let mut numbers = text.split("failed with status ").skip(1).filter_map(status);
    LOST.iter().any(|words| text.contains(words)) || numbers.any(|number| LOST_STATUS.contains(&number))
}

/// Whether an error's words say that the device has too little memory.
pub fn out_of_memory(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    TOO_LARGE.iter().any(|words| text.contains(words))
        || text.contains("failed with status 2\n")
        || text.ends_with("failed with status 2")
}

/// A failure, with what it means in front.
pub(crate) fn meaning(failure: StageFailure, context: &Context, training: Option<&TrainWith>) -> StageFailure {
    if failure.due_to == DueTo::LostDevice {
        return failure;
    }
    let StageFailure { mut chain, .. } = failure;
    let text = chain.join("\n");
    if lost_device(&text) {
        return StageFailure::lost_device(chain);
    }
    if out_of_memory(&text) {
        let cards = Cards::of_machine(None).map(|cards| cards.usable).unwrap_or_default();
        let card = cards.first().cloned().unwrap_or_default();
        let fits = training.and_then(|with| Some((with.training.batch, needed(with, context)?)));
        chain.insert(0, too_large(&card, share(&card, context), fits));
    }
    StageFailure::because(chain)
}

/// The bytes of a card that a stage may take.
fn share(card: &Card, context: &Context) -> Option<u64> {
    let resources = context.resources();
    let part = f64::from(resources.gpu.map_or(100, Gpus::hundredths).min(100)) / 100.0;
    let of_card = card.memory.map(|memory| (memory as f64 * part) as u64);
    resources.gpu_memory.map(Bytes::get).or(of_card)
}

/// The memory of a training, by the sizes of its first case. What is not on the card is not counted.
fn needed(with: &TrainWith, context: &Context) -> Option<Memory> {
    let pack = Pack::open(context.input("dataset")).ok()?;
    let selection = Selection::read(context.input("training")).ok()?;
    let entry = &pack.entries()[position(&pack, selection.train.first()?).ok()?];
    let whole = [entry.frames.max(entry.depth), entry.height, entry.width];
    let [frames, height, width] = with.training.sampling.seen(whole);
    let footprint = footprint(&with.network, entry.channels, frames).ok()?;
    Some(footprint.memory([entry.channels, frames, height, width], &with.training, 0))
}

/// `card 0 (NVIDIA H200, 140.4 GiB) is out of memory with batch 64; batch 40 would fit (estimated 120 GiB)`.
fn too_large(card: &Card, has: Option<u64>, training: Option<(usize, Memory)>) -> String {
    let smaller = "take smaller images, a `patch`, or a narrower network";
    let card = if card.id.is_empty() { "the device".to_owned() } else { card.to_string() };
    let Some((batch, memory)) = training else {
        return format!("{card} is out of memory; {smaller}");
    };
    let about = |batch: usize| Bytes::new(memory.of(batch));
    let fits = has.map(|has| memory.largest_batch((has as f64 * USABLE) as u64));
    let advice = match fits {
        // It did not fit, so the estimate is too low, or others use the card too; nobody knows how much is left.
        Some(Some(most)) if most >= batch && batch > 1 => {
            format!(
                "estimated {}, which is too low, or other programs use it too; try batch {}",
                about(batch),
                batch / 2
            )
        }
        Some(Some(most)) if most >= batch => {
            format!("estimated {}, which is too low, or other programs use it too; {smaller}", about(batch))
        }
        Some(Some(most)) => format!("batch {most} would fit (estimated {})", about(most)),
        Some(None) => format!("even batch 1 would not fit (estimated {}); {smaller}", about(1)),
        None if batch > 1 => format!("it needs about {}; try batch {}", about(batch), batch / 2),
        None => format!("it needs about {}; {smaller}", about(batch)),
    };
    format!("{card} is out of memory with batch {batch}; {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_lost_devices() {
        for lost in [
            "An error happened: The device is poisoned\nCaused by:\n  cuEventSynchronize failed with status 719",
            "cuStreamSynchronize failed with status 700",
            "DriverError(CUDA_ERROR_ECC_UNCORRECTABLE, \"uncorrectable ECC error encountered\")",
            "CUDA_ERROR_LAUNCH_TIMEOUT",
            "unspecified launch failure",
            "VK_ERROR_DEVICE_LOST",
        ] {
            assert!(lost_device(lost) && !out_of_memory(lost), "{lost}");
        }
        for other in ["cuMemcpy failed with status 1", "loss is not finite", "cuMemAllocAsync failed with status 2"] {
            assert!(!lost_device(other), "{other}");
        }
    }

    #[test]
    fn words_of_too_little_memory() {
        for large in [
            "out of device memory allocating 4294967296 bytes\nBacktrace",
            "can't allocate buffer of size: 4294967296",
            "called `Result::unwrap()` on an `Err` value: Io(OutOfMemory { size: 64 })",
            "cuMemAllocAsync failed with status 2",
        ] {
            assert!(out_of_memory(large) && !lost_device(large), "{large}");
        }
        assert!(!out_of_memory("cuMemAllocAsync failed with status 201"));
    }

    #[track_caller]
    fn check(batch: usize, has: Option<u64>, expected: &str) {
        let memory = Memory { fixed: 1 << 30, least: 0, each: 2 << 30 };
        let card = Card {
            id: "0".to_owned(),
            name: Some("NVIDIA H200".to_owned()),
            memory: Some(139 << 30),
            ..Card::default()
        };
        let has = has.map(|gibibytes| gibibytes << 30);
        assert_eq!(
            too_large(&card, has, Some((batch, memory))),
            format!("card 0 (NVIDIA H200, 139 GiB) is {expected}")
        );
    }

    #[test]
    fn which_batch_would_fit() {
        check(80, Some(139), "out of memory with batch 80; batch 62 would fit (estimated 125 GiB)");
        check(80, Some(64), "out of memory with batch 80; batch 28 would fit (estimated 57 GiB)");
        check(
            8,
            Some(139),
            "out of memory with batch 8; estimated 17 GiB, which is too low, or other programs use it too; try batch 4",
        );
        check(
            4,
            Some(2),
            "out of memory with batch 4; even batch 1 would not fit (estimated 3 GiB); take smaller images, a `patch`, or a narrower \
             network",
        );
        check(8, None, "out of memory with batch 8; it needs about 17 GiB; try batch 4");
    }
}
