//! Writes pages about searches, from made-up numbers: `cargo run -p pipe-report --example searches -- FOLDER`.
//! The numbers mean nothing; they are the same each time.

use std::{fs, path::Path};

use pipe_report::{
    Search, SearchGoal, SearchParameter, SearchScale, SearchState, SearchTrial, SearchValue, search_figures,
    search_page,
};

/// Numbers that look random: SplitMix64.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let state = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((state ^ (state >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn main() {
    let folder = std::env::args().nth(1).expect("FOLDER");
    fs::create_dir_all(&folder).expect("a folder");
    for (name, searches) in examples() {
        let write = |file: String, text: String| {
            fs::write(Path::new(&folder).join(file), text).expect("a file that can be written");
        };
        write(format!("{name}.html"), search_page(&format!("Search {name}"), &searches));
        for (file, svg) in searches.iter().flat_map(search_figures) {
            write(format!("{name}-{file}"), svg);
        }
    }
}

/// Searches of all sizes.
pub(crate) fn examples() -> Vec<(&'static str, Vec<Search>)> {
    let mut begun = search(1, 5, 3);
    begun.wanted = Some(60);
    begun.trials[0].state = SearchState::Complete;
    begun.trials[0].value = Some(0.6123);
    begun.best = Some(0);
    let none = Search { trials: Vec::new(), best: None, ..search(1, 5, 3) };
    let fold = |at: u64| Search { name: format!("fold={at}"), ..search(24, 3, at) };
    vec![
        ("pruned", vec![search(60, 5, 7)]),
        ("one", vec![begun]),
        ("none", vec![none]),
        ("large", vec![search(2000, 12, 11)]),
        ("nested", (0..3).map(fold).collect()),
        ("folds", vec![folds(search(14, 2, 17))]),
        ("hd95", vec![losses(search(40, 6, 5))]),
        ("huge", vec![search(10_000, 20, 13)]),
    ]
}

/// A search whose pruner counts folds, over a narrow range and few alternatives.
fn folds(mut search: Search) -> Search {
    (search.step, search.pruner) = ("fold".into(), Some("median".into()));
    let labels: Vec<String> = ["batch", "instance", "group"].map(str::to_owned).to_vec();
    search.parameters[1].path = "train.with.network.unet.normalisation".into();
    search.parameters[1].scale = SearchScale::Labels(labels.clone());
    for (at, trial) in search.trials.iter_mut().enumerate() {
        trial.values[0] = Some(SearchValue::Number(2e-3 * 1.1_f64.powi(at as i32 % 9)));
        trial.values[1] = Some(SearchValue::Label(labels[at % 3].clone()));
        let ended = if at % 4 == 3 { 2 } else { 5 };
        trial.curve = (1..=ended).map(|fold| (fold, 0.7 + 0.02 * ((at as f64 + fold as f64) * 1.9).sin())).collect();
        trial.state =
            if at % 4 == 3 { SearchState::Pruned { step: 2, why: String::new() } } else { SearchState::Complete };
        trial.value = trial.curve.last().map(|(_, value)| *value);
        trial.folds = trial.curve.iter().map(|(_, value)| *value).collect();
    }
    let complete = search.trials.iter().filter_map(|trial| Some((trial.number, trial.result()?)));
    search.best = complete.reduce(|one, other| if other.1 > one.1 { other } else { one }).map(|(number, _)| number);
    search
}

/// The same search of something that is better when it is less, with a few trials that went wrong.
fn losses(mut search: Search) -> Search {
    (search.metric, search.unit, search.goal) = ("HD95".into(), "mm".into(), SearchGoal::Minimise);
    search.notes = vec!["The search saw test cases: its split has no validation <part>.".into()];
    for trial in &mut search.trials {
        let turn = |value: f64| 2.0 + 30.0 * (0.9 - value) + if trial.number % 17 == 5 { 140.0 } else { 0.0 };
        trial.value = trial.value.map(turn);
        trial.curve.iter_mut().for_each(|(_, value)| *value = turn(*value));
        trial.folds.iter_mut().for_each(|value| *value = turn(*value));
    }
    search
}

/// A search of so many trials over so many parameters, with a pruner that lets a third go on after 3, 9 and 27 epochs.
fn search(trials: u64, parameters: usize, seed: u64) -> Search {
    let random = &mut Random(seed);
    let parameters: Vec<SearchParameter> = known().into_iter().take(parameters).collect();
    let points: Vec<SearchTrial> = (0..trials).map(|number| trial(&parameters, number, trials, random)).collect();
    let complete = points.iter().filter_map(|trial| Some((trial.number, trial.result()?)));
    let best = complete.reduce(|one, other| if other.1 > one.1 { other } else { one }).map(|(number, _)| number);
    Search {
        name: String::new(),
        metric: "Dice".into(),
        unit: String::new(),
        goal: SearchGoal::Maximise,
        over: "mean over folds".into(),
        sampler: "tpe".into(),
        pruner: Some("successive_halving".into()),
        step: "epoch".into(),
        seed,
        wanted: Some(trials),
        parameters,
        trials: points,
        best,
        notes: Vec::new(),
    }
}

fn known() -> Vec<SearchParameter> {
    let labels = |labels: &[&str]| SearchScale::Labels(labels.iter().map(|&label| label.to_owned()).collect());
    let parameter = |(path, scale, importance): (&str, SearchScale, f64)| SearchParameter {
        path: path.to_owned(),
        scale,
        importance: Some(importance),
    };
    let mut all: Vec<SearchParameter> = [
        ("train.with.training.optimizer.adamw.lr", SearchScale::Log, 0.52),
        ("train.with.training.optimizer.adamw.weight_decay", SearchScale::Log, 0.07),
        ("train.with.network.unet.width", SearchScale::Linear, 0.21),
        ("train.with.training.loss", labels(&["dice", "dice_ce", "focal_tversky"]), 0.14),
        ("train.with.training.loss.focal_tversky.alpha", SearchScale::Linear, 0.06),
        ("train.with.network", labels(&["unet", "attention_unet", "deeplabv3_plus_eca", "nnunet", "svsnet"]), 0.03),
        ("train.with.training.batch", SearchScale::Log, 0.05),
        ("train.with.training.augmentation.elastic_deformation.probability", SearchScale::Linear, 0.01),
        ("train.with.network.unet.normalisation", labels(&["batch", "instance"]), 0.02),
        ("train.with.training.schedule.polynomial.power", SearchScale::Linear, 0.004),
        ("train.with.network.unet.dropout", SearchScale::Linear, 0.0),
        ("prepare.with.size", labels(&["128", "192", "256", "384", "512"]), 0.09),
    ]
    .into_iter()
    .map(parameter)
    .collect();
    all.extend((0..8).map(|at| SearchParameter {
        path: format!("train.with.training.augmentation.a_rather_long_name_of_a_transform_{at}.probability"),
        scale: SearchScale::Linear,
        importance: None,
    }));
    all
}

fn trial(parameters: &[SearchParameter], number: u64, trials: u64, random: &mut Random) -> SearchTrial {
    // Later points are nearer to what is good.
    let focus = 1.0 - 0.7 * number as f64 / trials as f64;
    let places: Vec<f64> = parameters.iter().map(|_| 0.55 + (random.unit() - 0.55) * focus).collect();
    let loss = label(parameters, &places, "train.with.training.loss");
    let value = |(parameter, place): (&SearchParameter, &f64)| match &parameter.scale {
        _ if parameter.path.contains("focal_tversky") && loss.as_deref() != Some("focal_tversky") => None,
        SearchScale::Labels(labels) => Some(SearchValue::Label(chosen(labels, *place).to_owned())),
        SearchScale::Log if parameter.path.ends_with("batch") => {
            Some(SearchValue::Number(2_f64.powf((place * 5.0).round())))
        }
        SearchScale::Log => Some(SearchValue::Number(10_f64.powf(-5.0 + 4.0 * place))),
        SearchScale::Linear if parameter.path.ends_with("width") => {
            Some(SearchValue::Number((8.0 + 56.0 * place).round()))
        }
        SearchScale::Linear => Some(SearchValue::Number(*place)),
    };
    let values = parameters.iter().zip(&places).map(value).collect();
    let off: f64 = places.iter().zip([1.2, 0.15, 0.5, 0.2]).map(|(place, weight)| weight * (place - 0.6).powi(2)).sum();
    let reached = (0.86 - off - 0.02 * random.unit()).max(0.05);
    let speed = 4.0 + 8.0 * random.unit();
    let at = |epoch: u64, random: &mut Random| {
        (epoch, reached * (1.0 - 0.8 * (-(epoch as f64) / speed).exp()) + 0.012 * (random.unit() - 0.5))
    };
    let whole: Vec<(u64, f64)> = (1..=60).map(|epoch| at(epoch, random)).collect();
    let rung = [3, 9, 27]
        .into_iter()
        .find(|rung| whole[*rung - 1].1 < 0.86 * (1.0 - 0.8 * (-(*rung as f64) / 9.0).exp()) - 0.08);
    let state = match (rung, number % 29) {
        (_, 17) => SearchState::Failed { why: "out of memory on <device 0>".into() },
        _ if number + 2 >= trials => SearchState::Running,
        (Some(step), _) => SearchState::Pruned { step: step as u64, why: String::new() },
        (None, _) => SearchState::Complete,
    };
    let length = match state {
        SearchState::Running => 14,
        SearchState::Failed { .. } => 5,
        _ => rung.unwrap_or(60),
    };
    let curve = whole[..length].to_vec();
    let last = curve.last().map(|(_, value)| *value);
    let is_complete = state == SearchState::Complete;
    SearchTrial {
        number,
        values,
        value: last.filter(|_| is_complete || matches!(state, SearchState::Pruned { .. })),
        state,
        folds: last.filter(|_| is_complete).map(|value| vec![value - 0.01, value, value + 0.01]).unwrap_or_default(),
        seconds: Some(21.0 * length as f64 + 30.0 * random.unit()),
        curve,
        equal_to: (number == 31).then_some(4),
    }
}

fn label(parameters: &[SearchParameter], places: &[f64], path: &str) -> Option<String> {
    let (parameter, place) = parameters.iter().zip(places).find(|(parameter, _)| parameter.path == path)?;
    let SearchScale::Labels(labels) = &parameter.scale else { return None };
    Some(chosen(labels, *place).to_owned())
}

fn chosen(labels: &[String], place: f64) -> &str {
    &labels[((place.clamp(0.0, 0.999) * labels.len() as f64) as usize).min(labels.len() - 1)]
}
