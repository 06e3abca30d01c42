//! What may go from the store and what must stay, what rotted, and what past runs tell.
//!
//! Looks at what `pipe` prints, at the files of the store and at counts of later runs.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::Value;

use crate::harness::{Answer, TINY, Workspace, counts};

/// Two chains that know nothing of each other; the shorter files of both stages `a` and `c` are equal.
const CHAINS: &str = "\
parameters: { lines: 1 }
stages:
  a: { kind: command, with: { command: [sh, -c, 'echo from a; mkdir {outputs.o}; echo alpha > {outputs.o}/own; echo same > {outputs.o}/same'], outputs: { o: o } } }
  b: { kind: command, needs: a, with: { command: [sh, -c, 'head -n ${parameters.lines} {inputs.a}/own > {outputs.o}'], outputs: { o: o.txt } } }
  c: { kind: command, with: { command: [sh, -c, 'mkdir {outputs.o}; echo gamma > {outputs.o}/own; echo same > {outputs.o}/same'], outputs: { o: o } } }
  d: { kind: command, needs: c, with: { command: [sh, -c, 'head -n ${parameters.lines} {inputs.c}/own > {outputs.o}'], outputs: { o: o.txt } } }
";

fn chains() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("chains.yaml", CHAINS);
    assert_eq!(workspace.run(&["chains.yaml"]), counts(0, 4));
    workspace
}

/// An experiment with a report, run; run with another seed in one fold; and run as it was.
fn trained() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    assert_eq!(workspace.run(&["tiny.yaml"]), counts(0, 11));
    assert_eq!(workspace.run(&SEED), counts(7, 4));
    assert_eq!(workspace.run(&["tiny.yaml"]), counts(11, 0));
    workspace
}

const SEED: [&str; 3] = ["tiny.yaml", "-s", "++stages.'train[fold=1]'.with.seed=7"];

#[track_caller]
fn succeeds(workspace: &Workspace, arguments: &[&str]) -> Answer {
    let answer = workspace.pipe(arguments);
    assert_eq!(answer.code, 0, "{arguments:?}\n{}\n{}", answer.stdout, answer.stderr);
    answer
}

#[track_caller]
fn json(workspace: &Workspace, arguments: &[&str]) -> Value {
    succeeds(workspace, &[arguments, &["--format", "json"]].concat()).json()
}

fn objects(workspace: &Workspace) -> BTreeSet<PathBuf> {
    workspace.files("runs/objects").into_iter().collect()
}

fn holds(workspace: &Workspace, contents: &str) -> bool {
    objects(workspace).iter().any(|path| fs::read(path).is_ok_and(|bytes| bytes == contents.as_bytes()))
}

fn names(list: &Value, key: &str) -> Vec<String> {
    let list = list.as_array().expect("a list").iter();
    list.map(|item| item[key].as_str().expect("a text").to_owned()).collect()
}

#[test]
fn a_dry_run_removes_nothing_and_names_what_would_go() {
    let workspace = trained();
    let before = objects(&workspace);
    let answer = succeeds(&workspace, &["cache", "gc", "--older-than", "0s", "--dry-run"]);
    assert_eq!(objects(&workspace), before);
    let lines: Vec<_> = answer.stdout.lines().filter(|line| line.contains("[fold=")).collect();
    assert_eq!(lines.len(), 4, "{}", answer.stdout);
    for stage in ["train[fold=1]", "predict[fold=1]", "evaluate[fold=1]", "export[fold=1]"] {
        let line = lines.iter().find(|line| line.starts_with(stage)).unwrap_or_else(|| panic!("{}", answer.stdout));
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[1..3], ["tiny", "2"], "experiment and run: {line}");
        assert!(line.contains("unused for"), "{line}");
    }
    assert!(answer.stdout.contains("would free"), "{}", answer.stdout);
    assert!(answer.stdout.contains("11 results stay because a report shows it"), "{}", answer.stdout);
}

#[test]
fn what_a_report_shows_stays_with_all_bytes_it_shares() {
    let workspace = trained();
    let freed = json(&workspace, &["cache", "gc", "--older-than", "0s", "--max-size", "0"]);
    assert_eq!(freed["results"].as_array().map(Vec::len), Some(4), "{freed}");
    assert_eq!(freed["freed"]["bytes"], freed["result_bytes"]);
    assert!(freed["result_bytes"].as_u64() > Some(0));
    // The report is rendered anew from stored bytes alone.
    fs::remove_dir_all(workspace.path("runs/reports")).expect("ours");
    assert_eq!(workspace.run(&["tiny.yaml"]), counts(11, 0));
    let verified = json(&workspace, &["cache", "verify"]);
    let missing: BTreeSet<_> = verified["missing"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|missing| {
            assert!(missing["collected"].is_string(), "{missing}");
            missing["owner"]["run"].as_i64()
        })
        .collect();
    assert_eq!(missing, BTreeSet::from([Some(2)]));
    succeeds(&workspace, &["cache", "verify"]);
    assert_eq!(workspace.pipe(&["cache", "verify", "--strict"]).code, 1);
    // A report that was deleted keeps nothing.
    fs::remove_dir_all(workspace.path("runs/reports")).expect("ours");
    succeeds(&workspace, &["cache", "gc", "--older-than", "0s"]);
    assert!(objects(&workspace).is_empty());
}

#[test]
fn a_collected_result_is_a_hit_and_made_again_when_its_bytes_are_needed() {
    let workspace = chains();
    succeeds(&workspace, &["cache", "gc", "--older-than", "0s"]);
    assert!(objects(&workspace).is_empty());
    assert_eq!(workspace.run(&["chains.yaml"]), counts(4, 0));
    assert!(objects(&workspace).is_empty(), "nobody needed the bytes");
    // `b` alone is another recipe: `a` is made again for it, and nothing else.
    let changed = ["chains.yaml", "-s", "stages.b.with.command=[sh, -c, 'tail -n 1 {inputs.a}/own > {outputs.o}']"];
    assert_eq!(workspace.run(&changed), counts(2, 2));
    assert!(holds(&workspace, "alpha\n") && !holds(&workspace, "gamma\n"));
}

#[test]
fn bytes_shared_with_a_kept_result_stay() {
    let workspace = chains();
    // The second run of this experiment did without `c` and `d`; `a` and `c` share a file.
    let without = CHAINS.lines().filter(|line| !line.starts_with("  c:") && !line.starts_with("  d:"));
    workspace.write("chains.yaml", without.map(|line| format!("{line}\n")).collect::<String>());
    assert_eq!(workspace.run(&["chains.yaml"]), counts(2, 0));
    let freed = json(&workspace, &["cache", "gc", "--keep-last", "1"]);
    assert_eq!(names(&freed["results"], "stage"), ["c", "d"]);
    assert!(holds(&workspace, "alpha\n") && holds(&workspace, "same\n") && !holds(&workspace, "gamma\n"));
    let last_two = json(&workspace, &["cache", "gc", "--keep-last", "2", "--dry-run"]);
    assert!(names(&last_two["results"], "stage").is_empty());
}

#[test]
fn age_is_that_of_the_last_use() {
    let workspace = chains();
    let ledger = rusqlite::Connection::open(workspace.path("runs/ledger.sqlite")).expect("a ledger");
    let back = "update runs set started = '2020-01-01T00:00:00Z', ended = '2020-01-01T00:00:00Z';
        update artifacts set made = json_set(made, '$.at', '2020-01-01T00:00:00Z');";
    ledger.execute_batch(back).expect("SQL");
    drop(ledger);
    let count = |age: &str| {
        let answer = json(&workspace, &["cache", "gc", "--dry-run", "--older-than", age]);
        answer["results"].as_array().map(Vec::len)
    };
    assert_eq!((count("30d"), count("9999w")), (Some(4), Some(0)));
    assert_eq!(workspace.run(&["chains.yaml"]), counts(4, 0));
    assert_eq!(count("30d"), Some(0), "a cached run is a use");
}

#[test]
fn a_run_that_goes_on_loses_nothing() {
    let workspace = Workspace::new();
    workspace.write(
        "slow.yaml",
        "stages:\n  first: { kind: command, with: { command: [sh, -c, 'echo first > {outputs.o}'], outputs: { o: o.txt } } }\n  \
         slow: { kind: command, needs: first, with: { command: [sh, -c, 'touch started; until test -e \"$0\"; do sleep 0.05; done; cat {inputs.first} > {outputs.o}', '${parameters.go}'], outputs: { o: o.txt } } }\n\
         parameters: { go: GO }\n"
            .replace("GO", &workspace.path("go").display().to_string()),
    );
    let run = workspace.start(&["run", "slow.yaml"]);
    workspace
        .wait("the second stage", || workspace.files("runs/attempts").iter().any(|path| path.ends_with("started")));
    assert_eq!(names(&json(&workspace, &["runs", "list"])["runs"], "state"), ["running"]);
    let freed = json(&workspace, &["cache", "gc", "--older-than", "0s", "--max-size", "0", "--keep-last", "0"]);
    assert_eq!(freed["live"], serde_json::json!([1]));
    assert_eq!(freed["freed"]["removed"], 0, "{freed}");
    workspace.write("go", "");
    let answer = Answer::of(run.wait_with_output().expect("pipe ends"));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(holds(&workspace, "first\n"));
}

/// Collections as fast as they go, while runs of one experiment make, share and force results.
#[test]
fn collections_and_runs_at_the_same_time() {
    let workspace = chains();
    let is_over = AtomicBool::new(false);
    let collections = std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) {
                succeeds(&workspace, &["cache", "gc", "--older-than", "0s", "--max-size", "0"]);
                count += 1;
            }
            count
        });
        let runs = |seed: usize| {
            for round in 0..12 {
                let lines = format!("parameters.lines={}", (round * seed) % 3 + 1);
                let forced = ["a", "b", "c", "d"][(round + seed) % 4];
                let answer = workspace.pipe(&["run", "chains.yaml", "-s", &lines, "--force", forced]);
                if answer.code != 0 {
                    return Some(answer);
                }
            }
            None
        };
        let workers = [scope.spawn(move || runs(1)), scope.spawn(move || runs(2))];
        let failed = workers.map(|worker| worker.join().expect("no panic"));
        is_over.store(true, Ordering::Relaxed);
        let collections = collector.join().expect("every collection succeeds");
        if let Some(answer) = failed.iter().flatten().next() {
            panic!("{}\n{}", answer.stdout, answer.stderr);
        }
        collections
    });
    assert!(collections > 1);
    assert!(json(&workspace, &["cache", "verify"])["rotten"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn what_a_killed_run_left_is_garbage() {
    let workspace = Workspace::new();
    workspace.write(
        "slow.yaml",
        "stages:\n  slow: { kind: command, with: { command: [sh, -c, 'touch started; sleep 3'], outputs: { o: o.txt } } }\n",
    );
    let mut run = workspace.start(&["run", "slow.yaml"]);
    workspace.wait("the stage", || workspace.files("runs/attempts").iter().any(|path| path.ends_with("started")));
    run.kill().expect("ours");
    run.wait().expect("it ends");
    assert_eq!(names(&json(&workspace, &["runs", "list", "--state", "killed"])["runs"], "state"), ["killed"]);
    let answer = succeeds(&workspace, &["cache", "gc"]);
    assert!(answer.stdout.contains("1 working folder of an ended attempt"), "{}", answer.stdout);
    assert!(!workspace.path("runs/attempts/1/slow/1/scratch").exists());
}

#[test]
fn an_altered_object_goes_aside_and_just_its_stage_runs_again() {
    let workspace = chains();
    let is_alpha = |path: &&PathBuf| fs::read(path).is_ok_and(|bytes| bytes == b"alpha\n");
    let all = workspace.files("runs/objects");
    let rotten = all.iter().filter(is_alpha).max_by_key(|path| path.as_os_str().len()).expect("an object");
    fs::set_permissions(rotten, fs::Permissions::from_mode(0o644)).expect("ours");
    fs::write(rotten, "ALPHA\n").expect("ours");
    let answer = workspace.pipe(&["cache", "verify"]);
    assert_eq!(answer.code, 1, "{}", answer.stdout);
    // It belongs to the folder of `a`, and is all that `b` wrote.
    for owner in ["a ", "b "] {
        let line = answer.stdout.lines().find(|line| line.starts_with(owner));
        let words: Vec<_> = line.unwrap_or_else(|| panic!("{}", answer.stdout)).split_whitespace().collect();
        assert_eq!(words[1..4], ["o", "chains", "1"]);
    }
    let aside = workspace.files("runs/quarantine");
    assert_eq!(aside.len(), 1);
    assert_eq!(fs::read(&aside[0]).expect("an object"), b"ALPHA\n");
    // Both stages that lost it run again, and nothing else.
    assert_eq!(workspace.run(&["chains.yaml"]), counts(2, 2));
    assert_eq!(workspace.run(&["chains.yaml"]), counts(4, 0));
    assert_eq!(fs::read(rotten).expect("made again"), b"alpha\n");
    let whole = json(&workspace, &["cache", "verify", "--strict"]);
    assert_eq!((names(&whole["rotten"], "path"), whole["missing"].as_array().map(Vec::len)), (vec![], Some(0)));
}

#[test]
fn sizes_count_what_lies_there() {
    let workspace = trained();
    let sizes = json(&workspace, &["cache", "size"]);
    assert_eq!(sizes["kinds"]["train"]["results"], 3);
    let on_disk: u64 =
        workspace.files("runs/objects").iter().map(|path| fs::metadata(path).expect("there").len()).sum();
    let kinds = sizes["kinds"].as_object().expect("a map").values();
    assert_eq!(kinds.map(|kind| kind["bytes"].as_u64().expect("a number")).sum::<u64>(), on_disk);
    assert_eq!(sizes["unnamed"]["bytes"], 0);
    let text = succeeds(&workspace, &["cache", "size"]).stdout;
    assert!(text.contains("train results") && text.contains("together"), "{text}");
}

#[test]
fn past_runs_tell_stages_metrics_and_differences() {
    let workspace = trained();
    let listed = json(&workspace, &["runs", "list", "--experiment", "tiny", "--metric", "dice,none"]);
    let dice: Vec<_> =
        listed["runs"].as_array().expect("a list").iter().map(|run| run["metrics"]["dice"].as_f64()).collect();
    assert!(dice.len() == 3 && dice[0] == dice[2] && dice[0] != dice[1] && dice[1].is_some(), "{dice:?}");
    assert!(listed["runs"][0]["metrics"]["none"].is_null());
    assert_eq!(json(&workspace, &["runs", "-n", "1"])["runs"][0]["id"], 3, "alone it lists");

    let shown = json(&workspace, &["runs", "show", "last~1"]);
    assert_eq!(shown["run"]["id"], 2);
    let state = |stage: &str| {
        let stages = shown["stages"].as_array().expect("a list");
        stages.iter().find(|shown| shown["stage"] == stage).map(|stage| stage["state"].clone())
    };
    assert_eq!(state("train[fold=1]"), Some("ran".into()));
    assert_eq!(state("train[fold=0]"), Some("cached".into()));
    let files = shown["files"].as_array().expect("a list");
    assert!(files.len() == 2 && files.iter().all(|path| PathBuf::from(path.as_str().expect("a path")).is_file()));
    let text = succeeds(&workspace, &["runs", "show", "2"]).stdout;
    for part in ["run 2 of tiny: done", "7 cached, 4 ran", "runs/attempts/2/plan.json", "run 1, attempt 1", "dice"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }

    let compared = json(&workspace, &["runs", "compare", "1", "2", "3"]);
    let row = |stage: &str| {
        let rows = compared["metrics"].as_array().expect("a list").clone();
        rows.into_iter().find(|row| row["stage"] == stage && row["metric"] == "dice").expect("a row")
    };
    assert_eq!(row("evaluate[fold=0]")["differences"], serde_json::json!([0.0, 0.0, 0.0]));
    let changed = row("evaluate[fold=1]");
    let value = |run: usize| changed["values"][run].as_f64().expect("a number");
    assert_eq!(changed["differences"][1].as_f64(), Some(value(1) - value(0)));
    assert!(value(1) != value(0) && value(2) == value(0));

    let text = succeeds(&workspace, &["runs", "diff", "1", "2"]).stdout;
    assert!(text.contains("11 stages in both, 4 of them differ"), "{text}");
    assert!(text.contains("train[fold=1]\n  - with.seed: 0 -> 7\n"), "{text}");
    assert!(text.contains("predict[fold=1]\n  - input `model` has other contents\n"), "{text}");
    assert!(!text.contains("fold=0"), "{text}");
    assert!(succeeds(&workspace, &["runs", "diff", "1", "last"]).stdout.contains("0 of them differ"));
}

#[test]
fn logs_of_past_runs() {
    let workspace = chains();
    workspace.run(&["chains.yaml"]);
    assert_eq!(succeeds(&workspace, &["runs", "log", "1", "a"]).stdout, "from a\n");
    let cached = succeeds(&workspace, &["runs", "log", "last", "a"]);
    assert_eq!(cached.stdout, "from a\n");
    assert!(cached.stderr.contains("a was cached in run 2; run 1 made it"), "{}", cached.stderr);
    let listed = json(&workspace, &["runs", "log", "1"]);
    assert_eq!(names(&listed["attempts"], "stage").iter().collect::<BTreeSet<_>>().len(), 4);
    workspace.pipe(&["runs", "log", "1", "e"]).fails(2, &["run 1 has no stage `e`; there is a, "]);
    workspace.pipe(&["runs", "log", "1", "a", "--attempt", "2"]).fails(2, &["`a` has no attempt 2; there is 1"]);
    workspace.pipe(&["runs", "show", "7"]).fails(2, &["there is no run `7`; there are runs 1 to 2"]);
    workspace.pipe(&["runs", "diff", "1", "last~2"]).fails(2, &["there is no run `last~2`"]);
    workspace.pipe(&["runs", "show", "first"]).fails(2, &["a run is a number, `last`, or `last~2`"]);
    workspace.pipe(&["cache", "gc", "--older-than", "30"]).fails(2, &["`30` has no unit; write 30d"]);
    workspace.pipe(&["cache", "gc", "--max-size", "200"]).fails(2, &["`200` has no unit; write 200GiB"]);
    Workspace::new().pipe(&["runs", "show", "last"]).fails(2, &["nothing has run in this workspace yet"]);
}
