//! `pipe network check` and `pipe network time`: a network on a device, held against the CPU, and how fast it is.
//!
//! The device of the default tests is the CPU, so that nothing may differ and no time says anything.

use serde_json::Value;

use crate::harness::Workspace;

#[test]
fn a_network_on_the_cpu_is_as_on_the_cpu() {
    let workspace = Workspace::new();
    let sides = ["--input", "2,1,32,32", "--steps", "3"];
    let arguments = [&["network", "check", "unet", "--device", "cpu", "--format", "json"], sides.as_slice()].concat();
    let answer = workspace.pipe(&arguments);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let json = answer.json();
    assert_eq!((&json["holds"], &json["device"]), (&Value::Bool(true), &Value::from("cpu")), "{json}");
    let parity = &json["networks"][0]["parity"];
    let figures = parity["figures"].as_array().expect("figures");
    assert_eq!(figures.len(), 7, "{json}");
    assert!(figures.iter().all(|figure| figure["error"] == 0.0), "{json}");

    let text = workspace.pipe(&[&["network", "check", "unet", "--device", "cpu"], sides.as_slice()].concat());
    assert!(
        text.stdout.contains("gradients") && text.stdout.ends_with("as near to the CPU as it must be\n"),
        "{}",
        text.stdout
    );
}

#[test]
fn a_file_is_taken_as_it_is() {
    let workspace = Workspace::new();
    workspace.write("net.yaml", "network: { encoder_decoder: { widths: [2, 3], aspp_width: 2, rates: [1] } }\n");
    let sgd = ["--training", "{loss: {binary_cross_entropy: {}}, optimizer: {sgd: {}}}", "--steps", "2"];
    let base = ["network", "check", "net.yaml", "--device", "cpu", "--input", "2,1,16,16", "--format", "json"];
    let json = workspace.pipe(&[base.as_slice(), &sgd].concat()).json();
    assert_eq!(json["networks"][0]["network"], "encoder_decoder", "{json}");
    assert_eq!(json["holds"], true, "{json}");
}

#[test]
fn times_have_their_figures() {
    let workspace = Workspace::new();
    workspace.write("net.yaml", "network: { unet: { width: 2, depth: 1 } }\n");
    let what = ["network", "time", "net.yaml", "--input", "2,1,16,16", "--device", "cpu"];
    let how = ["--steps", "2", "--rounds", "3", "--warm-up", "1", "--predictions", "2"];
    let answer = workspace.pipe(&[what.as_slice(), &how, &["--format", "json"]].concat());
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let json = answer.json();
    let timing = &json["timing"];
    assert_eq!(timing["input"], serde_json::json!([2, 1, 1, 16, 16]));
    for (key, count) in [("step", 3), ("waited", 3), ("batches_predicted", 2), ("images_predicted", 2)] {
        let values = timing[key].as_array().unwrap_or_else(|| panic!("no {key}: {json}"));
        assert_eq!(values.len(), count, "{key}: {json}");
        assert!(values.iter().all(|value| value.as_f64().is_some_and(|value| value >= 0.0)), "{key}: {json}");
    }
    let waited = timing["waited"].as_array().into_iter().flatten().filter_map(Value::as_f64);
    assert!(waited.into_iter().all(|share| share <= 1.0), "{json}");
    let spread = &json["spread"]["step_ms"];
    let [least, median, most] = ["least", "median", "most"].map(|key| spread[key].as_f64().expect("a number"));
    assert!(0.0 < least && least <= median && median <= most, "{spread}");
    assert!(json["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{json}");
    assert_eq!(json["busy"], serde_json::json!([]), "there is no card");

    let text = workspace.pipe(&[what.as_slice(), &how].concat()).stdout;
    for words in ["step, ms", "waiting for data, %", "of start-up"] {
        assert!(text.contains(words), "no `{words}` in\n{text}");
    }
}

#[test]
fn what_cannot_be_tried_is_refused() {
    let workspace = Workspace::new();
    workspace.write("net.yaml", "network: { unet: { width: 2, depth: 1 } }\n");
    let check = |arguments: &[&str], code: i32, says: &[&str]| {
        workspace.pipe(&[&["network"], arguments].concat()).fails(code, says);
    };
    let input = ["--input", "2,1,16,16"];
    let time = |more: &[&'static str]| [&["time", "net.yaml"], input.as_slice(), more].concat();
    check(&["check", "unett"], 2, &["`unett` is neither a network nor a file", "did you mean `unet`"]);
    check(&["check", "unet", "--input", "2,3,32,32"], 2, &["channels", "in_channels"]);
    check(&["check", "unet", "--steps", "0"], 2, &["--steps"]);
    check(&["time", "net.yaml"], 2, &["--input"]);
    check(&["time", "net.yaml", "--input", "2,1,16"], 2, &["16"]);
    check(&["time", "net.yaml", "--input", "0,1,16,16"], 2, &["0"]);
    check(&["time", "net.yaml", "--input", "abc"], 2, &["--input", "8,1,512,512"]);
    check(&["time", "net.yaml", "--input", "1,1,65536,65536"], 2, &["`--input`", "needs about", "this machine has"]);
    check(&time(&["--device", "gpu"]), 2, &["--device", "`gpu` is no device", "`cuda:N`"]);
    check(&time(&["--device", "cuda"]), 3, &["this build has no CUDA", "tools/build cuda"]);
    check(&time(&["--precision", "tf23"]), 2, &["`--precision`", "tf23", "did you mean `tf32`"]);
    check(&time(&["--steps", "0"]), 2, &["--steps"]);
    check(&time(&["--rounds", "0"]), 2, &["--rounds"]);
    check(&time(&["--training", "{optimiser: {}}"]), 2, &["`--training`", "optimiser"]);
    check(&time(&["--training", "adam"]), 2, &["--training", "keys and values"]);
    check(&time(&["--training", "{loss: {cross_entropy: {}}}"]), 2, &["`--training`", "at least 2 maps"]);
}

#[test]
fn what_the_bench_times_is_what_pytorch_builds_there() {
    // Parameters of the networks of `tests/bench/gpu/networks.py`.
    let expected = [
        ("unet", 31_036_481),
        ("unet-small", 7_762_465),
        ("svsnet", 10_190_873),
        ("deeplab", 4_377_937),
        ("nnunet", 31_194_789),
    ];
    let systems = include_str!("bench/gpu/systems.txt");
    let lines: Vec<Vec<&str>> =
        systems.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(" | ").collect()).collect();
    assert_eq!(lines.iter().map(|line| line[0]).collect::<Vec<_>>(), expected.map(|(name, _)| name));
    let workspace = Workspace::new();
    for (line, (name, count)) in lines.iter().zip(expected) {
        workspace.write("net.yaml", format!("network: {}\n", line[2]));
        let shown = workspace.pipe(&["network", "show", "net.yaml", "--input", line[5], "--format", "json"]).json();
        assert_eq!(shown["params"], count, "{name}");
    }
}
