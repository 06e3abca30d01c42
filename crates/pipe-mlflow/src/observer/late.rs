//! Parameters of stages that became known during the run: their ids say nothing of a recipe, their results do.
//!
//! Does not know the store.

use std::collections::{BTreeMap, BTreeSet};

use pipe_store::WHOLE;
use serde_json::Value as Json;

use super::Observer;
use crate::{
    flatten::flatten,
    outline::{Params, share},
    point::parse,
};

/// What results told of recipes.
#[derive(Default)]
pub(super) struct Late {
    /// Parts and stages whose parameters are told.
    told: BTreeSet<(String, String)>,
    /// What all instances of a stage share, and what they do not, by stage.
    shared: BTreeMap<String, BTreeMap<String, Option<String>>>,
}

impl Observer {
    /// Tells the parameters of a stage, once.
    pub(super) fn learn(&mut self, stage: &str, part: &str, recipe: Option<&Json>) {
        let Some(recipe) = recipe else { return };
        let (name, _) = parse(stage);
        if !self.late.told.insert((part.to_owned(), name.to_owned())) {
            return;
        }
        let mut flat = Vec::new();
        flatten(name, recipe, &mut flat);
        if part != WHOLE {
            let shared = self.late.shared.entry(name.to_owned()).or_default();
            flat.iter().for_each(|(key, value)| share(shared, key, value));
        }
        self.outline.parts[part].params.extend(flat.iter().cloned());
        self.tell_params(part, flat);
    }

    /// Tells of the run what all instances of such stages share.
    pub(super) fn tell_shared(&mut self) {
        // Of a stage that has instances from the beginning, the run has what those share; a parameter never changes.
        for (id, placed) in &self.outline.stages {
            if placed.params == Params::Known && self.outline.parts[&placed.part].trial.is_none() {
                self.late.shared.remove(parse(id).0);
            }
        }
        let shared = std::mem::take(&mut self.late.shared).into_values().flatten();
        let shared: Vec<_> = shared.filter_map(|(key, value)| Some((key, value?))).collect();
        self.tell_params(WHOLE, shared);
    }
}
