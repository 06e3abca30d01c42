//! What `pipe` explains: reasons with their lines, estimates, graphs, the machine, completions.
//!
//! Does not run anything but small programs.

use crate::harness::{Workspace, untimed};

const PIPELINE: &str = "\
axes: { fold: [0, 1] }
parameters:
  width: 3
  sizes: [1, 2, 3]
stages:
  make:
    kind: command
    with:
      command: [sh, -c, 'cat {inputs.text} > {outputs.text}']
      inputs: { text: text.txt }
      outputs: { text: text.txt }
  cut:
    kind: command
    needs: make
    with:
      command: [sh, -c, 'head -c 3 {inputs.make} > {outputs.part}; echo ${axis.fold} >> {outputs.part}']
      outputs: { part: part.txt }
      params:
        width: ${parameters.width}
        sizes: ${parameters.sizes}
        note: plain
  sum:
    kind: command
    needs: 'cut[*]'
    with:
      command: [sh, -c, 'cat {inputs.cut} > {outputs.all}']
      outputs: { all: all.txt }
";

const EXPERIMENT: &str = "\
extends: pipelines/cut.yaml
parameters: { width: 4 }
";

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("pipelines/cut.yaml", PIPELINE).write("cut.yaml", EXPERIMENT).write("text.txt", "abcdef");
    workspace
}

#[test]
fn why_names_the_line_of_each_changed_value() {
    let workspace = workspace();
    workspace.run(&["cut.yaml"]);
    let changed = PIPELINE
        .replace("sizes: [1, 2, 3]", "sizes: [1, 5, 3]")
        .replace("        note: plain\n", "        fresh: { deep: 1 }\n");
    workspace.write("pipelines/cut.yaml", changed);
    let options = ["-s", "parameters.width=6", "-s", "++stages.'cut[fold=1]'.with.params.more=[1]"];
    let text = |stage| workspace.pipe(&[&["why", "cut.yaml", stage], options.as_slice()].concat()).stdout;
    insta::assert_snapshot!(format!("{}\n{}", text("cut"), text("sum")), @r#"
    cut[fold=0] would run
      - with.params.fresh: nothing -> {"deep":1}    pipelines/cut.yaml:21:16
      - with.params.note: "plain" -> nothing        gone from pipelines/cut.yaml:19:9
      - with.params.sizes.1: 2 -> 5                 pipelines/cut.yaml:4:14
      - with.params.width: 4 -> 6                   -s parameters.width=6
    cut[fold=1] would run
      - with.params.fresh: nothing -> {"deep":1}    pipelines/cut.yaml:21:16
      - with.params.more: nothing -> [1]            -s ++stages.'cut[fold=1]'.with.params.more=[1]
      - with.params.note: "plain" -> nothing        gone from pipelines/cut.yaml:19:9
      - with.params.sizes.1: 2 -> 5                 pipelines/cut.yaml:4:14
      - with.params.width: 4 -> 6                   -s parameters.width=6

    sum runs if what it takes comes out different
      - waits for cut[fold=0], cut[fold=1]
      cut[fold=0] would run
        - with.params.fresh: nothing -> {"deep":1}    pipelines/cut.yaml:21:16
        - with.params.note: "plain" -> nothing        gone from pipelines/cut.yaml:19:9
        - with.params.sizes.1: 2 -> 5                 pipelines/cut.yaml:4:14
        - with.params.width: 4 -> 6                   -s parameters.width=6
      cut[fold=1] would run
        - with.params.fresh: nothing -> {"deep":1}    pipelines/cut.yaml:21:16
        - with.params.more: nothing -> [1]            -s ++stages.'cut[fold=1]'.with.params.more=[1]
        - with.params.note: "plain" -> nothing        gone from pipelines/cut.yaml:19:9
        - with.params.sizes.1: 2 -> 5                 pipelines/cut.yaml:4:14
        - with.params.width: 4 -> 6                   -s parameters.width=6
    "#);
    let json = workspace.pipe(&[&["why", "cut.yaml", "cut[fold=1]", "--format", "json"], options.as_slice()].concat());
    let why = json.json()["stages"][0]["why"].clone();
    let with = |path: &str| {
        let of = |reason: &&serde_json::Value| reason["with"]["path"] == path;
        let found = why.as_array().into_iter().flatten().find(of);
        found.unwrap_or_else(|| panic!("no {path} in {why}"))["with"].clone()
    };
    let sizes = with("params.sizes.1");
    assert_eq!((&sizes["old"], &sizes["new"]), (&2.into(), &5.into()));
    let at = serde_json::json!({ "file": "pipelines/cut.yaml", "line": 4, "column": 14 });
    assert_eq!(sizes["at"], at, "of the referred value");
    assert_eq!(with("params.width")["at"]["option"], "-s parameters.width=6");
    assert_eq!(with("params.note")["written"], false);
}

#[test]
fn why_names_who_made_an_input_that_changed() {
    let workspace = workspace();
    workspace.run(&["cut.yaml"]);
    workspace.write("text.txt", "abXdef");
    let outside = workspace.pipe(&["why", "cut.yaml", "make", "--format", "json"]).json();
    let external = &outside["stages"][0]["why"][0]["external"];
    assert_eq!(external["at"]["line"], 10, "{outside}");
    assert!(external["old"].is_string() && external["new"].is_string() && external["old"] != external["new"]);
    // `make` succeeds, what follows does not: its new inputs are known, and have no result.
    let broken = workspace.pipe(&["run", "cut.yaml", "-s", "stages.cut.with.command=['false']"]);
    assert_eq!(broken.code, 1, "{}", broken.stderr);
    let cut = workspace.pipe(&["why", "cut.yaml", "cut[fold=0]"]).stdout;
    let line = cut.lines().find(|line| line.contains("input `make`")).unwrap_or_else(|| panic!("{cut}"));
    assert!(line.contains(" -> ") && line.ends_with(", made by make in run 2"), "{cut}");
    let json = workspace.pipe(&["why", "cut.yaml", "cut[fold=0]", "--format", "json"]).json();
    let input = json["stages"][0]["why"].as_array().into_iter().flatten().find(|reason| !reason["input"].is_null());
    let change = &input.unwrap_or_else(|| panic!("{json}"))["input"]["changes"][0];
    assert_eq!(change["made_by"], serde_json::json!({ "stage": "make", "output": "text", "run": 2 }), "{json}");
}

#[test]
fn plan_estimates_from_history() {
    let workspace = workspace();
    let before = workspace.pipe(&["plan", "cut.yaml"]).stdout;
    workspace.run(&["cut.yaml"]);
    let cached = workspace.pipe(&["plan", "cut.yaml"]).stdout;
    let axes = ["-s", "parameters.width=5", "-s", "axes.fold=[0, 1, 2]"];
    let after = workspace.pipe(&[&["plan", "cut.yaml"], axes.as_slice()].concat());
    let shown = [before, cached, after.stdout].map(|text| untimed(&text)).join("\n\n");
    insta::assert_snapshot!(shown, @"
    stage kind about why
    make command run never run before
    cut[fold=0] command perhaps waits for make
    cut[fold=1] command perhaps waits for make
    sum command perhaps waits for cut[fold=0], cut[fold=1]
    4 stages: 0 cached, 1 would run, 3 perhaps (an equal input makes them cached)
    no estimate: 4 stages have no history

    stage kind about why
    make command cached
    cut[fold=0] command cached
    cut[fold=1] command cached
    sum command cached
    4 stages: 4 cached, 0 would run, 0 perhaps (an equal input makes them cached)

    stage kind about why
    make command cached
    cut[fold=0] command run TIME with.params.width: 4 -> 5
    cut[fold=1] command run TIME with.params.width: 4 -> 5
    cut[fold=2] command run TIME never run before
    sum command perhaps TIME waits for cut[fold=0], cut[fold=1], cut[fold=2]
    5 stages: 1 cached, 3 would run, 1 perhaps (an equal input makes them cached)
    about TIME of work if all of these run, TIME with JOBS at once
    ");
    let json = workspace.pipe(&[&["plan", "cut.yaml", "--format", "json"], axes.as_slice()].concat()).json();
    let sum: f64 = json["stages"].as_array().into_iter().flatten().filter_map(|s| s["estimate_seconds"].as_f64()).sum();
    let total = json["estimate_seconds"].as_f64().unwrap_or_else(|| panic!("no estimate in {json}"));
    assert!((total - sum).abs() < 1e-9 && total > 0.0, "{json}");
    let wall = json["estimate_wall_seconds"].as_f64().expect("as there is a sum");
    assert!(wall <= total + 1e-9 && json["without_history"] == 0, "{json}");
}

/// The experiment after a run in which fold 1 failed.
fn partly_failed() -> Workspace {
    let workspace = workspace();
    let failing =
        PIPELINE.replace("command: [sh, -c, 'head", "command: [sh, -c, 'test ${axis.fold} = 0 || exit 1; head");
    workspace.write("pipelines/cut.yaml", failing);
    assert_eq!(workspace.pipe(&["run", "cut.yaml"]).code, 1);
    workspace
}

#[test]
fn graphs_show_states() {
    let workspace = partly_failed();
    let graph = |options: &[&str]| {
        let answer = workspace.pipe(&[&["graph", "cut.yaml", "-s", "axes.fold=[0, 1, 2]"], options].concat());
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        answer.stdout
    };
    let shown = [&[][..], &["--all"], &["--as", "dot"], &["--as", "mermaid"]].map(graph).join("\n");
    insta::assert_snapshot!("graphs", shown);
    let svg = graph(&["--as", "svg"]);
    assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for part in ["cut: 5 stages", "cut[fold=2]", "command · failed", "cached: 2", "would run: 1", "perhaps: 1"] {
        assert!(svg.contains(part), "{part} is not in\n{svg}");
    }
    let json: serde_json::Value = serde_json::from_str(&graph(&["--format", "json"])).expect("JSON");
    assert_eq!(json["stages"][2]["state"], "failed", "{json}");
    let status = workspace.pipe(&["status", "cut.yaml", "--format", "json"]).json();
    assert_eq!(status["stages"][2]["state"], "failed", "both say the same: {status}");
}

#[test]
fn a_graph_needs_neither_data_nor_a_readable_ledger() {
    let workspace = workspace();
    std::fs::remove_file(workspace.path("text.txt")).expect("written just now");
    let answer = workspace.pipe(&["graph", "cut.yaml"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(answer.stdout.ends_with("4 stages\n") && answer.stderr.contains("text.txt"), "{}", answer.stderr);
    workspace.write("pipelines/cut.yaml", PIPELINE.replace("needs: make", "needs: sum"));
    workspace.pipe(&["graph", "cut.yaml", "--as", "svg"]).fails(2, &["stages need each other in a circle"]);
    workspace.write("pipelines/cut.yaml", PIPELINE.replacen("kind: command", "kind: comand", 1));
    workspace.pipe(&["graph", "cut.yaml"]).fails(2, &["there is no stage kind `comand`"]);
}

#[test]
fn doctor_tells_what_is_wrong_and_how_to_mend_it() {
    let workspace = partly_failed();
    let verdict = |answer: &serde_json::Value, group: &str, name: &str| {
        let checks = answer["groups"][group].as_array().unwrap_or_else(|| panic!("no {group} in {answer}"));
        let check = checks.iter().find(|check| check["name"] == name);
        check.unwrap_or_else(|| panic!("no {name} in {answer}"))["verdict"].as_str().map(str::to_owned)
    };
    let well = workspace.pipe(&["doctor", "--format", "json"]);
    assert_eq!(well.code, 0, "{}", well.stdout);
    let json = well.json();
    for (group, name) in [("program", "version"), ("workspace", "writable"), ("store", "ledger"), ("store", "clock")] {
        assert_eq!(verdict(&json, group, name).as_deref(), Some("ok"), "{json}");
    }
    let before = workspace.files("");
    assert!(workspace.pipe(&["doctor"]).stdout.contains("0 problems"));
    assert_eq!(workspace.files(""), before, "it leaves nothing behind");
    rusqlite::Connection::open(workspace.path("runs/ledger.sqlite"))
        .and_then(|ledger| {
            ledger.execute_batch(
                "update runs set ended = '2999-01-01T00:00:00Z';
                 insert into runs (experiment, file, command, started) values ('cut', '', '', '2026-01-01T00:00:00Z');",
            )
        })
        .expect("our own ledger");
    let ill = workspace.pipe(&["doctor", "--format", "json"]);
    assert_eq!(ill.code, 3, "{}", ill.stdout);
    assert_eq!(verdict(&ill.json(), "store", "clock").as_deref(), Some("problem"));
    assert_eq!(verdict(&ill.json(), "store", "killed").as_deref(), Some("note"));
    workspace
        .write("runs/ledger.sqlite", "no database at all, but long enough for a header of one hundred bytes".repeat(3));
    let foreign = workspace.pipe(&["doctor"]);
    assert_eq!(foreign.code, 3);
    assert!(foreign.stdout.contains("is not a ledger of pipe"), "{}", foreign.stdout);
}

#[test]
fn doctor_makes_nothing_where_nothing_is() {
    let workspace = Workspace::new();
    std::fs::remove_dir(workspace.path("runs")).expect("empty");
    let answer = workspace.pipe(&["doctor", "--workspace", "."]);
    assert!(answer.stdout.contains("none yet"), "{}\n{}", answer.stdout, answer.stderr);
    assert!(!workspace.path("runs").exists());
}

#[test]
fn completions_are_scripts_that_shells_load() {
    let workspace = Workspace::new();
    for (shell, checked) in [("bash", true), ("zsh", true), ("fish", true), ("powershell", false), ("elvish", false)] {
        let answer = workspace.pipe(&["completions", shell]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert!(answer.stdout.contains("graph") && !answer.stdout.contains("worker"), "{shell}:\n{}", answer.stdout);
        workspace.write(shell, &answer.stdout);
        if checked {
            // A shell that is not installed checks nothing.
            if let Ok(loaded) = std::process::Command::new(shell).arg("-n").arg(workspace.path(shell)).output() {
                let said = String::from_utf8_lossy(&loaded.stderr);
                assert!(loaded.status.success() && said.is_empty(), "{shell}: {said}");
            }
        }
    }
    assert_eq!(workspace.pipe(&["completions", "tcsh"]).code, 2);
}
