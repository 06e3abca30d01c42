//! Searches that end trials early: any program's numbers count, what was begun is kept, and what is taken up again comes out as if it had
//! never stopped.
//!
//! Does not know how pruners judge; `pipe-sweep` tests those.

use std::fs;

use serde_json::Value;

use crate::{
    harness::{TINY, Workspace, counts},
    sweep::trials,
};

/// Nine steps that a program tells, worse by how far x is from 0.3; it notes where it stands, as a training does.
pub(crate) const STEPS: &str = "\
axes: { fold: [0, 1] }
parameters: { x: 0.5 }
stages:
  fit:
    kind: command
    with:
      params: { x: '${parameters.x}', fold: '${axis.fold}' }
      outputs: { o: o.txt }
      shell: |
        mkdir -p $PIPE_RESUME
        from=$(cat $PIPE_RESUME/step 2>/dev/null || echo 0)
        for step in $(seq $from 8); do
          awk 'BEGIN { printf \"{\\\"metric\\\": {\\\"name\\\": \\\"loss\\\", \\\"step\\\": %d, \\\"value\\\": %.9f}}\\n\", '$step', ({params.x} - 0.3) ^ 2 + 1 / ('$step' + 1) }' >&3
          echo {params.x} {params.fold} $step >> {workspace}/log
          echo $((step + 1)) > $PIPE_RESUME/step
          sleep 0.05
        done
        echo {params.x} > {outputs.o}
sweep:
  space: { parameters.x: { float: { low: 0, high: 1 } } }
  objective: { stage: fit, metric: loss, goal: minimise }
  sampler: random
  pruner: { successive_halving: { min_resource: 1, max_resource: 9, factor: 3 } }
  trials: 12
";

pub(crate) fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("e.yaml", STEPS);
    workspace
}

#[track_caller]
pub(crate) fn run(workspace: &Workspace, arguments: &[&str]) -> String {
    let answer = workspace.pipe(&[&["run"], arguments].concat());
    assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
    answer.stderr
}

pub(crate) fn in_state<'t>(trials: &'t [Value], state: &str) -> Vec<&'t Value> {
    trials.iter().filter(|trial| trial["state"] == state).collect()
}

/// What the programs noted: x, fold, step.
pub(crate) fn log(workspace: &Workspace) -> Vec<(String, String, u64)> {
    let log = fs::read_to_string(workspace.path("log")).unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        Some((words.next()?, words.next()?, words.next()?.parse().ok()?))
    };
    log.lines().filter_map(line).collect()
}

#[test]
fn programs_are_ended_early_and_the_best_go_on() {
    let workspace = workspace();
    run(&workspace, &["e.yaml", "-j2"]);
    let found = trials(&workspace, &["e.yaml"]);
    let (complete, pruned) = (in_state(&found, "complete"), in_state(&found, "pruned"));
    assert_eq!(complete.len() + pruned.len(), 12, "{found:#?}");
    assert!(!complete.is_empty() && pruned.len() >= 6, "{found:#?}");
    // Judged by the first fold: no other fold of a pruned trial was begun, and nobody went to the end of it.
    let log = log(&workspace);
    for trial in &pruned {
        let x = trial["settings"]["parameters.x"].to_string();
        let own: Vec<_> = log.iter().filter(|(of, ..)| *of == x).collect();
        assert!(!own.is_empty() && own.iter().all(|(_, fold, _)| fold == "0"), "{x}: {own:?}");
        assert!(own.len() < 9 && trial["pruned_at"].as_u64().is_some_and(|step| step == 1 || step == 3), "{trial}");
    }
    // What was taken up again went on where it stood: no step of a fold was done twice but the one in which it was ended.
    for trial in &complete {
        let x = trial["settings"]["parameters.x"].to_string();
        for fold in ["0", "1"] {
            let steps = log.iter().filter(|(of, at, _)| *of == x && at == fold).count();
            assert!((9..=12).contains(&steps), "{x} {fold}: {steps}");
        }
    }
    // A decision stands: the same command takes nothing up again.
    let lines = log.len();
    run(&workspace, &["e.yaml"]);
    assert_eq!(self::log(&workspace).len(), lines);
    assert_eq!(trials(&workspace, &["e.yaml"]), found);
    // It is no result: whoever asks for a pruned point by itself runs it to its end.
    let x = pruned[0]["settings"]["parameters.x"].to_string();
    let set = format!("parameters.x={x}");
    let plain = ["e.yaml", "-s", &set, "-s", "~sweep"];
    assert_eq!(workspace.run(&plain), counts(0, 2));
}

/// Points in this order; some programs begin or end in their own way.
fn listed(points: &[f64], first: &str) -> String {
    let list: Vec<String> = points.iter().map(|x| format!("{{ parameters.x: {x} }}")).collect();
    let sampler = format!("sampler: {{ list: {{ points: [{}] }} }}", list.join(", "));
    STEPS
        .replace("        mkdir -p $PIPE_RESUME\n", &format!("        {first}\n        mkdir -p $PIPE_RESUME\n"))
        .replace("max_resource: 9", "max_resource: 3")
        .replace("sampler: random", &sampler)
        .replace("trials: 12", &format!("trials: {}", points.len()))
}

#[test]
fn what_has_earned_its_next_rung_before_it_has_ended_is_taken_up_when_it_has() {
    let workspace = Workspace::new();
    // The second is ended, and while it ends so many worse ones come that two of six may go on.
    let first = "[ {params.x} = 0.3 ] || sleep 0.3; [ {params.x} != 0.35 ] || trap 'sleep 3; exit 1' TERM";
    workspace.write("e.yaml", listed(&[0.3, 0.35, 0.8, 0.85, 0.9, 0.95], first));
    run(&workspace, &["e.yaml", "-j3"]);
    let found = trials(&workspace, &["e.yaml"]);
    assert_eq!((in_state(&found, "complete").len(), in_state(&found, "pruned").len()), (2, 4), "{found:#?}");
    assert!(found[2]["why"].as_str().is_some_and(|why| why.starts_with("with ")), "{}", found[2]);
}

#[test]
fn a_decision_outlives_a_kill_before_its_stage_has_ended() {
    let workspace = Workspace::new();
    workspace.write("e.yaml", listed(&[0.3, 0.9], "trap 'sleep 1.5; exit 1' TERM"));
    let mut child = workspace.start(&["run", "e.yaml", "-j1"]);
    let is_pruned = || in_state(&trials(&workspace, &["e.yaml"]), "pruned").len() == 1;
    workspace.wait("the decision", is_pruned);
    child.kill().expect("it waits for the stage");
    child.wait().expect("it has ended");
    let said = |x: &str| log(&workspace).iter().filter(|(of, ..)| of == x).count();
    let before = said("0.9");
    run(&workspace, &["e.yaml", "-j1"]);
    assert_eq!(said("0.9"), before);
    assert_eq!(in_state(&trials(&workspace, &["e.yaml"]), "complete").len(), 1);
}

#[test]
fn trials_are_judged_fold_by_fold_where_asked() {
    let workspace = workspace();
    let folds = [
        "e.yaml",
        "-s",
        "axes.fold=[0, 1, 2]",
        "-s",
        "+sweep.judged_by=folds",
        "-s",
        "sweep.pruner={median: {startup_trials: 2, warmup_steps: 0}}",
        "-s",
        "sweep.trials=8",
    ];
    run(&workspace, &[&["-j1"], &folds[..]].concat());
    let found = trials(&workspace, &folds);
    let pruned = in_state(&found, "pruned");
    assert!(!pruned.is_empty() && in_state(&found, "complete").len() >= 2, "{found:#?}");
    // With rungs of folds too everything comes to its end.
    let halving = "sweep.pruner={successive_halving: {min_resource: 1, max_resource: 3, factor: 2}}";
    let mut rungs = folds;
    rungs[6] = halving;
    run(&workspace, &[&["-j1"], &rungs[..]].concat());
    let of_rungs = trials(&workspace, &rungs);
    let ended = in_state(&of_rungs, "complete").len() + in_state(&of_rungs, "pruned").len();
    assert_eq!((of_rungs.len(), ended), (8, 8), "{of_rungs:#?}");
    for trial in pruned {
        let x = trial["settings"]["parameters.x"].to_string();
        let log = log(&workspace);
        let mut folds: Vec<_> = log.iter().filter(|(of, ..)| *of == x).map(|(_, fold, _)| fold.as_str()).collect();
        folds.dedup();
        assert_eq!(Some(folds.len() as u64), trial["pruned_at"].as_u64(), "{trial}");
        assert!(folds.len() < 3);
    }
}

#[test]
fn an_equal_suggestion_takes_a_pruned_one_up() {
    let workspace = workspace();
    // Of two points one is pruned soon; whoever draws it again goes on from there.
    let choice = ["e.yaml", "-s", "sweep.space={parameters.x: {choice: [0.9, 0.3]}}"];
    run(&workspace, &[&["-j1"], &choice[..]].concat());
    let found = trials(&workspace, &choice);
    let again = in_state(&found, "pruned").len();
    assert!(again >= 2, "{found:#?}");
    let steps: Vec<u64> =
        log(&workspace).into_iter().filter(|(x, fold, _)| x == "0.9" && fold == "0").map(|(.., step)| step).collect();
    assert_eq!(steps.iter().filter(|step| **step == 0).count(), 1, "begun once: {steps:?}");
}

#[test]
fn what_came_to_its_end_before_it_could_be_ended_is_pruned_all_the_same() {
    let workspace = workspace();
    // Each program says its one number and ends at once.
    workspace.write("e.yaml", STEPS.replace("seq $from 8", "seq 0 0").replace("sleep 0.05", "true"));
    for pruner in ["{median: {startup_trials: 1}}", "{successive_halving: {max_resource: 2, factor: 2}}"] {
        let set = format!("sweep.pruner={pruner}");
        run(&workspace, &["e.yaml", "-j1", "-s", &set]);
        let found = trials(&workspace, &["e.yaml", "-s", &set]);
        let ended = in_state(&found, "complete").len() + in_state(&found, "pruned").len();
        assert_eq!((found.len(), ended), (12, 12), "{pruner}: {found:#?}");
        let lines = log(&workspace).len();
        run(&workspace, &["e.yaml", "-j1", "-s", &set]);
        assert_eq!((log(&workspace).len(), trials(&workspace, &["e.yaml", "-s", &set])), (lines, found), "{pruner}");
    }
}

#[test]
fn a_number_on_the_way_is_that_of_a_stage_of_the_trial() {
    let set = "+sweep.objective.on_the_way={stage: fti, metric: loss}";
    let workspace = workspace();
    workspace.pipe(&["run", "e.yaml", "-s", set]).fails(2, &["no trial has a stage `fti`", "did you mean `fit`"]);
    // One that a stage never says judges nobody: somebody is told, once.
    let set = "+sweep.objective.on_the_way={stage: fit, metric: los}";
    let told = run(&workspace, &["e.yaml", "-s", set, "-s", "sweep.trials=2"]);
    assert_eq!(told.matches("says no number `los` on its way (did you mean `loss`?)").count(), 1, "{told}");
}

/// What a search has decided: states, values and where each was pruned.
pub(crate) fn decisions(workspace: &Workspace, arguments: &[&str]) -> Vec<Value> {
    let decided =
        |trial: Value| serde_json::json!([trial["state"], trial["value"], trial["pruned_at"], trial["curve"]]);
    trials(workspace, arguments).into_iter().map(decided).collect()
}

/// Judged by one stage, and valued by another that comes after it.
pub(crate) fn scored() -> String {
    let score = "  score:
    kind: command
    needs: fit
    with:
      outputs: { o: o.txt }
      shell: |
        printf '{\"result\": {\"name\": \"s\", \"value\": %s}}\\n' $(cat {inputs.fit}) >&3
        cp {inputs.fit} {outputs.o}
        cat {inputs.fit} >> {workspace}/scored
sweep:
";
    let objective = "stage: score, metric: s, goal: minimise, on_the_way: { stage: fit, metric: loss }";
    STEPS.replace("sweep:\n", score).replace("stage: fit, metric: loss, goal: minimise", objective)
}

#[test]
fn what_was_cached_is_judged_by_what_it_said_on_its_way() {
    for text in [STEPS.to_owned(), scored()] {
        let (plain, workspace) = (Workspace::new(), Workspace::new());
        plain.write("e.yaml", &text);
        run(&plain, &["e.yaml", "-j1"]);
        // The fits of the first folds are there, valued in another way.
        workspace.write("e.yaml", text.replace("cp {inputs.fit} ", "cat {inputs.fit} > "));
        run(&workspace, &["e.yaml", "-s", "~sweep.pruner", "-s", "axes.fold=[0]"]);
        workspace.write("e.yaml", &text);
        let scores = || fs::read_to_string(workspace.path("scored")).unwrap_or_default();
        let (lines, before) = (log(&workspace).len(), scores());
        run(&workspace, &["e.yaml", "-j1"]);
        let found = trials(&workspace, &["e.yaml"]);
        assert_eq!(decisions(&workspace, &["e.yaml"]), decisions(&plain, &["e.yaml"]));
        // The other folds of those that were pruned are not begun.
        let anew = log(&workspace).split_off(lines);
        assert!(!anew.is_empty() && anew.iter().all(|(_, fold, _)| fold == "1"), "{anew:?}");
        let complete = in_state(&found, "complete").len();
        assert!(complete < 12 && anew.len() == 9 * complete, "{found:#?}");
        // Nor are they valued.
        assert_eq!(scores().lines().count() - before.lines().count(), if text == STEPS { 0 } else { 2 * complete });
    }
}

/// Programs that note how far they have come as a whole or not at all; judged at steps 1, 2 and 4 of 9.
fn careful() -> String {
    STEPS
        .replace("> $PIPE_RESUME/step\n", "> $PIPE_RESUME/new; mv $PIPE_RESUME/new $PIPE_RESUME/step\n")
        .replace("max_resource: 9, factor: 3", "max_resource: 9, factor: 2")
}

#[test]
fn a_killed_search_decides_as_one_that_never_was() {
    let plain = Workspace::new();
    plain.write("e.yaml", careful());
    run(&plain, &["e.yaml", "-j1"]);
    let workspace = Workspace::new();
    workspace.write("e.yaml", careful());
    for lines in [2, 5, 11, 16, 24, 30, 37] {
        let mut child = workspace.start(&["run", "e.yaml", "-j1"]);
        let is_over = |child: &mut std::process::Child| child.try_wait().is_ok_and(|status| status.is_some());
        workspace.wait("lines", || log(&workspace).len() >= lines || is_over(&mut child));
        drop(child.kill());
        child.wait().expect("it has ended");
    }
    run(&workspace, &["e.yaml", "-j1"]);
    assert_eq!(decisions(&workspace, &["e.yaml"]), decisions(&plain, &["e.yaml"]));
}

#[test]
fn how_fast_a_program_ends_decides_nothing() {
    let of = |text: String| {
        let workspace = Workspace::new();
        workspace.write("e.yaml", text);
        run(&workspace, &["e.yaml", "-j1"]);
        decisions(&workspace, &["e.yaml"])
    };
    let plain = of(careful());
    assert_eq!(of(careful().replace("sleep 0.05", "sleep 0.002")), plain);
    // One that does not hear that it is to end.
    assert_eq!(of(careful().replace("        mkdir", "        trap '' TERM\n        mkdir")), plain);
}

/// A search over trainings that are judged after 1 and 3 of 9 epochs.
fn trainings() -> String {
    let sweep = "\
sweep:
  space: { training.optimizer.adam.learning_rate: { choice: [3e-2, 1e-2, 1e-6, 2e-6, 3e-6, 4e-6] } }
  sampler: grid
  pruner: { successive_halving: { min_resource: 1, max_resource: 9, factor: 3 } }
";
    format!("{}  schedule: {{ horizon: 9, constant: {{}} }}\n{sweep}", TINY.replace("epochs: 3", "epochs: 9"))
}

#[test]
fn a_training_that_was_pruned_and_taken_up_has_the_bytes_of_one_that_never_stopped() {
    let workspace = Workspace::new();
    workspace.write("e.yaml", trainings());
    let told = run(&workspace, &["e.yaml", "-j2"]);
    assert!(told.contains("pruned, with"), "{told}");
    run(&workspace, &["e.yaml"]);
    let plain = Workspace::new();
    plain.write("e.yaml", trainings());
    let mut compared = 0;
    for trial in in_state(&trials(&workspace, &["e.yaml"]), "complete") {
        let rate = trial["settings"]["training.optimizer.adam.learning_rate"].as_str().expect("the label of a choice");
        let set = format!("training.optimizer.adam.learning_rate={rate}");
        let alone = ["e.yaml", "-s", "~sweep", "-s", &set];
        plain.run(&[&alone[..], &["train"]].concat());
        let id = format!("train[trial={},fold=0]", trial["number"]);
        let ours = workspace.digest(&["e.yaml"], &id, "model");
        assert_eq!(ours, plain.digest(&alone, "train[fold=0]", "model"), "{trial}");
        compared += 1;
    }
    assert!(compared >= 1);
}
