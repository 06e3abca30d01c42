//! The stand-in for CubeCL's LLVM backend fits the locked CUDA backend: its version, the names it is asked for, and the feature
//! without which it would be run. Building it all takes half an hour; reading the locked sources takes a second.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use walkdir::WalkDir;

/// What cargo knows of the build with CUDA.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1", "--features", "pipe/cuda"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .stdin(Stdio::null())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo's JSON")
}

fn package<'a>(metadata: &'a Value, name: &str) -> &'a Value {
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().find(|package| package["name"] == name).unwrap_or_else(|| panic!("{name} is locked"))
}

/// The names behind `cubecl_llvm::`, each segment of each path, `{..}` included.
fn names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in text.split("cubecl_llvm::").skip(1) {
        let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let end = rest.find(|c: char| !is_path(c)).unwrap_or(rest.len());
        names.extend(rest[..end].split("::").filter(|name| !name.is_empty()).map(str::to_owned));
        if let Some(list) = rest[end..].strip_prefix('{') {
            let list = list.split('}').next().unwrap_or_default();
            names.extend(list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()));
        }
    }
    names
}

#[test]
fn stand_in_fits_the_locked_cuda_backend() {
    let metadata = metadata();
    let (cuda, stand_in) = (package(&metadata, "cubecl-cuda"), package(&metadata, "cubecl-llvm"));
    assert_eq!(stand_in["source"], Value::Null, "`[patch.crates-io]` in Cargo.toml puts ours in place");
    assert_eq!(stand_in["version"], cuda["version"], "stand-ins/cubecl-llvm/Cargo.toml must name the locked version");

    let folder = |package: &Value| {
        let manifest = package["manifest_path"].as_str().expect("a path");
        Path::new(manifest).parent().expect("a folder").join("src")
    };
    let ours = fs::read_to_string(folder(stand_in).join("lib.rs")).expect("the stand-in's source");
    let has = |name: &str| {
        let items = ["enum ", "struct ", "fn ", "mod "].map(|kind| format!("pub {kind}{name}"));
        let is_item = |line: &str| {
            let line = line.trim_start();
            let after = |start: &str| line.strip_prefix(start).map(|rest| rest.chars().next());
            let ends = |next: Option<char>| next.is_none_or(|c| !c.is_alphanumeric() && c != '_');
            items.iter().any(|item| after(item).is_some_and(ends))
                || after(name).is_some_and(|c| matches!(c, Some(',' | '(')))
        };
        ours.lines().any(is_item)
    };
    let mut wanted = BTreeSet::new();
    for file in WalkDir::new(folder(cuda)).into_iter().filter_map(Result::ok).filter(|file| file.file_type().is_file())
    {
        wanted.extend(names(&fs::read_to_string(file.path()).expect("a source file")));
    }
    assert!(wanted.len() >= 10, "the names are read from the sources: {wanted:?}");
    let missing: Vec<_> = wanted.iter().filter(|name| !has(name)).collect();
    assert!(missing.is_empty(), "cubecl-cuda asks for {missing:?}; add them to stand-ins/cubecl-llvm/src/lib.rs");
}

#[test]
fn kernels_go_through_nvrtc_not_through_the_stand_in() {
    let metadata = metadata();
    let id = &package(&metadata, "cubecl-cuda")["id"];
    let nodes = metadata["resolve"]["nodes"].as_array().expect("nodes");
    let node = nodes.iter().find(|node| &node["id"] == id).expect("it is part of the build");
    let features = node["features"].as_array().expect("features");
    assert!(features.contains(&"cpp".into()), "without `cpp` the stand-in would be run: {features:?}");
}

#[test]
fn a_build_is_of_a_kind() {
    let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/build");
    for wrong in [&[][..], &["rocm"]] {
        let output = Command::new(&build).args(wrong).stdin(Stdio::null()).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2));
        let says = String::from_utf8_lossy(&output.stderr);
        assert!(says.contains("tools/build cpu|cuda|wgpu"), "{says}");
    }
}
