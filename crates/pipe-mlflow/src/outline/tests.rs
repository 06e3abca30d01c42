//! Which stage belongs to which part of a run.

use super::*;

pub(crate) fn about(axes: &[&str]) -> About {
    About {
        run: 7,
        experiment: "e".into(),
        titles: BTreeMap::from([("http://s".into(), "theirs".into())]),
        at: 1000,
        tags: BTreeMap::from([("pipe.host".into(), "here".into())]),
        own_tags: BTreeMap::new(),
        axes: axes.iter().map(|axis| (*axis).to_owned()).collect(),
        datasets: BTreeMap::new(),
        keep: BTreeMap::new(),
        goal: None,
    }
}

pub(crate) fn stage(id: &str, recipe: Json) -> Stage {
    let (stage, axes) = parse(id);
    Stage { id: id.into(), stage: stage.into(), axes, recipe: Arc::new(recipe), answer: None, keep: Keep::Nothing }
}

fn outline(axes: &[&str], ids: &[&str]) -> Outline {
    let stages: Vec<_> = ids.iter().map(|id| stage(id, serde_json::json!({ "of": id, "seed": 0 }))).collect();
    Outline::new(&about(axes), &stages)
}

#[track_caller]
fn check(outline: &Outline, id: &str, part: &str, prefix: &str) {
    let placed = &outline.stages[id];
    assert_eq!((placed.part.as_str(), placed.prefix.as_str()), (part, prefix), "{id}");
}

#[test]
fn folds_are_parts_and_what_they_share_is_not() {
    let ids = ["prepare", "split[fold=0]", "split[fold=1]", "train[fold=0]", "train[fold=1]", "score[fold=1,case=a]"];
    let outline = outline(&["fold"], &ids);
    assert_eq!(outline.parts.keys().collect::<Vec<_>>(), ["", "fold=0", "fold=1"]);
    check(&outline, "prepare", "", "prepare");
    check(&outline, "split[fold=1]", "fold=1", "split");
    check(&outline, "score[fold=1,case=a]", "fold=1", "score/case.a");
    let params = |part: &str| outline.parts[part].params.keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(params(""), ["prepare.of", "prepare.seed", "score.of", "score.seed", "split.seed", "train.seed"]);
    assert_eq!(params("fold=0"), ["axis.fold", "split.of", "split.seed", "train.of", "train.seed"]);
}

#[test]
fn a_stage_of_fewer_axes_belongs_where_it_is_alone() {
    let both = [
        "split[fold=0]",
        "train[network=a,fold=0]",
        "train[network=b,fold=0]",
        "only[fold=1]",
        "train[network=a,fold=1]",
    ];
    let outline = outline(&["network", "fold"], &both);
    check(&outline, "split[fold=0]", "", "split/fold.0");
    check(&outline, "only[fold=1]", "network=a,fold=1", "only");
    check(&outline, "train[network=b,fold=0]", "network=b,fold=0", "train");
}

#[test]
fn without_axes_the_run_is_all() {
    let outline = outline(&[], &["a", "b"]);
    assert_eq!(outline.parts.len(), 1);
    check(&outline, "b", "", "b");
}

#[test]
fn what_becomes_known_later_finds_its_part() {
    let mut outline = outline(&["fold"], &["split[fold=0]", "split[fold=1]"]);
    let new = ["score[fold=1,case=a]", "sum", "sum"].map(|id| outline.grow(id));
    assert_eq!(new, [Some("fold=1".to_owned()), Some(String::new()), None]);
    check(&outline, "score[fold=1,case=a]", "fold=1", "score/case.a");
    check(&outline, "sum", "", "sum");
}

#[test]
fn ten_thousand_points_are_parts_at_once() {
    let ids: Vec<_> = (0..10_000).flat_map(|at| [format!("a[x={at}]"), format!("b[x={at}]")]).collect();
    let outline = outline(&["x"], &ids.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(outline.parts.len(), 10_001);
}

#[test]
fn a_point_that_becomes_known_later_is_a_part() {
    let mut outline =
        outline(&["network", "fold"], &["split[fold=0]", "train[network=a,fold=0]", "train[network=b,fold=0]"]);
    outline.grow("train[network=a,fold=1]");
    outline.grow("score[network=a,fold=1,case=x]");
    check(&outline, "train[network=a,fold=1]", "network=a,fold=1", "train");
    check(&outline, "score[network=a,fold=1,case=x]", "network=a,fold=1", "score/case.x");
    // It belongs where those that were known from the beginning do.
    outline.grow("look[fold=0,case=x]");
    check(&outline, "look[fold=0,case=x]", "", "look/fold.0/case.x");
}

#[test]
fn trials_are_parts_with_parts() {
    let mut outline = outline(&["fold", "inner"], &["split[fold=1]"]);
    outline.grow("train[trial=7,fold=1]");
    outline.grow("train[fold=1,trial=7,inner=0]");
    outline.grow("gather[fold=1,trial=7]");
    assert_eq!(outline.trial("trial=8").as_deref(), Some("trial=8"));
    assert_eq!(outline.trial("fold=1"), None);
    check(&outline, "train[trial=7,fold=1]", "trial=7,fold=1", "train");
    check(&outline, "gather[fold=1,trial=7]", "fold=1,trial=7", "gather");
    let place = |part: &str| (outline.parts[part].parent.as_str(), outline.parts[part].trial.as_deref());
    assert_eq!(place("trial=7,fold=1"), ("trial=7", Some("trial=7")));
    assert_eq!(place("trial=7"), ("", Some("trial=7")));
    assert_eq!(place("fold=1,trial=7,inner=0"), ("fold=1,trial=7", Some("fold=1,trial=7")));
    assert_eq!(place("fold=1,trial=7"), ("fold=1", Some("fold=1,trial=7")));
    assert_eq!(place("fold=1"), ("", None));
}
