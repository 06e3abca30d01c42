//! Searches: trials share the cache, their decisions outlive processes, and the best is an experiment like any other.
//!
//! Does not know samplers; `pipe-sweep` tests those. What ran is told by a log that the stages write themselves.

use std::{collections::BTreeSet, fs, thread, time::Duration};

use serde_json::Value;

use crate::harness::{Answer, Workspace, counts};

/// A parabola in two folds, least at x = 0.3. `fit` is what a training would be, `judge` an evaluation.
const PARABOLA: &str = "\
axes: { fold: [0, 1] }
parameters: { x: 0.5, shift: 0.0, wait: 0 }
stages:
  prepare: { kind: command, with: { shell: 'echo prepare >> {workspace}/log; echo data > {outputs.o}', outputs: { o: o.txt } } }
  fit:
    kind: command
    needs: prepare
    with:
      params: { x: '${parameters.x}', fold: '${axis.fold}', wait: '${parameters.wait}' }
      outputs: { o: o.txt }
      shell: 'echo fit {params.x} {params.fold} >> {workspace}/log; sleep {params.wait}; echo {params.x} > {outputs.o}'
  judge:
    kind: command
    needs: fit
    with:
      params: { fold: '${axis.fold}', shift: '${parameters.shift}' }
      outputs: { o: o.txt }
      shell: |
        echo judge >> {workspace}/log
        awk '{ x = $1; printf \"{\\\"result\\\": {\\\"name\\\": \\\"loss\\\", \\\"value\\\": %.9f}}\\n\", (x - 0.3) ^ 2 + {params.fold} + {params.shift} }' {inputs.fit} >&3
        echo done > {outputs.o}
  after: { kind: command, needs: 'judge[*]', with: { shell: 'echo after >> {workspace}/log; echo > {outputs.o}', outputs: { o: o.txt } } }
sweep:
  space: { parameters.x: { float: { low: 0, high: 1 } } }
  objective: { stage: judge, metric: loss, goal: minimise }
  sampler: tpe
  trials: 6
";

fn workspace(text: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("e.yaml", text);
    workspace
}

/// How often a stage ran.
fn ran(workspace: &Workspace, stage: &str) -> usize {
    let log = fs::read_to_string(workspace.path("log")).unwrap_or_default();
    log.lines().filter(|line| line.split(' ').next() == Some(stage)).count()
}

#[track_caller]
fn done(answer: &Answer) {
    assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
}

/// The trials as `pipe sweep trials` has them.
#[track_caller]
pub(crate) fn trials(workspace: &Workspace, experiment: &[&str]) -> Vec<Value> {
    let answer = workspace.pipe(&[&["sweep", "trials", "--format", "json"], experiment].concat());
    done(&answer);
    answer.json().as_array().expect("a list").clone()
}

fn states(trials: &[Value]) -> Vec<&str> {
    trials.iter().map(|trial| trial["state"].as_str().unwrap_or_default()).collect()
}

fn values(trials: &[Value], key: &str) -> Vec<f64> {
    trials.iter().map(|trial| trial[key].as_f64().unwrap_or(f64::NAN)).collect()
}

#[test]
fn what_no_trial_changes_runs_once_and_the_best_is_an_experiment_that_is_cached() {
    let workspace = workspace(PARABOLA);
    let answer = workspace.pipe(&["run", "e.yaml", "-j2"]);
    done(&answer);
    assert!(answer.stdout.contains("6 of 6 trials: 6 complete"), "{}", answer.stdout);
    // Six trials of two folds; the whole experiment with the best settings adds what no trial needs.
    let of = |stage: &str| ran(&workspace, stage);
    assert_eq!([of("prepare"), of("fit"), of("judge"), of("after")], [1, 12, 12, 1]);
    let found = trials(&workspace, &["e.yaml"]);
    let best = values(&found, "value").into_iter().fold(f64::INFINITY, f64::min);
    for trial in &found {
        let x = trial["settings"]["parameters.x"].as_f64().expect("a number");
        let value = trial["value"].as_f64().expect("a number");
        assert!((value - ((x - 0.3).powi(2) + 0.5)).abs() < 1e-6, "the mean of two folds: {trial}");
    }
    done(&workspace.pipe(&["sweep", "best", "e.yaml", "--write", "found/best.yaml"]));
    assert_eq!(workspace.run(&["found/best.yaml"]), counts(6, 0));
    let text = fs::read_to_string(workspace.path("found/best.yaml")).expect("it was written");
    assert!(!text.contains("sweep:") && text.contains("x: 0."), "{text}");
    let json = workspace.pipe(&["sweep", "best", "e.yaml", "--format", "json"]).json();
    assert_eq!(json["value"].as_f64(), Some(best));
    // Finished: the same command says so and runs nothing.
    let again = workspace.pipe(&["run", "e.yaml"]);
    done(&again);
    assert!(again.stderr.contains(" 0 ran") && again.stdout.contains("6 of 6 trials"), "{}", again.stderr);
}

#[test]
fn more_trials_are_added_and_those_that_were_stand() {
    let workspace = workspace(PARABOLA);
    done(&workspace.pipe(&["run", "e.yaml", "-j1", "-s", "sweep.trials=3"]));
    let few = trials(&workspace, &["e.yaml"]);
    done(&workspace.pipe(&["run", "e.yaml", "-j1"]));
    let more = trials(&workspace, &["e.yaml"]);
    assert_eq!((few.len(), more.len()), (3, 6));
    assert_eq!(more[..3], few[..]);
    let fewer = workspace.pipe(&["run", "e.yaml", "-s", "sweep.trials=3"]);
    assert!(fewer.stdout.contains("the search has 6 trials: 6 complete"), "{}", fewer.stdout);
    // By the same seed a search of six at once tries the same, and one by another seed does not.
    let other = self::workspace(PARABOLA);
    done(&other.pipe(&["run", "e.yaml", "-j1"]));
    let parameters = |trials: &[Value]| trials.iter().map(|trial| trial["settings"].clone()).collect::<Vec<_>>();
    assert_eq!(parameters(&trials(&other, &["e.yaml"])), parameters(&more));
    let seed = ["e.yaml", "-s", "++sweep.seed=1"];
    done(&other.pipe(&[&["run", "-j1"], &seed[..]].concat()));
    assert_ne!(parameters(&trials(&other, &seed)), parameters(&more));
}

#[test]
fn a_changed_evaluation_does_not_train_again() {
    let workspace = workspace(PARABOLA);
    done(&workspace.pipe(&["run", "e.yaml"]));
    let before = trials(&workspace, &["e.yaml"]);
    let shifted = ["e.yaml", "-s", "parameters.shift=1"];
    done(&workspace.pipe(&[&["run"], &shifted[..]].concat()));
    assert_eq!([ran(&workspace, "fit"), ran(&workspace, "judge")], [12, 24]);
    let after = trials(&workspace, &shifted);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before["settings"], after["settings"]);
        let [before, after] = [before, after].map(|trial| trial["value"].as_f64().expect("a number"));
        assert!((after - before - 1.0).abs() < 1e-9, "{before} {after}");
    }
}

#[test]
fn an_equal_suggestion_is_answered_from_the_cache() {
    let workspace = workspace(PARABOLA);
    let space = "sweep.space={parameters.x: {choice: [0.25, 0.75]}}";
    let choice = ["e.yaml", "-s", space, "-s", "sweep.trials=9", "-s", "sweep.sampler=random"];
    done(&workspace.pipe(&[&["run", "-j2"], &choice[..]].concat()));
    assert_eq!(states(&trials(&workspace, &choice)), ["complete"; 9]);
    assert_eq!(ran(&workspace, "fit"), 4);
}

#[test]
fn a_grid_tries_each_point_once_and_conditions_hold() {
    let workspace = workspace(PARABOLA);
    let space = "sweep.space={parameters.x: {choice: [0.1, 0.2]}, \
                 +parameters.y: {int: {low: 1, high: 2}, when: {parameter: parameters.x, is: ['0.1']}}}";
    let grid = ["e.yaml", "-s", space, "-s", "sweep.sampler=grid", "-s", "~sweep.trials"];
    // No stage takes `y`: that is said before anything runs.
    let answer = workspace.pipe(&[&["sweep", "status"], &grid[..]].concat());
    answer.fails(2, &["nothing that `judge` needs depends on `+parameters.y`"]);
    let space = "sweep.space={parameters.x: {choice: [0.1, 0.2, 0.4]}}";
    let grid = ["e.yaml", "-s", space, "-s", "sweep.sampler=grid", "-s", "~sweep.trials"];
    done(&workspace.pipe(&[&["run"], &grid[..]].concat()));
    let found = trials(&workspace, &grid);
    let tried: BTreeSet<String> = found.iter().map(|trial| trial["settings"].to_string()).collect();
    assert_eq!((found.len(), tried.len()), (3, 3));
}

#[test]
fn failures_are_marked_and_tried_again_when_asked() {
    let text = PARABOLA.replace("sleep {params.wait};", "test {params.x} = 0.25 || test -e {workspace}/mended;");
    let workspace = workspace(&text);
    let space = "sweep.space={parameters.x: {choice: [0.25, 0.75, 0.5]}}";
    let grid = ["e.yaml", "-s", space, "-s", "sweep.sampler=grid", "-s", "~sweep.trials"];
    let run = [&["run", "-j1"], &grid[..]].concat();
    let answer = workspace.pipe(&run);
    assert_eq!(answer.code, 1, "{}", answer.stderr);
    assert_eq!(states(&trials(&workspace, &grid)), ["complete", "failed", "failed"]);
    let best = workspace.pipe(&[&["sweep", "best", "--format", "json"], &grid[..]].concat()).json();
    assert_eq!(best["number"], 0);
    let before = ran(&workspace, "fit");
    // They stay failed, and the search is finished.
    done(&workspace.pipe(&run));
    assert_eq!(ran(&workspace, "fit"), before);
    workspace.write("mended", "");
    done(&workspace.pipe(&[&run[..], &["--retry-failed"]].concat()));
    assert_eq!(states(&trials(&workspace, &grid)), ["complete"; 3]);
}

#[test]
fn what_is_no_number_is_no_value_and_a_hopeless_search_ends() {
    let text = PARABOLA
        .replace("%.9f", "%s")
        .replace("(x - 0.3) ^ 2 + {params.fold} + {params.shift} }", "(x > 0.5) ? \"null\" : x }");
    assert_ne!(text, PARABOLA);
    let workspace = workspace(&text);
    let space = "sweep.space={parameters.x: {choice: [0.25, 0.75]}}";
    let grid = ["e.yaml", "-s", space, "-s", "sweep.sampler=grid", "-s", "~sweep.trials"];
    done(&workspace.pipe(&[&["run"], &grid[..]].concat()));
    assert_eq!(states(&trials(&workspace, &grid)), ["complete", "failed"]);
    // Everything fails: after five nobody waits for the other 95.
    let hopeless =
        ["e.yaml", "-s", "sweep.space={parameters.x: {float: {low: 0.6, high: 1}}}", "-s", "sweep.trials=100"];
    let answer = workspace.pipe(&[&["run", "-j1"], &hopeless[..]].concat());
    assert!(answer.stderr.contains("the first 5 trials have failed"), "{}", answer.stderr);
    assert_eq!(trials(&workspace, &hopeless).len(), 5);
}

#[test]
fn processes_share_a_study() {
    let workspace = workspace(PARABOLA);
    let many = ["run", "e.yaml", "-j2", "-s", "sweep.trials=30", "-s", "parameters.wait=0.02"];
    let children: Vec<_> = (0..3).map(|_| workspace.start(&many)).collect();
    for child in children {
        done(&Answer::of(child.wait_with_output().expect("it ends")));
    }
    let found = trials(&workspace, &["e.yaml"]);
    assert_eq!(states(&found), ["complete"; 30]);
    let numbers: Vec<u64> = found.iter().filter_map(|trial| trial["number"].as_u64()).collect();
    assert_eq!(numbers, (0..30).collect::<Vec<_>>());
    // No trial was tried twice, and whoever came last ran the rest.
    assert_eq!([ran(&workspace, "fit"), ran(&workspace, "after")], [60, 1]);
}

#[test]
fn a_killed_search_goes_on_with_what_it_had_decided() {
    let workspace = workspace(PARABOLA);
    let run = ["run", "e.yaml", "-j2", "-s", "sweep.trials=12", "-s", "parameters.wait=0.03"];
    let mut known: Vec<Value> = Vec::new();
    for after in [3, 9, 14] {
        let mut child = workspace.start(&run);
        workspace.wait("trials", || ran(&workspace, "fit") >= after);
        thread::sleep(Duration::from_millis(7));
        // A search that was faster than the kill has nothing left to lose.
        drop(child.kill());
        child.wait().expect("it has ended");
        let now = trials(&workspace, &run[1..2]);
        for (before, now) in known.iter().zip(&now) {
            assert_eq!(before["settings"], now["settings"]);
            if before["state"] == "complete" {
                assert_eq!(before, now);
            }
        }
        known = now;
    }
    done(&workspace.pipe(&run));
    let found = trials(&workspace, &["e.yaml"]);
    assert_eq!(states(&found), ["complete"; 12]);
    // At each of three kills two stages were under way at most, and what two had made was not yet in the store.
    assert!((24..=36).contains(&ran(&workspace, "fit")), "{}", ran(&workspace, "fit"));
    assert_eq!(ran(&workspace, "prepare"), 1);
}

#[test]
fn a_search_can_be_a_file_of_its_own() {
    let (experiment, search) = PARABOLA.split_once("sweep:").expect("it has one");
    let workspace = workspace(experiment);
    workspace.write("search.yaml", format!("sweep:{search}"));
    done(&workspace.pipe(&["run", "e.yaml", "--sweep", "search.yaml"]));
    assert_eq!(trials(&workspace, &["e.yaml", "--sweep", "search.yaml"]).len(), 6);
    let fewer = ["e.yaml", "--sweep", "search.yaml", "-s", "sweep.trials=2", "-s", "++sweep.seed=3"];
    done(&workspace.pipe(&[&["run"], &fewer[..]].concat()));
    assert_eq!(trials(&workspace, &fewer).len(), 2);
    workspace.pipe(&["sweep", "status", "e.yaml"]).fails(2, &["has no `sweep:`", "--sweep FILE"]);
    workspace.write("none.yaml", "3");
    workspace.pipe(&["run", "e.yaml", "--sweep", "none.yaml"]).fails(2, &["expected a map with `space`"]);
}

#[test]
fn what_was_found_is_drawn_and_told() {
    let workspace = workspace(PARABOLA);
    let two = "sweep.space={parameters.x: {float: {low: 0, high: 1}}, parameters.shift: {choice: [0, 0.1]}}";
    let two = ["e.yaml", "-s", two, "-s", "sweep.trials=16"];
    done(&workspace.pipe(&[&["run"], &two[..]].concat()));
    let importance = workspace.pipe(&[&["sweep", "importance", "--format", "json"], &two[..]].concat()).json();
    assert!(importance.to_string().contains("parameters.shift"), "{importance}");
    let csv = workspace.pipe(&[&["sweep", "trials", "--csv", "--by", "value"], &two[..]].concat());
    assert_eq!(csv.stdout.lines().count(), 17, "{}", csv.stdout);
    done(&workspace.pipe(&[&["sweep", "plot", "-o", "drawn"], &two[..]].concat()));
    let page = fs::read_to_string(workspace.path("drawn/sweep.html")).expect("it was written");
    assert!(page.matches("<svg").count() >= 4 && page.contains("parameters.shift"), "a page with pictures");
    let is_drawn = |file: &&std::path::PathBuf| file.extension().is_some_and(|end| end == "svg");
    assert!(workspace.files("drawn").iter().filter(is_drawn).count() >= 4);
}

#[test]
fn wrong_searches_are_told_before_anything_runs() {
    let workspace = workspace(PARABOLA);
    let check = |set: &str, says: &[&str]| {
        workspace.pipe(&["run", "e.yaml", "-s", set]).fails(2, says);
        assert_eq!(ran(&workspace, "prepare"), 0, "{set}");
    };
    check("sweep.space={parameters.z: {float: {low: 0, high: 1}}}", &["there is no `parameters.z`", "+parameters.z"]);
    check("sweep.space={axes.fold: {choice: [0]}}", &["part of no recipe"]);
    check("sweep.space={parameters.x: {choice: [1, 1]}}", &["listed twice"]);
    let log = "sweep.space={parameters.shift: {choice: [0, 1]}, parameters.x: {float: {low: 0, high: 1, scale: log}}}";
    check(log, &["`sweep.space.parameters.x.float`: `low: 0` has no logarithm"]);
    check("sweep.space={parameters.x: {float: {low: -1, high: 1, scale: log}}}", &["no logarithm"]);
    check("sweep.space={parameters.x: {int: {low: 2, high: 1}}}", &["is above"]);
    check("sweep.space={parameters.x: {}}", &["`parameters.x`"]);
    check("sweep.space={}", &["no parameters"]);
    check("sweep.sampler=grid", &["the grid is infinite"]);
    check("sweep.sampler=tep", &["did you mean `tpe`"]);
    check("~sweep.trials", &["never ends", "trials: 50"]);
    check("sweep.trials=0", &["at least 1"]);
    check("sweep.trials=100000000000", &["more than anybody tries", "at most 1000000"]);
    check("sweep.objective.stage=jugde", &["did you mean `judge`"]);
    check("sweep.objective.stage=prepare", &["depends on nothing that is swept"]);
    check("sweep.objective.goal=up", &["not a choice"]);
    check("+sweep.pruner={successive_halving: {max_resource: 2}}", &["no trial would be judged"]);
    check("+sweep.nested={outer: 3, inner: 2}", &["there is no stage `split`"]);
    check("+sweep.tirals=3", &["did you mean `trials`"]);
    check("+axes.trial=[1]", &["is that of a search"]);
    workspace.pipe(&["run", "e.yaml", "fit"]).fails(2, &["a search runs as a whole"]);
}

#[test]
fn what_a_trial_made_is_got_by_its_name() {
    let workspace = workspace(PARABOLA);
    done(&workspace.pipe(&["run", "e.yaml"]));
    let found = trials(&workspace, &["e.yaml"]);
    done(&workspace.pipe(&["get", "e.yaml", "fit[trial=2,fold=1]", "--output", "third"]));
    let made = fs::read_to_string(&workspace.files("third")[0]).expect("it is a text");
    assert_eq!(made.trim(), found[2]["settings"]["parameters.x"].to_string());
    // Without a trial the best is meant.
    done(&workspace.pipe(&["get", "e.yaml", "fit[fold=1]", "--output", "best"]));
    let made = fs::read_to_string(&workspace.files("best")[0]).expect("it is a text");
    let best = workspace.pipe(&["sweep", "best", "e.yaml", "--format", "json"]).json();
    assert_eq!(made.trim(), best["settings"]["parameters.x"].to_string());
    workspace.pipe(&["get", "e.yaml", "fit[trial=9]", "--output", "none"]).fails(2, &["trial=9"]);
    assert!(workspace.pipe(&["why", "e.yaml", "judge[trial=2,fold=0]"]).stdout.contains("cached"));
}

#[test]
fn a_plan_shows_the_next_trial_and_runs_nothing() {
    let workspace = workspace(PARABOLA);
    let plan = |says: &[&str]| {
        let answer = workspace.pipe(&["plan", "e.yaml"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        says.iter().for_each(|says| assert!(answer.stdout.contains(says), "{says} is not in {}", answer.stdout));
        answer.stdout
    };
    let stages = ["prepare", "fit[trial=0,fold=0]", "judge[trial=0,fold=1]"];
    plan(&stages);
    plan(&["0 of 6 trials", "trials after these follow", "5 stages: 0 cached, 1 would run, 4 perhaps"]);
    assert_eq!(ran(&workspace, "prepare"), 0);
    done(&workspace.pipe(&["run", "e.yaml", "-s", "sweep.trials=2"]));
    assert!(plan(&["2 of 6 trials", "judge[trial=2,fold=1]"]).contains("fit[trial=0,fold=0]"));
    let before = trials(&workspace, &["e.yaml"]);
    assert_eq!(before.len(), 2, "what was only planned is no trial");
    done(&workspace.pipe(&["run", "e.yaml"]));
    assert!(!plan(&["6 of 6 trials", "0 would run, 0 perhaps"]).contains("trials after these"));
}

#[test]
fn an_objective_that_nobody_reports_ends_the_search() {
    let workspace = workspace(PARABOLA);
    let answer = workspace.pipe(&["run", "e.yaml", "-j1", "-s", "sweep.objective.metric=los", "-s", "sweep.trials=40"]);
    answer.fails(
        1,
        &["has come to its end without a number `los`", "did you mean `loss`", "the first 5 trials have failed"],
    );
    // Of a trial that has failed, the other fold need not run.
    assert!((5..=10).contains(&ran(&workspace, "judge")), "{}", ran(&workspace, "judge"));
    // The same command does not call that a success.
    workspace
        .pipe(&["run", "e.yaml", "-s", "sweep.objective.metric=los", "-s", "sweep.trials=40"])
        .fails(1, &["--retry-failed"]);
}

#[test]
fn one_missing_number_is_one_failed_trial() {
    let text = PARABOLA
        .replace("%.9f", "%s")
        .replace("(x - 0.3) ^ 2 + {params.fold} + {params.shift} }", "(x > 0.5) ? \"NaN\" : x }");
    let workspace = workspace(&text);
    let grid = "sweep.space={parameters.x: {choice: [0.75, 0.25, 0.5]}}";
    let answer = workspace.pipe(&["run", "e.yaml", "-s", grid, "-s", "sweep.sampler=grid"]);
    done(&answer);
    assert!(answer.stderr.contains("without a number `loss`"), "{}", answer.stderr);
    assert_eq!(
        states(&trials(&workspace, &["e.yaml", "-s", grid, "-s", "sweep.sampler=grid"])),
        ["failed", "complete", "complete"]
    );
}

#[test]
fn a_stage_that_gathers_folds_is_an_objective() {
    let text =
        PARABOLA.replace("echo after >> {workspace}/log;", "echo after >> {workspace}/log; cat {workspace}/one >&3;");
    let workspace = workspace(&text);
    workspace.write("one", "{\"result\": {\"name\": \"loss\", \"value\": 1}}\n");
    let gathered = ["e.yaml", "-s", "sweep.objective.stage=after", "-s", "sweep.trials=3"];
    done(&workspace.pipe(&[&["run"], &gathered[..]].concat()));
    assert_eq!(states(&trials(&workspace, &gathered)), ["complete"; 3]);
    // What they gather is equal, so it is gathered once.
    assert_eq!([ran(&workspace, "judge"), ran(&workspace, "after")], [6, 1]);
}
