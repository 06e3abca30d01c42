//! Killing `pipe`, its children, or both at random moments, and starting the same command again: nothing that was
//! reported is lost, and the artifacts are those of an undisturbed run, byte for byte.
//!
//! Does not know where in its work a kill falls; `fail_points` does. 25 kills by default; `PIPE_KILLS=200` for the full
//! count. The seed of the choices is printed; `PIPE_SEED=N` makes them again (not the moments: those are the machine's).

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::harness::{Workspace, counts};

/// Files and folders, chains and fan-out, sleeps, an output in two halves, and a child that outlives its parent's patience.
/// With `-e`: a shell that went on after a command of its own was killed would call half an output whole.
const PIPELINE: &str = "\
axes: { part: [1, 2, 3] }
parameters: { round: 0 }
stages:
  words:
    kind: command
    with:
      command: [sh, -ec, 'echo one > {outputs.out}; sleep 0.03; echo two >> {outputs.out}; echo three >> {outputs.out}']
      outputs: { out: words.txt }
      params: { round: '${parameters.round}' }
  table:
    kind: command
    with:
      command: [sh, -ec, 'mkdir -p {outputs.out}/deep; for i in 1 2 3 4; do echo $i > {outputs.out}/$i; done; sleep 0.02; seq 3000 > {outputs.out}/deep/numbers; chmod +x {outputs.out}/1']
      outputs: { out: table }
      params: { round: '${parameters.round}' }
  piece:
    kind: command
    needs: words
    with:
      command: [sh, -ec, 'sleep 0.0${axis.part}; sed -n ${axis.part}p {inputs.words} > {outputs.out}']
      outputs: { out: piece.txt }
      params: { round: '${parameters.round}' }
  measure:
    kind: command
    needs: [piece, table]
    with:
      command: [sh, -ec, 'mkdir {outputs.out}; wc -c < {inputs.piece} > {outputs.out}/count; cat {inputs.table}/deep/numbers > {outputs.out}/copy']
      outputs: { out: measured }
      params: { round: '${parameters.round}' }
  family:
    kind: command
    needs: words
    with:
      command: [sh, -ec, 'sleep 300 & child=$!; sleep 0.05; cat {inputs.words} {inputs.words} > {outputs.out}; kill $child']
      outputs: { out: family.txt }
      params: { round: '${parameters.round}' }
  two:
    kind: command
    needs: [table, family]
    with:
      command: [sh, -ec, 'sort {inputs.family} > {outputs.sorted}; sleep 0.02; wc -l < {inputs.table}/deep/numbers > {outputs.lines}']
      outputs: { sorted: sorted.txt, lines: lines.txt }
      params: { round: '${parameters.round}' }
  tail:
    kind: command
    needs: two
    with:
      command: [sh, -ec, 'cat {inputs.two.sorted} {inputs.two.lines} > {outputs.out}']
      outputs: { out: tail.txt }
      params: { round: '${parameters.round}' }
";
const STAGES: u64 = 11;

/// Choices that a seed repeats (SplitMix64).
struct Choices(u64);

impl Choices {
    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// Who is killed.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Pipe,
    Child,
    Both,
    Tree,
}

/// When.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Anywhere in the run.
    At(Duration),
    /// So long after this many stages have started: short stages end, and are published, within these milliseconds.
    After { started: usize, by: Duration },
}

/// What runs have told: each stage, once.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub started: BTreeSet<String>,
    /// Computed by this very run.
    pub done: BTreeSet<String>,
    /// Done or cached: results that may not be lost any more.
    pub reported: BTreeSet<String>,
}

impl Told {
    /// What the whole lines of an output tell; a kill may cut the last one.
    pub(crate) fn of<'l>(lines: impl Iterator<Item = &'l str>) -> Self {
        let mut told = Self::default();
        for event in lines.filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let stage = |key: &str| event[key]["stage"].as_str().map(str::to_owned);
            told.started.extend(stage("started"));
            told.done.extend(stage("done"));
            told.reported.extend(["done", "published", "cached"].into_iter().filter_map(stage));
        }
        told
    }
}

/// The digests of every stage's outputs, and the bytes of all objects.
#[derive(PartialEq, Eq)]
pub(crate) struct Artifacts {
    stages: BTreeMap<String, Vec<String>>,
    objects: BTreeMap<PathBuf, Vec<u8>>,
}

impl Artifacts {
    #[track_caller]
    pub(crate) fn of(workspace: &Workspace, experiment: &[&str]) -> Self {
        let answer = workspace.pipe(&[&["status", "--format", "json"], experiment].concat());
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let json = answer.json();
        let outputs = |stage: &Value| {
            let list = stage["outputs"].as_array().expect("a list");
            list.iter().map(|output| output["digest"].as_str().expect("a digest").to_owned()).collect()
        };
        let stages = json["stages"].as_array().expect("a list");
        let stages =
            stages.iter().map(|stage| (stage["stage"].as_str().expect("an id").to_owned(), outputs(stage))).collect();
        let root = workspace.path("runs/objects");
        let name = |path: &PathBuf| path.strip_prefix(&root).expect("found there").to_path_buf();
        let half = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".tmp-"));
        let files = workspace.files("runs/objects").into_iter().filter(|path| !half(path));
        Self { stages, objects: files.map(|path| (name(&path), fs::read(&path).expect("readable"))).collect() }
    }

    /// Asserts that two runs came to the same results.
    #[track_caller]
    pub(crate) fn same(&self, undisturbed: &Self) {
        assert_eq!(self.stages, undisturbed.stages);
        let names = |artifacts: &Self| artifacts.objects.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(self), names(undisturbed));
        for (name, bytes) in &self.objects {
            assert!(*bytes == undisturbed.objects[name], "the bytes of {} differ", name.display());
        }
    }
}

/// A `pipe run` under way, with the lines it has printed.
struct Run {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: JoinHandle<()>,
    errors: JoinHandle<String>,
}

impl Run {
    fn start(workspace: &Workspace, round: u64, mark: &str) -> Self {
        let round = format!("parameters.round={round}");
        let mut command = workspace.command(&["run", "p.yaml", "-j", "2", "--format", "json", "-s", &round]);
        command.env("PIPE_TEST_MARK", mark).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("pipe starts");
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&lines);
        let reader = thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                told.lock().expect("no holder panics").push(line);
            }
        });
        let errors = thread::spawn(move || std::io::read_to_string(stderr).unwrap_or_default());
        Self { child, lines, reader, errors }
    }

    fn started(&self) -> usize {
        self.lines.lock().expect("no holder panics").iter().filter(|line| line.starts_with("{\"started\"")).count()
    }

    /// Waits for the moment and kills; false if the run ended before, or had no child to kill.
    fn kill(&mut self, victim: Victim, moment: Moment, choices: &mut Choices) -> bool {
        let begun = Instant::now();
        let mut due = None;
        loop {
            if self.child.try_wait().expect("ours").is_some() {
                return false;
            }
            due = due.or(match moment {
                Moment::At(time) => Some(begun + time),
                Moment::After { started, by } => (self.started() >= started).then(|| Instant::now() + by),
            });
            if due.is_some_and(|due| Instant::now() >= due) {
                break;
            }
            thread::sleep(Duration::from_micros(300));
        }
        let mut below = below(self.child.id());
        let mut victims = Vec::new();
        if matches!(victim, Victim::Child | Victim::Both) && !below.is_empty() {
            victims.push(below.swap_remove(choices.below(below.len() as u64) as usize));
        }
        if matches!(victim, Victim::Tree) {
            victims = below;
        }
        if !matches!(victim, Victim::Child) {
            victims.push(self.child.id());
        }
        if victims.is_empty() {
            return false;
        }
        // One that ended meanwhile is no error; it is counted all the same.
        let numbers = victims.iter().map(u32::to_string);
        drop(Command::new("kill").arg("-KILL").args(numbers).stderr(Stdio::null()).status());
        true
    }

    /// Waits for the end; what it told, how it ended, and its standard error.
    fn end(mut self) -> (Told, ExitStatus, String) {
        let status = self.child.wait().expect("ours");
        self.reader.join().expect("reading does not panic");
        let errors = self.errors.join().expect("reading does not panic");
        let lines = self.lines.lock().expect("no holder panics");
        (Told::of(lines.iter().map(String::as_str)), status, errors)
    }
}

/// All processes below one.
fn below(root: u32) -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for process in processes() {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        children.entry(parent.unwrap_or(0)).or_default().push(process);
    }
    let (mut found, mut waiting) = (Vec::new(), vec![root]);
    while let Some(process) = waiting.pop() {
        let below = children.remove(&process).unwrap_or_default();
        waiting.extend(&below);
        found.extend(below);
    }
    found
}

fn processes() -> Vec<u32> {
    let found = fs::read_dir("/proc").expect("Linux").filter_map(Result::ok);
    found.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Living processes whose environment has the mark: everything that runs of this test have started.
fn alive(mark: &str) -> Vec<u32> {
    let mark = format!("PIPE_TEST_MARK={mark}");
    let has = |process: &u32| {
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry.starts_with(mark.as_bytes()))
    };
    processes().into_iter().filter(has).collect()
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// The choices of a test, whose seed is printed, and a mark for its processes.
fn choices(test: &str, kills: u64) -> (Choices, String) {
    let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970").subsec_nanos();
    let seed = number("PIPE_SEED").unwrap_or(now.into());
    eprintln!("{test}: {kills} kills, PIPE_SEED={seed}");
    (Choices(seed), format!("{test}-{}-{seed}-", std::process::id()))
}

/// What an undisturbed run comes to, and how long it takes.
fn undisturbed() -> (Artifacts, Duration) {
    let workspace = workspace();
    let begun = Instant::now();
    assert_eq!(workspace.run(&["p.yaml", "-j", "2"]), counts(0, STAGES));
    (Artifacts::of(&workspace, &["p.yaml"]), begun.elapsed())
}

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.write("p.yaml", PIPELINE);
    workspace
}

/// A moment somewhere in a run, or soon after a stage has started.
fn moment(choices: &mut Choices, whole: Duration) -> Moment {
    match choices.below(2) {
        0 => Moment::At(whole.mul_f64(choices.below(1000) as f64 / 1000.0)),
        _ => Moment::After { started: 1 + choices.below(6) as usize, by: Duration::from_micros(choices.below(15_000)) },
    }
}

#[test]
fn random_kills_cost_nothing_that_was_reported() {
    let wanted = number("PIPE_KILLS").unwrap_or(25);
    let (mut choices, mark) = choices("random", wanted);
    let (expected, whole) = undisturbed();
    let mut workspace = workspace();
    let (mut kills, mut round) = (0, 0);
    while kills < wanted {
        // A round: some kills, each in the state that the one before left behind, then a run to the end.
        let mut reported = BTreeSet::new();
        let mut left = 2 + choices.below(5);
        loop {
            let disturbed = left > 0 && kills < wanted;
            let mut run = Run::start(&workspace, round, &format!("{mark}{kills}"));
            let victim = [Victim::Pipe, Victim::Child, Victim::Both, Victim::Tree][(kills % 4) as usize];
            let moment = moment(&mut choices, whole);
            let killed = disturbed && run.kill(victim, moment, &mut choices);
            let (told, status, errors) = run.end();
            let again: Vec<_> = told.started.intersection(&reported).collect();
            assert!(again.is_empty(), "kill {kills}, {victim:?} {moment:?}: {again:?} ran again");
            reported.extend(told.reported);
            if killed {
                kills += 1;
                left -= 1;
                // A run whose child alone was killed says so, and ends as a failed one; or the child was done already.
                let ended = matches!(status.code(), None | Some(0 | 1));
                assert!(ended, "kill {kills}, {victim:?} {moment:?}: {status}\n{errors}");
                continue;
            }
            assert!(status.success(), "after kill {kills}: {status}\n{errors}");
            // It ended by itself: everything is there, and nothing of the killed runs still lives.
            break;
        }
        workspace.wait("the processes of killed runs to end", || alive(&mark).is_empty());
        let experiment = ["p.yaml", "-s", &format!("parameters.round={round}")];
        assert_eq!(workspace.run(&experiment), counts(STAGES, 0), "after kill {kills}");
        Artifacts::of(&workspace, &experiment).same(&expected);
        // Onwards in a new store, or in this one with other recipes that come to the same bytes.
        if choices.below(2) == 0 {
            workspace = self::workspace();
        }
        round += 1;
    }
}

#[test]
fn a_run_beside_killed_ones_ends_as_if_alone() {
    let wanted = number("PIPE_KILLS").unwrap_or(25) / 5;
    let (mut choices, mark) = choices("beside", wanted);
    let (expected, whole) = undisturbed();
    for kill in 0..wanted {
        let workspace = workspace();
        let (mut victim, survivor) = (Run::start(&workspace, 0, &mark), Run::start(&workspace, 0, &mark));
        let (whom, moment) = ([Victim::Pipe, Victim::Tree][(kill % 2) as usize], moment(&mut choices, whole));
        victim.kill(whom, moment, &mut choices);
        let (killed, _, _) = victim.end();
        let (told, status, errors) = survivor.end();
        assert!(status.success(), "kill {kill}, {whom:?} {moment:?}: {status}\n{errors}");
        let again: Vec<_> = told.started.intersection(&killed.done).collect();
        assert!(again.is_empty(), "kill {kill}, {whom:?} {moment:?}: {again:?} ran again");
        workspace.wait("the processes of killed runs to end", || alive(&mark).is_empty());
        assert_eq!(workspace.run(&["p.yaml"]), counts(STAGES, 0), "after kill {kill}");
        Artifacts::of(&workspace, &["p.yaml"]).same(&expected);
    }
}
