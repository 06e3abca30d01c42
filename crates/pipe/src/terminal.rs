//! What a person sees of a run: progress bars on a terminal, plain lines elsewhere.
//!
//! Does not decide anything; it is told events.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use pipe_engine::{Event, Failure, Progress, TrialState};
use pipe_store::RunEnd;
use serde_json::{Map, Value as Json};

use crate::output;

/// How often a plain line tells how far a stage has come.
const PLAIN: Duration = Duration::from_secs(10);

/// Shows a run on standard error.
pub(crate) struct Terminal {
    how: How,
    stages: usize,
    failures: Vec<(String, Failure)>,
}

enum How {
    Silent,
    Plain { told: BTreeMap<String, Instant> },
    Bars { all: MultiProgress, running: BTreeMap<String, ProgressBar> },
}

impl Terminal {
    /// Bars where standard error is a terminal, else lines.
    pub(crate) fn new(stages: usize) -> Self {
        let how = if io::stderr().is_terminal() {
            How::Bars { all: MultiProgress::new(), running: BTreeMap::new() }
        } else {
            How::Plain { told: BTreeMap::new() }
        };
        Self { how, stages, failures: Vec::new() }
    }

    /// Shows failures alone; events go elsewhere.
    pub(crate) fn silent() -> Self {
        Self { how: How::Silent, stages: 0, failures: Vec::new() }
    }

    pub(crate) fn show(&mut self, event: &Event) {
        match event {
            Event::Begun { run, stages } => {
                self.stages = *stages;
                self.line(&format!("run {run}: {}", output::count(*stages as u64, "stage", "stages")));
            }
            Event::Cached { .. } => {}
            Event::Waiting { stage, lack } => self.line(&format!("{stage}: waits for {lack}")),
            Event::Grown { new, .. } => {
                self.line(&format!("{} more became known", output::count(new.len() as u64, "stage", "stages")));
            }
            Event::Started { stage, why, .. } => {
                let why: Vec<_> = why.iter().map(ToString::to_string).collect();
                self.line(&format!("{stage}: started ({})", why.join("; ")));
                self.begin(stage);
            }
            Event::Progress { stage, progress } => self.progress(stage, progress),
            Event::Metric { .. } => {}
            Event::Warning { stage, text } => self.line(&format!("{stage}: warning: {text}")),
            Event::Done { stage, seconds } => {
                self.end(stage);
                self.line(&format!("{stage}: done in {}", output::seconds(*seconds)));
            }
            Event::Retry { stage, attempt, of, seconds, failure } => {
                self.end(stage);
                let why = failure.chain.first().map_or("failed", String::as_str);
                let wait = output::seconds(*seconds);
                self.line(&format!("{stage}: attempt {attempt} failed ({why}); {of} retries at most, next in {wait}"));
            }
            Event::CardLost { stage, attempt, left, failure, .. } => {
                self.end(stage);
                let why = failure.chain.first().map_or("a card is lost", String::as_str);
                let left = output::count(*left as u64, "card", "cards");
                self.line(&format!("{stage}: attempt {attempt} failed ({why}); {left} left to this run"));
            }
            Event::Stopped { left } => {
                self.line(&format!(
                    "{left} more stages were not started; --keep-going starts those that do not need it"
                ));
            }
            Event::Failed { stage, failure } => {
                self.end(stage);
                self.line(&format!("{stage}: failed"));
                self.failures.push((stage.clone(), failure.clone()));
            }
            Event::Pruned { stage, why } => {
                self.end(stage);
                self.line(&format!("{stage}: pruned, {why}"));
            }
            Event::Trial { trial, settings, state, value } => self.line(&tried(trial, settings, *state, *value)),
            Event::Skipped { stage, because } => {
                self.line(&format!("{stage}: skipped, it needs {because}"));
            }
        }
    }

    /// Shows something that is about no stage; a silent terminal too, as nobody else would.
    pub(crate) fn warn(&self, text: &str) {
        match self.how {
            How::Silent => output::complain(&format!("warning: {text}\n")),
            How::Plain { .. } | How::Bars { .. } => self.line(&format!("warning: {text}")),
        }
    }

    /// Says how the run ended, and everything about each failure.
    pub(crate) fn finish(self, end: &RunEnd) {
        if let How::Bars { all, .. } = &self.how {
            drop(all.clear());
        }
        for (stage, failure) in &self.failures {
            output::complain(&format!("\n{}", words(stage, failure)));
        }
        if matches!(self.how, How::Silent) {
            return;
        }
        let RunEnd { cached, ran, failed, skipped, pruned, seconds, interrupted } = end;
        let mut counts = vec![format!("{cached} cached"), format!("{ran} ran")];
        if *failed > 0 {
            counts.push(format!("{failed} failed"));
        }
        if *skipped > 0 {
            counts.push(format!("{skipped} skipped"));
        }
        if *pruned > 0 {
            counts.push(format!("{pruned} pruned"));
        }
        let how = if *interrupted { "; interrupted, the same command continues" } else { "" };
        let s = if *failed > 0 && self.failures.is_empty() { "\n" } else { "" };
        output::complain(&format!("{s}{} in {}{how}\n", counts.join(", "), output::seconds(*seconds)));
    }

    fn line(&self, text: &str) {
        match &self.how {
            How::Silent => {}
            How::Plain { .. } => output::complain(&format!("{text}\n")),
            // Printing may fail when the terminal goes away; the run goes on.
            How::Bars { all, .. } => drop(all.println(text)),
        }
    }

    fn begin(&mut self, stage: &str) {
        if let How::Bars { all, running } = &mut self.how {
            let bar = all.add(ProgressBar::new_spinner());
            let style = ProgressStyle::with_template("{prefix:24} {elapsed:>5} {spinner} {msg}");
            bar.set_style(style.expect("the template is right"));
            bar.set_prefix(stage.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            running.insert(stage.to_owned(), bar);
        }
    }

    fn progress(&mut self, stage: &str, progress: &Progress) {
        let Progress { done, total, unit, note } = progress;
        match &mut self.how {
            How::Silent => {}
            How::Plain { told } => {
                let now = Instant::now();
                let last = told.entry(stage.to_owned()).or_insert(now);
                if now.duration_since(*last) < PLAIN {
                    return;
                }
                *last = now;
                let of = total.map(|total| format!("/{total}")).unwrap_or_default();
                let note = if note.is_empty() { String::new() } else { format!(", {note}") };
                self.line(&format!("{stage}: {done}{of} {unit}{note}"));
            }
            How::Bars { running, .. } => {
                let Some(bar) = running.get(stage) else { return };
                if let Some(total) = total
                    && bar.length() != Some(*total)
                {
                    let style = ProgressStyle::with_template(
                        "{prefix:24} {elapsed:>5} [{bar:24}] {pos}/{len} {wide_msg} {eta:>4} left",
                    );
                    bar.set_style(style.expect("the template is right").progress_chars("=> "));
                    bar.set_length(*total);
                    // A stage that continues from a checkpoint did not do the first part now.
                    bar.set_position(*done);
                    bar.reset_eta();
                }
                bar.set_position(*done);
                let text = if note.is_empty() { unit.clone() } else { note.clone() };
                bar.set_message(text);
            }
        }
    }

    fn end(&mut self, stage: &str) {
        if let How::Bars { running, .. } = &mut self.how
            && let Some(bar) = running.remove(stage)
        {
            bar.finish_and_clear();
        }
    }
}

/// A trial that begins with what it tries, and one that ends with what came of it.
fn tried(trial: &str, settings: &Map<String, Json>, state: TrialState, value: Option<f64>) -> String {
    let settings = || settings.iter().map(|(path, value)| format!("{path}={value}")).collect::<Vec<_>>().join(", ");
    let value = value.map(|value| format!(" with {value}")).unwrap_or_default();
    match state {
        TrialState::Running => format!("{trial}: tries {}", settings()),
        TrialState::Complete => format!("{trial}: complete{value}"),
        TrialState::Pruned => format!("{trial}: pruned{value}"),
        TrialState::Failed => format!("{trial}: failed"),
    }
}

/// A failure for people: the stage, the cause chain, the last lines of its log, the path of all of it.
fn words(stage: &str, failure: &Failure) -> String {
    let mut chain = failure.chain.iter();
    let mut text = format!("error: stage `{stage}` failed: {}\n", chain.next().map_or("unknown", String::as_str));
    for cause in chain {
        text.push_str(&format!("  because: {cause}\n"));
    }
    if !failure.last_lines.is_empty() {
        text.push_str("  last lines of its log:\n");
        for line in &failure.last_lines {
            text.push_str(&format!("    {line}\n"));
        }
    }
    if let Some(log) = &failure.log {
        text.push_str(&format!("  log: {}\n", log.display()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_in_words() {
        let failure = Failure {
            chain: vec!["the command ended with code 7".into(), "it said why".into()],
            last_lines: vec!["the reason".into()],
            log: Some("runs/attempts/1/bad/1/log.txt".into()),
        };
        let text = words("bad", &failure);
        assert_eq!(
            text,
            "error: stage `bad` failed: the command ended with code 7\n  because: it said why\n  last lines of its log:\n    \
             the reason\n  log: runs/attempts/1/bad/1/log.txt\n"
        );
    }
}
