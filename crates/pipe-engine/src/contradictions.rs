//! What a stage's `resources` ask of devices and no machine can give; said while planning.
//!
//! Does not know any machine.

use pipe_spec::{Device, Problem, Resources, StageSpec};

use crate::gpus::WHOLE;

/// The contradiction in what a stage asks for, at its place in the experiment.
pub(crate) fn contradiction(stage: &StageSpec, computes: bool) -> Option<Problem> {
    let (key, what, remedy) = found(&stage.resources, computes)?;
    let path = format!("stages.{}.resources.{key}", stage.stage);
    let message = format!("`{}` asks for {what}", stage.stage);
    Some(Problem::new("pipe::plan::device", Some(stage.span), message).at(path).label(remedy))
}

/// The key that is wrong, what is asked for, and what to write instead.
fn found(resources: &Resources, computes: bool) -> Option<(&'static str, String, String)> {
    let Resources { device, gpu, gpu_memory, .. } = resources;
    let device = *device;
    let count = gpu.map(|gpu| gpu.hundredths().div_ceil(WHOLE));
    let cards = || gpu.map(|gpu| format!("{} GPU", f64::from(gpu)));
    let wants_cards = count.is_some_and(|count| count > 0) || gpu_memory.is_some();
    let key = if count.is_some_and(|count| count > 0) { "gpu" } else { "gpu_memory" };
    let what = || cards().filter(|_| key == "gpu").unwrap_or_else(|| "GPU memory".to_owned());
    match (device, count) {
        (_, Some(0)) if gpu_memory.is_some() => Some((
            "gpu_memory",
            "GPU memory and for no GPU".to_owned(),
            "leave one of `gpu` and `gpu_memory` out".into(),
        )),
        (Device::Cuda(_), Some(0)) => {
            Some(("gpu", format!("device `{device}` and for no GPU"), "leave `gpu: 0` out".to_owned()))
        }
        (Device::Cuda(_) | Device::Wgpu, _) if !computes => Some((
            "device",
            format!("device `{device}`, and does not compute on one itself"),
            "a program of yours gets cards by `gpu: 1`".to_owned(),
        )),
        (Device::Cpu, _) if wants_cards => {
            Some((key, format!("device `cpu` and for {}", what()), format!("leave `device` or `{key}` out")))
        }
        // CUDA_VISIBLE_DEVICES, by which cards are given out, hides nothing from Vulkan.
        (Device::Wgpu, _) if wants_cards => Some((
            key,
            format!("device `wgpu` and for {}, which is given out on NVIDIA's cards alone", what()),
            format!("leave `{key}` out; `pools: {{ gpu: 1 }}` lets one such stage run at a time"),
        )),
        (Device::Cuda(Some(place)), Some(count)) if place >= count as usize => Some((
            "device",
            format!("device `{device}`, and gets {} GPU", f64::from((*gpu)?)),
            format!("its GPUs are counted from `cuda:0`; leave `gpu` out to mean card {place} of all"),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, computes: bool, expected: Option<(&str, &str)>) {
        let resources: Resources = serde_json::from_str(json).expect("resources");
        let found = found(&resources, computes);
        assert_eq!(found.as_ref().map(|(key, what, _)| (*key, what.as_str())), expected, "{json}");
    }

    #[test]
    fn what_no_machine_can_give() {
        check(r#"{"gpu": 0, "gpu_memory": "1GiB"}"#, true, Some(("gpu_memory", "GPU memory and for no GPU")));
        check(r#"{"device": "cuda", "gpu": 0}"#, true, Some(("gpu", "device `cuda` and for no GPU")));
        check(r#"{"device": "cpu", "gpu": 2}"#, true, Some(("gpu", "device `cpu` and for 2 GPU")));
        check(
            r#"{"device": "cpu", "gpu_memory": "1GiB"}"#,
            false,
            Some(("gpu_memory", "device `cpu` and for GPU memory")),
        );
        check(r#"{"device": "cuda:1", "gpu": 1}"#, true, Some(("device", "device `cuda:1`, and gets 1 GPU")));
        check(r#"{"device": "cuda:1", "gpu": 0.5}"#, true, Some(("device", "device `cuda:1`, and gets 0.5 GPU")));
        check(r#"{"device": "cuda"}"#, false, Some(("device", "device `cuda`, and does not compute on one itself")));
        check(
            r#"{"device": "wgpu", "gpu": 1}"#,
            true,
            Some(("gpu", "device `wgpu` and for 1 GPU, which is given out on NVIDIA's cards alone")),
        );
    }

    #[test]
    fn what_some_machine_can_give() {
        for json in [
            "{}",
            r#"{"gpu": 0}"#,
            r#"{"device": "cpu", "gpu": 0}"#,
            r#"{"device": "cuda:1"}"#,
            r#"{"device": "cuda:1", "gpu": 2}"#,
            r#"{"device": "cuda", "gpu": 0.5, "gpu_memory": "10GiB"}"#,
            r#"{"device": "wgpu"}"#,
            r#"{"gpu_memory": "10GiB"}"#,
        ] {
            check(json, true, None);
        }
        check(r#"{"device": "cpu"}"#, false, None);
        check(r#"{"gpu": 2}"#, false, None);
    }
}
