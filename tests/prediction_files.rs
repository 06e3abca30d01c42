//! Predicted masks come back as files on the grids of their images: shapes, affines and distances as other programs read them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Workspace, counts};

/// Runs the script beside this file; nothing where there is no Python for it.
fn python(arguments: &[&Path]) -> Option<String> {
    let Some(venv) = std::env::var_os("PIPE_VENV") else {
        eprintln!("skipped: PIPE_VENV names no Python; `tests/run` sets it up");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/prediction_files.py");
    let output = Command::new(Path::new(&venv).join("bin/python")).arg(script).args(arguments).output();
    let output = output.expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("Python prints text"))
}

/// A workspace with made data, and an experiment about them.
fn workspace(data: &str, layout: &str, rest: &str) -> Option<Workspace> {
    let workspace = Workspace::new();
    python(&[Path::new("make"), &workspace.path("data")])?;
    let text = format!(
        "\
extends: pipelines/segmentation.yaml
axes: {{ fold: [0] }}
parameters: {{ folds: 3 }}
data:
  root: data/{data}
  layout:
    files:
{layout}
{rest}
stages:
  masks: {{ kind: masks, needs: predict, with: {{ probabilities: true }} }}
"
    );
    workspace.write("experiment.yaml", text);
    Some(workspace)
}

/// What others read from the masks of the first fold, and the folder they lie in.
fn written(workspace: &Workspace, root: &Path) -> (Vec<Value>, PathBuf) {
    let answer = workspace.pipe(&["run", "experiment.yaml", "masks"]);
    assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
    let answer = workspace.pipe(&["get", "experiment.yaml", "masks", "-o", "taken"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let folder = workspace.path("taken/masks/fold=0");
    let said = python(&[Path::new("compare"), root, &folder]).expect("Python was there before");
    (serde_json::from_str(&said).expect("the script prints JSON"), folder)
}

#[track_caller]
fn check_space(said: &[Value], files: usize) {
    assert_eq!(said.len(), files, "{said:#?}");
    for one in said {
        assert_eq!((&one["shape"], &one["type"]), (&true.into(), &"uint8".into()), "{one:#}");
        // Floats of 32 bits hold both; that of a quaternion is computed.
        let small = |key: &str| one[key].as_f64().is_some_and(|value| value <= 1e-4);
        assert!(small("affine") && small("zooms"), "{one:#}");
        // That of its source; the scanner's where the format has no codes.
        let space = one.get("space").cloned().unwrap_or_else(|| 1.into());
        assert_eq!(one["codes"], serde_json::json!([space, space]), "{one:#}");
    }
}

#[track_caller]
fn check_covers(said: &[Value]) {
    for one in said {
        assert!(one["dice"].as_f64().is_some_and(|dice| dice > 0.7), "a mask lies elsewhere: {one:#}");
    }
}

const NETWORK: &str = "  loss: { sum: [{ loss: { dice: {} } }, { loss: { binary_cross_entropy: {} } }] }
  optimizer: { adam: { learning_rate: 1e-2 } }";

/// A network for a slice between two, trained for seconds.
fn three_slices() -> String {
    format!(
        "network: {{ unet: {{ in_channels: 3, width: 4, depth: 2 }} }}\ntraining:\n  epochs: 12\n  batch: 4\n{NETWORK}"
    )
}

#[test]
fn slices_become_volumes_again() {
    let layout = "      images: [\"images/{patient}.nii.gz\"]
      masks: { files: { paths: [\"labels/{patient}.nii.gz\"] } }
      slices: true
      neighbours: { each_side: 1 }
  size: [24, 24]
  normalise: z_score";
    let rest = three_slices();
    let Some(workspace) = workspace("volumes", layout, &rest) else { return };
    let (said, folder) = written(&workspace, &workspace.path("data/volumes"));
    check_space(&said, 2);
    check_covers(&said);
    for one in &said {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        assert_eq!((text("slices"), text("predicted_slices")), ("8".to_owned(), "8".to_owned()), "{one:#}");
        assert_eq!(text("mask"), format!("{}.nii.gz", text("patient")));
        assert_eq!(
            (&one["probabilities"][0], &one["probabilities"][1], &one["same"]),
            (&"float32".into(), &3.into(), &true.into())
        );
    }
    // What was taken may be written into, and the store does not change with it.
    let mask = folder.join(said[0]["mask"].as_str().expect("a name"));
    std::fs::write(&mask, "mine").expect("an ordinary file");
    assert_eq!(workspace.pipe(&["cache", "verify"]).code, 0);
    let again = workspace.pipe(&["get", "experiment.yaml", "masks", "-o", "taken"]);
    again.fails(2, &["is there already"]);
    // Another affine of an image asks for its prediction anew, and for no training.
    python(&[Path::new("move"), &workspace.path("data")]).expect("Python was there before");
    let plan = workspace.pipe(&["plan", "experiment.yaml", "masks", "--format", "json"]).json();
    assert_eq!(workspace.run(&["experiment.yaml", "masks"]), counts(1, 4), "{plan:#}");
    std::fs::remove_dir_all(workspace.path("taken")).expect("ordinary files");
    let (said, _) = written(&workspace, &workspace.path("data/volumes"));
    check_space(&said, 2);
    check_covers(&said);
}

#[test]
fn volumes_stay_volumes() {
    let layout = "      images: [\"images/{patient}.nii.gz\"]
      masks: { files: { paths: [\"labels/{patient}.nii.gz\"] } }
  size: [16, 20]
  normalise: z_score";
    let network = "network: { nnunet: { dimensions: 3, widths: [4, 8], kernels: [[3, 3, 3], [3, 3, 3]], strides: [[1, 1, 1], [1, 2, 2]] } }";
    let rest = format!("{network}\ntraining:\n  epochs: 12\n  batch: 1\n{NETWORK}");
    let Some(workspace) = workspace("volumes", layout, &rest) else { return };
    let (said, _) = written(&workspace, &workspace.path("data/volumes"));
    check_space(&said, 2);
    check_covers(&said);
    for one in &said {
        // Background and foreground as fourth axis.
        assert_eq!((&one["probabilities"][1], &one["same"]), (&4.into(), &true.into()), "{one:#}");
    }
}

#[test]
fn dicom_series_get_volumes_where_they_lie() {
    let layout = "      images: [\"scans/{any}/{file}\"]
      stack: file
      headers: { patient: PatientID }
      case: \"{patient}\"
      geometry: turn
      masks: { files: { paths: [\"masks/{patient}.nii.gz\"] } }
      slices: true
      neighbours: { each_side: 1 }
  size: [24, 24]
  normalise: z_score";
    let rest = three_slices();
    let Some(workspace) = workspace("series", layout, &rest) else { return };
    let (said, _) = written(&workspace, &workspace.path("data/series"));
    check_space(&said, 2);
    check_covers(&said);
}

#[test]
fn a_mask_that_lies_elsewhere_is_a_problem() {
    let layout = "      images: [\"images/{patient}.nii.gz\"]
      masks: { files: { paths: [\"labels/{patient}.nii.gz\"] } }";
    let rest = format!("network: {{ unet: {{}} }}\ntraining:\n  epochs: 1\n  batch: 1\n{NETWORK}");
    let Some(workspace) = workspace("volumes", layout, &rest) else { return };
    assert_eq!(workspace.pipe(&["data", "check", "experiment.yaml"]).code, 0);
    python(&[Path::new("identity"), &workspace.path("data")]).expect("Python was there before");
    let words = "labels/p0.nii.gz: geometry differs: its voxels are 1 x 1 x 1 mm, expected 0.7 x 0.9 x 3.3, by images/p0.nii.gz; its \
                 affine is the identity";
    workspace.pipe(&["data", "check", "experiment.yaml"]).fails(1, &[words, "`geometry: ignore`"]);
    let ignored = ["data", "check", "experiment.yaml", "-s", "+data.layout.files.geometry=ignore", "--format", "json"];
    let answer = workspace.pipe(&ignored);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let cases = &answer.json()["cases"];
    // Odd ones are mirrored; all are turned by less than half a right angle.
    assert_eq!((&cases[0]["orientation"], &cases[1]["orientation"]), (&"RAS".into(), &"LAS".into()));
    let spacing: Vec<f64> = serde_json::from_value(cases[0]["spacing"].clone()).expect("three numbers");
    assert!(spacing.iter().zip([3.3, 0.9, 0.7]).all(|(found, told)| (found - told).abs() < 1e-6), "{spacing:?}");
}

#[test]
fn pictures_get_a_picture_a_class() {
    let layout = "      images: [\"images/{patient}.png\"]
      masks: { classes: { classes: [{ name: low, paths: [\"low/{patient}.png\"] }, { name: right, paths: [\"right/{patient}.png\"] }] } }
  size: [24, 32]";
    let rest = format!(
        "network: {{ unet: {{ width: 4, depth: 2, out_channels: 2 }} }}\ntraining:\n  head: sigmoid\n  epochs: 30\n  batch: 2\n{NETWORK}"
    );
    let Some(workspace) = workspace("pictures", layout, &rest) else { return };
    let (said, folder) = written(&workspace, &workspace.path("data/pictures"));
    assert_eq!(said.len(), 4, "two cases of two classes: {said:#?}");
    check_covers(&said);
    for one in &said {
        assert_eq!((&one["shape"], &one["type"]), (&true.into(), &"uint8".into()), "{one:#}");
        let name = format!("{}_{}.png", one["case"].as_str().unwrap_or(""), one["class"].as_str().unwrap_or(""));
        assert!(one["mask"] == name.as_str() && folder.join(&name).is_file(), "{one:#}");
    }
}

#[test]
fn real_data_affines_come_back() {
    let Some(root) = std::env::var_os("PIPE_TEST_DATA") else {
        eprintln!("skipped: PIPE_TEST_DATA is not set");
        return;
    };
    let from = PathBuf::from(root).join("msd/Task04_Hippocampus");
    let layout = "      images: [\"imagesTr/{case}.nii.gz\"]
      masks: { files: { paths: [\"labelsTr/{case}.nii.gz\"], encoding: { labels: { classes: 3 } } } }
      slices: true
  size: [16, 16]
  normalise: z_score";
    let rest = "network: { unet: { width: 2, depth: 1, out_channels: 3 } }
training: { epochs: 1, batch: 16, loss: { cross_entropy: {} }, optimizer: { adam: { learning_rate: 1e-2 } } }";
    let Some(workspace) = workspace("hippocampus", layout, rest) else { return };
    let mut names: Vec<_> = std::fs::read_dir(from.join("imagesTr"))
        .expect("the samples are there")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("plain names"))
        .filter(|name| name.starts_with("hippocampus"))
        .collect();
    names.sort();
    for name in names.iter().step_by(20) {
        for folder in ["imagesTr", "labelsTr"] {
            let file = std::fs::read(from.join(folder).join(name)).expect("the sample is there");
            workspace.write(&format!("data/hippocampus/{folder}/{name}"), file);
        }
    }
    let (said, _) = written(&workspace, &workspace.path("data/hippocampus"));
    assert!(said.len() > 3, "{said:#?}");
    for one in &said {
        assert_eq!((&one["shape"], &one["type"]), (&true.into(), &"uint8".into()), "{one:#}");
        assert!(one["affine"] == 0.0 && one["zooms"] == 0.0, "{one:#}");
    }
}
