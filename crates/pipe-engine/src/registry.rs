//! The kinds an experiment may name.
//!
//! Does not list them; the caller does.

use std::collections::BTreeMap;

use pipe_spec::{Problem, Span, did_you_mean};
use serde_json::Value as Json;

use crate::StageKind;

/// Registered kinds, in the order of their registry.
pub type Registry = &'static [StageKind];

/// Kinds by name, with their schemas made once.
pub(crate) struct Kinds {
    registry: Registry,
    schemas: BTreeMap<&'static str, Json>,
}

impl Kinds {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { registry, schemas: BTreeMap::new() }
    }

    /// The kind of a name, and the schema of its recipe.
    pub(crate) fn find(&mut self, name: &str, span: Span) -> Result<(&'static StageKind, &Json), Box<Problem>> {
        let Some(kind) = self.registry.iter().find(|kind| kind.name == name) else {
            let message = format!("there is no stage kind `{name}`");
            let near = did_you_mean(name, self.registry.iter().map(|kind| kind.name));
            return Err(Box::new(Problem::new("pipe::plan::unknown_kind", Some(span), message).label(near)));
        };
        Ok((kind, self.schemas.entry(kind.name).or_insert_with(|| kind.schema())))
    }
}
