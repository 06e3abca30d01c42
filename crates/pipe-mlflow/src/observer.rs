//! From the events of a run to what is told of it.
//!
//! Does not know who is told, nor threads: the same outline and the same events give the same messages, so that what a killed process
//! heard and did not keep can be told by the next one. To hear an event takes no longer in a run of many parts. In bullets:
//! * Parts begin and end with their stages (`parts.rs`); trials of a search when that is said, too (`trials.rs`).
//! * Numbers of a running stage are told as they come, its final numbers when it is done.
//! * A cached stage is told once: that it is cached, its final numbers, and which run made it. Its curves are there.
//! * The run itself gets the means over repetitions of what its parts end with, a trial those of its own parts (`means.rs`).
//! * Parameters of stages that become known during the run come with their results (`late.rs`).

use std::collections::{BTreeMap, BTreeSet};

use pipe_engine::{Event, Failure};
use pipe_store::{MetricRow, Record, WHOLE};
use serde_json::Value as Json;

use crate::{
    limits::{METRICS, facts, key, param, tag},
    message::{FileToKeep, Message, Metric, Model},
    number::Number,
    outline::{Keep, Outline, Part, Placed},
};
use late::Late;
use tally::{State, Tally};

mod late;
mod means;
mod parts;
mod tally;
mod trials;

/// A result, with what the store knows of it.
pub(crate) struct Result {
    pub record: Record,
    pub metrics: Vec<MetricRow>,
    /// Its files that are to be kept: where they lie below the store, and their names.
    pub files: Vec<FileToKeep>,
    /// What it was told to do, where that is not known yet.
    pub recipe: Option<Json>,
}

/// Asks the store for the present result of a stage, or for what it knows of a given one.
pub(crate) type Results<'a> = &'a dyn Fn(&str, Option<&Record>, &Placed) -> Option<Result>;

/// A message, and the part of the run that it is about.
pub(crate) type Told = (String, Message);

/// What is known of a run so far.
pub(crate) struct Observer {
    outline: Outline,
    states: BTreeMap<String, State>,
    tallies: BTreeMap<String, Tally>,
    late: Late,
    /// Cached stages of trials whose results are known when the run ends.
    untold: BTreeSet<String>,
    /// The last step and value of each number that a running stage said, by stage and key.
    curves: BTreeMap<String, BTreeMap<String, (u64, Number)>>,
    told: Vec<Told>,
}

impl Observer {
    /// The observer of a run, and what is told when it begins.
    pub(crate) fn new(outline: Outline) -> Self {
        let parts: Vec<String> = outline.stages.values().map(|placed| placed.part.clone()).collect();
        let (states, tallies, late) = (BTreeMap::new(), BTreeMap::new(), Late::default());
        let (untold, curves) = (BTreeSet::new(), BTreeMap::new());
        let mut observer = Self { outline, states, tallies, late, untold, curves, told: Vec::new() };
        parts.iter().for_each(|part| observer.expect(part));
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
                for id in new {
                    if let Some(part) = self.outline.grow(id) {
                        self.expect(&part);
                        self.tally(&part).has_grown = true;
                        // What was heard of it before holds.
                        self.count(id, &part, None);
                    }
                }
            }
            Event::Cached { stage } => {
                let answer = self.outline.stages.get(stage).and_then(|placed| placed.answer.clone());
                match answer {
                    Some(record) => self.cached(at, stage, &record, results),
                    // Of one that became known during the run the rest is told when the run ends, for its row is not written yet.
                    None => self.cached_in_trial(at, stage),
                }
            }
            Event::Started { stage, .. } => {
                self.part(stage, at);
                self.was_untold(stage);
                self.enter(stage, State::Running);
            }
            Event::Metric { stage, name, step, value } => self.metric(at, stage, name, *step, *value),
            Event::Done { stage, seconds } => self.done(at, stage, *seconds, results),
            Event::Failed { stage, failure } => self.failed(at, stage, failure),
            Event::Skipped { stage, because } => {
                self.fact(stage, at, "skipped", because);
                self.left_less(stage, State::Skipped, at);
            }
            Event::Pruned { stage, why } => {
                self.fact(stage, at, "pruned", why);
                self.fact(stage, at, "stage", State::Pruned.word());
                self.left_less(stage, State::Pruned, at);
            }
            Event::Trial { trial, settings, state, value } => self.trial(at, trial, settings, *state, *value),
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
        let mut late = BTreeSet::new();
        for (stage, record) in records {
            let is_untold = self.untold.contains(stage);
            if let Some(record) = record
                && (is_untold || matches!(self.states.get(stage), None | Some(State::Running)))
            {
                self.cached(at, stage, record, results);
                if is_untold {
                    late.insert(self.holder(&self.outline.stages[stage].part));
                }
            }
        }
        // Those that end with the run get them then.
        late.retain(|trial| self.tallies[trial].ended);
        late.iter().for_each(|trial| self.means_of_trial(trial, at));
        self.means_of_run(at);
        self.tell_shared();
        self.close_all(at, interrupted);
    }

    /// Something that belongs to the run itself.
    pub(crate) fn keep(&mut self, file: FileToKeep) {
        self.tell(WHOLE, Message::File(file));
    }

    fn tell(&mut self, part: &str, message: Message) {
        self.told.push((part.to_owned(), message));
    }

    /// A part has one stage more.
    fn expect(&mut self, part: &str) {
        let holder = self.holder(part);
        self.tally(part).own.stages += 1;
        self.tally(&holder).all.stages += 1;
        self.reopen(part);
    }

    /// The part of a stage, which has begun.
    fn part(&mut self, stage: &str, at: i64) -> Option<(String, String)> {
        let placed = self.outline.stages.get(stage)?;
        let (part, prefix) = (placed.part.clone(), placed.prefix.clone());
        self.begin(&part, at);
        Some((part, prefix))
    }

    fn enter(&mut self, stage: &str, state: State) {
        let before = self.states.insert(stage.to_owned(), state);
        let Some(placed) = self.outline.stages.get(stage) else { return };
        let part = placed.part.clone();
        self.count(stage, &part, before);
        if state == State::Running {
            // Made anew after it was there: its part is not over.
            self.reopen(&part);
        }
    }

    /// Counts the state of a stage in place of the one before.
    fn count(&mut self, stage: &str, part: &str, before: Option<State>) {
        let Some(state) = self.states.get(stage).copied() else { return };
        let holder = self.holder(part);
        self.tally(part).own.change(before, state);
        self.tally(&holder).all.change(before, state);
    }

    /// A stage has its end; the last one of a part ends it.
    fn left_less(&mut self, stage: &str, state: State, at: i64) {
        self.enter(stage, state);
        let Some(placed) = self.outline.stages.get(stage) else { return };
        let part = placed.part.clone();
        let holder = self.holder(&part);
        self.settle(&part, at);
        if holder != part {
            self.settle(&holder, at);
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
        let curves = self.curves.entry(stage.to_owned()).or_default();
        curves.insert(metric.key.clone(), (step, metric.value));
        match self.told.last_mut() {
            Some((last, Message::Metrics(metrics))) if *last == part && metrics.len() < METRICS => metrics.push(metric),
            _ => self.tell(&part, Message::Metrics(vec![metric])),
        }
    }

    fn done(&mut self, at: i64, stage: &str, seconds: f64, results: Results<'_>) {
        let Some((part, prefix)) = self.part(stage, at) else { return };
        let keep = self.outline.stages[stage].keep.clone();
        if let Some(result) = results(stage, None, &self.outline.stages[stage]) {
            self.learn(stage, &part, result.recipe.as_ref());
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
        if let Some(result) = results(stage, Some(record), &self.outline.stages[stage]) {
            self.learn(stage, &part, result.recipe.as_ref());
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
        self.was_untold(stage);
        self.left_less(stage, State::Cached, at);
    }

    /// What was to be told of a cached stage when the run ends is told, or holds no more.
    fn was_untold(&mut self, stage: &str) {
        if self.untold.remove(stage) {
            let holder = self.holder(&self.outline.stages[stage].part);
            self.tally(&holder).untold -= 1;
        }
    }

    /// A cached stage of a trial, which may thereby be over long before the run is.
    fn cached_in_trial(&mut self, at: i64, stage: &str) {
        let trial = self.outline.stages.get(stage).and_then(|placed| self.outline.parts[&placed.part].trial.clone());
        let Some(trial) = trial else { return };
        self.part(stage, at);
        if self.untold.insert(stage.to_owned()) {
            self.tally(&trial).untold += 1;
        }
        self.left_less(stage, State::Cached, at);
    }

    /// The final numbers of a stage; those of single cases are in its tables.
    fn finals(&mut self, at: i64, stage: &str, part: &str, prefix: &str, result: &Result) {
        let whole = result.metrics.iter().filter(|row| row.case.is_none());
        let metrics: Vec<_> = whole
            .map(|row| {
                let key = key(&format!("{prefix}/{}", row.name));
                // The end of a curve that was told stands at its end, and once.
                let step = self.curves.get(stage).and_then(|curves| curves.get(&key)).map_or(0, |(step, _)| *step);
                Metric { key, value: Number::of(row.value), timestamp: at, step }
            })
            .collect();
        let curves = self.curves.remove(stage).unwrap_or_default();
        let is_news = |metric: &&Metric| curves.get(&metric.key).is_none_or(|(_, value)| value.0 != metric.value.0);
        let told: Vec<Metric> = metrics.iter().filter(is_news).cloned().collect();
        told.chunks(METRICS).for_each(|metrics| self.tell(part, Message::Metrics(metrics.to_vec())));
        // What ends a curve is told there, and would stand there twice if a model told it too.
        self.tally(part).finals.insert(stage.to_owned(), told);
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
        let Part { point, params, .. } = &self.outline.parts[part];
        let label = point.iter().map(|(axis, value)| format!("{axis}-{value}")).collect::<Vec<_>>().join("-");
        let name = if label.is_empty() { registered.clone() } else { format!("{registered}-{label}") };
        let metrics = self.tallies[part].finals.values().flatten().cloned().collect();
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
mod searches;
#[cfg(test)]
mod tests;
