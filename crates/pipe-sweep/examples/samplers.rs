//! Answers what `tests/compare/samplers.py` asks, a line of JSON each: a search of a test function
//! (`{"search": {"function": "branin", "sampler": "tpe", "trials": 100, "seed": 1}}`, answered by the values of the trials), the
//! importance of parameters, and what takes the time that is measured there.

mod functions;

use std::io::{BufRead as _, Write as _};

use pipe_metrics::Share;
use pipe_sweep::{Curve, Goal, Sampler, Space, State, Study, Trial, importance};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    /// The values of a study's trials, in order.
    Search { function: String, sampler: Sampler, trials: u64, seed: u64 },
    /// The values of a function at some points.
    Values { function: String, points: Vec<Map<String, Value>> },
    /// Importance from points and values.
    Importance { space: Space, points: Vec<Map<String, Value>>, values: Vec<f64> },
    /// How many of some suggestions after so many trials there are: all, and what counts is how long it takes.
    Suggestions { function: String, sampler: Sampler, trials: u64, times: u64 },
    /// How many different points a grid has.
    Grid { space: Space },
}

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer =
            answer(serde_json::from_str(&line?)?).unwrap_or_else(|error| json!({ "error": error.to_string() }));
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

fn answer(question: Question) -> Result<Value, Failure> {
    Ok(match question {
        Question::Search { function, sampler, trials, seed } => {
            let trials = searched(&study(&function, sampler, seed)?, &function, trials)?;
            json!(trials.iter().map(|trial| trial.value().map(f64::from)).collect::<Vec<_>>())
        }
        Question::Values { function, points } => {
            let function = functions::function(&function).ok_or("no such function")?;
            json!(points.iter().map(function.value).collect::<Vec<_>>())
        }
        Question::Importance { space, points, values } => {
            let mut trials = Vec::new();
            for (number, (point, value)) in points.iter().zip(values).enumerate() {
                trials.push(complete(number as u64, space.point(point)?, value)?);
            }
            json!(importance(&space, Goal::Minimise, &trials, Share::try_from(0.1)?))
        }
        Question::Suggestions { function, sampler, trials, times } => {
            let trials =
                searched(&study(&function, Sampler::named("random").ok_or("no sampler")?, 0)?, &function, trials)?;
            let study = study(&function, sampler, 0)?;
            json!((0..times).filter_map(|at| study.suggest(&trials, trials.len() as u64 + at)).count())
        }
        Question::Grid { space } => {
            let study = Study::new(space, Goal::Minimise, Sampler::named("grid").ok_or("no sampler")?, None, 0)?;
            let points = (0..).map_while(|number| study.suggest(&[], number));
            let keys = points.map(|point| point.key(study.space())).collect::<std::collections::BTreeSet<_>>();
            json!(keys.len())
        }
    })
}

fn study(function: &str, sampler: Sampler, seed: u64) -> Result<Study, Failure> {
    let function = functions::function(function).ok_or("no such function")?;
    let space: Space = serde_json::from_value((function.space)())?;
    Ok(Study::new(space, Goal::Minimise, sampler, None, seed)?)
}

fn searched(study: &Study, function: &str, trials: u64) -> Result<Vec<Trial>, Failure> {
    let function = functions::function(function).ok_or("no such function")?;
    let mut done: Vec<Trial> = Vec::new();
    for number in 0..trials {
        let Some(point) = study.suggest(&done, number) else { break };
        let value = (function.value)(&point.written(study.space()));
        done.push(complete(number, point, value)?);
    }
    Ok(done)
}

fn complete(number: u64, point: pipe_sweep::Point, value: f64) -> Result<Trial, Failure> {
    Ok(Trial { number, point, state: State::Complete { value: value.try_into()? }, curve: Curve::default() })
}
