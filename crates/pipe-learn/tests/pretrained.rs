//! First weights from files: small ones as public code writes large ones, with what comes out of a network in PyTorch; and names.

use std::path::{Path, PathBuf};

use pipe_learn::pretrained::{Form, renamed};
use pipe_learn::{NETWORKS, NameMap, NetworkConfig, Part, PretrainedError, pretrained, probe_with};
use serde::Deserialize;

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference")
}

#[derive(Deserialize)]
struct Case {
    file: String,
    network: serde_json::Value,
    weights: Choice,
    input: Vec<usize>,
    output_shape: Vec<usize>,
    mean: f64,
    std: f64,
    min: f64,
    max: f64,
    samples: Vec<f64>,
    last: f64,
    stored: Stored,
    names: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Choice {
    part: Part,
    map: String,
}

#[derive(Deserialize)]
struct Stored {
    prefix: String,
}

impl Choice {
    fn map(&self) -> NameMap {
        match self.map.as_str() {
            "ours" => NameMap::Pipe,
            name => serde_json::from_value(name.into()).expect("a known map"),
        }
    }
}

fn cases() -> Vec<Case> {
    let text = std::fs::read(reference().join("weights.json")).expect("the reference values are there");
    serde_json::from_slice(&text).expect("the reference values have their form")
}

#[test]
fn outputs_are_those_of_pytorch() {
    let cases = cases();
    assert!(cases.len() >= 16);
    let mut compared = 0;
    for case in cases {
        // Settings name exactly one network; cases of one that this build does not have are left out.
        let name = case.network.as_object().and_then(|network| network.keys().next()).expect("a network has a name");
        if !NETWORKS.iter().any(|kind| kind.name == name) {
            continue;
        }
        compared += 1;
        let config: NetworkConfig = serde_json::from_value(case.network.clone()).expect("the settings are right");
        let what = format!("{} in {}", case.file, case.network);
        let path = reference().join("weights").join(&case.file);
        let first = pretrained(&path, case.weights.map(), case.weights.part, &config)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let mut expected: Vec<&str> = case.names.iter().map(|(_, ours)| ours.as_str()).collect();
        expected.sort_unstable();
        assert_eq!(first.arrays.keys().map(String::as_str).collect::<Vec<_>>(), expected, "{what}");
        let found = probe_with(&config, &case.input, &first).expect("the input fits");
        assert_eq!(found.output_shape, case.output_shape, "{what}");
        let numbers = |mean: f64, std: f64, min: f64, max: f64, samples: &[f64], last: f64| {
            [&[mean, std, min, max, last], samples].concat()
        };
        let expected = numbers(case.mean, case.std, case.min, case.max, &case.samples, case.last);
        let found = numbers(found.mean, found.std, found.min, found.max, &found.samples, found.last);
        for (found, expected) in found.iter().zip(&expected) {
            let error = (found - expected).abs();
            assert!(error < 1e-4 * case.std, "{what}: {found} against {expected}, {error:e} of {}", case.std);
        }
    }
    assert!(compared >= 2);
}

#[test]
fn every_name_of_a_file_has_its_place() {
    for case in cases() {
        let map = case.weights.map();
        let bare: Vec<&str> = case.names.iter().map(|(theirs, _)| &theirs[case.stored.prefix.len()..]).collect();
        let form = Form::of(map, bare.iter().copied());
        for (theirs, (_, ours)) in bare.iter().zip(&case.names) {
            assert_eq!(renamed(map, &form, theirs).as_ref(), Some(ours), "{}", case.file);
        }
    }
}

#[derive(Deserialize)]
struct Names {
    map: NameMap,
    network: String,
    names: Vec<(String, String)>,
}

#[test]
fn every_name_of_a_library_has_its_place() {
    let text = std::fs::read(reference().join("names.json")).expect("the names are there");
    let lists: Vec<Names> = serde_json::from_slice(&text).expect("the names have their form");
    assert_eq!(lists.len(), 8);
    for Names { map, network, names } in lists {
        let form = Form::of(map, names.iter().map(|(theirs, _)| theirs.as_str()));
        for (theirs, ours) in &names {
            assert_eq!(renamed(map, &form, theirs).as_ref(), Some(ours), "{map} {network}");
        }
        assert_eq!(
            renamed(map, &form, "blocks.0.77.conv_of_nothing.weight").filter(|name| name.contains("_blocks")),
            None
        );
    }
}

fn config(text: &str) -> NetworkConfig {
    serde_json::from_str(text).expect("the settings are right")
}

#[test]
fn files_of_other_networks_say_so() {
    let network = config(r#"{"nnunet": {"widths": [4, 6, 8]}}"#);
    let path = reference().join("weights/torchvision_resnet18.pth");
    let error = pretrained(&path, NameMap::Torchvision, Part::Encoder, &network).expect_err("another network");
    let PretrainedError::Mismatch { hint, problems, .. } = &error else { panic!("{error}") };
    assert_eq!(
        hint.as_deref(),
        Some(
            "the file looks like resnet18 of width 3 by smp, torchvision or timm, the network's encoder is network of nnU-Net"
        )
    );
    // All at once: each array of the one and each of the other.
    let text = error.to_string();
    assert!(problems.len() > 120, "{}", problems.len());
    assert!(text.contains("\n  surplus: `layer4.1.conv2.weight` [24, 24, 3, 3]"), "{text}");
    assert!(text.contains("\n  missing: `encoder.stages.0.0.convs.0.conv.weight` [4, 1, 3, 3]"), "{text}");
    assert!(!text.contains("fc.weight"), "{text}");

    let wide = config(r#"{"nnunet": {"widths": [4, 6, 10], "out_channels": 3}}"#);
    let path = reference().join("weights/nnunet_checkpoint.pth");
    let error = pretrained(&path, NameMap::Nnunet, Part::Encoder, &wide).expect_err("another width");
    let text = error.to_string();
    let shape =
        "\n  shape: `encoder.stages.2.0.convs.0.conv.weight` is [8, 6, 3, 3] in the file, [10, 6, 3, 3] in the network";
    assert!(text.contains(shape), "{text}");
    assert!(!text.contains("missing") && !text.contains("surplus") && !text.contains("stages.1."), "{text}");

    let timm = reference().join("weights/timm_efficientnet_b0.safetensors");
    let error = pretrained(&timm, NameMap::Timm, Part::All, &network).expect_err("an encoder is no network");
    assert!(error.to_string().contains("say `part: encoder`"), "{error}");
}

#[test]
fn a_summary_tells_what_stays() {
    let network = config(r#"{"unet": {"in_channels": 2, "out_channels": 3, "width": 6, "depth": 2}}"#);
    let path = reference().join("weights/unet.safetensors");
    let first = pretrained(&path, NameMap::Pipe, Part::Encoder, &network).expect("it fits");
    assert!(first.arrays.keys().all(|name| name.starts_with("encoder.")), "{:?}", first.arrays.keys());
    assert!(first.summary().contains("start at first values: "), "{}", first.summary());
    let whole = pretrained(&path, NameMap::Pipe, Part::All, &network).expect("it fits");
    assert_eq!(whole.summary(), format!("{0} of {0} arrays come from the file of weights", whole.arrays.len()));
    let gray = config(r#"{"unet": {"in_channels": 1, "out_channels": 3, "width": 6, "depth": 2}}"#);
    let error =
        pretrained(&path, NameMap::Pipe, Part::All, &gray).expect_err("two channels are neither gray nor colour");
    assert!(error.to_string().contains("shape: `encoder.0.conv1.weight`"), "{error}");
}
