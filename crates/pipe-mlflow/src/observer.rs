//! From the events of a run to what is told of it.
//!
//! Does not know who is told, nor threads: the same outline and the same events give the same messages, so that what a killed process
//! heard and did not keep can be told by the next one. In bullets:
//! * A part begins with its first event, and ends when none of its stages is left.
//! * Numbers of a running stage are told as they come, its final numbers when it is done.
//! * A cached stage is told once: that it is cached, its final numbers, and which run made it. Its curves are there.
//! * The run itself gets the means over repetitions of what its parts end with.

use std::collections::{BTreeMap, BTreeSet};

use pipe_engine::{Event, Failure};
use pipe_store::{MetricRow, Record, WHOLE};

use crate::{
    limits::{METRICS, facts, key, param, tag},
    message::{FileToKeep, Message, Metric, Model, Status},
    number::Number,
    outline::{Keep, Outline, Part},
};

/// Axes whose values are repetitions: of what differs in nothing else, the mean says something.
const REPEATED: &[&str] = &["fold", "inner", "seed"];

/// A result, with what the store knows of it.
pub(crate) struct Result {
    pub record: Record,
    pub metrics: Vec<MetricRow>,
    /// Its files that are to be kept: where they lie below the store, and their names.
    pub files: Vec<FileToKeep>,
}

/// Asks the store for the present result of a stage, or for what it knows of a given one.
pub(crate) type Results<'a> = &'a dyn Fn(&str, Option<&Record>, &Keep) -> Option<Result>;

/// A message, and the part of the run that it is about.
pub(crate) type Told = (String, Message);

/// What is known of a run so far.
pub(crate) struct Observer {
    outline: Outline,
    begun: BTreeSet<String>,
    states: BTreeMap<String, State>,
    /// Stages of a part that have no end yet.
    left: BTreeMap<String, usize>,
    /// Final numbers by stage.
    finals: BTreeMap<String, Vec<Metric>>,
    told: Vec<Told>,
}

/// What became of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Cached,
    Done,
    Failed,
    Skipped,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Cached => "cached",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

impl Observer {
    /// The observer of a run, and what is told when it begins.
    pub(crate) fn new(outline: Outline) -> Self {
        let mut left = BTreeMap::new();
        for placed in outline.stages.values() {
            *left.entry(placed.part.clone()).or_default() += 1;
        }
        let (states, finals) = (BTreeMap::new(), BTreeMap::new());
        let mut observer = Self { outline, begun: BTreeSet::new(), states, left, finals, told: Vec::new() };
        let at = observer.outline.about.at;
        observer.begin(WHOLE, at);
        observer
    }

    pub(crate) fn outline(&self) -> &Outline {
        &self.outline
    }

    /// What there is to tell since the last call.
    pub(crate) fn take(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Hears an event.
    pub(crate) fn hear(&mut self, at: i64, event: &Event, results: Results<'_>) {
        match event {
            Event::Grown { new, .. } => {
                self.outline.grow(new);
                for id in new {
                    let part = self.outline.stages[id].part.clone();
                    *self.left.entry(part).or_default() += 1;
                }
            }
            Event::Cached { stage } => {
                let answer = self.outline.stages.get(stage).and_then(|placed| placed.answer.clone());
                // One that became known during the run is told of when the run ends, for its row is not written yet.
                if let Some(record) = answer {
                    self.cached(at, stage, &record, results);
                }
            }
            Event::Started { stage, .. } => {
                self.part(stage, at);
                self.enter(stage, State::Running);
            }
            Event::Metric { stage, name, step, value } => self.metric(at, stage, name, *step, *value),
            Event::Done { stage, seconds } => self.done(at, stage, *seconds, results),
            Event::Failed { stage, failure } => self.failed(at, stage, failure),
            Event::Skipped { stage, because } => {
                self.fact(stage, at, "skipped", because);
                self.left_less(stage, State::Skipped, at);
            }
            // What is waited for, retried or warned of is no fact about the result.
            _ => {}
        }
    }

    /// The run is over.
    pub(crate) fn end(
        &mut self,
        at: i64,
        records: &[(String, Option<Record>)],
        interrupted: Interrupted,
        results: Results<'_>,
    ) {
        for (stage, record) in records {
            if let (Some(record), None | Some(State::Running)) = (record, self.states.get(stage)) {
                self.cached(at, stage, record, results);
            }
        }
        self.means(at);
        let parts: Vec<String> = self.begun.iter().filter(|part| *part != WHOLE).cloned().collect();
        for part in parts {
            if self.left.get(&part).is_some_and(|left| *left > 0) {
                self.tell(&part, Message::Ended { status: self.status(&part, interrupted), at });
            }
        }
        self.tell(WHOLE, Message::Ended { status: self.status(WHOLE, interrupted), at });
    }

    /// Something that belongs to the run itself.
    pub(crate) fn keep(&mut self, file: FileToKeep) {
        self.tell(WHOLE, Message::File(file));
    }

    fn tell(&mut self, part: &str, message: Message) {
        self.told.push((part.to_owned(), message));
    }

    fn begin(&mut self, part: &str, at: i64) {
        if !self.begun.insert(part.to_owned()) {
            return;
        }
        let (about, Part { point, params }) = (&self.outline.about, &self.outline.parts[part]);
        let mut tags = about.tags.clone();
        tags.insert("pipe.run".to_owned(), about.run.to_string());
        tags.insert("pipe.experiment".to_owned(), about.experiment.clone());
        let name = if part == WHOLE {
            format!("{} #{}", about.experiment, about.run)
        } else {
            tags.insert("pipe.part".to_owned(), part.to_owned());
            point.iter().map(|(axis, value)| format!("{axis} {value}")).collect::<Vec<_>>().join(", ")
        };
        let tags = tags.into_iter().map(|(name, value)| (key(&name), tag(&value))).collect();
        let parent = (part != WHOLE).then(|| WHOLE.to_owned());
        let params = facts(params.clone(), param);
        // The destination fills its experiment in.
        let begun = Message::Begun { experiment: about.experiment.clone(), name, parent, at, tags };
        self.tell(part, begun);
        params.into_iter().for_each(|params| self.tell(part, Message::Params(params)));
    }

    /// The part of a stage, which has begun.
    fn part(&mut self, stage: &str, at: i64) -> Option<(String, String)> {
        let placed = self.outline.stages.get(stage)?;
        let (part, prefix) = (placed.part.clone(), placed.prefix.clone());
        self.begin(&part, at);
        Some((part, prefix))
    }

    /// The final state of the stages of a part.
    fn status(&self, part: &str, interrupted: Interrupted) -> Status {
        let of = self.outline.stages.iter().filter(|(_, placed)| part == WHOLE || placed.part == part);
        let states: Vec<_> = of.map(|(id, _)| self.states.get(id)).collect();
        if states.iter().any(|state| matches!(state, Some(State::Failed | State::Skipped))) {
            return Status::Failed;
        }
        let is_whole = states.iter().all(|state| matches!(state, Some(State::Done | State::Cached)));
        match interrupted {
            _ if is_whole => Status::Finished,
            Interrupted::Yes => Status::Killed,
            Interrupted::No => Status::Failed,
        }
    }

    fn enter(&mut self, stage: &str, state: State) {
        let before = self.states.insert(stage.to_owned(), state);
        // Made anew after it was there: its part is not over.
        if let (Some(State::Cached | State::Done), State::Running, Some(placed)) =
            (before, state, self.outline.stages.get(stage))
        {
            *self.left.entry(placed.part.clone()).or_default() += 1;
        }
    }

    /// A stage has its end; the last one of a part ends it.
    fn left_less(&mut self, stage: &str, state: State, at: i64) {
        let before = self.states.get(stage).copied();
        self.enter(stage, state);
        let Some(placed) = self.outline.stages.get(stage) else { return };
        let part = placed.part.clone();
        if matches!(before, None | Some(State::Running)) {
            let left = self.left.entry(part.clone()).or_default();
            *left = left.saturating_sub(1);
            if *left == 0 && part != WHOLE {
                let status = self.status(&part, Interrupted::No);
                self.tell(&part, Message::Ended { status, at });
            }
        }
    }

    /// Facts about a stage; instances beyond the axes of their part would be too many.
    fn fact(&mut self, stage: &str, at: i64, what: &str, value: &str) {
        let Some((part, prefix)) = self.part(stage, at) else { return };
        if !prefix.contains('/') {
            let name = key(&format!("pipe.{what}.{prefix}"));
            self.tell(&part, Message::Tags(BTreeMap::from([(name, tag(value))])));
        }
    }

    fn metric(&mut self, at: i64, stage: &str, name: &str, step: u64, value: Option<f64>) {
        let Some((part, prefix)) = self.part(stage, at) else { return };
        let metric = Metric { key: key(&format!("{prefix}/{name}")), value: Number::of(value), timestamp: at, step };
        match self.told.last_mut() {
            Some((last, Message::Metrics(metrics))) if *last == part && metrics.len() < METRICS => metrics.push(metric),
            _ => self.tell(&part, Message::Metrics(vec![metric])),
        }
    }

    fn done(&mut self, at: i64, stage: &str, seconds: f64, results: Results<'_>) {
        let Some((part, prefix)) = self.part(stage, at) else { return };
        let keep = self.outline.stages[stage].keep.clone();
        if let Some(result) = results(stage, None, &keep) {
            self.fact(stage, at, "fingerprint", &result.record.fingerprint.to_string());
            self.finals(at, stage, &part, &prefix, &result);
            self.outputs(stage, &part, &keep, result);
        }
        self.fact(stage, at, "stage", State::Done.word());
        if !prefix.contains('/') {
            self.fact(stage, at, "seconds", &format!("{seconds:.3}"));
        }
        self.left_less(stage, State::Done, at);
    }

    fn cached(&mut self, at: i64, stage: &str, record: &Record, results: Results<'_>) {
        let Some((part, prefix)) = self.part(stage, at) else { return };
        let keep = self.outline.stages[stage].keep.clone();
        self.fact(stage, at, "stage", State::Cached.word());
        self.fact(stage, at, "fingerprint", &record.fingerprint.to_string());
        if let Some(result) = results(stage, Some(record), &keep) {
            self.finals(at, stage, &part, &prefix, &result);
            self.dataset(stage, &part, &result.record);
            if let Keep::Files { .. } = keep {
                result.files.into_iter().for_each(|file| self.tell(&part, Message::File(file)));
            }
        }
        if !prefix.contains('/') {
            let made = record.made.run;
            let tag = key(&format!("pipe.made_by.{prefix}"));
            self.tell(&part, Message::Link { tag, run: made.0, part: part.clone(), otherwise: format!("run {made}") });
        }
        self.left_less(stage, State::Cached, at);
    }

    /// The final numbers of a stage; those of single cases are in its tables.
    fn finals(&mut self, at: i64, stage: &str, part: &str, prefix: &str, result: &Result) {
        let whole = result.metrics.iter().filter(|row| row.case.is_none());
        let metrics: Vec<_> = whole
            .map(|row| Metric {
                key: key(&format!("{prefix}/{}", row.name)),
                value: Number::of(row.value),
                timestamp: at,
                step: 0,
            })
            .collect();
        metrics.chunks(METRICS).for_each(|metrics| self.tell(part, Message::Metrics(metrics.to_vec())));
        self.finals.insert(stage.to_owned(), metrics);
    }

    fn dataset(&mut self, stage: &str, part: &str, record: &Record) {
        let Some(dataset) = self.outline.about.datasets.get(stage) else { return };
        let Some(output) = record.outputs.first() else { return };
        let dataset = crate::message::Dataset { digest: output.object.digest.to_string(), ..dataset.clone() };
        self.tell(part, Message::Dataset(dataset.clone()));
        if part != WHOLE {
            self.tell(WHOLE, Message::Dataset(dataset));
        }
    }

    fn outputs(&mut self, stage: &str, part: &str, keep: &Keep, result: Result) {
        self.dataset(stage, part, &result.record);
        let Keep::Model { registered, .. } = keep else {
            return result.files.into_iter().for_each(|file| self.tell(part, Message::File(file)));
        };
        let Part { point, params } = &self.outline.parts[part];
        let label = point.iter().map(|(axis, value)| format!("{axis}-{value}")).collect::<Vec<_>>().join("-");
        let name = if label.is_empty() { registered.clone() } else { format!("{registered}-{label}") };
        let of_part = self.outline.stages.iter().filter(|(_, placed)| placed.part == part);
        let metrics = of_part.filter_map(|(id, _)| self.finals.get(id)).flatten().cloned().collect();
        let alias = if label.is_empty() { "newest".to_owned() } else { label };
        let print = result.record.fingerprint.to_string();
        let model = Model {
            name: name.replace([':', '/', '%', '"', '\'', '.'], "_"),
            registered: registered.clone(),
            alias: alias.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_', "_"),
            tags: BTreeMap::from([("pipe.fingerprint".to_owned(), print), ("pipe.stage".to_owned(), stage.to_owned())]),
            params: facts(params.clone(), param).into_iter().next().unwrap_or_default(),
            metrics,
            files: result.files,
        };
        self.tell(part, Message::Model(model));
    }

    fn failed(&mut self, at: i64, stage: &str, failure: &Failure) {
        let why = failure.chain.join("; ");
        self.fact(stage, at, "failure", if why.is_empty() { "unknown" } else { &why });
        self.fact(stage, at, "stage", State::Failed.word());
        if let (Some((part, prefix)), Some(log)) = (self.part(stage, at), &failure.log) {
            let to = format!("logs/{}.txt", prefix.replace('/', "_"));
            self.tell(&part, Message::File(FileToKeep { from: log.clone(), to }));
        }
        self.left_less(stage, State::Failed, at);
    }

    /// Means and standard deviations (n - 1) of final numbers over the parts that differ in repetitions alone.
    fn means(&mut self, at: i64) {
        let mut values: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (stage, metrics) in &self.finals {
            let placed = &self.outline.stages[stage];
            let point = &self.outline.parts[&placed.part].point;
            if !point.iter().any(|(axis, _)| REPEATED.contains(&axis.as_str())) {
                continue;
            }
            let others = point.iter().filter(|(axis, _)| !REPEATED.contains(&axis.as_str()));
            let end = others.fold(String::new(), |end, (axis, value)| format!("{end}/{axis}.{value}"));
            for metric in metrics.iter().filter(|metric| metric.value.0.is_finite()) {
                values.entry(format!("{}{end}", metric.key)).or_default().push(metric.value.0);
            }
        }
        let of = |name: String, value: f64| Metric { key: key(&name), value: Number(value), timestamp: at, step: 0 };
        let means: Vec<_> = values
            .into_iter()
            .filter(|(_, values)| values.len() > 1)
            .flat_map(|(name, values)| {
                let n = values.len() as f64;
                let mean = values.iter().sum::<f64>() / n;
                let sd = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
                [of(name.clone(), mean), of(format!("{name}_sd"), sd)]
            })
            .collect();
        means.chunks(METRICS).for_each(|means| self.tell(WHOLE, Message::Metrics(means.to_vec())));
    }
}

/// Whether a signal, or a death, ended the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// It did.
    Yes,
    /// It ended by itself.
    No,
}

#[cfg(test)]
mod tests;
