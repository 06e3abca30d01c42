//! Damaged and hostile experiments: every text gives stages or problems, within bounds of memory and time.
//! The inputs are those of the fuzz targets.

#[path = "../../../fuzz/src/experiments.rs"]
pub mod experiments;
#[path = "../../../fuzz/src/replay.rs"]
pub mod replay;

use pipe_spec::{Library, Lists, Request, compose, expand};
use replay::Target;

#[test]
fn experiments_of_any_text() {
    replay::replay("experiments_of_any_text", experiments::TARGETS);
}

/// Checks that an experiment is refused for its size.
#[track_caller]
fn too_large(text: &str, says: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("e.yaml");
    std::fs::write(&file, text).expect("writable");
    let library = Library { workspace: folder.path().to_path_buf(), embedded: &[] };
    let request = Request { file: &file, profiles: &[], sweep: None, overrides: &[], environment: &|_| None };
    let composed = compose(&library, &request).unwrap_or_else(|wrong| panic!("{:?}", wrong.list));
    let problems = expand(&composed, &Lists::new()).expect_err("it is too large").list;
    assert_eq!((problems.len(), problems[0].code), (1, "pipe::spec::too_large"), "{problems:?}");
    assert!(problems[0].message.contains(says), "{problems:?}");
}

#[test]
fn what_multiplies_is_bounded() {
    let hundred = (0..100).map(|value| value.to_string()).collect::<Vec<_>>().join(", ");
    let axes = format!("axes: {{ a: [{hundred}], b: [{hundred}], c: [{hundred}] }}\n");
    let stage = "x: '${axis.a}${axis.b}${axis.c}'";
    too_large(
        &format!("{axes}stages: {{ s: {{ kind: command, with: {{ {stage} }} }} }}\n"),
        "`s` make more than 200000 instances",
    );
    let two = "stages:\n  s: { kind: command, with: { x: '${axis.a}${axis.b}' } }\n";
    too_large(
        &format!("{axes}{two}  t: {{ kind: command, needs: 's[*]', with: {{ x: '${{axis.c}}${{axis.a}}' }} }}\n"),
        "the needs of `t` name more than 4000000 instances",
    );
    let stage = "stages: { s: { kind: command, with: { x: '${parameters.x0}' } } }\nparameters:\n".to_owned();
    let next = |at: usize| format!("${{parameters.x{}}}", at + 1);
    let lists = (0..9).map(|at| format!("  x{at}: [{}]\n", format!("'{}', ", next(at)).repeat(10)));
    too_large(
        &(stage.clone() + &lists.collect::<String>() + "  x9: 1\n"),
        "references lead to more than 100000 values",
    );
    let texts = (0..12).map(|at| format!("  x{at}: '{}'\n", next(at).repeat(2)));
    too_large(
        &(stage + &texts.collect::<String>() + "  x12: " + &"a".repeat(400)),
        "a text of more than 1048576 bytes",
    );
}
