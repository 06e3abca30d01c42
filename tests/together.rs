//! Several `pipe run` on one store: every artifact is computed once, who waits is told for whom, and readers never wait.
//!
//! Kills by intent, never at random; `kills` does that. Stages that must not end yet wait for a file, not for time.

use std::{
    collections::BTreeMap,
    fs,
    process::{Child, Command},
    thread,
};

use crate::{
    harness::{Answer, Workspace},
    kills::Told,
};

/// Stages that write their name into a file of the workspace each time they have been computed.
const MANY: &str = "\
axes: { n: [1, 2, 3, 4, 5, 6] }
stages:
  root: { kind: command, with: { command: [sh, -c, 'sleep 0.02; echo root > {outputs.o}; echo root >> {workspace}/computed'], outputs: { o: o.txt } } }
  leaf:
    kind: command
    needs: root
    with:
      command: [sh, -c, 'sleep 0.02; cat {inputs.root} > {outputs.o}; echo ${axis.n} >> {outputs.o}; echo leaf${axis.n} >> {workspace}/computed']
      outputs: { o: o.txt }
  end:
    kind: command
    needs: leaf
    with:
      command: [sh, -c, 'cat {inputs.leaf} > {outputs.o}; echo end${axis.n} >> {workspace}/computed']
      outputs: { o: o.txt }
";

/// A stage that tells that it has begun, and ends when the file `go` is there; and one beside it that ends at once.
const GATE: &str = "\
stages:
  gate:
    kind: command
    with:
      command: [sh, -c, 'echo $$ >> {workspace}/begun; until [ -e {workspace}/go ]; do sleep 0.01; done; echo gate > {outputs.o}; echo gate >> {workspace}/computed']
      outputs: { o: o.txt }
";
const BESIDE: &str = "  beside: { kind: command, with: { command: [sh, -c, 'echo beside > {outputs.o}; echo beside >> {workspace}/computed'], outputs: { o: o.txt } } }
  after: { kind: command, needs: beside, with: { command: [sh, -c, 'cat {inputs.beside} > {outputs.o}; echo after >> {workspace}/computed'], outputs: { o: o.txt } } }
";

/// How often each stage was computed.
fn computed(workspace: &Workspace) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for line in fs::read_to_string(workspace.path("computed")).unwrap_or_default().lines() {
        *times.entry(line.to_owned()).or_default() += 1;
    }
    times
}

#[track_caller]
fn end(child: Child) -> Answer {
    let answer = Answer::of(child.wait_with_output().expect("ours"));
    assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
    answer
}

/// The experiments run at once, each in a process; together they compute all these stages, each once.
#[track_caller]
fn once(experiments: &[&str], stages: usize) {
    let workspace = Workspace::new();
    let files: Vec<_> = (0..experiments.len()).map(|number| format!("e{number}.yaml")).collect();
    for (file, experiment) in files.iter().zip(experiments) {
        workspace.write(file, experiment);
    }
    let children: Vec<_> = files.iter().map(|file| workspace.start(&["run", file, "--format", "json"])).collect();
    let ran: u64 = children.into_iter().map(|child| end(child).counts().ran).sum();
    let computed = computed(&workspace);
    assert_eq!(computed.len(), stages, "{computed:?}");
    assert!(computed.values().all(|times| *times == 1), "computed more than once: {computed:?}");
    assert_eq!(ran, stages as u64, "each stage is told as run by the process that ran it");
}

#[test]
fn two_runs_of_one_experiment_compute_each_stage_once() {
    once(&[MANY, MANY], 13);
}

#[test]
fn four_runs_of_one_experiment_compute_each_stage_once() {
    once(&[MANY, MANY, MANY, MANY], 13);
}

#[test]
fn overlapping_experiments_compute_what_they_share_once() {
    let part = |numbers: &str| MANY.replace("[1, 2, 3, 4, 5, 6]", numbers);
    once(&[&part("[1, 2, 3, 4]"), &part("[3, 4, 5, 6]")], 13);
    once(&[&part("[1, 2, 3]"), &part("[2, 3, 4]"), &part("[6, 5, 4]"), &part("[6, 1]")], 13);
}

/// A workspace in which one process computes the gate, and that process.
fn gate_held() -> (Workspace, Child) {
    let workspace = Workspace::new();
    workspace.write("gate.yaml", GATE).write("both.yaml", format!("{GATE}{BESIDE}"));
    let holder = workspace.start(&["run", "gate.yaml", "--format", "json"]);
    workspace.wait("the gate to begin", || workspace.path("begun").exists());
    (workspace, holder)
}

#[test]
fn who_waits_is_told_for_whom_and_holds_no_slot() {
    let (workspace, holder) = gate_held();
    let waiter = workspace.start(&["run", "both.yaml", "-j", "1"]);
    // The one slot does the rest while the gate is held: else these would never be there.
    workspace.wait("the stages beside the gate", || computed(&workspace).contains_key("after"));
    assert!(!computed(&workspace).contains_key("gate"));
    fs::write(workspace.path("go"), "").expect("writable");
    let by = holder.id();
    assert_eq!(end(holder).counts().ran, 1);
    let answer = end(waiter);
    let told = answer.stdout + &answer.stderr;
    assert!(told.contains("gate") && told.contains(&format!("process {by}")), "not told who computes:\n{told}");
    assert!(told.contains("1 cached, 2 ran"), "{told}");
    assert!(computed(&workspace).values().all(|times| *times == 1));
}

#[test]
fn a_waiting_run_takes_over_where_the_other_is_killed() {
    let (workspace, mut holder) = gate_held();
    let waiter = workspace.start(&["run", "both.yaml", "-j", "1", "--format", "json"]);
    workspace.wait("the stages beside the gate", || computed(&workspace).contains_key("after"));
    holder.kill().expect("it runs"); // SIGKILL
    holder.wait().expect("ours");
    // The gate begins a second time, in the process that waited; the first one is gone with its `pipe`.
    let begun = || fs::read_to_string(workspace.path("begun")).unwrap_or_default();
    workspace.wait("the waiting run to take over", || begun().lines().count() == 2);
    let first = begun().lines().next().expect("two lines").to_owned();
    let stat = || fs::read_to_string(format!("/proc/{first}/stat")).unwrap_or_default();
    workspace.wait("the killed run's child to end", || stat().is_empty() || stat().contains(") Z "));
    fs::write(workspace.path("go"), "").expect("writable");
    let answer = end(waiter);
    assert!(Told::of(answer.stdout.lines()).started.contains("gate"), "{}", answer.stdout);
    assert_eq!(answer.counts().ran, 3);
    assert!(computed(&workspace).values().all(|times| *times == 1));
}

#[test]
fn who_takes_over_ends_what_the_killed_run_left() {
    // Killed with the keeper of its stage, which would have ended the stage's child.
    let workspace = Workspace::new();
    let started = "command: [sh, -c, 'sleep 300 & echo $! >> {workspace}/children; ";
    let gate = GATE.replace("command: [sh, -c, '", started);
    workspace.write("gate.yaml", &gate).write("both.yaml", format!("{gate}{BESIDE}"));
    let mut holder = workspace.start(&["run", "gate.yaml"]);
    workspace.wait("the gate to begin", || workspace.path("begun").exists());
    let first = |file: &str| {
        let text = fs::read_to_string(workspace.path(file)).expect("written");
        text.lines().next().and_then(|line| line.parse().ok()).expect("a process")
    };
    let (shell, child) = (first("begun"), first("children"));
    let waiter = workspace.start(&["run", "both.yaml", "-j", "1", "--format", "json"]);
    workspace.wait("the stages beside the gate", || computed(&workspace).contains_key("after"));
    signal("-STOP", holder.id());
    signal("-KILL", parent(shell).expect("the keeper lives"));
    workspace.wait("the child to be left", || parent(child).is_some_and(|parent| parent != shell));
    holder.kill().expect("it is only stopped");
    holder.wait().expect("ours");
    let begun = || fs::read_to_string(workspace.path("begun")).expect("written").lines().count();
    workspace.wait("the waiting run to take over", || begun() == 2);
    assert_eq!(parent(child), None, "it still lives, beside the stage that was begun anew");
    fs::write(workspace.path("go"), "").expect("writable");
    assert_eq!(end(waiter).counts().ran, 3);
}

/// The parent of a process that has not ended.
fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    let state = fields.next()?;
    fields.next().filter(|_| state != "Z")?.parse().ok()
}

#[track_caller]
fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args([name, &process.to_string()]).status().expect("kill exists").success());
}

#[test]
fn a_stopped_run_is_waited_for_and_not_robbed() {
    // Suspended, not dead: it still holds its lease, and goes on as if nothing had been.
    let (workspace, holder) = gate_held();
    signal("-STOP", holder.id());
    let waiter = workspace.start(&["run", "both.yaml", "-j", "1", "--format", "json"]);
    workspace.wait("the stages beside the gate", || computed(&workspace).contains_key("after"));
    fs::write(workspace.path("go"), "").expect("writable");
    workspace.wait("the gate's own end", || computed(&workspace).contains_key("gate"));
    signal("-CONT", holder.id());
    assert_eq!(end(holder).counts().ran, 1);
    assert_eq!(end(waiter).counts().ran, 2);
    assert!(computed(&workspace).values().all(|times| *times == 1));
}

#[test]
fn readers_answer_while_runs_write() {
    let workspace = Workspace::new();
    workspace.write("e.yaml", MANY);
    let mut writers: Vec<_> = (0..2).map(|_| workspace.start(&["run", "e.yaml", "--format", "json"])).collect();
    let calls: [&[&str]; 4] = [
        &["plan", "e.yaml", "--format", "json"],
        &["status", "e.yaml", "--format", "json"],
        &["runs", "--format", "json"],
        &["plan", "e.yaml"],
    ];
    let mut answered = 0;
    while writers.iter_mut().any(|writer| writer.try_wait().expect("ours").is_none()) {
        thread::scope(|scope| {
            for call in &calls {
                let workspace = &workspace;
                let read = move || {
                    let answer = workspace.pipe(call);
                    assert_eq!(answer.code, 0, "{call:?}: {}\n{}", answer.stdout, answer.stderr);
                };
                scope.spawn(read);
            }
        });
        answered += calls.len();
    }
    for writer in writers {
        end(writer);
    }
    assert!(answered > 0, "the runs ended before anything was read");
    assert!(computed(&workspace).values().all(|times| *times == 1));
}
