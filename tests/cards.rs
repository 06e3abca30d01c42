//! Cards: which a run may use, what each stage gets of them and of their memory, and one that is lost.
//!
//! No machine of the tests has one. A script in the place of the driver's program `nvidia-smi` tells of some; the stages are real
//! processes that see what they would see.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use crate::harness::{Answer, TINY, Workspace, at_once};

/// A workspace whose driver tells of H200 cards, so many.
fn workspace(cards: usize, text: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("e.yaml", text);
    let name = workspace.root().file_name().expect("it has a name").to_string_lossy().into_owned();
    let line = |card: usize| format!("echo '{card}, GPU-{name}-{card}, NVIDIA H200, 143771, 143000, 570.124.06'\n");
    driver(&workspace, &(0..cards).map(line).collect::<String>());
    workspace
}

/// Puts a script in the place of `nvidia-smi`.
pub(crate) fn driver(workspace: &Workspace, script: &str) {
    workspace.write("bin/nvidia-smi", format!("#!/bin/sh\n{script}"));
    fs::set_permissions(workspace.path("bin/nvidia-smi"), fs::Permissions::from_mode(0o755)).expect("ours");
}

/// A command that finds that script first, on a machine that hides no card.
pub(crate) fn command(workspace: &Workspace, arguments: &[&str]) -> Command {
    let mut command = workspace.command(arguments);
    let path = std::env::var("PATH").expect("there is one");
    command
        .env("PATH", format!("{}:{path}", workspace.path("bin").display()))
        .env_remove("CUDA_VISIBLE_DEVICES")
        .env_remove("CUDA_DEVICE_ORDER");
    command
}

fn pipe(workspace: &Workspace, arguments: &[&str]) -> Answer {
    Answer::of(command(workspace, arguments).output().expect("pipe starts"))
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

const ONE: &str = "\
stages:
  t: { kind: command, with: { shell: 'echo $(printenv CUDA_VISIBLE_DEVICES || echo all) >> {workspace}/log' }, resources: { gpu: 1 } }
";

#[test]
fn cards_that_do_not_exist() {
    let workspace = workspace(2, ONE);
    let there = "it has card 0 (NVIDIA H200, 140.4 GiB) and card 1 (NVIDIA H200, 140.4 GiB)";
    pipe(&workspace, &["run", "e.yaml", "--gpus", "7"]).fails(2, &["`--gpus` names card `7`", there]);
    for wrong in ["nonsense", "0 1", "0,,1", "-1"] {
        pipe(&workspace, &["run", "e.yaml", &format!("--gpus={wrong}")]).fails(2, &["neither a number nor a UUID"]);
    }
    let hidden = |ids: &str, arguments: &[&str]| {
        let arguments = [&["run", "e.yaml"], arguments].concat();
        let output = command(&workspace, &arguments).env("CUDA_VISIBLE_DEVICES", ids).output().expect("pipe starts");
        Answer::of(output)
    };
    hidden("", &[])
        .fails(3, &["`t` asks for 1 GPU and 0 may be used", "CUDA_VISIBLE_DEVICES is `` and hides all cards"]);
    hidden("0,9", &[]).fails(3, &["CUDA_VISIBLE_DEVICES names card `9`", there]);
    hidden("1", &["-s", "stages.t.resources.gpu=2"]).fails(3, &["asks for 2 GPU and 1 may be used", "shows card 1"]);
    assert!(lines(&workspace.path("log")).is_empty());
    // Who needs none is not held up.
    let needless = hidden("0,9", &["-s", "~stages.t.resources.gpu"]);
    assert_eq!(needless.code, 0, "{}", needless.stderr);
    assert_eq!(hidden("", &["--gpus", "1", "--force", "t"]).code, 0);
    assert_eq!(lines(&workspace.path("log")), ["0,9", "1"]);
}

#[test]
fn a_stage_sees_what_it_has() {
    let workspace = workspace(2, ONE);
    let run = |gpu: &str| {
        let set = format!("++stages.t.resources={gpu}");
        let answer = pipe(&workspace, &["run", "e.yaml", "--force", "t", "--gpus", "1", "-s", &set]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
    };
    ["{gpu: 1}", "{gpu: 0}", "{device: cpu}", "{}", "{gpu_memory: 1GiB}"].into_iter().for_each(run);
    assert_eq!(lines(&workspace.path("log")), ["1", "", "", "all", "1"]);
    let run = fs::read_to_string(workspace.path("runs/attempts/1/run.json")).expect("written");
    let run: serde_json::Value = serde_json::from_str(&run).expect("JSON");
    let card = &run["machine"]["gpus"][0];
    assert_eq!(
        (&card["id"], &card["name"], &card["driver"]),
        (&"1".into(), &"NVIDIA H200".into(), &"570.124.06".into())
    );
}

/// Stages that take so much of a card each, and note when they begin and end.
fn sharing(name: &str, resources: &str) -> String {
    format!(
        "name: {name}\naxes: {{ n: [1, 2] }}\nstages:\n  t:\n    kind: command\n    resources: {resources}\n    with: {{ shell: 'echo begin \
         $CUDA_VISIBLE_DEVICES >> {{workspace}}/log; sleep 0.3; echo end >> {{workspace}}/log', params: {{ of: {name}, n: '${{axis.n}}' }} }}\n"
    )
}

#[test]
fn memory_of_a_card_is_not_given_twice() {
    let most = |cards, resources: &str| {
        let workspace = workspace(cards, &sharing("one", resources));
        let answer = pipe(&workspace, &["run", "e.yaml", "-j", "4"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        at_once(&lines(&workspace.path("log")))
    };
    assert_eq!(most(1, "{ gpu_memory: 80GiB }"), 1);
    assert_eq!(most(2, "{ gpu_memory: 80GiB }"), 2);
    assert_eq!(most(1, "{ gpu_memory: 60GiB }"), 2);
    assert_eq!(most(1, "{ gpu: 0.5, gpu_memory: 80GiB }"), 1);
    assert_eq!(most(1, "{ gpu: 0.5 }"), 2);
    let text = "`t[n=1]` asks for 200 GiB of GPU memory on one card, and there are card 0 (NVIDIA H200, 140.4 GiB)";
    let workspace = workspace(1, &sharing("one", "{ gpu_memory: 200GiB }"));
    pipe(&workspace, &["run", "e.yaml"]).fails(3, &[text]);
}

#[test]
fn memory_of_a_card_is_shared_by_runs_and_asked_for() {
    let workspace = workspace(1, &sharing("one", "{ gpu_memory: 80GiB }"));
    workspace.write("two.yaml", sharing("two", "{ gpu: 0.3, gpu_memory: 80GiB }"));
    let mut other = command(&workspace, &["run", "two.yaml", "-j", "4"]).spawn().expect("pipe starts");
    let answer = pipe(&workspace, &["run", "e.yaml", "-j", "4"]);
    assert!(answer.code == 0 && other.wait().expect("ours").success(), "{}", answer.stderr);
    let log = lines(&workspace.path("log"));
    assert_eq!((log.len(), at_once(&log)), (8, 1), "{log:?}");
    let long = sharing("long", "{ gpu_memory: 80GiB }").replace("sleep 0.3", "sleep 30");
    workspace.write("long.yaml", long);
    let mut child = command(&workspace, &["run", "long.yaml", "-j", "4"]).spawn().expect("pipe starts");
    let why = || pipe(&workspace, &["why", "long.yaml", "t[n=2]", "--waiting"]).stdout;
    workspace.wait("the word of the run", || why().contains("waits for 80 GiB of GPU memory; free of each: 60.4 GiB"));
    child.kill().expect("it runs");
    child.wait().expect("ours");
}

#[test]
fn memory_that_nobody_knows_limits_nothing_and_that_is_said_once() {
    let workspace = workspace(0, &sharing("one", "{ gpu: 0.5, gpu_memory: 9000GiB }"));
    driver(&workspace, "echo 'the driver does not answer'; exit 9\n");
    let answer = pipe(&workspace, &["run", "e.yaml", "-j", "4", "--gpus", "5"]);
    assert_eq!((answer.code, at_once(&lines(&workspace.path("log")))), (0, 2), "{}", answer.stderr);
    let warning = "nobody tells how much memory card 5 has, so `gpu_memory` limits nothing there";
    assert_eq!(answer.stderr.matches(warning).count(), 1, "{}", answer.stderr);
}

/// Tells that its card is lost and fails, unless something HOLDS.
const LOST: &str = "\
axes: { n: [1, 2] }
stages:
  t:
    kind: command
    resources: { gpu: 1 }
    with:
      shell: |
        echo $CUDA_VISIBLE_DEVICES $CUDA_DEVICE_ORDER >> {workspace}/log
        HOLDS || { echo '{\"lost_device\": {\"text\": \"unspecified launch failure\"}}' >> $PIPE_EVENTS; exit 3; }
        echo $CUDA_VISIBLE_DEVICES > {outputs.o}
      outputs: { o: o.txt }
      params: { n: '${axis.n}' }
";

#[test]
fn a_stage_whose_card_is_lost_is_tried_again_on_another() {
    let workspace = workspace(2, &LOST.replace("HOLDS", "test $CUDA_VISIBLE_DEVICES != 0"));
    let answer = pipe(&workspace, &["run", "e.yaml", "-j", "1"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    let told = "t[n=1]: attempt 1 failed (card 0 lost: unspecified launch failure); 1 card left to this run";
    assert!(answer.stderr.contains(told), "{}", answer.stderr);
    // The other stage is never given the lost card.
    assert_eq!(lines(&workspace.path("log")), ["0 PCI_BUS_ID", "1 PCI_BUS_ID", "1 PCI_BUS_ID"]);
    let events = fs::read_to_string(workspace.path("runs/attempts/1/events.jsonl")).expect("written");
    assert!(events.contains(r#""card_lost":{"stage":"t[n=1]","attempt":1,"cards":["0"],"left":1"#), "{events}");
    assert!(events.contains(r#""retry":{"after":"card 0 lost"}"#), "{events}");
    let shown = pipe(&workspace, &["runs", "show", "last"]).stdout;
    assert!(shown.contains("card 0 lost"), "{shown}");
}

#[test]
fn without_another_card_the_stage_fails_and_what_waits_too() {
    let text = LOST.replace("HOLDS", "false");
    let workspace = workspace(2, &text);
    let answer = pipe(&workspace, &["run", "e.yaml", "-j", "1", "--keep-going"]);
    answer.fails(
        1,
        &[
            "t[n=1]: attempt 1 failed (card 0 lost: unspecified launch failure); 1 card left",
            "error: stage `t[n=1]` failed: card 1 lost, and no other is left to this run: unspecified launch failure",
            "because: ended with exit code 3",
            "error: stage `t[n=2]` failed: it needs a card, and too few are left to this run: cards 0, 1 lost",
        ],
    );
    assert_eq!(lines(&workspace.path("log")).len(), 2);
}

#[test]
#[cfg(not(feature = "cuda"))]
fn what_this_build_cannot_use_is_refused_at_once() {
    let workspace = workspace(2, TINY);
    let asks = |command: &str, resources: &str| {
        pipe(&workspace, &[command, "e.yaml", "-s", &format!("+stages.train.resources={resources}")])
    };
    for (resources, says) in [
        ("{device: cuda}", "asks for device `cuda`, and this pipe was built without CUDA"),
        ("{device: 'cuda:1'}", "asks for device `cuda:1`, and this pipe was built without CUDA"),
        ("{gpu: 0.5}", "asks for 0.5 GPU, and this pipe was built without CUDA"),
        ("{device: wgpu}", "asks for device `wgpu`, and this pipe was built without Vulkan or Metal"),
    ] {
        asks("run", resources).fails(3, &[says, "tools/build"]);
        let plan = asks("plan", resources);
        assert_eq!(plan.code, 0, "{}", plan.stderr);
        assert!(plan.stdout.contains("note: cannot run on this machine: `train") && plan.stdout.contains(says));
    }
    assert!(!workspace.path("runs/attempts").exists() || workspace.files("runs/attempts").is_empty());
}

#[test]
fn what_no_machine_can_give_is_refused_with_its_place() {
    let workspace = workspace(2, TINY);
    for (resources, says) in [
        ("{device: vulkan}", ["`vulkan` is no device", "`cuda:N`"]),
        ("{device: 'cpu:1'}", ["`cpu:1` is no device", "command line:1"]),
        ("{device: cuda, gpu: 0}", ["device `cuda` and for no GPU", "leave `gpu: 0` out"]),
        ("{device: cpu, gpu: 2}", ["device `cpu` and for 2 GPU", "leave `device` or `gpu` out"]),
        ("{gpu: 0, gpu_memory: 1GiB}", ["GPU memory and for no GPU", "stages.train.resources.gpu_memory"]),
        ("{device: wgpu, gpu: 1}", ["NVIDIA's cards alone", "pools: { gpu: 1 }"]),
        ("{device: 'cuda:1', gpu: 1}", ["`cuda:1`, and gets 1 GPU", "counted from `cuda:0`"]),
    ] {
        for command in ["plan", "run"] {
            pipe(&workspace, &[command, "e.yaml", "-s", &format!("+stages.train.resources={resources}")])
                .fails(2, &says);
        }
    }
    let command = "+stages.t={kind: command, with: {shell: 'true'}, resources: {device: cuda}}";
    pipe(&workspace, &["run", "e.yaml", "-s", command])
        .fails(2, &["`t` asks for device `cuda`, and does not compute on one itself", "gets cards by `gpu: 1`"]);
}

#[test]
fn the_doctor_tells_of_cards_and_what_compiles_for_them() {
    let workspace = workspace(2, ONE);
    let doctor = || {
        let output = command(&workspace, &["doctor"])
            .env("CUDA_PATH", workspace.path("cuda"))
            .env("VIRTUAL_ENV", workspace.path("venv"))
            .env_remove("CONDA_PREFIX")
            .env_remove("LD_LIBRARY_PATH")
            .output();
        Answer::of(output.expect("pipe starts")).stdout
    };
    let told = doctor();
    for part in ["0: NVIDIA H200, 140.4 GiB, 139.6 GiB free", "1: NVIDIA H200", "driver         570.124.06, CUDA 12.8"]
    {
        assert!(told.contains(part), "no {part:?}:\n{told}");
    }
    let headers = ["cuda_fp16.h", "cuda_bf16.h", "mma.h", "crt/mma.h", "nv/target"];
    for header in headers {
        workspace.write(&format!("cuda/include/{header}"), "");
    }
    workspace.write("cuda/lib64/libnvrtc.so", "").write("cuda/lib64/libnvrtc-builtins.so.13.0", "");
    let told = doctor();
    let nvrtc = format!("{}, 13.0", workspace.path("cuda/lib64/libnvrtc.so").display());
    let include = workspace.path("cuda/include").display().to_string();
    for part in [nvrtc.as_str(), &include, "does not read what NVRTC 13.0 compiles"] {
        assert!(told.contains(part), "no {part:?}:\n{told}");
    }
}
