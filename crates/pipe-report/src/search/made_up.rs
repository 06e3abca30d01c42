//! Searches for tests.

use super::{Search, SearchGoal, SearchParameter, SearchScale, SearchState, SearchTrial, SearchValue};

/// A search with complete trials of some values over three parameters: one on a logarithmic axis, one on a linear one, one of
/// alternatives. The first of the best is the best.
pub(crate) fn search(goal: SearchGoal, values: &[f64]) -> Search {
    let parameter = |path: &str, scale| SearchParameter { path: path.to_owned(), scale, importance: None };
    let labels = ["adam", "sgd", "<lion> & co"].map(str::to_owned).to_vec();
    let parameters = vec![
        parameter("train.with.optimizer.lr", SearchScale::Log),
        parameter("train.with.network.width", SearchScale::Linear),
        parameter("train.with.optimizer", SearchScale::Labels(labels.clone())),
    ];
    let trial = |(at, value): (usize, &f64)| SearchTrial {
        number: at as u64,
        values: vec![
            Some(SearchValue::Number(10_f64.powf(-1.0 - (at % 7) as f64 * 0.5))),
            Some(SearchValue::Number(8.0 + (at % 5) as f64 * 8.0)),
            Some(SearchValue::Label(labels[at % 3].clone())),
        ],
        state: SearchState::Complete,
        value: Some(*value),
        curve: Vec::new(),
        folds: Vec::new(),
        seconds: Some(60.0 + at as f64),
        equal_to: None,
    };
    let best =
        (0..values.len()).reduce(|one, other| if goal.is_better(values[other], values[one]) { other } else { one });
    Search {
        name: String::new(),
        metric: "Dice".into(),
        unit: String::new(),
        goal,
        over: "mean over folds".into(),
        sampler: "tpe".into(),
        pruner: None,
        step: "epoch".into(),
        seed: 7,
        wanted: Some(values.len() as u64),
        parameters,
        trials: values.iter().enumerate().map(trial).collect(),
        best: best.map(|best| best as u64),
        notes: Vec::new(),
    }
}
