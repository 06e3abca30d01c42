//! Manifests of the committed experiments, frozen: a changed default, version or key would redo every user's stages.
//!
//! Inputs and files outside the store are left out; their digests are not ours to freeze.

use std::{collections::BTreeMap, path::Path};

use pipe_engine::{manifest, plan};
use pipe_spec::{Library, Lists, Request, compose, expand};
use pipe_stages::STAGES;

fn manifests(file: &str, profiles: &[&str]) -> String {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let library = Library { workspace: workspace.clone(), embedded: &[] };
    let profiles: Vec<_> = profiles.iter().map(ToString::to_string).collect();
    // Roots come from the environment; they never enter a manifest.
    let environment = |_: &str| Some("anywhere".to_owned());
    let request = Request {
        file: &workspace.join(file),
        profiles: &profiles,
        sweep: None,
        overrides: &[],
        environment: &environment,
    };
    let experiment = compose(&library, &request)
        .and_then(|composed| expand(&composed, &Lists::new()))
        .unwrap_or_else(|problems| panic!("{problems}"));
    let plan = plan(STAGES, &experiment, &Lists::new()).unwrap_or_else(|problems| panic!("{problems}"));
    let mut seen = Vec::new();
    let mut text = String::new();
    for node in &plan.nodes {
        // One instance a stage: the others differ by fold alone.
        if !seen.contains(&node.stage) {
            seen.push(node.stage.clone());
            let manifest = manifest(node, &BTreeMap::new(), &BTreeMap::new());
            text.push_str(&format!("{}\n{manifest:#}\n\n", node.id));
        }
    }
    assert!(!text.contains("anywhere"), "a path entered a manifest");
    text
}

#[test]
fn committed_experiments() {
    insta::assert_snapshot!("svsnet_xca", manifests("experiments/svsnet_xca.yaml", &[]));
    insta::assert_snapshot!("svsnet_xca_paper", manifests("experiments/svsnet_xca.yaml", &["paper"]));
    insta::assert_snapshot!("unet_arcade", manifests("experiments/unet_arcade.yaml", &[]));
}
