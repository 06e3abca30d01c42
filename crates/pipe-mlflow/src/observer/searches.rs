//! What is told of searches: trials as parts, in whatever order they become known, and what is left when a search ends.

use pipe_engine::TrialState;
use pipe_store::Direction;
use serde_json::json;

use super::{
    tests::{done, lines, record, results, says, started},
    *,
};
use crate::outline::tests::{about, stage};

fn search(axes: &[&str], planned: &[&str]) -> Observer {
    let mut about = about(axes);
    about.goal = Some(Direction::Higher);
    about.keep = [("export".to_owned(), Keep::Model { port: "table".into(), registered: "e".into() })].into();
    let stages: Vec<_> = planned.iter().map(|id| stage(id, json!({ "epochs": 1 }))).collect();
    Observer::new(Outline::new(&about, &stages))
}

fn grown(ids: &[&str]) -> Event {
    Event::Grown { stages: 0, new: ids.iter().map(|id| (*id).to_owned()).collect() }
}

fn trial(trial: &str, state: TrialState, value: Option<f64>) -> Event {
    let settings = json!({ "train.rate": 0.1, "train.network": { "unet": { "width": 8 } } });
    let settings = settings.as_object().expect("a map").clone();
    Event::Trial { trial: trial.into(), settings, state, value }
}

fn pruned(stage: &str) -> Event {
    Event::Pruned { stage: stage.into(), why: "rung 1".into() }
}

fn failed(stage: &str) -> Event {
    let failure = Failure { chain: vec!["no memory".into()], last_lines: Vec::new(), log: None };
    Event::Failed { stage: stage.into(), failure }
}

/// Three trials of two folds, then the best of them.
fn events() -> Vec<Event> {
    use TrialState::{Complete, Failed, Pruned, Running};
    let ids = |number: u32| {
        [0, 1].map(|fold| ["train", "evaluate"].map(|stage| format!("{stage}[trial={number},fold={fold}]"))).concat()
    };
    let mut events = vec![done("prepare"), done("split[fold=0]"), done("split[fold=1]")];
    for number in 0..3 {
        events.push(trial(&format!("trial={number}"), Running, None));
        events.push(Event::Grown { stages: 0, new: ids(number) });
        events.push(started(&ids(number)[0]));
    }
    events.extend(ids(0).iter().map(|id| done(id)));
    events.push(trial("trial=0", Complete, Some(0.5)));
    events.extend([done(&ids(1)[0]), done(&ids(1)[1]), pruned(&ids(1)[2])]);
    // The end of a trial is said before that of its last stage.
    events.extend([trial("trial=1", Pruned, Some(0.2)), pruned(&ids(1)[3])]);
    events.push(failed(&ids(2)[0]));
    events.extend(ids(2)[1..].iter().map(|id| Event::Skipped { stage: id.clone(), because: ids(2)[0].clone() }));
    events.push(trial("trial=2", Failed, None));
    let best = [0, 1].map(|fold| ["train", "evaluate", "export"].map(|stage| format!("{stage}[fold={fold}]"))).concat();
    events.push(Event::Grown { stages: 0, new: best.clone() });
    events.extend(best.iter().map(|id| done(id)));
    events
}

const PLANNED: [&str; 3] = ["prepare", "split[fold=0]", "split[fold=1]"];

#[test]
fn a_search_is_a_tree() {
    let mut observer = search(&["fold"], &PLANNED);
    for (at, event) in (0..).zip(events()) {
        observer.hear(at, &event, &results);
    }
    observer.end(90, &[], Interrupted::No, &results);
    let told = observer.take();
    let expected = [
        "fold=0: begun fold 0 below Some(\"\") at 1",
        "trial=0: begun trial 0 below Some(\"\") at 3",
        "trial=0: params axis.trial=0 train.network.unet.width=8 train.rate=0.1",
        "trial=0: trial Running None",
        "trial=0: tags pipe.trial.state=running",
        "trial=0,fold=0: begun trial 0, fold 0 below Some(\"trial=0\") at 5",
        "trial=0,fold=0: params axis.fold=0 axis.trial=0",
        "trial=0,fold=0: metrics evaluate/dice=0@0",
        "trial=0,fold=0: ended Finished at 13",
        "trial=0,fold=1: ended Finished at 15",
        "trial=0: tags pipe.trial.state=complete",
        "trial=0: metrics objective=0.5@0",
        ": metrics best_objective=0.5@0",
        "trial=0: metrics evaluate/dice=0.5@0 evaluate/dice_sd=0.7071067811865476@0",
        "trial=0: ended Finished at 16",
        "trial=1,fold=0: ended Finished at 18",
        "trial=1,fold=1: tags pipe.pruned.train=rung 1",
        "trial=1,fold=1: tags pipe.stage.train=pruned",
        "trial=1: metrics objective=0.2@0",
        "trial=1,fold=1: ended Killed at 21",
        "trial=1: metrics evaluate/dice=0@0",
        "trial=1: ended Killed at 21",
        "trial=2,fold=0: ended Failed at 23",
        "trial=2,fold=1: ended Failed at 25",
        "trial=2: ended Failed at 26",
        // What a person looks for in the end: parts as those of every other experiment.
        "fold=0: params train.epochs=2 train.of=train[fold=0]",
        "fold=0: params evaluate.epochs=2 evaluate.of=evaluate[fold=0]",
        "fold=0: model e-fold-0 fold-0 1 1",
        "fold=0: ended Finished at 30",
        "fold=1: ended Finished at 33",
        ": metrics evaluate/dice=0.5@0 evaluate/dice_sd=0.7071067811865476@0",
        ": params evaluate.epochs=2 export.epochs=2 train.epochs=2",
        ": ended Finished at 90",
    ];
    says(&told, &expected);
    let lines = lines(&told);
    // Each part begins once, and what a trial makes is kept nowhere but here.
    assert_eq!(lines.iter().filter(|line| line.contains(": begun ")).count(), 1 + 3 * 3 + 2);
    assert_eq!(lines.iter().filter(|line| line.contains(": model ")).count(), 2);
    let ends = |part: &str| lines.iter().filter(|line| line.starts_with(&format!("{part}: ended"))).count();
    assert_eq!(["trial=0", "trial=1,fold=1", "fold=0"].map(ends), [1, 1, 1]);
}

#[test]
fn what_is_left_of_a_killed_search_is_told_as_it_would_have_been() {
    let outline = search(&["fold"], &PLANNED).outline().clone();
    // As the next process reads it.
    let text = serde_json::to_string(&outline).expect("plain");
    let all = events();
    for kept in 0..all.len() {
        let mut live = Observer::new(outline.clone());
        let mut replayed = Observer::new(serde_json::from_str(&text).expect("as written"));
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for (number, event) in all.iter().enumerate() {
            for (observer, told) in [(&mut live, &mut one), (&mut replayed, &mut other)] {
                observer.hear(7, event, &results);
                let new = observer.take();
                if number >= kept {
                    told.extend(new);
                }
            }
        }
        assert_eq!(one, other);
    }
}

#[test]
fn a_trial_is_known_from_its_stages_or_from_its_event() {
    let ids = ["train[trial=3,fold=0]"];
    let orders = [
        vec![trial("trial=3", TrialState::Running, None), grown(&ids), started(ids[0])],
        vec![grown(&ids), trial("trial=3", TrialState::Running, None), started(ids[0])],
        vec![grown(&ids), started(ids[0]), trial("trial=3", TrialState::Running, None)],
        vec![grown(&ids), started(ids[0])],
    ];
    for events in orders {
        let mut observer = search(&["fold"], &PLANNED);
        events.iter().for_each(|event| observer.hear(1, event, &results));
        observer.hear(2, &done(ids[0]), &results);
        observer.hear(3, &trial("trial=3", TrialState::Complete, Some(0.5)), &results);
        observer.hear(3, &done("prepare"), &results);
        observer.hear(3, &done("split[fold=0]"), &results);
        observer.hear(3, &done("split[fold=1]"), &results);
        observer.end(4, &[], Interrupted::No, &results);
        let told = observer.take();
        says(&told, &["trial=3: begun trial 3 below Some(\"\") at 1", "trial=3: ended Finished at 3"]);
        says(&told, &["trial=3,fold=0: ended Finished at 2", "trial=3: ended Finished at 3", ": ended Finished at 4"]);
        let settings = lines(&told).iter().filter(|line| line.contains("train.rate=0.1")).count();
        assert_eq!(settings, 1, "{events:?}");
    }
}

#[test]
fn what_is_heard_of_a_stage_before_it_is_known_holds() {
    let id = "train[trial=0,fold=0]";
    let mut observer = search(&["fold"], &[]);
    observer.hear(1, &pruned(id), &results);
    observer.hear(2, &grown(&[id, id]), &results);
    observer.hear(3, &trial("trial=0", TrialState::Pruned, None), &results);
    says(&observer.take(), &["trial=0: ended Killed at 3"]);
    // The search takes it up again.
    observer.hear(4, &trial("trial=0", TrialState::Running, None), &results);
    observer.hear(4, &started(id), &results);
    observer.hear(5, &done(id), &results);
    observer.hear(6, &trial("trial=0", TrialState::Complete, Some(0.5)), &results);
    observer.end(7, &[], Interrupted::No, &results);
    let expected = [
        "trial=0: tags pipe.trial.state=running",
        "trial=0,fold=0: ended Finished at 5",
        "trial=0: tags pipe.trial.state=complete",
        "trial=0: ended Finished at 6",
        ": ended Finished at 7",
    ];
    says(&observer.take(), &expected);
}

#[test]
fn nested_searches_lie_below_their_outer_folds() {
    let mut observer = search(&["fold", "inner"], &["split[fold=0]", "split[fold=1]"]);
    observer.hear(1, &done("split[fold=1]"), &results);
    observer.hear(2, &trial("fold=1,trial=4", TrialState::Running, None), &results);
    observer.hear(2, &grown(&["evaluate[fold=1,trial=4,inner=0]", "evaluate[fold=1,trial=4,inner=1]"]), &results);
    observer.hear(3, &done("evaluate[fold=1,trial=4,inner=0]"), &results);
    observer.hear(3, &done("evaluate[fold=1,trial=4,inner=1]"), &results);
    observer.hear(4, &trial("fold=1,trial=4", TrialState::Complete, Some(0.5)), &results);
    observer.hear(5, &grown(&["train[fold=1]"]), &results);
    observer.hear(5, &done("train[fold=1]"), &results);
    let expected = [
        "fold=1: begun fold 1 below Some(\"\") at 1",
        "fold=1,trial=4: begun fold 1, trial 4 below Some(\"fold=1\") at 2",
        "fold=1,trial=4,inner=0: begun fold 1, trial 4, inner 0 below Some(\"fold=1,trial=4\") at 3",
        "fold=1,trial=4: metrics objective=0.5@0",
        "fold=1: metrics best_objective=0.5@4",
        "fold=1,trial=4: metrics evaluate/dice=9@0 evaluate/dice_sd=0@0",
        "fold=1,trial=4: ended Finished at 4",
        "fold=1: ended Finished at 5",
    ];
    says(&observer.take(), &expected);
}

#[test]
fn a_part_with_an_open_trial_has_not_ended() {
    let mut observer = search(&["fold", "inner"], &["split[fold=1]", "check[fold=1]"]);
    observer.hear(1, &done("split[fold=1]"), &results);
    observer.hear(2, &trial("fold=1,trial=0", TrialState::Running, None), &results);
    observer.hear(3, &done("check[fold=1]"), &results);
    assert!(!lines(&observer.take()).iter().any(|line| line.contains(": ended")));
    observer.end(9, &[], Interrupted::Yes, &results);
    let expected = ["fold=1,trial=0: ended Killed at 9", "fold=1: ended Killed at 9", ": ended Killed at 9"];
    says(&observer.take(), &expected);
}

#[test]
fn a_search_without_a_complete_trial_has_failed() {
    for (state, expected) in
        [(TrialState::Complete, "Finished"), (TrialState::Pruned, "Failed"), (TrialState::Failed, "Failed")]
    {
        let mut observer = search(&["fold"], &["prepare"]);
        observer.hear(1, &done("prepare"), &results);
        observer.hear(1, &trial("trial=0", TrialState::Running, None), &results);
        observer.hear(1, &trial("trial=0", state, None), &results);
        observer.end(2, &[], Interrupted::No, &results);
        says(&observer.take(), &[format!(": ended {expected} at 2").as_str()]);
    }
}

#[test]
fn a_search_that_was_interrupted_before_its_first_trial_is_none_that_finished() {
    for (interrupted, expected) in [(Interrupted::Yes, "Killed"), (Interrupted::No, "Finished")] {
        let mut observer = search(&["fold"], &["prepare"]);
        observer.hear(1, &done("prepare"), &results);
        observer.end(2, &[], interrupted, &results);
        says(&observer.take(), &[format!(": ended {expected} at 2").as_str()]);
    }
}

#[test]
fn only_better_values_are_the_best() {
    let mut observer = search(&["fold"], &["prepare"]);
    for (number, value) in [0.5, 0.4, 0.7, 0.6].into_iter().enumerate() {
        let name = format!("trial={number}");
        observer.hear(1, &trial(&name, TrialState::Running, None), &results);
        observer.hear(1, &trial(&name, TrialState::Complete, Some(value)), &results);
    }
    let lines = lines(&observer.take());
    let best: Vec<_> = lines.iter().filter(|line| line.contains("best_objective")).collect();
    assert_eq!(best, [": metrics best_objective=0.5@0", ": metrics best_objective=0.7@2"]);
}

#[test]
fn cached_trials_end_before_the_run_does() {
    let mut observer = search(&["fold"], &["prepare"]);
    let ids = ["evaluate[trial=0,fold=0]", "evaluate[trial=0,fold=1]"];
    observer.hear(1, &trial("trial=0", TrialState::Running, None), &results);
    observer.hear(1, &grown(&ids), &results);
    ids.iter().for_each(|id| observer.hear(2, &Event::Cached { stage: (*id).to_owned() }, &results));
    observer.hear(3, &trial("trial=0", TrialState::Complete, Some(0.5)), &results);
    says(&observer.take(), &["trial=0: ended Finished at 3"]);
    let records = ids.map(|id| (id.to_owned(), Some(record(3, id))));
    observer.end(9, &records, Interrupted::No, &results);
    let told = observer.take();
    let expected = [
        "trial=0,fold=0: metrics evaluate/dice=0@0",
        "trial=0,fold=1: link pipe.made_by.evaluate to 3 trial=0,fold=1",
        "trial=0: metrics evaluate/dice=0.5@0 evaluate/dice_sd=0.7071067811865476@0",
    ];
    says(&told, &expected);
    assert!(!lines(&told).iter().any(|line| line.starts_with("trial=0: ended")));
}

#[test]
fn trials_that_are_planned_have_their_parts_too() {
    let ids = ["split[fold=0]", "evaluate[trial=0,fold=0]", "evaluate[trial=1,fold=0]", "evaluate[fold=0]"];
    let mut about = about(&["fold"]);
    about.goal = Some(Direction::Lower);
    let stages = ids.map(|id| {
        let keep = Keep::Files { port: "table".into() };
        crate::Stage { answer: Some(record(3, id).into()), keep, ..stage(id, json!({ "epochs": 1 })) }
    });
    let mut observer = Observer::new(Outline::new(&about, &stages));
    for id in ids {
        observer.hear(1, &Event::Cached { stage: id.into() }, &results);
    }
    observer.hear(2, &trial("trial=1", TrialState::Complete, Some(0.5)), &results);
    observer.end(3, &[], Interrupted::No, &results);
    let told = observer.take();
    let expected = [
        ": params evaluate.epochs=1 split.epochs=1",
        "trial=1: begun trial 1 below Some(\"\") at 1",
        "trial=1,fold=0: metrics evaluate/dice=0@0",
        "fold=0: file export/model.safetensors",
        "trial=1: ended Finished at 2",
        "trial=0: ended Finished at 3",
        ": ended Finished at 3",
    ];
    says(&told, &expected);
    assert!(!lines(&told).iter().any(|line| line.starts_with("trial") && line.contains("file ")));
}
