//! Bad input gets a clear error, the right exit code, and nothing is lost.
//!
//! Every wrong input stands beside the words that must be said about it.

use std::fs;

use image::{GrayImage, Luma};

use crate::harness::Workspace;

const FOLDER: &str = "\
extends: pipelines/segmentation.yaml
data: { root: data, layout: { folder: {} }, size: [16, 16] }
network: { unet: { width: 4, depth: 2 } }
training: { epochs: 1, batch: 2, loss: { dice: {} }, optimizer: { adam: { learning_rate: 1e-2 } } }
";

fn picture(size: u32, value: u8) -> GrayImage {
    GrayImage::from_fn(size, size, |x, _| Luma([if x < size / 2 { value } else { 0 }]))
}

fn save(workspace: &Workspace, name: &str, picture: &GrayImage) {
    let path = workspace.path(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    picture.save(path).expect("a picture");
}

/// Two good cases, `a` and `b`.
fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("folder.yaml", FOLDER);
    for name in ["a", "b"] {
        save(&workspace, &format!("data/images/{name}.png"), &picture(16, 200));
        save(&workspace, &format!("data/masks/{name}.png"), &picture(16, 255));
    }
    workspace
}

#[test]
fn all_bad_cases_are_named_at_once() {
    let workspace = workspace();
    save(&workspace, "data/images/lonely.png", &picture(16, 200));
    save(&workspace, "data/masks/orphan.png", &picture(16, 255));
    save(&workspace, "data/images/sizes.png", &picture(16, 200));
    save(&workspace, "data/masks/sizes.png", &picture(8, 255));
    save(&workspace, "data/images/cut.png", &picture(16, 200));
    save(&workspace, "data/masks/cut.png", &picture(16, 255));
    let whole = fs::read(workspace.path("data/images/cut.png")).expect("our own PNG");
    workspace.write("data/images/cut.png", &whole[..whole.len() / 2]);
    workspace.write("data/images/text.png", "not a picture");
    save(&workspace, "data/masks/text.png", &picture(16, 255));
    let says = ["lonely", "orphan", "sizes", "cut", "text", "16", "8"];
    workspace.pipe(&["data", "check", "folder.yaml"]).fails(1, &says);
    // The run refuses the same data, with the same words.
    let run = workspace.pipe(&["run", "folder.yaml"]);
    run.fails(1, &says);
    assert!(workspace.files("runs/objects").is_empty(), "nothing is published");
    // It takes two outputs of `prepare`, and is skipped once.
    assert_eq!(run.stderr.matches("train[fold=0]: skipped").count(), 1, "{}", run.stderr);
}

#[test]
fn a_missing_data_folder() {
    let workspace = workspace();
    let answer = workspace.pipe(&["run", "folder.yaml", "-s", "data.root=nowhere"]);
    answer.fails(2, &["nowhere", "does not exist", "command line"]);
    workspace.pipe(&["data", "check", "folder.yaml", "-s", "data.root=nowhere"]).fails(2, &["nowhere"]);
    workspace.pipe(&["data", "check", "folder.yaml", "-s", "data.root=folder.yaml"]).fails(2, &["no data folder"]);
    workspace.pipe(&["run", "folder.yaml", "-s", "data.root=null"]).fails(1, &["data.root=FOLDER"]);
}

#[test]
fn mask_encodings_mean_the_same() {
    let workspace = workspace();
    // A third case: the experiment has three folds.
    save(&workspace, "data/images/c.png", &picture(16, 200));
    let digests: Vec<_> = [255, 1]
        .into_iter()
        .map(|foreground| {
            for name in ["a", "b", "c"] {
                save(&workspace, &format!("data/masks/{name}.png"), &picture(16, foreground));
            }
            let answer = workspace.pipe(&["data", "check", "folder.yaml", "--format", "json"]);
            assert_eq!(answer.code, 0, "{}", answer.stderr);
            answer.json()["cases"].clone()
        })
        .collect();
    assert_eq!(digests[0], digests[1], "0/255 and 0/1 are the same masks");
}

#[track_caller]
fn wrong(yaml: &str, says: &[&str]) {
    let workspace = Workspace::new();
    workspace.write("wrong.yaml", yaml);
    let mut all = vec!["wrong.yaml"];
    all.extend(says);
    workspace.pipe(&["plan", "wrong.yaml"]).fails(2, &all);
}

#[test]
fn an_unknown_need() {
    wrong(
        "stages:\n  train: { kind: command, with: { command: ['true'], outputs: {} } }\n  evaluate: { kind: command, needs: trian, with: { command: ['true'] } }\n",
        &["trian", "did you mean `train`", ":3:"],
    );
}

#[test]
fn an_unknown_kind() {
    wrong("stages:\n  a: { kind: prepair }\n", &["prepair", "did you mean `prepare`", ":2:"]);
}

#[test]
fn unknown_keys_of_a_kind_all_at_once() {
    wrong(
        "stages:\n  a:\n    kind: command\n    with: { comand: [x], outputz: {}, command: ['true'] }\n",
        &["comand", "did you mean `command`", "outputz", "did you mean `outputs`"],
    );
}

#[test]
fn a_cycle() {
    wrong(
        "stages:\n  a: { kind: command, needs: b, with: { command: ['true'], outputs: { o: o } } }\n  b: { kind: command, needs: a, with: { command: ['true'], outputs: { o: o } } }\n",
        &["a > b > a"],
    );
}

#[test]
fn a_typing_error_in_the_recipe_of_an_experiment() {
    let workspace = workspace();
    let answer = workspace.pipe(&["run", "folder.yaml", "-s", "+training.epoch=5"]);
    answer.fails(2, &["epoch", "did you mean `epochs`", "-s +training.epoch=5"]);
    let answer = workspace.pipe(&["run", "folder.yaml", "-s", "training.epochs=ten"]);
    answer.fails(2, &["ten", "training.epochs"]);
}

#[test]
fn a_missing_experiment() {
    let workspace = Workspace::new();
    workspace.pipe(&["run", "none.yaml"]).fails(2, &["none.yaml"]);
}

#[test]
fn a_ledger_that_is_not_ours_or_newer() {
    let workspace = workspace();
    let ledger = workspace.path("runs/ledger.sqlite");
    let foreign = rusqlite::Connection::open(&ledger).expect("a new database");
    foreign.execute_batch("create table other(x); insert into other values (1);").expect("SQL");
    drop(foreign);
    let before = fs::read(&ledger).expect("it exists");
    workspace.pipe(&["run", "folder.yaml"]).fails(3, &["ledger.sqlite"]);
    assert_eq!(fs::read(&ledger).expect("it exists"), before, "a foreign file is left alone");

    fs::remove_file(&ledger).expect("ours to remove");
    assert_eq!(workspace.pipe(&["status", "folder.yaml"]).code, 0, "a new ledger is made");
    let ours = rusqlite::Connection::open(&ledger).expect("our ledger");
    ours.pragma_update(None, "user_version", 9999).expect("SQL");
    drop(ours);
    workspace.pipe(&["run", "folder.yaml"]).fails(3, &["ledger.sqlite", "newer"]);
}

#[test]
fn a_failing_command_shows_its_last_lines_and_its_log() {
    let workspace = Workspace::new();
    workspace.write(
        "fail.yaml",
        "stages:\n  bad: { kind: command, with: { command: [sh, -c, 'echo the reason >&2; exit 7'], outputs: { o: o.txt } } }\n  after: { kind: command, needs: bad, with: { command: ['true'] } }\n  beside: { kind: command, with: { command: [sh, -c, 'echo x > {outputs.o}'], outputs: { o: o.txt } } }\n",
    );
    let answer = workspace.pipe(&["run", "fail.yaml"]);
    answer.fails(1, &["bad", "the reason", "7", "log"]);
    let again = workspace.pipe(&["run", "fail.yaml", "--format", "json"]);
    let counts = again.counts();
    assert_eq!((counts.cached, counts.failed), (1, 1), "what succeeded is kept");
}

#[test]
fn what_a_plan_can_know_is_said_before_anything_runs() {
    wrong(
        "stages:\n  a: { kind: command, with: { command: [cat, '{inputs.x}', '{outputs.numberz}'], outputs: { numbers: n.json } } }\n",
        &["{inputs.x}", "outputs.numbers"],
    );
    wrong(
        "stages:\n  a: { kind: command, with: { command: [x], outputs: { o: o.txt } } }\n  b: { kind: command, needs: a, with: { command: [x], inputs: { a: wrong.yaml } } }\n",
        &["inputs.a", "choose another name"],
    );
    wrong(
        "stages:\n  a: { kind: command, with: { command: [x], outputs: { o: o, p: o/p } } }\n",
        &["lies in the output `o`"],
    );
    wrong(
        "name: ../../elsewhere\nstages: { a: { kind: command, with: { command: [x] } } }\n",
        &["cannot name an experiment"],
    );
    let workspace = workspace();
    workspace.pipe(&["plan", "folder.yaml", "-s", "training.loss={sum: []}"]).fails(2, &["no losses"]);
    workspace.pipe(&["plan", "folder.yaml", "-s", "axes.fold=[5]"]).fails(2, &["fold 5 of 3"]);
    workspace.pipe(&["plan", "folder.yaml", "-s", "training.epochs=1e3"]).fails(2, &["a whole number"]);
}

#[test]
fn a_missing_output_is_a_failure() {
    let workspace = Workspace::new();
    workspace.write(
        "none.yaml",
        "stages:\n  a: { kind: command, with: { command: ['true'], outputs: { numbers: n.json } } }\n",
    );
    workspace.pipe(&["run", "none.yaml"]).fails(1, &["numbers", "n.json"]);
}
