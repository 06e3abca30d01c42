//! A composed experiment as a whole: its name, its search, parts of it, and it as YAML.
//!
//! Does not know stage kinds.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::{
    Composed, Node, Problems, Span, Value,
    expand::parse_needs,
    overrides::{self, Existing, keys},
    trials::{SECTION, fitted, from_json, without},
    written,
};

impl<'e> Composed<'e> {
    /// The section that says what is searched.
    pub fn sweep(&self) -> Option<&Node> {
        self.tree.get(SECTION)
    }

    /// Its name in runs and reports.
    pub fn name(&self) -> String {
        let stem = || self.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        self.tree.get("name").and_then(Node::text).map_or_else(stem, str::to_owned)
    }

    /// The experiment with one stage and all that it needs, and no others but those that values refer to.
    pub fn only(&self, stage: &str) -> Self {
        let stages = self.tree.get("stages").and_then(Node::map).cloned().unwrap_or_default();
        let (mut kept, mut waiting) = (BTreeSet::new(), vec![stage.to_owned()]);
        referred(&self.tree, &mut waiting);
        while let Some(name) = waiting.pop() {
            // What is wrong with a need is said where the experiment is expanded.
            let own = stages.iter().filter(|(key, _)| key.split('[').next() == Some(&name));
            let needs = own.filter_map(|(_, (_, node))| Some(parse_needs(node.get("needs")?, &mut Vec::new())));
            let needed: Vec<String> = needs.flatten().map(|need| need.stage).collect();
            if kept.insert(name) {
                waiting.extend(needed);
            }
        }
        let is_kept = |key: &str| key.split('[').next().is_some_and(|name| kept.contains(name));
        let mut map = self.tree.map().cloned().unwrap_or_default();
        if let Some((_, node)) = map.get_mut("stages") {
            let stages = stages.into_iter().filter(|(key, _)| is_kept(key)).collect();
            *node = Node::new(Value::Map(stages), node.span());
        }
        self.with_tree(Node::new(Value::Map(map), self.tree.span()))
    }

    /// The experiment as YAML, with everything that it extends in it.
    pub fn written(&self) -> String {
        let mut tree = self.tree.clone();
        for key in ["extends", "profiles"] {
            tree = without(&tree, key);
        }
        written::yaml(&tree)
    }

    /// The experiment without its search.
    pub fn without_sweep(&self) -> Self {
        self.with_tree(without(&self.tree, SECTION))
    }

    /// The experiment with some values set, by their paths, whether they are there or not; they stand at one place.
    ///
    /// # Errors
    /// A value does not fit where it is to stand.
    pub fn with_values(&self, values: &IndexMap<&str, Json>, span: Span) -> Result<Self, Problems> {
        let mut tree = self.tree.clone();
        for (path, value) in values {
            let keys = keys(path).expect("the caller writes paths");
            tree = fitted(self, overrides::set(&tree, &keys, from_json(value, span), Existing::Any))?;
        }
        Ok(self.with_tree(tree))
    }

    pub(crate) fn with_tree(&self, tree: Node) -> Self {
        Self { tree, file: self.file.clone(), sources: self.sources.clone(), environment: self.environment }
    }
}

/// Stages to whose values others refer: `${stages.NAME.with..}`.
fn referred(node: &Node, into: &mut Vec<String>) {
    match node.value() {
        Value::Text(text) => {
            let names = text.split("${stages.").skip(1).filter_map(|rest| rest.split(['.', '}', '[']).next());
            into.extend(names.map(|name| name.trim_matches(['\'', '"']).to_owned()));
        }
        Value::List(list) => list.iter().for_each(|item| referred(item, into)),
        Value::Map(map) => map.values().for_each(|(_, item)| referred(item, into)),
        _ => {}
    }
}
