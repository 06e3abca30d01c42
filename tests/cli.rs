//! The commands that only look: their texts, their JSON, their speed is measured elsewhere.

use serde_json::Value;

use crate::harness::{TINY, Workspace, untimed};

#[test]
fn version_and_help() {
    let workspace = Workspace::new();
    let version = workspace.pipe(&["--version"]);
    assert_eq!((version.code, version.stdout.as_str()), (0, "pipe 0.0.0\n"));
    let help = workspace.pipe(&["--help"]);
    let commands = [
        "run", "plan", "why", "graph", "status", "runs", "cache", "accept", "report", "network", "data", "schema",
        "doctor",
    ];
    for command in commands {
        assert!(help.stdout.contains(command), "{command} is not in\n{}", help.stdout);
    }
    assert!(!help.stdout.contains("worker"), "worker is for `pipe run` alone");
    assert_eq!(workspace.pipe(&["frobnicate"]).code, 2);
}

#[test]
fn plan_and_why_before_and_after_a_run() {
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    let plan = workspace.pipe(&["plan", "tiny.yaml"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    for stage in ["prepare", "split[fold=0]", "train[fold=1]", "evaluate[fold=0]", "export[fold=1]"] {
        assert!(plan.stdout.contains(stage), "{stage} is not in\n{}", plan.stdout);
    }
    assert!(
        !workspace.path("runs/objects").exists() || workspace.files("runs/objects").is_empty(),
        "plan runs nothing"
    );
    workspace.run(&["tiny.yaml"]);
    let why = workspace.pipe(&["why", "tiny.yaml", "evaluate[fold=0]", "-s", "stages.evaluate.with.threshold=0.4"]);
    assert_eq!(why.code, 0, "{}", why.stderr);
    for part in ["threshold", "0.5", "0.4"] {
        assert!(why.stdout.contains(part), "{part} is not in\n{}", why.stdout);
    }
    let cached = workspace.pipe(&["why", "tiny.yaml", "train", "--format", "json"]);
    let json = cached.json();
    assert!(json.to_string().contains("train[fold=1]"), "{json}");
    workspace.pipe(&["why", "tiny.yaml", "trian"]).fails(2, &["trian", "did you mean `train`"]);
}

#[test]
fn plan_and_why_in_words() {
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    let before = workspace.pipe(&["plan", "tiny.yaml"]).stdout;
    let new = workspace.pipe(&["why", "tiny.yaml", "evaluate[fold=1]"]).stdout;
    workspace.run(&["tiny.yaml"]);
    let changes = [
        "-s",
        "stages.evaluate.with.threshold=0.4",
        "-s",
        "++stages.'train[fold=1]'.with.seed=7",
        "-s",
        "training.augment=[{ flip_vertical: {} }]",
    ];
    let after = untimed(&workspace.pipe(&[&["plan", "tiny.yaml"], changes.as_slice()].concat()).stdout);
    let train = workspace.pipe(&[&["why", "tiny.yaml", "train"], changes.as_slice()].concat()).stdout;
    let evaluate = workspace.pipe(&[&["why", "tiny.yaml", "evaluate[fold=0]"], changes.as_slice()].concat()).stdout;
    let graph = workspace.pipe(&["graph", "tiny.yaml", "-s", "axes.fold=[0]"]).stdout;
    insta::assert_snapshot!(
        "plan_and_why",
        format!(
            "== plan, nothing run\n{before}\n== why evaluate[fold=1]\n{new}\n== plan, three changes\n{after}\n== why train\n{train}\n== why evaluate[fold=0]\n{evaluate}\n== graph of one fold\n{graph}"
        )
    );
}

#[test]
fn every_command_that_prints_data_prints_json() {
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    workspace.run(&["tiny.yaml"]);
    let commands: [&[&str]; 10] = [
        &["plan", "tiny.yaml", "--format", "json"],
        &["why", "tiny.yaml", "train", "--format", "json"],
        &["graph", "tiny.yaml", "--format", "json"],
        &["status", "tiny.yaml", "--format", "json"],
        &["runs", "--format", "json"],
        &["doctor", "--format", "json"],
        &["report", "tiny.yaml", "--format", "json"],
        &["network", "list", "--format", "json"],
        &["network", "show", "unet", "--input", "1,1,64,64", "--format", "json"],
        &["data", "check", "tiny.yaml", "--format", "json"],
    ];
    for command in commands {
        let answer = workspace.pipe(command);
        assert_eq!(answer.code, 0, "{command:?}: {}", answer.stderr);
        serde_json::from_str::<Value>(&answer.stdout)
            .unwrap_or_else(|error| panic!("{command:?}: {error}\n{}", answer.stdout));
    }
}

#[test]
fn the_report_as_json_has_a_row_a_metric() {
    let workspace = Workspace::new();
    workspace.write("tiny.yaml", TINY);
    workspace.run(&["tiny.yaml"]);
    let answer = workspace.pipe(&["report", "tiny.yaml", "--format", "json"]);
    let json = answer.json();
    let rows = json["table"].as_array().expect("a table");
    for metric in ["dice", "iou", "precision", "recall", "specificity", "accuracy", "cldice"] {
        let row = rows.iter().find(|row| row["metric"] == metric).unwrap_or_else(|| panic!("no {metric} in {json}"));
        assert_eq!(row["n"], 6, "six cases, each tested once: {row}");
        assert_eq!(row["per_fold"].as_array().map(Vec::len), Some(2), "{row}");
        assert!(row["mean"].is_f64() && row["sd"].is_f64(), "{row}");
    }
    let html = std::fs::read_to_string(workspace.path("runs/reports/tiny/report.html")).expect("a page");
    assert!(html.contains("<svg") && html.contains("data:image/png;base64,"), "curves and overlays are inside");
    assert!(!html.contains("http://") && !html.contains("src=\"/"), "the page needs no other file");
}

#[test]
fn masks_of_another_frame_than_the_network_labels_are_told() {
    let workspace = Workspace::new();
    let recipe = TINY
        .replace("  frames: 1\n", "")
        .replace("unet: { width: 4, depth: 2 }", "svsnet: { widths: [2, 3, 4], label: last }");
    workspace.write("frames.yaml", recipe);
    let told = workspace.pipe(&["run", "frames.yaml", "-s", "axes.fold=[0]"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(told.stderr.contains("masks belong to frame 2, the network's `label` says frame 3"), "{}", told.stderr);
    let silent =
        workspace.pipe(&["run", "frames.yaml", "-s", "axes.fold=[0]", "-s", "network.svsnet.label={index: 2}"]);
    assert!(silent.code == 0 && !silent.stderr.contains("masks belong"), "{}", silent.stderr);
}

#[test]
fn network_probe_prints_the_agreed_keys() {
    let workspace = Workspace::new();
    workspace.write("net.yaml", "network: { unet: { width: 4, depth: 2 } }\n");
    let answer = workspace.pipe(&["network", "probe", "net.yaml", "--input", "1,1,16,16"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let json = answer.json();
    for key in ["params", "output_shape", "mean", "std", "min", "max", "samples", "last"] {
        assert!(!json[key].is_null(), "no {key} in {json}");
    }
    assert_eq!(json["samples"].as_array().map(Vec::len), Some(8));
    workspace.write("two.yaml", "network: { unet: {}, svsnet: {} }\n");
    assert_eq!(workspace.pipe(&["network", "probe", "two.yaml", "--input", "1,1,16,16"]).code, 2);
    // 17 does not halve twice: it gets a margin, which is cut off again. Of 3, halved twice, nothing is left.
    let odd = workspace.pipe(&["network", "probe", "net.yaml", "--input", "1,1,17,16"]).json();
    assert_eq!(odd["output_shape"], serde_json::json!([1, 1, 17, 16]));
    workspace.pipe(&["network", "probe", "net.yaml", "--input", "1,1,3,16"]).fails(2, &["3x16 is too small for unet"]);
}

#[test]
fn committed_schemas_are_fresh() {
    let workspace = Workspace::new();
    assert_eq!(workspace.pipe(&["schema", "--write", "schemas"]).code, 0);
    let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
    let fresh = workspace.files("schemas");
    assert!(!fresh.is_empty());
    for path in fresh {
        let name = path.file_name().expect("a file");
        let old = std::fs::read_to_string(committed.join(name)).unwrap_or_default();
        let new = std::fs::read_to_string(&path).expect("written just now");
        assert!(old == new, "{name:?} is stale: run `pipe schema --write schemas`");
    }
}

#[test]
fn committed_experiments_bind() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let workspace = Workspace::new();
    for file in ["svsnet_xca.yaml", "unet_arcade.yaml"] {
        let path = root.join("experiments").join(file);
        workspace.write(file, std::fs::read(path).expect("committed"));
    }
    let answer = workspace.pipe(&["plan", "svsnet_xca.yaml"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    for arguments in [vec!["plan", "unet_arcade.yaml"], vec!["plan", "svsnet_xca.yaml", "--profile", "paper"]] {
        std::fs::create_dir_all(workspace.path("data")).expect("a folder");
        let mut all = arguments.clone();
        all.extend(["-s", "data.root=data"]);
        let answer = workspace.pipe(&all);
        assert_eq!(answer.code, 0, "{arguments:?}: {}", answer.stderr);
    }
}

#[test]
fn committed_systems_and_tables_bind() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments");
    let workspace = Workspace::new();
    for entry in walkdir::WalkDir::new(&root).into_iter().filter_map(Result::ok).filter(|entry| entry.path().is_file())
    {
        let name = entry.path().strip_prefix(&root).expect("below it").display().to_string();
        workspace.write(&format!("experiments/{name}"), std::fs::read(entry.path()).expect("committed"));
    }
    std::fs::create_dir_all(workspace.path("data")).expect("a folder");
    let systems = ["oct_plaque", "cardiac_mri", "isic_skin", "lung_xray", "svsnet_unet", "uw_madison"];
    for system in systems {
        let file = format!("experiments/{system}.yaml");
        let paper = workspace.pipe(&["plan", &file, "-p", "paper", "-s", "data.root=data"]);
        assert_eq!(paper.code, 0, "{system} -p paper: {}", paper.stderr);
        let makes_its_own = ["svsnet_unet", "uw_madison"].contains(&system);
        let small = ["plan", &file, "-p", "small", "-s", "data.root=data"];
        let small = workspace.pipe(if makes_its_own { &small[..4] } else { &small });
        assert_eq!(small.code, 0, "{system} -p small: {}", small.stderr);
    }
}
