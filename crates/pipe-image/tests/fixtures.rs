//! Real and odd files of other projects: read as nibabel, pydicom and SimpleITK read them, or refused with file, reason and what to do.
//! It does not compare: `tests/compare/fixtures.py` does.

use std::path::{Path, PathBuf};
use std::process::Command;

use pipe_image::Layout;
use pipe_image::formats::{Geometry, Raster, open};
use serde_json::{Value, json};

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says why")]
fn real_data_fixtures_are_read_as_by_others_or_refused() {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(data), Some(venv)) = (folder("PIPE_TEST_DATA"), folder("PIPE_VENV")) else {
        eprintln!(
            "skipped: PIPE_TEST_DATA names no sample data, or PIPE_VENV no Python; `tests/run` sets the latter up"
        );
        return;
    };
    let fixtures = data.join("fixtures");
    if !fixtures.is_dir() {
        eprintln!("skipped: {} is not there", fixtures.display());
        return;
    }
    let scratch = tempfile::tempdir().expect("there is room");
    let mut found = Vec::new();
    for (number, path) in files(&fixtures).iter().enumerate() {
        let name = path.strip_prefix(&fixtures).expect("it lies in the folder").to_string_lossy().into_owned();
        let said = match open(path) {
            Ok(raster) => read(&raster, &scratch.path().join(number.to_string())),
            Err(error) => refused(&fixtures, &name, &error.to_string()),
        };
        found.push(json!({ "file": name, "said": said }));
    }
    assert!(!found.is_empty(), "{} is empty", fixtures.display());
    let table = scratch.path().join("read.json");
    std::fs::write(&table, Value::from(found).to_string()).expect("there is room");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compare/fixtures.py");
    let output = Command::new(venv.join("bin/python")).arg(script).arg(&fixtures).arg(&table).output();
    let output = output.expect("the environment has Python");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    eprintln!("{}", text(&output.stdout));
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

/// Gives all files but the notes on where they come from.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|extension| extension != "txt") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Writes the samples down, 32-bit floats in the order of a raster, and says the rest.
fn read(raster: &Raster, samples: &Path) -> Value {
    let bytes: Vec<u8> = raster.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    std::fs::write(samples, bytes).expect("there is room");
    let Raster { slices, height, width, channels, lossy, .. } = *raster;
    let Geometry { spacing, affine, .. } = raster.geometry.unwrap_or(Geometry::new([0.0; 3], None));
    json!({
        "read": {
            "shape": [slices, height, width, channels], "lossy": lossy, "spacing": spacing, "affine": affine,
            "samples": samples.to_string_lossy(),
        }
    })
}

/// Checks that a data set with this file names it, the reason, and what to do.
fn refused(root: &Path, name: &str, reason: &str) -> Value {
    let layout = json!({ "files": { "images": [name] } });
    let layout: Layout = serde_json::from_value(layout).expect("the layout is right");
    let survey = layout.survey(root);
    let problem = survey.problems.into_iter().find(|problem| problem.file == name).or_else(|| {
        let files = survey.cases.into_iter().next()?;
        layout.read(root, &files).err()
    });
    let problem = problem.unwrap_or_else(|| panic!("{name} is refused ({reason}), but not in a data set"));
    assert!(problem.file == name && problem.reason == reason, "{name}: {problem}");
    assert!(!problem.hint.is_empty(), "{name} is refused, but not what to do: {problem}");
    json!({ "refused": format!("{}; {}", problem.reason, problem.hint) })
}
