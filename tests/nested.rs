//! Nested cross-validation: each outer fold has a search of its own, which never sees what that fold tests.
//!
//! Looks at the selections that stages were given, as they lie in the store.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{
    harness::{TINY, Workspace, counts},
    sweep::trials,
};

const SEARCH: &str = "\
sweep:
  space: { network.unet.width: { choice: [2, 4] } }
  objective: { stage: evaluate, metric: dice }
  sampler: grid
  nested: { outer: 3, inner: 2 }
";

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("e.yaml", format!("{}{SEARCH}", TINY.replace("epochs: 3", "epochs: 1")));
    workspace
}

/// The ids of cases anywhere in a selection.
fn cases(selection: &Value, into: &mut BTreeSet<String>) {
    match selection {
        Value::Object(map) => {
            into.extend(map.get("id").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| cases(value, into));
        }
        Value::Array(list) => list.iter().for_each(|value| cases(value, into)),
        _ => {}
    }
}

fn selected(workspace: &Workspace, experiment: &[&str], stage: &str, port: &str) -> BTreeSet<String> {
    let bytes = workspace.object(&workspace.digest(experiment, stage, port));
    let mut found = BTreeSet::new();
    cases(&serde_json::from_slice(&bytes).expect("a selection is JSON"), &mut found);
    found
}

#[test]
fn no_trial_is_given_a_case_that_its_outer_fold_tests() {
    let workspace = workspace();
    let answer = workspace.pipe(&["run", "e.yaml", "-j2"]);
    assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
    let mut all = BTreeSet::new();
    for fold in 0..3 {
        let tested = selected(&workspace, &["e.yaml"], &format!("split[fold={fold}]"), "truth");
        assert_eq!(tested.len(), 2, "six cases, three folds");
        for inner in 0..2 {
            let split = format!("split[fold={fold},inner={inner}]");
            for port in ["training", "images", "truth"] {
                let given = selected(&workspace, &["e.yaml"], &split, port);
                assert!(!given.is_empty() && given.is_disjoint(&tested), "{split}.{port}: {given:?} and {tested:?}");
            }
        }
        assert!(all.is_disjoint(&tested), "every case is tested once");
        all.extend(tested);
    }
    // What a trial's stages were handed comes from inner folds alone.
    let mut jobs = 0;
    for file in workspace.files("runs/attempts").iter().filter(|file| file.ends_with("job.json")) {
        let job: Value = serde_json::from_slice(&fs::read(file).expect("it is there")).expect("right JSON");
        let stage = job["stage"].as_str().expect("a name");
        if !stage.contains("trial=") {
            continue;
        }
        let fold = stage.split("fold=").nth(1).and_then(|rest| rest.chars().next()).expect("a fold");
        for given in job["inputs"].as_object().into_iter().flatten().filter_map(|(_, given)| given.as_array()).flatten()
        {
            let from = given["stage"].as_str().expect("a name");
            let is_inner = from.starts_with(&format!("split[fold={fold},inner=")) || from.contains("trial=");
            assert!(from == "prepare" || is_inner, "{stage} was handed {from}");
        }
        jobs += 1;
    }
    // Two trials, two inner folds, three outer folds; training, prediction and evaluation of each.
    assert_eq!(jobs, 2 * 2 * 3 * 3);
    let trials = workspace.pipe(&["sweep", "trials", "e.yaml", "--format", "json"]).json();
    let folds: Vec<&String> = trials.as_object().expect("one for each outer fold").keys().collect();
    assert_eq!(folds, ["fold=0", "fold=1", "fold=2"]);
    // One preparation; the best of each outer fold as one experiment, which is cached.
    let prepared =
        workspace.files("runs/attempts").iter().filter(|file| file.display().to_string().contains("/prepare/")).count();
    assert!(prepared > 0);
    let wrote = workspace.pipe(&["sweep", "best", "e.yaml", "--write", "best.yaml"]);
    assert_eq!(wrote.code, 0, "{}", wrote.stderr);
    assert_eq!(workspace.run(&["best.yaml"]), counts(16, 0));
}

#[test]
fn a_search_that_would_see_test_cases_is_refused() {
    let workspace = workspace();
    let refused = |text: &str, says: &[&str]| {
        workspace.write("try.yaml", format!("extends: e.yaml\n{text}"));
        workspace.pipe(&["run", "try.yaml"]).fails(2, says);
        assert!(workspace.files("runs/attempts").is_empty(), "nothing ran");
    };
    // Without inner folds, an evaluation is one of test cases.
    refused("sweep: { nested: null }\n", &["pipe::sweep::leaky", "takes `images` of `split[fold=0]`"]);
    // Another division of the cases, which knows no inner folds.
    refused(
        "stages:\n  other: { kind: split, needs: prepare, with: { method: { k_fold: { folds: 3 } }, fold: '${axis.fold}' } }\n  \
         evaluate: { needs: [prepare, other, predict] }\n",
        &["pipe::sweep::leaky", "of `other[fold=0]`"],
    );
    // A program that is handed all cases.
    refused(
        "stages:\n  peek: { kind: command, needs: [prepare, train], with: { command: ['true'] } }\nsweep: { objective: { stage: peek } }\n",
        &["pipe::sweep::leaky", "takes `dataset` of `prepare`, which holds all cases"],
    );
    // A program that reads the files of the data set by itself.
    refused(
        "stages:\n  peek: { kind: command, needs: train, with: { command: ['true'], inputs: { all: e.yaml } } }\n\
         sweep: { objective: { stage: peek } }\n",
        &["pipe::sweep::leaky", "reads files that no fold divides"],
    );
    refused(
        "sweep: { objective: { stage: train, metric: dice } }\n",
        &["reports no number `dice`", "best_validation_dice"],
    );
    refused("sweep: { nested: { inner: 1 } }\n", &["at least 2"]);
    refused("stages: { split: { with: { method: { hold_out: {} } } } }\n", &["does not divide the cases by `k_fold`"]);
    refused("stages: { split: { with: { fold: 0 } } }\n", &["does not follow an axis"]);
}

#[test]
fn a_leaky_search_says_so() {
    let workspace = workspace();
    let leaky = ["e.yaml", "-s", "sweep.nested=null", "-s", "+sweep.leaky=true"];
    let answer = workspace.pipe(&[&["run", "-j2"], &leaky[..]].concat());
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(trials(&workspace, &leaky).len(), 2);
    let page = fs::read_to_string(workspace.path("runs/reports/e/report.html")).expect("it was rendered");
    assert!(page.contains("The search saw test cases"));
}
