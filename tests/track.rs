//! Tracking: a real MLflow server is told of runs, whatever happens to it, to `pipe`, or to the way between; and files are.
//!
//! What arrives is read by MLflow's own Python client. Skips where PIPE_TEST_MLFLOW names no server.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::{
    harness::{Answer, TINY, Workspace, counts},
    mlflow::{Mood, Proxy, read, read_as, run_of, server, unique},
};

/// Two folds that tell three numbers each while they run, and one at the end; fold 1 waits for a file where it is asked to.
const FOLDS: &str = "\
description: two folds
axes: { fold: [0, 1] }
parameters: { rate: 0.5, wait: no }
stages:
  prepare: { kind: command, with: { shell: 'echo data > {outputs.o}', outputs: { o: o.txt } } }
  train:
    kind: command
    needs: prepare
    with:
      params: { rate: '${parameters.rate}', fold: '${axis.fold}', wait: '${parameters.wait}' }
      outputs: { o: o.txt }
      shell: |
        for step in 1 2 3; do
          echo '{\"metric\": {\"name\": \"loss\", \"step\": '$step', \"value\": {params.rate}}}' >&3
          if [ {params.fold}{params.wait} = 1yes ]; then
            touch {workspace}/step.$step
            until [ -e {workspace}/go.$step ]; do sleep 0.02; done
          fi
        done
        printf '{\"result\": {\"name\": \"dice\", \"value\": 0.{params.fold}5}}\\n' >&3
        echo done > {outputs.o}
";

/// A workspace whose experiment tells a server, under a name of its own.
fn workspace(uri: &str, text: &str) -> (Workspace, String) {
    let (workspace, name) = (Workspace::new(), unique("pipe"));
    let tracking = format!("tracking: {{ mlflow: {{ uri: \"{uri}\", experiment: {name}, tags: {{ team: one }} }} }}\n");
    workspace.write("e.yaml", format!("{text}{tracking}"));
    (workspace, name)
}

fn with(workspace: &Workspace, arguments: &[&str], variables: &[(&str, &str)]) -> Answer {
    Answer::of(workspace.command(arguments).envs(variables.iter().copied()).output().expect("pipe starts"))
}

/// Delivers what a busy machine may have left.
#[track_caller]
fn sync(workspace: &Workspace) -> Value {
    let answer = workspace.pipe(&["track", "sync", "--format", "json"]);
    assert_eq!(answer.code, 0, "{}{}", answer.stdout, answer.stderr);
    answer.json()
}

#[track_caller]
fn check_losses(run: &Value, value: &str) {
    let told: Vec<_> = run["metrics"]["train/loss"].as_array().into_iter().flatten().map(|m| (&m[0], &m[1])).collect();
    assert_eq!(told, [(&json!(1), &json!(value)), (&json!(2), &json!(value)), (&json!(3), &json!(value))], "{run:#}");
}

fn status(workspace: &Workspace) -> Value {
    workspace.pipe(&["track", "status", "--format", "json"]).json()
}

#[test]
fn folds_are_runs_below_the_run_and_what_is_cached_says_so() {
    let Some(uri) = server() else { return };
    let (workspace, name) = workspace(&uri, FOLDS);
    assert_eq!(workspace.run(&["e.yaml"]), counts(0, 3));
    sync(&workspace);
    let first = read(&uri, &name);
    assert_eq!(first["runs"].as_array().map(Vec::len), Some(3), "{first:#}");
    let whole = run_of(&first, None);
    assert_eq!((&whole["name"], &whole["status"]), (&json!("e #1"), &json!("FINISHED")));
    let tags = &whole["tags"];
    let expected = [
        ("team", "one"),
        ("mlflow.note.content", "two folds"),
        ("mlflow.source.name", "e.yaml"),
        ("pipe.stage.prepare", "done"),
    ];
    expected.iter().for_each(|(tag, value)| assert_eq!(tags[*tag], *value, "{tags:#}"));
    assert_eq!(whole["params"]["train.params.rate"], "0.5");
    let mean: f64 = whole["metrics"]["train/dice"][0][1].as_str().and_then(|mean| mean.parse().ok()).expect("a mean");
    assert!((mean - 0.1).abs() < 1e-9, "the mean of 0.05 and 0.15 is 0.1, not {mean}");
    assert!(whole["files"].as_object().is_some_and(|files| files.contains_key("pipe/experiment.json")), "{whole:#}");
    for (fold, dice) in [("fold=0", "0.05"), ("fold=1", "0.15")] {
        let run = run_of(&first, Some(fold));
        assert_eq!((&run["status"], &run["tags"]["mlflow.parentRunId"]), (&json!("FINISHED"), &whole["id"]));
        check_losses(run, "0.5");
        assert_eq!(run["metrics"]["train/dice"][0][1], dice);
    }

    // The same again is no news.
    assert_eq!(workspace.run(&["e.yaml"]), counts(3, 0));
    assert_eq!(read(&uri, &name)["runs"].as_array().map(Vec::len), Some(3));
    // Another rate trains again; the data are those of the first run, and say so.
    assert_eq!(workspace.run(&["e.yaml", "-s", "parameters.rate=0.25"]), counts(1, 2));
    sync(&workspace);
    let second = read(&uri, &name);
    let runs: Vec<_> = second["runs"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|run| run["tags"]["pipe.run"] == "3")
        .cloned()
        .collect();
    assert_eq!(runs.len(), 3, "{second:#}");
    let second = json!({ "runs": runs });
    let tags = &run_of(&second, None)["tags"];
    assert_eq!((&tags["pipe.stage.prepare"], &tags["pipe.made_by.prepare"]), (&json!("cached"), &whole["id"]));
    check_losses(run_of(&second, Some("fold=1")), "0.25");
    let known = &status(&workspace)[0];
    assert_eq!((&known["destination"], &known["waiting"], &known["refused"]), (&json!(uri), &json!(0), &json!(0)));
}

#[test]
fn the_variable_alone_switches_it_on() {
    let Some(uri) = server() else { return };
    let (workspace, name) = (Workspace::new(), unique("variable"));
    workspace.write("e.yaml", FOLDS);
    let variables = [("MLFLOW_TRACKING_URI", uri.as_str()), ("MLFLOW_EXPERIMENT_NAME", &name)];
    assert_eq!(with(&workspace, &["run", "e.yaml"], &[]).code, 0);
    assert_eq!(status(&workspace), json!([]));
    // All of it is cached by now; it is told because nobody was told yet, and only once.
    for _ in 0..2 {
        let answer = with(&workspace, &["run", "e.yaml"], &variables);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
    }
    sync(&workspace);
    let read = read(&uri, &name);
    assert_eq!(read["runs"].as_array().map(Vec::len), Some(3), "{read:#}");
    let fold = run_of(&read, Some("fold=1"));
    assert_eq!(
        (&fold["tags"]["pipe.stage.train"], &fold["tags"]["pipe.made_by.train"]),
        (&json!("cached"), &json!("run 1"))
    );
    assert_eq!(fold["metrics"]["train/dice"][0][1], "0.15");
}

#[test]
fn a_failed_stage_has_its_log_there() {
    let Some(uri) = server() else { return };
    let text = "stages: { bad: { kind: command, with: { shell: 'echo the reason; exit 7' } }, after: { kind: command, needs: bad, with: { shell: x } } }\n";
    let (workspace, name) = workspace(&uri, text);
    workspace.pipe(&["run", "e.yaml"]).fails(1, &["stage `bad` failed"]);
    sync(&workspace);
    let read = read(&uri, &name);
    let run = run_of(&read, None);
    assert_eq!((&run["status"], &run["tags"]["pipe.stage.bad"]), (&json!("FAILED"), &json!("failed")));
    assert!(run["logs"]["logs/bad.txt"].as_str().is_some_and(|log| log.contains("the reason")), "{run:#}");
    assert_eq!(run["tags"]["pipe.skipped.after"], "bad");
}

#[test]
fn a_run_goes_on_without_its_server_and_tells_it_later() {
    let Some(uri) = server() else { return };
    let proxy = Proxy::new(&uri, Mood::HangUp);
    let (workspace, name) = workspace(&proxy.uri, FOLDS);
    let answer = workspace.pipe(&["run", "e.yaml"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(answer.stderr.matches("warning: MLflow").count(), 1, "{}", answer.stderr);
    assert_eq!(
        answer.stderr.matches("`pipe track sync` delivers").count(),
        2,
        "a warning and a note: {}",
        answer.stderr
    );
    let waiting = status(&workspace)[0]["waiting"].as_u64().expect("a count");
    assert!(waiting > 10, "{waiting}");
    workspace.pipe(&["track", "sync"]).fails(3, &["cannot be reached"]);
    proxy.set(Mood::Forward);
    let told = sync(&workspace);
    assert_eq!(told["servers"][0]["delivered"], waiting);
    assert_eq!(workspace.pipe(&["track", "sync"]).stdout, "nothing waits\n");
    let read = read(&uri, &name);
    assert_eq!(read["runs"].as_array().map(Vec::len), Some(3));
    ["fold=0", "fold=1"].iter().for_each(|fold| check_losses(run_of(&read, Some(fold)), "0.5"));
}

#[test]
fn what_a_killed_run_told_is_whole_and_ended() {
    let Some(uri) = server() else { return };
    let (workspace, name) = workspace(&uri, FOLDS);
    let mut child = workspace.start(&["run", "e.yaml", "-s", "parameters.wait=yes"]);
    workspace.wait("the second number", || {
        workspace.write("go.1", "");
        workspace.path("step.2").exists()
    });
    let events = || fs::read_to_string(workspace.path("runs/attempts/1/events.jsonl")).unwrap_or_default();
    let numbers =
        |text: &str| text.lines().filter(|line| line.contains("{\"metric\"") && line.contains("fold=1")).count();
    workspace.wait("the events", || numbers(&events()) == 2);
    child.kill().and_then(|()| child.wait()).expect("our child");
    let told = sync(&workspace);
    assert_eq!(told["revived"], 1);
    let read = read(&uri, &name);
    let run = run_of(&read, Some("fold=1"));
    assert_eq!(
        (&run["status"], run["metrics"]["train/loss"].as_array().map(Vec::len)),
        (&json!("KILLED"), Some(2)),
        "{run:#}"
    );
    assert_eq!(run_of(&read, None)["status"], "KILLED");
    // The same command continues, as a run of its own.
    workspace.write("go.2", "").write("go.3", "");
    workspace.run(&["e.yaml", "-s", "parameters.wait=yes"]);
    assert_eq!(sync(&workspace)["revived"], 0);
}

#[test]
fn a_closed_server_that_is_restarted_in_mid_run_gets_everything() {
    let Some(_) = server() else { return };
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/mlflow-server");
    let config = folder.path().join("auth.ini");
    let users = format!(
        "[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{}/auth.db\nadmin_username = keeper\nadmin_password = a-long-secret-1\n",
        folder.path().display()
    );
    fs::write(&config, users).expect("writable");
    let manage = |what: &str| {
        let mut command = Command::new(script);
        command
            .arg(what)
            .arg(folder.path())
            .env("MLFLOW_AUTH_CONFIG_PATH", &config)
            .env("MLFLOW_FLASK_SERVER_SECRET_KEY", "key");
        if what == "start" {
            command.args(["--app-name", "basic-auth"]);
        }
        let output = command.output().expect("bash exists");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("an address").trim().to_owned()
    };
    manage("start");
    let uri = manage("address");
    let variables = [("MLFLOW_TRACKING_USERNAME", "keeper"), ("MLFLOW_TRACKING_PASSWORD", "a-long-secret-1")];

    // Without a name nothing is told, and one warning says what to do.
    let (workspace, name) = workspace(&uri, FOLDS);
    let answer = workspace.pipe(&["run", "e.yaml"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert_eq!(answer.stderr.matches("(401)").count(), 1, "{}", answer.stderr);
    assert!(answer.stderr.contains("MLFLOW_TRACKING_USERNAME"), "{}", answer.stderr);

    let mut command = workspace.command(&["run", "e.yaml", "-s", "parameters.wait=yes"]);
    let mut child = command.envs(variables).stderr(std::process::Stdio::null()).spawn().expect("pipe starts");
    workspace.wait("the first number", || workspace.path("step.1").exists());
    manage("stop");
    workspace.write("go.1", "");
    workspace.wait("the second number", || workspace.path("step.2").exists());
    manage("start");
    manage("address");
    workspace.write("go.2", "").write("go.3", "");
    assert!(child.wait().expect("our child").success());
    assert_eq!(with(&workspace, &["track", "sync"], &variables).code, 0);
    let read = read_as(&uri, &name, &variables);
    manage("stop");
    assert_eq!(read["runs"].as_array().map(Vec::len), Some(6), "two runs of two folds: {read:#}");
    let runs: Vec<_> =
        read["runs"].as_array().expect("a list").iter().filter(|run| run["tags"]["pipe.run"] == "2").cloned().collect();
    let second = json!({ "runs": runs });
    ["fold=0", "fold=1"].iter().for_each(|fold| check_losses(run_of(&second, Some(fold)), "0.5"));
    // No secret is anywhere in what is kept.
    for path in workspace.files("runs") {
        let bytes = fs::read(&path).expect("readable");
        assert!(!bytes.windows(15).any(|part| part == b"a-long-secret-1"), "{}", path.display());
    }
}

#[test]
fn a_wrong_address_is_a_warning() {
    let check = |uri: &str, says: &str| {
        let (workspace, _) = workspace(uri, "stages: { a: { kind: command, with: { shell: 'true' } } }\n");
        let answer = workspace.pipe(&["run", "e.yaml"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        assert_eq!(answer.stderr.matches("warning:").count(), 1, "{}", answer.stderr);
        assert!(answer.stderr.contains(says), "{says} is not in {}", answer.stderr);
    };
    check("./mlruns", "mlflow server --backend-store-uri ./mlruns");
    check("localhost:5000", "did you mean http://localhost:5000?");
    // Nobody listens there.
    check("http://127.0.0.1:9", "cannot be reached");
    let (workspace, _) = workspace("http://127.0.0.1:9", "stages: {}\n");
    workspace
        .pipe(&["plan", "e.yaml", "-s", "++tracking.mlflow.url=x"])
        .fails(2, &["tracking.mlflow.url", "did you mean `uri`?"]);
}

#[test]
fn tracking_is_no_part_of_a_recipe() {
    let workspace = Workspace::new();
    workspace.write("e.yaml", FOLDS);
    assert_eq!(workspace.run(&["e.yaml"]), counts(0, 3));
    workspace.write("e.yaml", format!("{FOLDS}tracking: {{ file: {{}} }}\n"));
    assert_eq!(workspace.run(&["e.yaml"]), counts(3, 0));
}

#[test]
fn files_are_told_the_same() {
    let workspace = Workspace::new();
    workspace.write("lines.yaml", format!("{FOLDS}tracking: {{ file: {{}} }}\n"));
    workspace.write("tables.yaml", format!("{FOLDS}tracking: {{ file: {{ folder: out/told, format: csv }} }}\n"));
    workspace.run(&["lines.yaml"]);
    let text = fs::read_to_string(workspace.path("tracking/lines-1/messages.jsonl")).expect("written");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["message"]["begun"]["name"], "lines #1");
    let numbers: usize = lines
        .iter()
        .filter(|line| line["part"] == "fold=1")
        .filter_map(|line| line["message"]["metrics"].as_array())
        .flatten()
        .filter(|metric| metric["key"] == "train/loss" && metric["value"] == 0.5)
        .count();
    assert_eq!(numbers, 3, "{text}");
    assert_eq!(lines.last().expect("lines")["message"]["ended"]["status"], "FINISHED");

    workspace.run(&["tables.yaml", "-s", "parameters.rate=0.25"]);
    let metrics = fs::read_to_string(workspace.path("out/told/tables-2/metrics.csv")).expect("written");
    assert_eq!(metrics.lines().next(), Some("part,metric,step,value,time"));
    assert_eq!(
        metrics.lines().filter(|line| line.starts_with("fold=0,train/loss,") && line.contains(",0.25,")).count(),
        3
    );
    assert_eq!(status(&workspace), json!([]), "no server was told");
}

#[test]
fn a_training_has_its_curves_report_and_model_there() {
    let Some(uri) = server() else { return };
    let (workspace, name) = workspace(&uri, TINY);
    workspace.run(&["e.yaml"]);
    sync(&workspace);
    let read = read(&uri, &name);
    let whole = run_of(&read, None);
    let files = whole["files"].as_object().expect("files by name");
    for file in ["report/report.html", "report/cases.csv", "pipe/run.json"] {
        assert!(
            files.get(file).and_then(Value::as_u64).is_some_and(|bytes| bytes > 0),
            "{file} is not among {files:#?}"
        );
    }
    assert_eq!(whole["datasets"][0][0], "xca_phantom");
    assert!(
        whole["metrics"]["evaluate/dice"].is_array() && whole["metrics"]["evaluate/dice_sd"].is_array(),
        "{whole:#}"
    );
    for fold in ["fold=0", "fold=1"] {
        let run = run_of(&read, Some(fold));
        assert_eq!(run["metrics"]["train/validation_dice"].as_array().map(Vec::len), Some(3), "{run:#}");
        assert_eq!(run["params"]["train.network.unet.width"], "4");
        let model = read["models"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|model| model["run"] == run["id"])
            .expect("one a fold");
        assert!(
            model["metrics"]["evaluate/dice"].is_number() || !run["metrics"]["evaluate/dice"].is_null(),
            "{model:#}"
        );
        assert_eq!(model["files"], json!(["model.safetensors", "preparation.json"]));
        let version = read["versions"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|version| version["run"] == run["id"])
            .expect("one a fold");
        assert_eq!(version["aliases"], json!([fold.replace('=', "-")]));
    }
}
