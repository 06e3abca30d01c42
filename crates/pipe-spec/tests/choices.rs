//! What a value of the wrong type is told where there are choices: all of them. The schema is that of the stage `prepare`.
//!
//! Knows the public functions alone.

use pipe_spec::{Sources, check, parse};

#[track_caller]
fn said(yaml: &str, expected: &[(&str, Option<&str>)]) {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/prepare.schema.json");
    let schema = serde_json::from_slice(&std::fs::read(schema).expect("it is committed")).expect("it is JSON");
    let node = parse(&mut Sources::default(), "e.yaml", yaml.as_bytes()).expect("it is YAML");
    let problems = check(&node, &schema, "");
    let found: Vec<_> = problems.iter().map(|problem| (problem.message.as_str(), problem.help.as_deref())).collect();
    assert_eq!(found, expected);
}

#[test]
fn all_choices_are_told() {
    said(
        "layout: { files: { images: [a.png], masks: 5 } }",
        &[(
            "`layout.files.masks` is the number 5, expected `{ files: .. }` or `{ classes: .. }` or `{ runs: .. }` or `{ crops: .. }` or \
             `{ contours: .. }` or `{ yolo: .. }`",
            None,
        )],
    );
    said(
        "layout: { folder: { encoding: [0, 255] } }",
        &[(
            "`layout.folder.encoding` is a list of 2, expected `{ binary: .. }` or `{ labels: .. }` or `{ channels: .. }` or \
             `{ colours: .. }`",
            None,
        )],
    );
    said(
        "layout: { folder: { encoding: { labels: 5 } } }",
        &[(
            "`layout.folder.encoding.labels` is the number 5, expected a map",
            Some("its keys are `values`, `classes` (needed), `ignore`"),
        )],
    );
    said(
        "{ layout: { folder: {} }, normalise: 1 }",
        &[(
            "`normalise` is the number 1, expected `max` or `z_score` or `unit` or `none` or `{ each_channel: .. }`",
            None,
        )],
    );
    // The one that is of the type speaks for itself.
    said("{ layout: { folder: {} }, size: [8] }", &[("`size` is a list of 1, expected a list of 2", None)]);
}
