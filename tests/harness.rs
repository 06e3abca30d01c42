//! A temporary workspace in which `pipe` runs, and what it answered.
//!
//! Does not know any behaviour.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// A workspace of its own, removed at the end.
pub(crate) struct Workspace {
    folder: TempDir,
}

/// What one call of `pipe` answered.
pub(crate) struct Answer {
    /// Exit code; -1 where a signal ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        fs::create_dir(folder.path().join("runs")).expect("an empty folder");
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("a folder");
        fs::write(path, contents).expect("a writable folder");
        self
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipe"));
        command
            .args(arguments)
            .current_dir(self.root())
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .env_remove("MLFLOW_TRACKING_URI")
            .env_remove("MLFLOW_EXPERIMENT_NAME")
            .stdin(Stdio::null());
        command
    }

    /// Runs `pipe` to its end.
    pub(crate) fn pipe(&self, arguments: &[&str]) -> Answer {
        Answer::of(self.command(arguments).output().expect("pipe starts"))
    }

    /// Starts `pipe` and leaves it running.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("pipe starts")
    }

    /// Runs an experiment that must succeed, and gives how many stages ran and how many were cached.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Counts {
        let mut all = vec!["run", "--format", "json"];
        all.extend(arguments);
        let answer = self.pipe(&all);
        assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
        answer.counts()
    }

    /// Waits until the predicate holds.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let end = Instant::now() + Duration::from_secs(120);
        while !holds() {
            assert!(Instant::now() < end, "waited two minutes for {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The digest of a stage's output, as `pipe status` tells it.
    #[track_caller]
    pub(crate) fn digest(&self, experiment: &[&str], stage: &str, port: &str) -> String {
        let json = self.pipe(&[&["status", "--format", "json"], experiment].concat()).json();
        let list = |of: &Value, key: &str| of[key].as_array().cloned().unwrap_or_default();
        let stage = list(&json, "stages").into_iter().find(|found| found["stage"] == stage);
        let outputs = stage.map(|stage| list(&stage, "outputs")).unwrap_or_default();
        let output = outputs.iter().find(|output| output["port"] == port);
        let digest = output.and_then(|output| output["digest"].as_str());
        digest.unwrap_or_else(|| panic!("no {port} in {json}")).to_owned()
    }

    /// The bytes that the store has under a digest.
    #[track_caller]
    pub(crate) fn object(&self, digest: &str) -> Vec<u8> {
        fs::read(self.path(&format!("runs/objects/{}/{}", &digest[..2], &digest[2..]))).expect("stored")
    }

    /// One file of a stage's output that is a folder.
    #[track_caller]
    pub(crate) fn stored(&self, experiment: &[&str], stage: &str, port: &str, file: &str) -> Vec<u8> {
        let list = self.object(&self.digest(experiment, stage, port));
        let list: Value = serde_json::from_slice(&list).expect("the list of a folder");
        let found = list.as_array().into_iter().flatten().find(|entry| entry["path"] == file);
        let digest = found.and_then(|entry| entry["digest"].as_str()).unwrap_or_else(|| panic!("no {file} in {list}"));
        self.object(digest)
    }

    /// Every file below a folder of the workspace, sorted.
    pub(crate) fn files(&self, name: &str) -> Vec<PathBuf> {
        walkdir::WalkDir::new(self.path(name))
            .sort_by_file_name()
            .into_iter()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_file())
            .map(walkdir::DirEntry::into_path)
            .collect()
    }
}

impl Answer {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("pipe prints UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("pipe prints UTF-8"),
        }
    }

    /// The last line of `--format json`.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| {
            let last = self.stdout.trim_end().lines().last().unwrap_or_default();
            serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
        })
    }

    #[track_caller]
    pub(crate) fn counts(&self) -> Counts {
        let json = self.json();
        let count = |key: &str| json[key].as_u64().unwrap_or_else(|| panic!("no `{key}` in {json}"));
        Counts { cached: count("cached"), ran: count("ran"), failed: count("failed") }
    }

    /// Asserts the exit code, and that stderr says every one of these things.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, says: &[&str]) {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        for part in says {
            assert!(self.stderr.contains(part), "stderr does not say {part:?}:\n{}", self.stderr);
        }
    }
}

/// How many stages a run answered from the cache, ran, and saw fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub cached: u64,
    pub ran: u64,
    pub failed: u64,
}

/// Counts of a run in which nothing failed.
pub(crate) fn counts(cached: u64, ran: u64) -> Counts {
    Counts { cached, ran, failed: 0 }
}

/// A text without what differs between machines: times and their widths, and how many stages run at once.
pub(crate) fn untimed(text: &str) -> String {
    let line = |line: &str| {
        let mut words: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            let is_unit = matches!(word.trim_end_matches([',', ';']), "ms" | "s" | "min" | "h");
            match words.last() {
                Some(last) if is_unit && last.parse::<f64>().is_ok() => {
                    words.pop();
                    // `1 min 05 s` is one time.
                    words.pop_if(|last| last == "TIME");
                    let stop = word.trim_start_matches(char::is_alphabetic);
                    words.push(format!("TIME{stop}"));
                }
                Some(last) if last == "with" && word.parse::<u32>().is_ok() => words.push("JOBS".to_owned()),
                _ => words.push(word.to_owned()),
            }
        }
        words.join(" ")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A data set, a network and a recipe so small that three folds train in seconds.
pub(crate) const TINY: &str = "\
extends: pipelines/segmentation.yaml
axes: { fold: [0, 1] }
parameters: { folds: 2 }
data:
  layout: { xca_phantom: { patients: 6, sequences_per_patient: 1, size: 32, seed: 3 } }
  size: [32, 32]
  frames: 1
  normalise: max
network: { unet: { width: 4, depth: 2 } }
training:
  epochs: 3
  batch: 2
  loss: { dice: {} }
  optimizer: { adam: { learning_rate: 1e-2 } }
  augment: [{ flip_horizontal: { p: 0.5 } }, { rotate: { degrees: 10, p: 0.5 } }]
";

/// The most stages that were between `begin` and `end` at one time.
pub(crate) fn at_once(log: &[String]) -> usize {
    let mut running: usize = 0;
    let counts = log.iter().map(|line| {
        running = if line.starts_with("begin") { running + 1 } else { running.saturating_sub(1) };
        running
    });
    counts.max().unwrap_or(0)
}
