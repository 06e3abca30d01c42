//! A table whose every number is computed by hand: two systems, two folds of unequal size, two seeds, five cases of four patients.
//!
//! Does not know more than the public functions of `paper`.
//!
//! Dice, and below it HD in mm; `x` is excluded, `i` imputed. Patient P has two cases; nothing of `d1` is real, so both masks of
//! Net A are empty there.
//!
//! | | | a1 (P) | a2 (P) | b1 (Q) | c1 (R) | d1 (S) |
//! |---|---|---|---|---|---|---|
//! | Net A | seed 0 | 0.8, 2 | 0.6, 3 | 0.9, 1 | 0.5, 6 | x, x |
//! | | seed 1 | 0.6, 4 | 0.8, 3 | 0.7, 2 | 0.7, 4 | x, x |
//! | Net B | seed 0 | 0.9, 2 | 0.7, 4 | 1.0, 1 | 0.6, 5 | 0, i50 |
//! | | seed 1 | 0.7, 2 | 0.9, 4 | 0.9, 1 | 0.7, 5 | 0, i50 |
//! | fold | | 0 | 0 | 0 | 1 | 1 |
//! | mean over seeds | A | 0.7, 3 | 0.7, 3 | 0.8, 1.5 | 0.6, 5 | x, x |
//! | | B | 0.8, 2 | 0.8, 4 | 0.95, 1 | 0.65, 5 | 0, i50 |

use indexmap::IndexMap;
use pipe_metrics::{
    Counts, LengthUnit, Metrics, Pooled,
    Score::{self, Excluded, Imputed, Known},
    statistics::{Bootstrap, resamples},
};
use serde_json::json;

use super::*;

type Line = (&'static str, &'static str, Score, Score);

const A: [[&[Line]; 2]; 2] = [
    [
        &[
            ("a1", "P", Known(0.8), Known(2.0)),
            ("a2", "P", Known(0.6), Known(3.0)),
            ("b1", "Q", Known(0.9), Known(1.0)),
        ],
        &[("c1", "R", Known(0.5), Known(6.0)), ("d1", "S", Excluded, Excluded)],
    ],
    [
        &[
            ("a1", "P", Known(0.6), Known(4.0)),
            ("a2", "P", Known(0.8), Known(3.0)),
            ("b1", "Q", Known(0.7), Known(2.0)),
        ],
        &[("c1", "R", Known(0.7), Known(4.0)), ("d1", "S", Excluded, Excluded)],
    ],
];

const B: [[&[Line]; 2]; 2] = [
    [
        &[
            ("a1", "P", Known(0.9), Known(2.0)),
            ("a2", "P", Known(0.7), Known(4.0)),
            ("b1", "Q", Known(1.0), Known(1.0)),
        ],
        &[("c1", "R", Known(0.6), Known(5.0)), ("d1", "S", Known(0.0), Imputed(50.0))],
    ],
    [
        &[
            ("a1", "P", Known(0.7), Known(2.0)),
            ("a2", "P", Known(0.9), Known(4.0)),
            ("b1", "Q", Known(0.9), Known(1.0)),
        ],
        &[("c1", "R", Known(0.7), Known(5.0)), ("d1", "S", Known(0.0), Imputed(50.0))],
    ],
];

/// True positive, false positive and false negative pixels by seed and fold.
const PIXELS_A: [[[u64; 3]; 2]; 2] = [[[30, 10, 10], [10, 0, 20]], [[20, 5, 5], [20, 5, 5]]];
const PIXELS_B: [[[u64; 3]; 2]; 2] = [[[40, 0, 0], [10, 10, 10]], [[20, 15, 30], [10, 15, 0]]];

fn row(name: &str, scores: [[&[Line]; 2]; 2], pixels: [[[u64; 3]; 2]; 2]) -> IndexMap<String, RowResults> {
    let evaluated = |(seed, fold): (usize, usize)| {
        let recipe: Metrics = serde_json::from_str(r#"["dice", "hd"]"#).expect("metrics");
        let case = |(case, patient, dice, hd): &Line| json!({ "case": case, "patient": patient, "pixels": [10], "scores": [[dice, hd]] });
        let [true_positive, false_positive, false_negative] = pixels[seed][fold];
        let counts = Counts { true_positive, false_positive, false_negative, true_negative: 900 };
        Evaluated {
            fold: format!("fold={fold}"),
            seed: seed.to_string(),
            // As it is stored.
            evaluation: serde_json::from_value(json!({
                "threshold": 0.5,
                "empty": {},
                "unit": LengthUnit::Millimetre,
                "classes": ["lesion"],
                "recipe": recipe,
                "metrics": recipe.descriptions(LengthUnit::Millimetre),
                "cases": scores[seed][fold].iter().map(case).collect::<Vec<_>>(),
                "pooled": [],
                "truth": format!("truth {fold}"),
            }))
            .expect("an evaluation"),
            pooled: Some(vec![Pooled { counts, probabilities: None }]),
            origin: Origin {
                experiment: name.into(),
                stage: format!("evaluate[fold={fold},seed={seed}]"),
                run: 1 + seed as i64,
                fingerprint: format!("{name}{seed}{fold}"),
                artifact: "cd".repeat(32),
                made_at: "2026-01-01T00:00:00Z".into(),
                commit: None,
                device: "CPU".into(),
            },
        }
    };
    let there = [(0, 0), (0, 1), (1, 0), (1, 1)].map(evaluated).into();
    IndexMap::from([(String::new(), RowResults { there, missing: Vec::new() })])
}

fn results() -> Results {
    vec![row("a", A, PIXELS_A), row("b", B, PIXELS_B)]
}

fn spec(more: &str) -> TableSpec {
    let text = format!(
        r#"{{"title": "By hand", "rows": [{{"system": "Net A", "experiment": "a.yaml"}}, {{"system": "Net B", "experiment": "b.yaml"}}],
            "columns": ["dice", "hd", {{"metric": "dice", "of": "pooled"}}]{more}}}"#
    );
    serde_json::from_str(&text).expect("the table is right")
}

#[track_caller]
fn check(more: &str, expected: [&str; 2], note: &str) {
    let table = paper_table(&spec(more), &results()).expect("a table");
    let text = markdown(&table);
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| Net")).collect();
    assert_eq!(rows, expected);
    assert!(table.notes.iter().any(|found| found == note), "{:?}", table.notes);
}

// All pixels, A: seed 0 TP 40, FP 10, FN 30: 80/120; seed 1 TP 40, FP 10, FN 10: 80/100. B: TP 50, FP 10, FN 10: 100/120; TP 30,
// FP 30, FN 30: 60/120. Means 0.7333 and 0.6667.

#[test]
fn over_cases() {
    // A, Dice: (0.7 + 0.7 + 0.8 + 0.6) / 4 = 0.7; squares 0, 0, 0.01, 0.01: sqrt(0.02 / 3) = 0.0816.
    // A, HD: 12.5 / 4 = 3.125, in the middle between 3.12 and 3.13: the even one; squares 0.015625 twice, 2.640625, 3.515625:
    // sqrt(6.1875 / 3) = 1.4361.
    // B, Dice: 3.2 / 5 = 0.64; squares 0.0256 twice, 0.0961, 0.0001, 0.4096: sqrt(0.557 / 4) = 0.3732.
    // B, HD: 62 / 5 = 12.4; squares 108.16, 70.56, 129.96, 54.76, 1413.76: sqrt(1777.2 / 4) = 21.0784.
    check(
        "",
        [
            "| Net A | **0.700 ± 0.082** | **3.12 ± 1.44** | **0.733** |",
            "| Net B | 0.640 ± 0.373 | 12.40 ± 21.08 | 0.667 |",
        ],
        "Mean ± sample standard deviation over cases (of each the mean of its seeds); columns of all pixels count each pixel alike, and are means over seeds. Bold: the best of a column.",
    );
    for note in [
        "All numbers are of 5 cases.",
        "Net A: Dice 1 case excluded; HD [mm] 1 case excluded.",
        "Net B: HD [mm] 1 case imputed.",
    ] {
        assert!(paper_table(&spec(""), &results()).expect("a table").notes.iter().any(|found| found == note), "{note}");
    }
}

#[test]
fn over_patients() {
    // A: P 0.7, Q 0.8, R 0.6; S has no value: mean 0.7, SD sqrt(0.02 / 2) = 0.1. HD: P 3, Q 1.5, R 5: 9.5 / 3 = 3.1667; squares
    // 0.0278, 2.7778, 3.3611: sqrt(6.1667 / 2) = 1.7559.
    // B: P 0.8, Q 0.95, R 0.65, S 0: 0.6; squares 0.04, 0.1225, 0.0025, 0.36: sqrt(0.525 / 3) = 0.4183. HD: 3, 1, 5, 50: 14.75;
    // squares 138.0625, 189.0625, 95.0625, 1242.5625: sqrt(1664.75 / 3) = 23.5567.
    check(
        r#", "over": "patients""#,
        [
            "| Net A | **0.700 ± 0.100** | **3.17 ± 1.76** | **0.733** |",
            "| Net B | 0.600 ± 0.418 | 14.75 ± 23.56 | 0.667 |",
        ],
        "All numbers are of 4 patients.",
    );
}

#[test]
fn over_folds() {
    // A: fold 0: seeds (0.8 + 0.6 + 0.9) / 3 = 0.7667 and 2.1 / 3 = 0.7: 0.7333; fold 1: 0.5 and 0.7: 0.6. Mean 0.6667,
    // SD 0.1333 / sqrt 2 = 0.0943. HD: 2 and 3: 2.5; 6 and 4: 5: mean 3.75, SD 2.5 / sqrt 2 = 1.7678.
    // B: 2.6 / 3 and 2.5 / 3: 0.85; 0.3 and 0.35: 0.325: mean 0.5875 (stored above its middle), SD 0.525 / sqrt 2 = 0.3712.
    // HD: 7 / 3 twice; 27.5 twice: mean 14.9167, SD 25.1667 / sqrt 2 = 17.7955.
    check(
        r#", "over": "folds""#,
        [
            "| Net A | **0.667 ± 0.094** | **3.75 ± 1.77** | **0.733** |",
            "| Net B | 0.588 ± 0.371 | 14.92 ± 17.80 | 0.667 |",
        ],
        "Mean ± sample standard deviation over folds (of each the mean of its seeds, of each seed that of the fold's cases); columns of all pixels count each pixel alike, and are means over seeds. Bold: the best of a column.",
    );
}

#[test]
fn over_seeds() {
    // A: seed 0: folds 0.7667 and 0.5: 0.6333; seed 1: 0.7 and 0.7. Mean 0.6667, SD 0.0667 / sqrt 2 = 0.0471. (Of all cases of a
    // seed together both would be 0.7: folds of unequal size count alike.) HD: 2 and 6: 4; 3 and 4: 3.5: 3.75, 0.5 / sqrt 2.
    // B: 0.8667 and 0.3: 0.5833; 0.8333 and 0.35: 0.5917: mean 0.5875, SD 0.0083 / sqrt 2 = 0.0059. HD: 14.9167 twice.
    check(
        r#", "over": "seeds""#,
        [
            "| Net A | **0.667 ± 0.047** | **3.75 ± 0.35** | **0.733** |",
            "| Net B | 0.588 ± 0.006 | 14.92 ± 0.00 | 0.667 |",
        ],
        "Mean ± sample standard deviation over seeds (of each the mean of its folds, of each fold that of its cases); columns of all pixels count each pixel alike, and are means over seeds. Bold: the best of a column.",
    );
}

#[test]
fn medians() {
    // Sorted, A: 0.6 0.7 0.7 0.8, 1.5 3 3 5: quartiles at places 0.75 and 2.25: 0.675 and 0.725 (stored below and above their
    // middles), 2.625 and 3.5. B: 0 0.65 0.8 0.8 0.95, 1 2 4 5 50: at places 1 and 3.
    check(
        r#", "show": "median_iqr""#,
        [
            "| Net A | 0.700 (0.675 to 0.725) | **3.00 (2.62 to 3.50)** | **0.733** |",
            "| Net B | **0.800 (0.650 to 0.800)** | 4.00 (2.00 to 5.00) | 0.667 |",
        ],
        "Median (first to third quartile) over cases (of each the mean of its seeds); columns of all pixels count each pixel alike, and are means over seeds. Bold: the best of a column.",
    );
}

#[test]
fn tests_pair_patients() {
    // B less A: P 0.1, Q 0.15, R 0.05: three of one sign, of 2^3 ways 2 as far out: p = 0.25 by both tests. HD: 0, -0.5, 0.
    let more =
        |test: &str, alpha: f64| format!(r#", "compare": {{"against": "Net A", "test": "{test}", "alpha": {alpha}}}"#);
    for test in ["wilcoxon", "permutation"] {
        let table = paper_table(&spec(&more(test, 0.3)), &results()).expect("a table");
        let found = table.rows[1].cells[0].as_ref().and_then(|cell| cell.test.clone()).expect("it is tested");
        assert_eq!((found.n, found.unpaired, found.significant), (3, 1, true));
        assert!((found.p - 0.25).abs() < 1e-12 && (found.adjusted - 0.25).abs() < 1e-12, "{test}: {found:?}");
        assert!(table.rows[1].cells[2].as_ref().is_some_and(|cell| cell.test.is_none()), "pixels have no patients");
        assert!(table.rows[0].cells.iter().flatten().all(|cell| cell.test.is_none()), "the baseline");
    }
    check(
        &more("permutation", 0.3),
        [
            "| Net A | **0.700 ± 0.082** | **3.12 ± 1.44** | **0.733** |",
            "| Net B | 0.640 ± 0.373\\* | 12.40 ± 21.08 | 0.667 |",
        ],
        "* differs from Net A: p < 0.3 by a permutation test of signs, two-sided, of 3 patients' values; up to 1 patient has a value of one system alone, without a part in it.",
    );
}

/// The interval once more: BCa from its formulae, with a normal distribution that is integrated here.
fn bca(patients: &[&[f64]], statistic: impl Fn(&[&[f64]]) -> f64) -> [f64; 2] {
    let below = |z: f64| {
        let steps = 4_000;
        let width = (z + 9.0) / f64::from(steps);
        let density = |at: i32| (-(f64::from(at) * width - 9.0).powi(2) / 2.0).exp() / std::f64::consts::TAU.sqrt();
        (0..steps).map(|at| (density(at) + density(at + 1)) / 2.0 * width).sum::<f64>()
    };
    let quantile = |share: f64| {
        let (mut low, mut high) = (-9.0, 9.0);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if below(middle) < share { low = middle } else { high = middle }
        }
        low
    };
    let value = statistic(patients);
    let mut drawn: Vec<f64> = resamples(patients.len(), &Bootstrap::default())
        .map(|chosen| statistic(&chosen.iter().map(|at| patients[*at]).collect::<Vec<_>>()))
        .collect();
    drawn.sort_by(f64::total_cmp);
    let share =
        |is: fn(f64, f64) -> bool| drawn.iter().filter(|one| is(**one, value)).count() as f64 / drawn.len() as f64;
    let bias = quantile((share(|one, value| one < value - 1e-12) + share(|one, value| one <= value + 1e-12)) / 2.0);
    let without: Vec<f64> =
        (0..patients.len()).map(|left| statistic(&[&patients[..left], &patients[left + 1..]].concat())).collect();
    let mean = without.iter().sum::<f64>() / without.len() as f64;
    let sum = |power: i32| without.iter().map(|one| (mean - one).powi(power)).sum::<f64>();
    let acceleration = sum(3) / (6.0 * sum(2).powf(1.5));
    [0.025, 0.975].map(|outside| {
        let z = bias + quantile(outside);
        let place = below(bias + z / (1.0 - acceleration * z)) * (drawn.len() - 1) as f64;
        let at = place as usize;
        drawn[at] + (drawn[at + 1] - drawn[at]) * (place - at as f64)
    })
}

#[test]
fn intervals() {
    let patients: [&[f64]; 4] = [&[0.8, 0.8], &[0.95], &[0.65], &[0.0]];
    let of_cases = |chosen: &[&[f64]]| chosen.concat().iter().sum::<f64>() / chosen.concat().len() as f64;
    let of_patients = |chosen: &[&[f64]]| {
        chosen.iter().map(|one| one.iter().sum::<f64>() / one.len() as f64).sum::<f64>() / chosen.len() as f64
    };
    for (over, value, expected) in
        [("cases", 0.64, bca(&patients, of_cases)), ("patients", 0.6, bca(&patients, of_patients))]
    {
        let more = format!(r#", "show": "mean_ci", "over": "{over}""#);
        let table = paper_table(&spec(&more), &results()).expect("a table");
        let cell = table.rows[1].cells[0].as_ref().expect("it has results");
        let Spread::Range(low, high) = cell.spread else { panic!("an interval is shown") };
        assert!((cell.value.expect("cases") - value).abs() < 1e-12, "{cell:?}");
        assert!(
            (low - expected[0]).abs() < 1e-6 && (high - expected[1]).abs() < 1e-6,
            "{low} {high}, not {expected:?}"
        );
        let printed = format!("{value:.3} ({low:.3} to {high:.3})");
        assert!(markdown(&table).contains(&printed), "{printed}");
    }
}

#[test]
fn cells_lead_to_their_cases() {
    for (system, scores) in [("Net A", A), ("Net B", B)] {
        for (column, of) in [("dice", 0), ("Dice", 0), ("hd", 1), ("HD [mm]", 1), ("HD", 1), ("Dice, all pixels", 0)] {
            let found = trace(&spec(""), &results(), &format!("{system}/{column}")).expect("a cell");
            let origins: Vec<(&str, &str)> =
                found.from.iter().map(|one| (one.seed.as_str(), one.fold.as_str())).collect();
            assert_eq!(origins, [("0", "fold=0"), ("0", "fold=1"), ("1", "fold=0"), ("1", "fold=1")]);
            let cases: Vec<_> = found
                .cases
                .iter()
                .map(|one| (one.from, one.case.as_str(), one.patient.as_str(), one.value, one.state))
                .collect();
            let expected: Vec<_> = scores
                .concat()
                .iter()
                .enumerate()
                .flat_map(|(from, lines)| lines.iter().map(move |line| (from, line)))
                .map(|(from, (case, patient, dice, hd))| {
                    let score = [dice, hd][of];
                    (from, *case, *patient, score.value(), score.state())
                })
                .collect();
            assert_eq!(cases, expected, "{system}, {column}");
            assert_eq!(cases.len(), 10);
        }
    }
}
