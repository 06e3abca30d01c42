//! Answers statistical questions, a line of JSON each: what `tests/compare/statistics.py` asks.
//! A question is `{"wilcoxon": {"one": [..], "other": [..]}}` and such; the answer is JSON, or `{"error": ".."}`.

use std::io::{BufRead as _, Write as _};

use pipe_metrics::Score;
use pipe_metrics::{Direction, statistics};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use statistics::{
    Alternative, Bootstrap, Continuity, Correction, EffectSize, IntervalMethod, Method, Over, Permutations,
    StatisticsError, WilcoxonOptions, Zeros,
};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Question {
    Summary {
        values: Vec<f64>,
    },
    Wilcoxon {
        one: Vec<f64>,
        other: Vec<f64>,
        options: WilcoxonOptions,
    },
    Permutation {
        one: Vec<f64>,
        other: Vec<f64>,
        plan: Permutations,
    },
    MannWhitney {
        one: Vec<f64>,
        other: Vec<f64>,
        alternative: Alternative,
        method: Method,
        continuity: Continuity,
    },
    Adjusted {
        p: Vec<f64>,
        correction: Correction,
    },
    Effect {
        kind: EffectSize,
        one: Vec<f64>,
        other: Vec<f64>,
    },
    RankBiserial {
        differences: Vec<f64>,
        zeros: Zeros,
    },
    Friedman {
        table: Vec<Vec<f64>>,
    },
    Nemenyi {
        systems: usize,
        n: usize,
        significance: f64,
    },
    /// An interval from given resamples.
    Interval {
        kind: EffectSize,
        one: Vec<f64>,
        other: Vec<f64>,
        indices: Vec<Vec<usize>>,
        level: f64,
        method: IntervalMethod,
    },
    /// An interval from resamples of its own.
    Bootstrap {
        kind: EffectSize,
        one: Vec<f64>,
        other: Vec<f64>,
        plan: Bootstrap,
    },
    Normal {
        z: Vec<f64>,
        p: Vec<f64>,
    },
}

fn main() {
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let question = serde_json::from_str(&line.expect("lines of text")).expect("a question");
        let answer = answer(question).unwrap_or_else(|error| json!({ "error": error.to_string() }));
        writeln!(output, "{answer}").expect("somebody reads");
    }
}

fn answer(question: Question) -> Result<Value, StatisticsError> {
    Ok(match question {
        Question::Summary { values } => {
            let scores: Vec<Score> = values.into_iter().map(Score::Known).collect();
            value(statistics::summarise(&scores, Over::Cases)?)
        }
        Question::Wilcoxon { one, other, options } => value(statistics::wilcoxon(&one, &other, options)?),
        Question::Permutation { one, other, plan } => value(statistics::paired_permutation(&one, &other, plan)?),
        Question::MannWhitney { one, other, alternative, method, continuity } => {
            value(statistics::mann_whitney(&one, &other, alternative, method, continuity)?)
        }
        Question::Adjusted { p, correction } => value(statistics::adjusted(&p, correction)?),
        Question::Effect { kind, one, other } => value(statistics::effect(kind, &one, &other)?),
        Question::RankBiserial { differences, zeros } => value(statistics::rank_biserial(&differences, zeros)),
        Question::Friedman { table } => {
            let found = statistics::friedman(&table, Direction::Lower)?;
            json!({ "friedman": found, "nemenyi": statistics::nemenyi(&found)? })
        }
        Question::Nemenyi { systems, n, significance } => {
            value(statistics::nemenyi_critical_difference(systems, n, significance)?)
        }
        Question::Interval { kind, one, other, indices, level, method } => {
            let of = |indices: &[usize]| {
                let drawn = |values: &[f64]| indices.iter().map(|at| values[*at]).collect::<Vec<_>>();
                statistics::effect(kind, &drawn(&one), &drawn(&other))
            };
            let drawn = indices.iter().map(|indices| of(indices)).collect::<Result<Vec<_>, _>>()?;
            let without = |out: usize| of(&(0..one.len()).filter(|at| *at != out).collect::<Vec<_>>());
            let jackknife = (0..one.len()).map(without).collect::<Result<Vec<_>, _>>()?;
            value(statistics::interval(statistics::effect(kind, &one, &other)?, &drawn, &jackknife, level, method)?)
        }
        Question::Bootstrap { kind, one, other, plan } => {
            value(statistics::effect_with_interval(kind, &one, &other, &plan)?)
        }
        Question::Normal { z, p } => json!({
            "below": z.iter().map(|z| statistics::normal_below(*z)).collect::<Vec<_>>(),
            "quantile": p.iter().map(|p| statistics::normal_quantile(*p)).collect::<Vec<_>>(),
        }),
    })
}

fn value(answer: impl Serialize) -> Value {
    serde_json::to_value(answer).expect("answers are plain data")
}
