//! Numbers recomputed by somebody else, and networks held against reference values.
//!
//! The independent recomputation is `tests/recompute_dice.py`, which shares no code with `pipe`.

use std::{path::Path, process::Command};

use serde_json::Value;

use crate::harness::{TINY, Workspace};

fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests").join(name)
}

/// The interpreter with the pinned packages, which `tests/setup` installs.
fn python() -> Option<std::path::PathBuf> {
    let python = std::env::var_os("PIPE_VENV").map(|venv| Path::new(&venv).join("bin/python"));
    let python = python.filter(|path| path.exists());
    if python.is_none() {
        eprintln!("skipped: PIPE_VENV names no Python; `tests/run` sets it up");
    }
    python
}

#[test]
fn dice_recomputed_from_the_prediction_files_equals_the_report() {
    let Some(python) = python() else { return };
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    workspace.run(&["tiny.yaml"]);
    let report = workspace.pipe(&["report", "tiny.yaml", "--format", "json"]).json();
    let status = workspace.pipe(&["status", "tiny.yaml", "--format", "json"]).json();
    workspace.write("report.json", report.to_string()).write("status.json", status.to_string());
    let output = Command::new(python)
        .arg(script("recompute_dice.py"))
        .args([workspace.path("report.json"), workspace.path("status.json"), workspace.path("runs")])
        .output()
        .expect("python starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("6 cases equal"), "{text}");
}

#[track_caller]
fn probe(yaml: &str, input: &str, params: u64, output_shape: &[u64], mean: f64, std: f64, samples: &[f64], last: f64) {
    let workspace = Workspace::new();
    workspace.write("net.yaml", yaml);
    let answer = workspace.pipe(&["network", "probe", "net.yaml", "--input", input]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let json = answer.json();
    assert_eq!(json["params"], params);
    assert_eq!(json["output_shape"], serde_json::json!(output_shape));
    let close = |name: &str, found: &Value, wanted: f64| {
        let found = found.as_f64().expect("a number");
        assert!((found - wanted).abs() <= 2e-4 * std, "{name}: {found} is not {wanted}");
    };
    close("mean", &json["mean"], mean);
    close("std", &json["std"], std);
    close("last", &json["last"], last);
    for (position, wanted) in samples.iter().enumerate() {
        close("sample", &json["samples"][position], *wanted);
    }
}

#[test]
fn svsnet_as_in_the_port() {
    probe(
        "network: { svsnet: { bias: false, epsilon: 1e-5, label: last } }\n",
        "1,1,4,64,64",
        10_187_345,
        &[1, 1, 64, 64],
        0.775_371_345_226,
        0.392_849_988_999,
        &[0.000_184_278_570, 1.0, 1.0, 1.0, 1.0, 1.0, 0.999_999_265, 0.995_867_200_255],
        0.887_187_105_452,
    );
}

#[test]
fn svsnet_as_in_the_figure() {
    probe(
        "network: { svsnet: { bias: false, epsilon: 1e-5, label: last, skip_attention: false } }\n",
        "1,1,4,64,64",
        10_055_761,
        &[1, 1, 64, 64],
        0.737_026_831_812,
        0.422_465_344_247,
        &[0.604_426_696_454, 1.0, 1.0, 0.999_953_546_688_5, 1.0, 1.0, 1.0, 0.999_871_524],
        0.841_609_225_064,
    );
}

#[test]
fn unet_64_with_batch_norm() {
    probe(
        "network: { unet: { in_channels: 3, out_channels: 1, width: 64, depth: 4, norm: batch } }\n",
        "1,3,64,64",
        31_043_521,
        &[1, 1, 64, 64],
        -0.550_215_690_438,
        1.273_903_630_563,
        &[
            -0.045_594_704_002,
            -1.072_688_011_239,
            -0.559_311_232_037,
            -1.097_995_616_811,
            -1.141_375_397_657,
            -1.651_062_477_982,
            -1.016_365_279_845,
            -0.715_325_550_073,
        ],
        -0.488_754_506_302,
    );
}
