//! The same messages in files, for people without a server.
//!
//! Does not know servers. A run has a folder, `EXPERIMENT-RUN`; lines are only ever added, and a line is written whole.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    message::{Message, Trial},
    observer::Told,
};

/// In which form files are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// `messages.jsonl`: one JSON object a line.
    #[default]
    Jsonl,
    /// `metrics.csv` and `facts.csv`, of a search also `trials.csv`.
    Csv,
}

struct Tables {
    metrics: csv::Writer<File>,
    facts: csv::Writer<File>,
    /// Made with the first trial.
    trials: Option<csv::Writer<File>>,
}

/// Writes what is told of one run.
pub(crate) struct Files {
    folder: PathBuf,
    writer: Writer,
}

enum Writer {
    Jsonl(File),
    Csv(Box<Tables>),
}

impl Files {
    /// The files of a run, made or continued.
    ///
    /// # Errors
    /// They cannot be written.
    pub(crate) fn open(folder: &Path, experiment: &str, run: i64, form: Form) -> io::Result<Self> {
        let folder = folder.join(format!("{experiment}-{run}"));
        fs::create_dir_all(&folder)?;
        let writer = match form {
            Form::Jsonl => Writer::Jsonl(open(&folder, "messages.jsonl")?),
            Form::Csv => Writer::Csv(Box::new(Tables {
                metrics: table(&folder, "metrics.csv", &["part", "metric", "step", "value", "time"])?,
                facts: table(&folder, "facts.csv", &["part", "what", "name", "value"])?,
                trials: None,
            })),
        };
        Ok(Self { folder, writer })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds what was told.
    ///
    /// # Errors
    /// They cannot be written.
    pub(crate) fn write(&mut self, told: &[Told]) -> io::Result<()> {
        match &mut self.writer {
            Writer::Jsonl(file) => {
                let mut text = String::new();
                for (part, message) in told {
                    let line = serde_json::json!({ "part": part, "message": message });
                    text.push_str(&format!("{line}\n"));
                }
                file.write_all(text.as_bytes())
            }
            Writer::Csv(tables) => {
                let Tables { metrics, facts, trials } = &mut **tables;
                for (part, message) in told {
                    match message {
                        Message::Trial(trial) => {
                            let to = match trials.take() {
                                Some(table) => table,
                                None => {
                                    table(&self.folder, "trials.csv", &["part", "state", "value", "settings", "time"])?
                                }
                            };
                            row(part, trial, trials.insert(to))?;
                        }
                        other => rows(part, other, metrics, facts)?,
                    }
                }
                metrics.flush()?;
                facts.flush()?;
                trials.as_mut().map_or(Ok(()), csv::Writer::flush)
            }
        }
    }
}

fn open(folder: &Path, name: &str) -> io::Result<File> {
    File::options().create(true).append(true).open(folder.join(name))
}

/// A table, which has its head once.
fn table(folder: &Path, name: &str, head: &[&str]) -> io::Result<csv::Writer<File>> {
    let file = open(folder, name)?;
    let is_new = file.metadata()?.len() == 0;
    let mut writer = csv::Writer::from_writer(file);
    if is_new {
        writer.write_record(head)?;
    }
    Ok(writer)
}

fn row(part: &str, trial: &Trial, to: &mut csv::Writer<File>) -> csv::Result<()> {
    let state = serde_json::to_value(trial.state).expect("a word");
    let settings = serde_json::to_string(&trial.settings).expect("plain data");
    let value = trial.value.map(|value| value.to_string()).unwrap_or_default();
    to.write_record([part, state.as_str().unwrap_or_default(), &value, &settings, &trial.at.to_string()])
}

fn rows(
    part: &str,
    message: &Message,
    metrics: &mut csv::Writer<File>,
    facts: &mut csv::Writer<File>,
) -> csv::Result<()> {
    let mut fact = |what: &str, name: &str, value: &str| facts.write_record([part, what, name, value]);
    match message {
        Message::Metrics(list) => list.iter().try_for_each(|metric| {
            let value = match metric.value.0 {
                value if value.is_finite() => value.to_string(),
                value => value.to_string().replace("inf", "Infinity"),
            };
            let (step, time) = (metric.step.to_string(), metric.timestamp.to_string());
            metrics.write_record([part, &metric.key, &step, &value, &time])
        }),
        Message::Begun { name, at, tags, .. } => {
            fact("begun", name, &at.to_string())?;
            tags.iter().try_for_each(|(name, value)| fact("tag", name, value))
        }
        Message::Params(params) => params.iter().try_for_each(|(name, value)| fact("param", name, value)),
        Message::Tags(tags) => tags.iter().try_for_each(|(name, value)| fact("tag", name, value)),
        Message::Link { tag, otherwise, .. } => fact("tag", tag, otherwise),
        Message::Dataset(dataset) => fact("dataset", &dataset.name, &dataset.digest),
        Message::File(file) => fact("file", &file.to, &file.from.display().to_string()),
        Message::Model(model) => model.files.iter().try_for_each(|file| {
            let to = format!("{}/{}", model.name, file.to);
            fact("file", &to, &file.from.display().to_string())
        }),
        Message::Ended { status, at } => {
            let status = serde_json::to_value(status).expect("a word");
            fact("ended", status.as_str().unwrap_or_default(), &at.to_string())
        }
        // Has a table of its own.
        Message::Trial(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{message::Metric, number::Number};

    fn told() -> Vec<Told> {
        let metric = |step, value| Metric { key: "train/loss".into(), value: Number(value), timestamp: 5, step };
        vec![
            (String::new(), Message::Params([("a,b".to_owned(), "1\n2".to_owned())].into())),
            (
                "fold=1".to_owned(),
                Message::Metrics(vec![metric(1, 0.5), metric(2, f64::NAN), metric(3, f64::INFINITY)]),
            ),
        ]
    }

    #[test]
    fn tables_continue_where_they_are() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for _ in 0..2 {
            let mut files = Files::open(folder.path(), "e", 3, Form::Csv).expect("writable");
            files.write(&told()).expect("writable");
        }
        let read = |name: &str| fs::read_to_string(folder.path().join("e-3").join(name)).expect("written");
        let rows = "fold=1,train/loss,1,0.5,5\nfold=1,train/loss,2,NaN,5\nfold=1,train/loss,3,Infinity,5\n";
        assert_eq!(read("metrics.csv"), format!("part,metric,step,value,time\n{rows}{rows}"));
        assert_eq!(read("facts.csv").lines().next(), Some("part,what,name,value"));
        assert_eq!(read("facts.csv").matches("\"a,b\"").count(), 2);
    }

    #[test]
    fn a_trial_is_a_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let trial = |state, value| {
            let settings = serde_json::Map::from_iter([("train.rate".to_owned(), 0.1.into())]);
            let told = [("trial=7".to_owned(), Message::Trial(Trial { state, value, settings, at: 5 }))];
            for form in [Form::Csv, Form::Jsonl] {
                Files::open(folder.path(), "e", 3, form).and_then(|mut files| files.write(&told)).expect("writable");
            }
        };
        trial(pipe_engine::TrialState::Running, None);
        trial(pipe_engine::TrialState::Complete, Some(0.5));
        let read = |name: &str| fs::read_to_string(folder.path().join("e-3").join(name)).expect("written");
        let settings = r#""{""train.rate"":0.1}""#;
        let rows = format!("trial=7,running,,{settings},5\ntrial=7,complete,0.5,{settings},5\n");
        assert_eq!(read("trials.csv"), format!("part,state,value,settings,time\n{rows}"));
        let line: serde_json::Value =
            serde_json::from_str(read("messages.jsonl").lines().nth(1).unwrap_or_default()).expect("JSON");
        let trial =
            serde_json::json!({ "state": "complete", "value": 0.5, "settings": { "train.rate": 0.1 }, "at": 5 });
        assert_eq!((&line["part"], &line["message"]["trial"]), (&"trial=7".into(), &trial));
    }

    #[test]
    fn a_line_is_an_object_that_reads_back() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut files = Files::open(folder.path(), "e", 3, Form::Jsonl).expect("writable");
        files.write(&told()).expect("writable");
        let text = fs::read_to_string(files.folder().join("messages.jsonl")).expect("written");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines[1]["part"], "fold=1");
        let read: Message = serde_json::from_value(lines[1]["message"].clone()).expect("a message");
        assert_eq!(read, told()[1].1);
    }
}
