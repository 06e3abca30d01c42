//! Trials that are tried anew, because their recipe changed or they failed: they are judged as if they had never been.
//!
//! Does not know how trials are judged at first; `pruning` does.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use crate::{
    harness::Workspace,
    pruning::{STEPS, decisions, in_state, log, run, scored, workspace},
    sweep::trials,
};

#[test]
fn a_changed_recipe_is_tried_anew_at_the_same_points() {
    let workspace = workspace();
    run(&workspace, &["e.yaml", "-j2"]);
    let before = trials(&workspace, &["e.yaml"]);
    workspace.write("e.yaml", STEPS.replace("sleep 0.05", "sleep 0.04"));
    let lines = log(&workspace).len();
    let told = run(&workspace, &["e.yaml", "-j2"]);
    let anew = &log(&workspace)[lines..];
    assert!(anew.len() > 20, "pruned ones too");
    let after = trials(&workspace, &["e.yaml"]);
    // Numbers of the former recipe judge nobody: a step is said in its turn, and each rung decides once.
    for trial in in_state(&after, "pruned") {
        let x = trial["settings"]["parameters.x"].to_string();
        let said: Vec<u64> = anew.iter().filter(|(of, ..)| *of == x).map(|(.., step)| *step).collect();
        let is_begun = said.first() == Some(&0) && said.len() as u64 >= trial["pruned_at"].as_u64().expect("a step");
        assert!(is_begun, "{trial}: {said:?}\n{told}");
        let id = format!("trial={}: pruned", trial["number"]);
        assert!(told.matches(&id).count() <= 2, "{id}\n{told}");
    }
    let points = |trials: &[Value]| trials.iter().map(|trial| trial["settings"].clone()).collect::<Vec<_>>();
    assert_eq!(points(&before), points(&after));
}

#[test]
fn a_changed_recipe_is_judged_anew_by_folds_too() {
    let workspace = workspace();
    let text = STEPS.replace("seq $from 8", "seq 0 0").replace("sleep 0.05", "true");
    let text = text.replace("axes: { fold: [0, 1] }", "axes: { fold: [0, 1, 2] }");
    let (rest, pruner) = text.split_once("  pruner:").expect("it has one");
    let trials_of = pruner.split_once('\n').expect("one more line").1;
    let text = format!("{rest}  pruner: {{ median: {{ startup_trials: 2 }} }}\n  judged_by: folds\n{trials_of}");
    workspace.write("e.yaml", &text);
    run(&workspace, &["e.yaml", "-j1"]);
    let before = trials(&workspace, &["e.yaml"]);
    let pruned = in_state(&before, "pruned").len();
    assert!(pruned >= 2, "{before:#?}");
    let lines = log(&workspace).len();
    run(&workspace, &["e.yaml", "-j1"]);
    assert_eq!(log(&workspace).len(), lines, "what was decided stands");
    // More trials change nothing about those that were.
    run(&workspace, &["e.yaml", "-j1", "-s", "sweep.trials=13"]);
    let more = trials(&workspace, &["e.yaml", "-s", "sweep.trials=13"]);
    let folds = |trials: &[Value]| trials.iter().map(|trial| trial["folds"].clone()).collect::<Vec<_>>();
    assert_eq!(folds(&more[..12]), folds(&before));
    let lines = log(&workspace).len();
    workspace.write("e.yaml", text.replace("true", ": again"));
    run(&workspace, &["e.yaml", "-j1"]);
    let anew = log(&workspace).split_off(lines);
    for trial in in_state(&before, "pruned") {
        let x = trial["settings"]["parameters.x"].to_string();
        assert!(anew.iter().any(|(of, ..)| *of == x), "{trial} was not tried again");
    }
}

#[test]
fn what_is_tried_anew_is_decided_as_in_a_new_store() {
    let pruners = ["{ median: { startup_trials: 1 } }", "{ successive_halving: { max_resource: 9, factor: 3 } }"];
    for pruner in pruners {
        let with_pruner = |text: &str| {
            let (rest, pruning) = text.split_once("  pruner:").expect("it has one");
            format!("{rest}  pruner: {pruner}\n{}", pruning.split_once('\n').expect("one more line").1)
        };
        let text = with_pruner(&scored());
        let plain = Workspace::new();
        plain.write("e.yaml", &text);
        run(&plain, &["e.yaml", "-j1"]);
        let expected = decisions(&plain, &["e.yaml"]);
        assert!(expected.iter().filter(|trial| trial[0] == "pruned").count() >= 3, "{expected:#?}");

        // Another recipe came to other values, in another order.
        let workspace = Workspace::new();
        workspace.write("e.yaml", text.replace("- 0.3", "- 0.8"));
        run(&workspace, &["e.yaml", "-j1"]);
        assert_ne!(decisions(&workspace, &["e.yaml"]), expected);
        workspace.write("e.yaml", &text);
        run(&workspace, &["e.yaml", "-j1"]);
        assert_eq!(decisions(&workspace, &["e.yaml"]), expected, "{pruner}, after another recipe");

        // Some trials failed at first, before they said anything or amid it.
        for step in [0, 4] {
            let workspace = Workspace::new();
            let fails = format!("[ -e {{workspace}}/mended ] || [ $step != {step} ] || exit 3\n          awk");
            workspace.write("e.yaml", text.replace("awk", &fails).replace("trials: 12", "trials: 4"));
            assert_eq!(workspace.pipe(&["run", "e.yaml", "-j1"]).code, 1);
            let failed = in_state(&trials(&workspace, &["e.yaml"]), "failed").len();
            assert!(failed >= 1, "{failed}");
            fs::write(workspace.path("mended"), "").expect("writable");
            run(&workspace, &["e.yaml", "-j1", "--retry-failed"]);
            assert_eq!(decisions(&workspace, &["e.yaml"]), expected[..4], "{pruner}, after failures at {step}");
        }
    }
}

/// Valued by all folds at once, and judged by the first.
fn gathered() -> String {
    scored()
        .replace("axes: { fold: [0, 1] }", "axes: { fold: [0, 1, 2] }")
        .replace("needs: fit\n", "needs: 'fit[*]'\n")
        .replace("$(cat {inputs.fit})", "{params.x}")
        .replace(
            "    needs: 'fit[*]'\n    with:\n",
            "    needs: 'fit[*]'\n    with:\n      params: { x: '${parameters.x}' }\n",
        )
        .replace("cp {inputs.fit} {outputs.o}", "echo > {outputs.o}")
        .replace("cat {inputs.fit} >>", "echo {params.x} >>")
}

#[test]
fn what_is_decided_by_one_fold_ends_the_others() {
    for jobs in ["-j1", "-j3"] {
        let workspace = Workspace::new();
        workspace.write("e.yaml", gathered());
        run(&workspace, &["e.yaml", jobs]);
        let found = trials(&workspace, &["e.yaml"]);
        let (complete, pruned) = (in_state(&found, "complete"), in_state(&found, "pruned"));
        assert!(!complete.is_empty() && complete.len() + pruned.len() == 12, "{found:#?}");
        let mut steps: BTreeMap<(String, String), usize> = BTreeMap::new();
        log(&workspace).into_iter().for_each(|(x, fold, _)| *steps.entry((x, fold)).or_default() += 1);
        for trial in &found {
            let x = trial["settings"]["parameters.x"].to_string();
            let count = |fold: &str| steps.get(&(x.clone(), fold.to_owned())).copied().unwrap_or(0);
            let counts = ["0", "1", "2"].map(count);
            match trial["state"].as_str() {
                Some("complete") => assert!(counts.iter().all(|count| *count >= 9), "{trial}: {counts:?}"),
                _ if jobs == "-j1" => assert_eq!(counts[1..], [0, 0], "{trial}: {counts:?}"),
                _ => assert!(counts.iter().all(|count| *count < 9), "{trial}: {counts:?}"),
            }
        }
        let scored = fs::read_to_string(workspace.path("scored")).expect("written");
        assert_eq!(scored.lines().count(), complete.len());
    }
}

#[test]
fn what_fails_in_one_fold_ends_the_others() {
    let workspace = Workspace::new();
    let fails = "        [ {params.fold} != 0 ] || [ {params.x} != 0.9 ] || exit 3\n        mkdir -p $PIPE_RESUME";
    let text = gathered().replace("        mkdir -p $PIPE_RESUME", fails);
    workspace.write(
        "e.yaml",
        text.replace("{ float: { low: 0, high: 1 } }", "{ choice: [0.3, 0.9] }").replace("random", "grid"),
    );
    assert_eq!(workspace.pipe(&["run", "e.yaml", "-j1"]).code, 1);
    let found = trials(&workspace, &["e.yaml"]);
    assert_eq!(found.iter().map(|trial| &trial["state"]).collect::<Vec<_>>(), ["complete", "failed"]);
    assert!(log(&workspace).iter().all(|(x, ..)| x == "0.3"), "{:?}", log(&workspace));
}
