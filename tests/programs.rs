//! Programs of any language as stages: what they are given, what they may tell, what they may not do.
//!
//! The Python example has a file of its own (`python_stage.rs`).

use std::fs;

use crate::harness::{Workspace, counts};

fn workspace(text: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("e.yaml", text);
    workspace
}

#[test]
fn variables_folders_and_quoted_names() {
    let text = "\
stages:
  'in':
    kind: command
    with:
      shell: 'printf \"%s|\" \"$COLOUR\" \"$N\" {params.text} > {outputs.o}; pwd >> {outputs.o}'
      outputs: { o: \"it's a file.txt\" }
      params: { text: \"two words; it's $HOME\" }
      env: { COLOUR: 'dark red', N: 3 }
      folder: workspace
";
    let workspace = workspace(text);
    assert_eq!(workspace.run(&["e.yaml"]), counts(0, 1));
    let object = fs::read_to_string(&workspace.files("runs/objects")[0]).expect("text");
    let root = fs::canonicalize(workspace.root()).expect("it exists");
    assert_eq!(object, format!("dark red|3|two words; it's $HOME|{}\n", root.display()));
    assert_eq!(workspace.run(&["e.yaml", "-s", "stages.in.with.env.N=4"]), counts(0, 1), "env is part of the recipe");
}

#[test]
fn inputs_that_a_program_tells_of_count_from_then_on() {
    let text = "\
stages:
  t:
    kind: command
    with:
      shell: 'cat {workspace}/a.h > {outputs.o}; echo \"o: {workspace}/a.h\" > deps.d'
      outputs: { o: o.txt }
      depfile: deps.d
";
    let workspace = workspace(text);
    workspace.write("a.h", "one");
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(workspace.run(&["e.yaml"]), counts(0, 1));
    assert_eq!(workspace.run(&["e.yaml"]), counts(1, 0));
    workspace.write("a.h", "two");
    let why = workspace.pipe(&["why", "e.yaml", "t"]);
    assert!(why.stdout.contains("a.h, which it read the last time, has other contents or is gone"), "{}", why.stdout);
    assert_eq!(workspace.run(&["e.yaml"]), counts(0, 1));
    // The contents of before are those of an earlier result.
    workspace.write("a.h", "one");
    assert_eq!(workspace.run(&["e.yaml"]), counts(1, 0));
    let none = workspace.pipe(&["run", "e.yaml", "-s", "stages.t.with.depfile=other.d"]);
    none.fails(1, &["cannot read its depfile"]);
}

#[test]
fn what_a_program_tells_is_seen_and_kept() {
    let text = "\
stages:
  t:
    kind: command
    with:
      shell: |
        echo '{\"progress\": {\"done\": 1, \"total\": 2, \"unit\": \"cases\", \"note\": \"\"}}' >> $PIPE_EVENTS
        echo '{\"metric\": {\"name\": \"loss\", \"step\": 1, \"value\": 0.5}}' >&3
        echo 'no JSON at all' >&3
        echo '{\"warning\": {\"text\": \"careful\"}}' >&3
        printf '{\"result\": {\"name\": \"dice\", \"value\": 0.75}}' >&$PIPE_EVENTS_FD
";
    let workspace = workspace(text);
    let answer = workspace.pipe(&["run", "e.yaml", "--format", "json"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    for part in ["\"done\":1,\"total\":2", "\"name\":\"loss\",\"step\":1,\"value\":0.5", "\"text\":\"careful\""] {
        assert!(answer.stdout.contains(part), "{part} is not in\n{}", answer.stdout);
    }
    let shown = workspace.pipe(&["runs", "show", "last", "--format", "json"]).stdout;
    assert!(shown.contains("\"dice\"") && shown.contains("0.75"), "{shown}");
}

#[test]
fn a_flood_of_output_ends_as_any_other() {
    let text = "\
stages:
  t: { kind: command, with: { shell: 'seq 300000; seq 300000 >&3; echo done > {outputs.o}', outputs: { o: o.txt } } }
";
    let workspace = workspace(text);
    assert_eq!(workspace.run(&["e.yaml"]), counts(0, 1));
    let log = fs::read_to_string(workspace.path("runs/attempts/1/t/1/log.txt")).expect("kept");
    assert_eq!(log.lines().count(), 300_000);
}

#[test]
fn outputs_outside_of_the_scratch_folder_are_refused() {
    let check = |shell: &str, says: &str| {
        let text = format!(
            "stages: {{ t: {{ kind: command, with: {{ shell: '{shell}', outputs: {{ o: sub/o.txt }} }} }} }}\n"
        );
        let workspace = workspace(&text);
        workspace.write("secret", "not an output");
        workspace.pipe(&["run", "e.yaml"]).fails(1, &["stage `t` failed", says]);
        assert!(workspace.files("runs/objects").is_empty());
    };
    check("echo > {workspace}/o.txt", "nothing was written to `sub/o.txt`");
    check("ln -s {workspace}/secret {outputs.o}", "is a link");
    check("rmdir sub; ln -s {workspace} sub; echo > sub/o.txt", "leads out of its folder");
    check("mkfifo {outputs.o}", "neither a file nor a folder");
    let outside = "stages: { t: { kind: command, with: { shell: x, outputs: { o: ../o.txt } } } }\n";
    workspace(outside).pipe(&["run", "e.yaml"]).fails(2, &["must be a path inside the scratch folder"]);
}

#[test]
fn files_of_a_run_say_what_it_was() {
    let workspace =
        workspace("stages: { t: { kind: command, with: { shell: 'echo > {outputs.o}', outputs: { o: o } } } }\n");
    for arguments in
        [&["init", "-q"][..], &["add", "e.yaml"], &["-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "a"]]
    {
        let git = std::process::Command::new("git").args(arguments).current_dir(workspace.root()).status();
        assert!(git.expect("git exists").success());
    }
    workspace.write(
        "e.yaml",
        "stages: { t: { kind: command, with: { shell: 'echo 2 > {outputs.o}', outputs: { o: o } } } }\n",
    );
    workspace.run(&["e.yaml"]);
    let read = |name: &str| {
        let text = fs::read_to_string(workspace.path(&format!("runs/attempts/1/{name}"))).expect(name);
        serde_json::from_str::<serde_json::Value>(&text).unwrap_or(text.into())
    };
    assert_eq!(read("experiment.json")["stages"][0]["with"]["shell"], "echo 2 > {outputs.o}");
    let run = read("run.json");
    assert!(run["commit"].as_str().is_some_and(|commit| commit.ends_with('+') && commit.len() == 41), "{run}");
    let stage = &run["stages"][0];
    assert_eq!(stage["manifest"]["with"]["shell"], "echo 2 > {outputs.o}");
    assert!(stage["made"]["facts"]["cpu_seconds"].is_number() && stage["fingerprint"].is_string(), "{stage}");
    assert!(
        read("git.diff")
            .as_str()
            .is_some_and(|diff| diff.contains("+stages: { t: { kind: command, with: { shell: 'echo 2"))
    );
    assert!(read("plan.json")["stages"].is_array());
}
