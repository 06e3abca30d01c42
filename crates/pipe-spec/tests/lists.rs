//! Stages repeated over lists: those in the file, and those that a stage makes.
//!
//! Knows the public functions alone; who makes a list is the engine's.

use std::fs;

use pipe_spec::{Experiment, Library, Lists, Request, compose, expand};

const EXPERIMENT: &str = "\
axes: { fold: [0, 1] }
stages:
  split: { kind: command, with: { fold: '${axis.fold}' } }
  score: { kind: command, needs: split, for: { case: '${split.cases}' }, with: { case: '${axis.case}' } }
  plot: { kind: command, needs: score }
  each: { kind: command, needs: 'score[case=*]' }
  all: { kind: command, needs: 'score[*]' }
  free: { kind: command, for: { letter: [a, b] } }
";

fn expanded(lists: &Lists) -> Experiment {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("e.yaml");
    fs::write(&file, EXPERIMENT).expect("writable");
    let library = Library { workspace: folder.path().to_path_buf(), embedded: &[] };
    let request = Request { file: &file, profiles: &[], sweep: None, overrides: &[], environment: &|_| None };
    let composed = compose(&library, &request).unwrap_or_else(|wrong| panic!("{:?}", wrong.list));
    expand(&composed, lists).unwrap_or_else(|wrong| panic!("{:?}", wrong.list))
}

fn ids(experiment: &Experiment) -> Vec<&str> {
    experiment.stages.iter().map(|stage| stage.id.as_str()).collect()
}

fn open(experiment: &Experiment) -> Vec<(&str, &str)> {
    experiment.open.iter().map(|open| (open.id.as_str(), open.maker.as_str())).collect()
}

fn list(maker: &str, items: &[&str]) -> ((String, String), Vec<String>) {
    ((maker.to_owned(), "cases".to_owned()), items.iter().map(ToString::to_string).collect())
}

#[test]
fn nothing_is_known_before_a_list_is() {
    let experiment = expanded(&Lists::new());
    assert_eq!(ids(&experiment), ["split[fold=0]", "split[fold=1]", "free[letter=a]", "free[letter=b]"]);
    assert_eq!(
        open(&experiment),
        [
            ("score[fold=0]", "split[fold=0]"),
            ("score[fold=1]", "split[fold=1]"),
            ("plot[fold=0]", "split[fold=0]"),
            ("plot[fold=1]", "split[fold=1]"),
            ("each[fold=0]", "split[fold=0]"),
            ("each[fold=1]", "split[fold=1]"),
            ("all", "split[fold=0]"),
        ]
    );
    assert_eq!((experiment.lists[0].stage.as_str(), experiment.lists[0].output.as_str()), ("split", "cases"));
}

#[test]
fn what_is_known_is_expanded_and_the_rest_stays_open() {
    let experiment = expanded(&Lists::from([list("split[fold=1]", &["p1", "p2"])]));
    let found = ids(&experiment);
    for id in ["score[fold=1,case=p1]", "score[fold=1,case=p2]", "plot[fold=1,case=p2]", "each[fold=1]"] {
        assert!(found.contains(&id), "{id} is not in {found:?}");
    }
    assert!(!found.contains(&"all") && !found.contains(&"each[fold=0]"));
    let open: Vec<_> = open(&experiment).into_iter().map(|(id, _)| id).collect();
    assert_eq!(open, ["score[fold=0]", "plot[fold=0]", "each[fold=0]", "all"]);
}

#[test]
fn lists_may_differ_and_be_empty() {
    let experiment = expanded(&Lists::from([list("split[fold=0]", &[]), list("split[fold=1]", &["p1", "p2"])]));
    assert!(experiment.open.is_empty());
    let stage = |id: &str| experiment.stages.iter().find(|stage| stage.id == id).unwrap_or_else(|| panic!("{id}"));
    assert_eq!(stage("each[fold=0]").needs[0].ids, [""; 0]);
    assert_eq!(stage("all").needs[0].ids, ["score[fold=1,case=p1]", "score[fold=1,case=p2]"]);
    assert_eq!(stage("score[fold=1,case=p2]").after, ["split[fold=1]"]);
    assert_eq!(stage("score[fold=1,case=p2]").with.to_json(), serde_json::json!({ "case": "p2" }));
    assert_eq!(stage("plot[fold=1,case=p1]").needs[0].ids, ["score[fold=1,case=p1]"]);
}
