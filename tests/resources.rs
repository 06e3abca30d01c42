//! What stages share and what holds them back: slots, GPUs, pools, priorities, time, memory, retries.
//!
//! Real processes; times are compared within one run only where a wait is what is asked for.

use std::fs;

use crate::{
    cards,
    harness::{Workspace, at_once, counts},
};

fn workspace(text: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("e.yaml", text);
    workspace
}

fn lines(workspace: &Workspace, file: &str) -> Vec<String> {
    fs::read_to_string(workspace.path(file)).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn stages_get_the_ids_of_their_gpus() {
    let gpu = |wanted: &str| {
        format!(
            "axes: {{ n: [1, 2, 3, 4] }}\nstages:\n  t:\n    kind: command\n    resources: {{ gpu: {wanted} }}\n    with: {{ \
             shell: 'echo begin ${{axis.n}} $CUDA_VISIBLE_DEVICES >> {{workspace}}/log; sleep 0.1; echo end ${{axis.n}} >> {{workspace}}/log' }}\n"
        )
    };
    let ids = |workspace: &Workspace| {
        let begun = lines(workspace, "log").into_iter().filter(|line| line.starts_with("begin"));
        begun.filter_map(|line| line.split(' ').nth(2).map(str::to_owned)).collect::<Vec<_>>()
    };
    // Whatever cards this machine has: ids are taken as they are where the driver does not tell.
    let run = |text: &str, gpus: &str| {
        let workspace = workspace(text);
        cards::driver(&workspace, "exit 9\n");
        let output =
            cards::command(&workspace, &["run", "--format", "json", "e.yaml", "-j", "4", "--gpus", gpus]).output();
        assert_eq!(crate::harness::Answer::of(output.expect("pipe starts")).counts(), counts(0, 4));
        workspace
    };
    let one = run(&gpu("1"), "3,7");
    let (found, most) = (ids(&one), at_once(&lines(&one, "log")));
    assert!(found.iter().all(|id| id == "3" || id == "7") && most == 2, "{found:?}, {most} at once");
    let both = run(&gpu("2"), "3,7");
    assert_eq!((ids(&both), at_once(&lines(&both, "log"))), (vec!["3,7".to_owned(); 4], 1));
    let half = run(&gpu("0.5"), "3");
    assert_eq!((ids(&half), at_once(&lines(&half, "log"))), (vec!["3".to_owned(); 4], 2));
    let none = workspace(&gpu("1")).pipe(&["run", "e.yaml", "--gpus", ""]);
    none.fails(3, &["asks for 1 GPU"]);
}

#[test]
fn pools_are_shared_by_runs_too() {
    let text = |name: &str| {
        format!(
            "name: {name}\npools: {{ licence: 1 }}\naxes: {{ n: [1, 2, 3] }}\nstages:\n  t:\n    kind: command\n    \
             resources: {{ pools: {{ licence: 1 }} }}\n    with: {{ shell: 'echo begin {name} ${{axis.n}} >> {{workspace}}/log; sleep 0.1; \
             echo end >> {{workspace}}/log', params: {{ of: {name} }} }}\n"
        )
    };
    let workspace = workspace(&text("one"));
    workspace.write("two.yaml", text("two"));
    let other = workspace.start(&["run", "two.yaml", "-j", "4"]);
    workspace.run(&["e.yaml", "-j", "4"]);
    assert!(other.wait_with_output().expect("it ends").status.success());
    let log = lines(&workspace, "log");
    assert_eq!((log.len(), at_once(&log)), (12, 1), "{log:?}");
}

#[test]
fn priorities_and_threads() {
    let text = "\
stages:
  low: { kind: command, with: { shell: 'echo low $OMP_NUM_THREADS $RAYON_NUM_THREADS >> {workspace}/log' }, resources: { priority: -1, cpu: 1 } }
  mid: { kind: command, with: { shell: 'echo mid >> {workspace}/log' } }
  high: { kind: command, with: { shell: 'echo high $OMP_NUM_THREADS >> {workspace}/log' }, resources: { priority: 5, cpu: 7 } }
";
    let workspace = workspace(text);
    workspace.run(&["e.yaml", "-j", "1"]);
    assert_eq!(lines(&workspace, "log"), ["high 7", "mid", "low 1 1"]);
}

#[test]
fn a_stage_is_tried_again_and_its_logs_are_kept() {
    let text = "\
stages:
  t:
    kind: command
    retries: { count: 3, delay: 20ms, backoff: exponential, jitter: true, max_delay: 1s }
    with: { shell: 'echo try $PIPE_ATTEMPT; test $PIPE_ATTEMPT -ge 3; echo done > {outputs.o}', outputs: { o: o.txt } }
";
    let workspace = workspace(text);
    let answer = workspace.pipe(&["run", "e.yaml"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(answer.stderr.contains("attempt 2 failed (ended with exit code 1)"), "{}", answer.stderr);
    for attempt in 1..=3 {
        let log = fs::read_to_string(workspace.path(&format!("runs/attempts/1/t/{attempt}/log.txt"))).expect("kept");
        assert_eq!(log, format!("try {attempt}\n"));
    }
    let never =
        workspace.pipe(&["run", "e.yaml", "-s", "stages.t.with.shell=exit 3", "-s", "stages.t.retries.count=1"]);
    never.fails(1, &["ended with exit code 3", "/t/2/log.txt"]);
}

#[test]
fn time_limits_do_not_count_time_while_a_stage_is_stopped() {
    let text = "\
parameters: { seconds: 30 }
stages:
  t: { kind: command, timeout: 500ms, with: { shell: 'echo $$ > {workspace}/pid; trap \"\" TERM; sleep ${parameters.seconds} & wait' } }
";
    let late = workspace(text).pipe(&["run", "e.yaml"]);
    late.fails(1, &["took longer than its time limit of 0.5 s"]);
    let workspace = workspace(text);
    let child = workspace.start(&["run", "e.yaml", "-s", "parameters.seconds=0.2"]);
    workspace.wait("the stage", || lines(&workspace, "pid").len() == 1);
    let pid = lines(&workspace, "pid").remove(0);
    let signal = |name: &str| {
        assert!(std::process::Command::new("kill").args([name, &pid]).status().expect("kill exists").success());
    };
    signal("-STOP");
    std::thread::sleep(std::time::Duration::from_millis(1200));
    signal("-CONT");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_stage_over_its_memory_limit_is_killed_and_told_so() {
    let text = "\
stages:
  t:
    kind: command
    resources: { memory: 64MiB }
    with: { command: [python3, -c, 'import time; b = bytearray(200_000_000); time.sleep(20)'] }
";
    for way in ["cgroup", "watchdog"] {
        let workspace = workspace(text);
        let output = workspace.command(&["run", "e.yaml"]).env("PIPE_MEMORY", way).output().expect("pipe starts");
        let answer = crate::harness::Answer::of(output);
        answer.fails(1, &["killed for memory (limit 64 MiB, peak "]);
    }
}

#[test]
fn a_training_over_its_memory_limit_is_told_what_would_fit() {
    let text = crate::harness::TINY.replace("size: [32, 32]", "size: [384, 384]").replace("width: 4", "width: 16");
    let told = |limit: &str, says: &[&str]| {
        let limit = format!("+stages.train.resources={{memory: {limit}}}");
        let workspace = workspace(&text);
        let answer = workspace.pipe(&["run", "e.yaml", "-s", &limit, "-s", "axes.fold=[0]"]);
        answer.fails(1, says);
    };
    told("300MiB", &["killed for memory (limit 300 MiB, peak ", "batch 2 needs about ", "the limit is 300 MiB"]);
    told(
        "100MiB",
        &["killed for memory (limit 100 MiB, peak ", "even batch 1 needs about ", "take smaller images, a `patch`"],
    );
}

#[test]
fn what_a_stage_waits_for_can_be_asked() {
    let text = "\
stages:
  one: { kind: command, with: { shell: 'touch {workspace}/begun; sleep 30' }, resources: { pools: { licence: 1 } } }
  two: { kind: command, with: { command: ['true'] }, resources: { pools: { licence: 1 } } }
  three: { kind: command, needs: two, with: { command: ['true'] } }
";
    let workspace = workspace(text);
    let mut child = workspace.start(&["run", "e.yaml", "-j", "4"]);
    workspace.wait("the stage", || workspace.path("begun").exists());
    let why = |stage: &str| workspace.pipe(&["why", "e.yaml", stage, "--waiting"]).stdout;
    workspace.wait("the word of the run", || why("two").contains("waits for 1 of the pool `licence`, 0 are free"));
    assert!(why("one").contains("it runs since"), "{}", why("one"));
    assert!(why("three").contains("waits for two, which waits for 1 of the pool"), "{}", why("three"));
    child.kill().expect("it runs");
    child.wait().expect("ours");
    assert!(why("two").contains("no run of this experiment goes on"), "{}", why("two"));
}
