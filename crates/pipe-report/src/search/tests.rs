//! What is said of made-up searches.

use serde_json::json;

use super::{made_up::search, *};
use crate::{Report, draft, html};

/// Five trials: two complete, one of each other state; one parameter is not always there.
fn mixed() -> Search {
    let mut search = search(SearchGoal::Maximise, &[0.5, 0.75, 0.99, 0.3, 0.4]);
    search.trials[2].state = SearchState::Pruned { step: 9, why: "too <slow>".into() };
    (search.trials[3].state, search.trials[3].value) = (SearchState::Running, None);
    (search.trials[4].state, search.trials[4].value) = (SearchState::Failed { why: "no <memory>".into() }, None);
    search.trials[1].values[1] = None;
    search.trials[1].folds = vec![0.7, 0.8];
    search.trials[4].equal_to = Some(1);
    search.parameters[0].importance = Some(0.25);
    search.parameters[2].importance = Some(0.75);
    (search.best, search.wanted, search.pruner) = (Some(1), Some(8), Some("median".into()));
    search
}

#[track_caller]
fn check_best_so_far(goal: SearchGoal, values: &[f64], expected: &[f64]) {
    let found: Vec<f64> = search(goal, values).best_so_far().into_iter().map(|(_, value)| value).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_best_so_far_only_improves() {
    check_best_so_far(SearchGoal::Maximise, &[0.5, 0.4, 0.7, 0.7, 0.6], &[0.5, 0.5, 0.7, 0.7, 0.7]);
    check_best_so_far(SearchGoal::Minimise, &[0.5, 0.4, 0.7, 0.3], &[0.5, 0.4, 0.4, 0.3]);
    check_best_so_far(SearchGoal::Minimise, &[f64::NAN, 2.0, f64::NEG_INFINITY, 3.0], &[2.0, 2.0]);
    check_best_so_far(SearchGoal::Maximise, &[], &[]);
}

#[test]
fn a_pruned_trial_is_never_the_best() {
    let mut search = mixed();
    assert_eq!(search.best_so_far(), [(0, 0.5), (1, 0.75)]);
    assert_eq!(search.best().map(|(best, value)| (best.number, value)), Some((1, 0.75)));
    search.best = Some(2);
    assert_eq!(search.best(), None);
}

#[test]
fn short_names_tell_parameters_apart() {
    let mut search = mixed();
    assert_eq!(search.labels(), ["lr", "width", "optimizer"]);
    search.parameters[1].path = "finetune.with.optimizer.lr".into();
    assert_eq!(search.labels(), ["train.with.optimizer.lr", "finetune.with.optimizer.lr", "optimizer"]);
    search.parameters[1].path = "lr".into();
    assert_eq!(search.labels(), ["optimizer.lr", "lr", "optimizer"]);
}

#[test]
fn trials_are_sorted() {
    let numbers = |order| mixed().ordered(order).iter().map(|trial| trial.number).collect::<Vec<_>>();
    assert_eq!(numbers(Order::Number), [0, 1, 2, 3, 4]);
    assert_eq!(numbers(Order::Value), [1, 0, 2, 3, 4], "the pruned one has no value, whatever its last was");
    let losses = search(SearchGoal::Minimise, &[0.5, 0.1, 0.1, 0.3]);
    assert_eq!(losses.ordered(Order::Value).iter().map(|trial| trial.number).collect::<Vec<_>>(), [1, 2, 3, 0]);
}

#[test]
fn views_as_tables() {
    let search = mixed();
    let views = [View::Trials(Order::Value), View::Best, View::Status, View::Importance];
    let all: Vec<String> = views.map(|view| markdown(&search, view)).to_vec();
    insta::assert_snapshot!(all.join("\n"));
    let table = text(&search, View::Trials(Order::Number));
    assert!(table.rows.iter().all(|row| row.len() == table.head.len() && row.len() == table.align.len()));
    assert_eq!(table.head[..3], ["trial", "Dice", "state"].map(str::to_owned));
}

#[test]
fn views_as_files() {
    let search = mixed();
    let csv = csv(&search, View::Trials(Order::Number));
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "trial,value,state,pruned_at,why,train.with.optimizer.lr,train.with.network.width,train.with.optimizer,seconds,equal_to,fold_0,fold_1"
    );
    assert_eq!(lines[2], "1,0.75,complete,,,0.03162277660168379,,sgd,61,,0.7,0.8");
    assert_eq!(lines[5], "4,,failed,,no <memory>,0.001,40,sgd,64,1,,");
    assert_eq!(lines.len(), 6);
    assert_eq!(
        json(&search, View::Status),
        json!({
            "search": "", "metric": "Dice", "goal": "maximise", "over": "mean over folds",
            "trials": { "complete": 2, "pruned": 1, "running": 1, "failed": 1 },
            "wanted": 8, "left": 3, "best": { "number": 1, "value": 0.75 },
        })
    );
    let best = json(&search, View::Best);
    assert_eq!(
        best["settings"],
        json!({ "train.with.optimizer.lr": 0.031_622_776_601_683_79, "train.with.optimizer": "sgd" })
    );
    assert_eq!((&best["folds"], &best["state"]), (&json!([0.7, 0.8]), &json!("complete")));
    let trials = json(&search, View::Trials(Order::Number));
    assert_eq!((&trials[2]["pruned_at"], &trials[4]["why"]), (&json!(9), &json!("no <memory>")));
    assert_eq!(trials[2]["why"], "too <slow>");
    assert_eq!(trials[0]["settings"]["train.with.network.width"], json!(8), "whole numbers are written so");
    assert_eq!(json(&search, View::Importance)[0], json!({ "path": "train.with.optimizer", "importance": 0.75 }));
    let read: Search = serde_json::from_value(json!(search)).expect("what was written");
    assert_eq!(read, search);
}

#[test]
fn a_search_without_trials_has_nothing_to_show() {
    let none = search(SearchGoal::Maximise, &[]);
    assert_eq!((none.best(), json(&none, View::Best)), (None, serde_json::Value::Null));
    assert!(text(&none, View::Best).rows.is_empty() && search_figures(&none).is_empty());
    assert!(search_page("t", std::slice::from_ref(&none)).contains("No trial is complete"));
    assert!(summary(&none)[1] == "0 trials." && !search_page("t", &[]).contains("<svg"));
}

#[test]
fn sentences() {
    let said = summary(&mixed());
    assert_eq!(
        said[..2],
        [
            "The search maximises Dice of validation cases (mean over folds) over 3 parameters; the sampler is tpe with seed 7, the pruner is median.",
            "5 of 8 trials have begun: 2 complete, 1 pruned, 1 running, 1 failed.",
        ]
    );
    assert!(
        said[2].starts_with("The best is trial 1 with Dice 0.7500. ") && said[2].ends_with("it is no test result.")
    );
}

#[test]
fn numbers_have_four_digits_that_count() {
    let read = [0.0, 8.0, 0.000_123_456, 0.031_622_776, 0.5, 123_456.0, 1234.56, 1e9, f64::NAN, -0.25];
    let expected = ["0", "8", "1.235e-4", "0.03162", "0.5", "123456", "1235", "1e9", "–", "-0.25"];
    assert_eq!(read.map(views::digits), expected);
}

#[test]
fn names_are_no_markup() {
    let mut search = mixed();
    search.name = "fold=<1>".into();
    search.notes = vec!["It saw <test> cases | all of them.".into()];
    search.parameters[0].path = "a.<b>.$c$|d".into();
    let searches = vec![search.clone(), Search { name: "fold=2".into(), ..search }];
    let report = Report { searches: searches.clone(), ..Report::named("t", "e") };
    for page in [search_page("<t>", &searches), html(&report)] {
        assert!(
            !page.contains("<b>.") && !page.contains("<1>") && !page.contains("<test>") && !page.contains("<lion>")
        );
        assert!(page.contains("fold=&#60;1&#62;") && page.contains("It saw &#60;test&#62; cases"), "{page}");
        assert!(!page.contains("http") && !page.contains("<script") && page.contains("no test result"));
    }
    let tex = latex(&report.searches[0], View::Best);
    assert!(tex.contains("a.$<$b$>$.\\$c\\$$|$d & 0.03162 \\\\\n") && tex.contains("{lr}"), "{tex}");
    for page in [crate::markdown(&report, &|_| String::new()), draft(&report, &|_| String::new())] {
        assert!(page.contains("&lt;test> cases \\| all") && page.contains("a.&lt;b>.&#36;c&#36;\\|d"), "{page}");
        assert!(page.contains("it is no test result") && page.contains("| 0.03162 |"), "{page}");
    }
}

#[test]
fn figures_stand_alone() {
    let mut search = mixed();
    search.name = "fold=1".into();
    search.trials[0].curve = vec![(1, 0.1), (2, 0.5)];
    let files = search_figures(&search);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let expected = ["history", "curves", "importance", "parallel", "slices"].map(|name| format!("fold-1-{name}.svg"));
    assert_eq!(names, expected);
    for (name, svg) in &files {
        assert!(svg.starts_with("<svg xmlns=") && !svg.contains("var(") && svg.contains(".crown"), "{name}: {svg}");
    }
}
