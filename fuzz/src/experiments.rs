//! Readers of experiments: any text gives a tree, stage instances, or problems that can be shown.
//! They do not know stage kinds.

use std::cell::RefCell;

use pipe_spec::{Colour, Library, Lists, Problems, Request, Sources, check, compose, expand, experiment_schema, parse};
use tempfile::TempDir;

use super::Target;

/// The names of the targets, which are those of their corpora.
pub const TARGETS: &[Target] = &[("yaml", yaml), ("experiment", experiment)];

/// A YAML text.
pub fn yaml(bytes: &[u8]) {
    let mut sources = Sources::default();
    match parse(&mut sources, "a.yaml", bytes) {
        Ok(node) => {
            let _ = node.to_json();
            let list = check(&node, &experiment_schema(), "");
            shown(Problems { sources, list });
        }
        Err(list) => {
            assert!(!list.is_empty(), "refused without a problem");
            shown(Problems { sources, list });
        }
    }
}

/// What an experiment may extend.
const BASE: &str = "axes: { fold: [0, 1] }\nstages: { one: { kind: command, with: { x: '${axis.fold}' } } }\n";

thread_local! {
    static FOLDER: RefCell<Option<TempDir>> = const { RefCell::new(None) };
}

/// An experiment: first lines that start with `#-s ` are overrides, one with `#--profile ` names a profile.
pub fn experiment(bytes: &[u8]) {
    let folder = FOLDER.with_borrow_mut(|folder| {
        folder.get_or_insert_with(|| tempfile::tempdir().expect("there is room")).path().to_path_buf()
    });
    let file = folder.join("a.yaml");
    std::fs::write(&file, bytes).expect("there is room");
    let text = String::from_utf8_lossy(bytes);
    let after = |start: &'static str| text.lines().filter_map(move |line| line.strip_prefix(start)).map(str::to_owned);
    let (overrides, profiles): (Vec<String>, Vec<String>) = (after("#-s ").collect(), after("#--profile ").collect());
    let library = Library { workspace: folder, embedded: &[("base.yaml", BASE)] };
    let environment = |name: &str| (name == "HOME").then(|| "/home".to_owned());
    let request =
        Request { file: &file, profiles: &profiles, sweep: None, overrides: &overrides, environment: &environment };
    let expanded = compose(&library, &request).and_then(|composed| expand(&composed, &Lists::default()));
    match expanded {
        Ok(experiment) => {
            let ids: std::collections::BTreeSet<&str> =
                experiment.stages.iter().map(|stage| stage.id.as_str()).collect();
            assert_eq!(ids.len(), experiment.stages.len(), "instances have names of their own");
        }
        Err(problems) => {
            assert!(!problems.list.is_empty(), "refused without a problem");
            shown(problems);
        }
    }
}

/// Shows the first problems, which lays their places over the text.
fn shown(mut problems: Problems) {
    problems.list.truncate(5);
    let _ = problems.render(Colour::Never);
}
