//! Tables of made-up results, whose numbers are known.
//!
//! Does not know more than the public functions of `paper`.

use indexmap::IndexMap;
use pipe_metrics::{Case, Classes, EmptyMasks, Evaluation, LengthUnit, Measured, Pooled, Protocol, Spacing};

use super::*;

fn protocol() -> Protocol {
    let metrics = serde_json::from_str(r#"["dice", "hd"]"#).expect("metrics");
    Protocol { metrics, empty: EmptyMasks::default(), any: false }
}

/// A case of ten pixels, five of them foreground, of which `hits` were found.
fn measured(hits: usize) -> Measured {
    let reference: Vec<u8> = (0..10).map(|at| u8::from(at < 5)).collect();
    let prediction: Vec<u8> = (0..10).map(|at| u8::from(at < hits)).collect();
    let case = Case::new(Classes::Labels(&prediction), Classes::Labels(&reference), 2, [1, 1, 10], Spacing::PIXELS);
    protocol().measure(&case.expect("labels")).expect("masks alone")
}

/// Two folds of six patients each; patient `k` has `hits(k)` pixels found.
fn row(truth: &str, hits: impl Fn(usize) -> usize) -> RowResults {
    let fold = |fold: usize| {
        let case = |patient: usize| (format!("c{patient}"), format!("p{patient}"), measured(hits(patient)));
        let cases = (fold * 6..fold * 6 + 6).map(case).collect();
        let (mut evaluation, pooled): (Evaluation, Vec<Pooled>) =
            Evaluation::of(&protocol(), LengthUnit::Pixel, &["lesion".to_owned()], cases);
        evaluation.truth = Some(format!("{truth} {fold}"));
        evaluation.threshold = Some(0.5);
        Evaluated {
            fold: format!("fold={fold}"),
            seed: String::new(),
            evaluation,
            pooled: Some(pooled),
            origin: Origin {
                experiment: "e".into(),
                stage: format!("evaluate[fold={fold}]"),
                run: 7,
                fingerprint: "ab".repeat(32),
                artifact: "cd".repeat(32),
                made_at: "2026-01-01T00:00:00Z".into(),
                commit: None,
                device: "CPU".into(),
            },
        }
    };
    RowResults { there: (0..2).map(fold).collect(), missing: Vec::new() }
}

fn spec(more: &str) -> TableSpec {
    let text = format!(
        r#"{{"title": "Lesions & more", "rows": [
            {{"system": "U-Net", "experiment": "e.yaml", "where": {{"network": "unet"}}}},
            {{"system": "SVS_net", "experiment": "e.yaml", "profiles": ["small"], "set": ["a.b=[1, 2]"]}}],
        "columns": ["dice", {{"metric": "hd", "class": "lesion", "label": "HD"}}, {{"metric": "dice", "of": "pooled"}}]{more}}}"#
    );
    serde_json::from_str(&text).expect("the table is right")
}

fn results() -> Results {
    // Dice of 3, 4 and 5 hits: 0.75, 8/9 and 1.
    let (unet, svsnet) = (row("t", |patient| 3 + patient % 2), row("t", |patient| 4 + patient % 2));
    vec![IndexMap::from([(String::new(), unet)]), IndexMap::from([(String::new(), svsnet)])]
}

#[test]
fn numbers_are_those_of_the_cases() {
    let table = paper_table(&spec(r#", "compare": {"against": "U-Net"}"#), &results()).expect("a table");
    let cell = |row: usize, column: usize| table.rows[row].cells[column].clone().expect("it has results");
    let near =
        |found: Option<f64>, expected: f64| assert!((found.expect("a number") - expected).abs() < 1e-12, "{found:?}");
    near(cell(0, 0).value, (0.75 + 8.0 / 9.0) / 2.0);
    near(cell(1, 0).value, (8.0 / 9.0 + 1.0) / 2.0);
    // The farthest missed pixel is 2 or 1 away, 1 or 0.
    near(cell(0, 1).value, 1.5);
    near(cell(1, 1).value, 0.5);
    // All pixels: of 12 patients 42 found, 0 too many, 18 missed.
    near(cell(0, 2).value, 84.0 / 102.0);
    assert!(!cell(0, 0).best && cell(1, 0).best && !cell(0, 1).best && cell(1, 1).best);
    let test = cell(1, 0).test.expect("it is tested");
    assert_eq!((test.n, test.unpaired, test.significant), (12, 0, true));
    assert!(cell(0, 0).test.is_none() && cell(1, 2).test.is_none());
    let labels: Vec<_> = table.columns.iter().map(|heading| heading.label.as_str()).collect();
    assert_eq!(labels, ["Dice", "HD [px]", "Dice, all pixels"]);
    let Spread::Sd(sd) = cell(0, 0).spread else { panic!("mean and SD are shown") };
    // Six of each: n - 1 in the divisor.
    assert!((sd - (8.0_f64 / 9.0 - 0.75) / 2.0 * (12.0_f64 / 11.0).sqrt()).abs() < 1e-12, "{sd}");
}

#[test]
fn formats_say_the_same() {
    let more = r#", "compare": {"against": "U-Net"}, "references": [
        {"system": "Old net", "citation": "Doe, 2001", "values": {"dice": 0.7, "HD": 3}, "note": "other split"}]"#;
    let table = paper_table(&spec(more), &results()).expect("a table");
    insta::assert_snapshot!("markdown", markdown(&table));
    insta::assert_snapshot!("latex", latex(&table));
    let lines = csv(&table);
    assert_eq!(lines.lines().count(), 1 + 6 + 2);
    assert!(lines.contains("\nOld net,HD [px],3,,,,,,,,,,\"Doe, 2001; other split\"\n"), "{lines}");
    let page = html(&table);
    assert!(page.contains("<b>0.944 ± 0.058</b>*") && page.contains("Lesions &#38; more"), "{page}");
}

#[test]
fn what_a_cell_shows_can_be_chosen() {
    let shown = |more: &str| {
        let table = paper_table(&spec(more), &results()).expect("a table");
        table.rows[0].cells[0].clone().expect("it has results")
    };
    assert_eq!(shown(r#", "show": "median_iqr""#).spread, Spread::Range(0.75, 8.0 / 9.0));
    assert_eq!(shown(r#", "show": "mean""#).spread, Spread::None);
    let Spread::Range(low, high) = shown(r#", "show": "mean_ci", "over": "patients""#).spread else {
        panic!("an interval is shown")
    };
    assert!(0.75 < low && low < 0.82 && 0.82 < high && high < 8.0 / 9.0, "{low} {high}");
    let folds = shown(r#", "over": "folds""#);
    assert_eq!(folds.n, 2);
    assert!(matches!(folds.spread, Spread::Sd(sd) if sd.abs() < 1e-12), "folds are alike: {folds:?}");
}

#[test]
fn rows_that_cannot_be_compared_are_refused() {
    let mut other = results();
    other[1] = IndexMap::from([(String::new(), row("u", |_| 4))]);
    let error = paper_table(&spec(""), &other).expect_err("other masks").to_string();
    assert_eq!(
        error,
        "`U-Net` and `SVS_net` were tested on other cases or masks, or at another size; write `mixed: allowed` to have a table that says so"
    );
    let table = paper_table(&spec(r#", "mixed": "allowed""#), &other).expect("as told");
    assert_eq!(table.rows[1].marks, "‡");
    assert!(table.notes.iter().any(|note| note.starts_with("‡ “U-Net” and “SVS_net” were tested on other cases")));
    other[1][""].there.pop();
    let error = paper_table(&spec(""), &other).expect_err("other folds").to_string();
    assert!(error.contains("were tested on other folds"), "{error}");
    for one in &mut other[0][""].there {
        one.evaluation.leak = Some("2 of 12 patients".into());
    }
    let table = paper_table(&spec(r#", "mixed": "allowed""#), &other).expect("as told");
    assert_eq!(table.rows[0].marks, "†‡");
}

#[test]
fn what_is_missing_is_named_with_its_command() {
    let mut found = results();
    found[1][""].missing.push("evaluate[fold=2]".into());
    let table = paper_table(&spec(""), &found).expect("the rest is there");
    assert_eq!(table.rows[1].cells, [None, None, None]);
    assert_eq!(
        table.missing,
        IndexMap::from([("e.yaml -p small -s 'a.b=[1, 2]'".to_owned(), vec!["evaluate[fold=2]".to_owned()])])
    );
    assert!(markdown(&table).contains("| SVS_net | – | – | – |"));
}

#[test]
fn numbers_lead_back_to_their_cases() {
    let found = trace(&spec(""), &results(), "SVS_net/HD").expect("a cell");
    assert_eq!((found.from.len(), found.cases.len(), found.from[1].origin.run), (2, 12, 7));
    let last = &found.cases[11];
    assert_eq!((last.from, last.case.as_str(), last.value, last.state), (1, "c11", Some(0.0), "known"));
    assert!(trace(&spec(""), &results(), "U-Net/dice").is_ok());
    let error = trace(&spec(""), &results(), "U-Net/mcc").expect_err("no column").to_string();
    assert!(error.contains("`U-Net/mcc` is no cell") && error.contains("U-Net, SVS_net"), "{error}");
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let spec: TableSpec = serde_json::from_str(text).expect("the table is right");
    let found: Results = spec
        .rows
        .iter()
        .map(|row| row.experiments().keys().map(|data| (data.clone(), self::row("t", |_| 4))).collect())
        .collect();
    let error = paper_table(&spec, &found).expect_err("there is no table").to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn wrong_tables() {
    let one = |column: &str, more: &str| {
        format!(r#"{{"title": "t", "rows": [{{"system": "a", "experiment": "e.yaml"}}], "columns": [{column}]{more}}}"#)
    };
    refused(&one(r#""mcc""#, ""), "`a` was not measured by `mcc`, only by dice, hd; name it in `metrics`");
    refused(&one(r#"{"metric": "dice", "class": "liver"}"#, ""), "`a` has no class `liver`, only lesion");
    refused(
        &one(r#"{"metric": "dice", "data": "ISIC"}"#, ""),
        "is of the data set `ISIC`, and row `a` has one without a name",
    );
    refused(&one(r#"{"metric": "hd", "of": "pooled"}"#, ""), "`hd` has no value of all pixels together");
    refused(&one(r#""dice""#, r#", "compare": {"against": "b"}"#), "no row is called `b`");
    refused(&one(r#""dice""#, r#", "show": "mean_ci", "over": "folds""#), "resampling patients");
    let published = r#", "references": [{"system": "r", "citation": "c", "values": {"iou": 1}}]"#;
    refused(&one(r#""dice""#, published), "`r` has a number for `iou`, which is no column; columns are Dice");
    let two = r#"{"metric": "dice", "class": "lesion"}, {"metric": "dice", "of": "pooled"}"#;
    let published = published.replace("iou", "dice");
    refused(
        &one(two, &published),
        "which could be of Dice, lesion or Dice, all pixels; write the heading of the column",
    );
    refused(r#"{"title": "t", "rows": [{"system": "a"}], "columns": ["dice"]}"#, "row `a` names no run");
    let twice = r#"{"system": "a", "experiment": "e.yaml"}"#;
    refused(
        &format!(r#"{{"title": "t", "rows": [{twice}, {twice}], "columns": ["dice"]}}"#),
        "two rows are called `a`",
    );
    let both = r#"{"system": "a", "experiment": "e.yaml", "runs": {"x": {"experiment": "f.yaml"}}}"#;
    refused(&format!(r#"{{"title": "t", "rows": [{both}], "columns": ["dice"]}}"#), "has `experiment` and `runs`");
}

/// Two classes and any class: each pooled by itself, then their mean; any class and a class without pixels play no part.
#[test]
fn pooled_classes_have_a_mean() {
    let protocol = Protocol { any: true, ..protocol() };
    let protocol = Protocol { metrics: serde_json::from_str(r#"["dice", "hd"]"#).expect("metrics"), ..protocol };
    let case = |prediction: &[u8], reference: &[u8]| {
        let case = Case::new(Classes::Labels(prediction), Classes::Labels(reference), 4, [1, 1, 8], Spacing::PIXELS);
        protocol.measure(&case.expect("labels")).expect("masks alone")
    };
    // Class 1: TP 2 + 1, FP 0 + 1, FN 1 + 0: 6 / 8. Class 2: TP 1, FP 1 + 0, FN 0 + 2: 2 / 5. Class 3 is nowhere.
    let cases = vec![
        ("a".to_owned(), "p".to_owned(), case(&[1, 1, 2, 2, 0, 0, 0, 0], &[1, 1, 1, 2, 0, 0, 0, 0])),
        ("b".to_owned(), "q".to_owned(), case(&[1, 1, 0, 0, 0, 0, 0, 0], &[1, 0, 2, 2, 0, 0, 0, 0])),
    ];
    let names = ["left".to_owned(), "right".to_owned(), "neither".to_owned()];
    let (evaluation, pooled) = Evaluation::of(&protocol, LengthUnit::Pixel, &names, cases);
    let Evaluated { fold, seed, origin, .. } = row("t", |_| 4).there.remove(0);
    let there = vec![Evaluated { fold, seed, evaluation, pooled: Some(pooled), origin }];
    let found = vec![IndexMap::from([(String::new(), RowResults { there, missing: Vec::new() })])];
    let spec: TableSpec = serde_json::from_str(
        r#"{"title": "t", "rows": [{"system": "a", "experiment": "e.yaml"}], "columns": [{"metric": "dice", "of": "pooled"},
            {"metric": "dice", "of": "pooled", "class": "mean"}, {"metric": "dice", "of": "pooled", "class": "right"},
            {"metric": "dice", "of": "pooled", "class": "neither"}, "dice"]}"#,
    )
    .expect("the table is right");
    let table = paper_table(&spec, &found).expect("a table");
    let values: Vec<_> = table.rows[0].cells.iter().flatten().map(|cell| cell.value).collect();
    // Of single cases: (4/5 + 2/3) / 2 and (2/3 + 0) / 2.
    let expected = [Some(0.575), Some(0.575), Some(0.4), None, Some((11.0 / 15.0 + 1.0 / 3.0) / 2.0)];
    let close = |(one, other): (&Option<f64>, &Option<f64>)| match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-12,
        (one, other) => one == other,
    };
    assert!(values.len() == 5 && values.iter().zip(&expected).all(close), "{values:?}");
    let note = "Where no class is named: of each case the mean over the classes that have a value in it; of all pixels, each class is pooled over its pixels, and the mean is over the classes that have a value; background is never among them.";
    assert!(table.notes.iter().any(|found| found == note), "{:?}", table.notes);
}

/// Names of people that every format would take for markup.
#[test]
fn odd_names_come_out_as_themselves() {
    let (odd, plus, other) =
        ("[a] $x_1$ | *b* `c` <i>d</i> \\\\e #{1} ~f~ g^2 \\\"h\\\" 5 % & i--j", "+ ASPP", "*=1+1");
    let text = format!(
        r#"{{"title": "{odd}", "note": "1. {odd}", "rows": [{{"system": "{plus}", "experiment": "e.yaml"}}, {{"system": "{odd}", "experiment": "e.yaml"}},
            {{"system": "{other}", "experiment": "e.yaml"}}], "columns": [{{"metric": "dice", "label": "{odd}"}}],
            "references": [{{"system": "{odd}", "citation": "{odd}", "values": {{"dice": -1e-9}}}}]}}"#
    );
    let spec: TableSpec = serde_json::from_str(&text).expect("the table is right");
    let results: Results = (3..6).map(|hits| IndexMap::from([(String::new(), row("t", |_| hits))])).collect();
    let table = paper_table(&spec, &results).expect("a table");
    insta::assert_snapshot!("odd_markdown", markdown(&table));
    insta::assert_snapshot!("odd_latex", latex(&table));
    insta::assert_snapshot!("odd_csv", csv(&table));
    let name = table.rows[1].system.clone();
    let text = csv(&table);
    let mut lines = ::csv::Reader::from_reader(text.as_bytes());
    let systems: Vec<String> = lines.records().map(|line| line.expect("a line")[0].to_owned()).collect();
    assert_eq!(systems, [plus, &name, "*=1+1", &name], "programs read the names as they are");
}
