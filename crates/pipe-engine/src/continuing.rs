//! Stages that go on from where an equal but shorter one stands.
//!
//! Does not know what a checkpoint holds. The result is the one of a stage that never stopped, so nothing of this is part of a recipe.

use pipe_store::{Digest, Output, Store, StoreError};
use serde_json::{Value as Json, json};

use crate::{Length, PlanNode, canonical, freshen::Recipe};

/// The checkpoint of the longest result that is shorter than this recipe and else equal to it; none where the recipe has a checkpoint of
/// its own, or is given one.
pub(crate) fn shorter(node: &PlanNode, recipe: &Recipe, store: &Store) -> Result<Option<(Digest, Output)>, StoreError> {
    let Some(length) = node.kind.length(&node.with) else { return Ok(None) };
    if node.feeds.iter().any(|feed| feed.port == length.checkpoint) || store.has_checkpoint(&recipe.fingerprint) {
        return Ok(None);
    }
    let own: Json = serde_json::from_str(&recipe.manifest).unwrap_or_default();
    let inputs = format!("\"inputs\":{}", canonical(&own["inputs"]));
    let wanted = without(own, &length);
    let mut best: Option<(u64, Digest)> = None;
    for (fingerprint, manifest) in store.recipes_with(node.kind.name, &inputs)? {
        let Ok(other) = serde_json::from_str::<Json>(&manifest) else { continue };
        let steps = node.kind.length(&other["with"]).map(|length| length.steps);
        let Some(steps) = steps.filter(|steps| *steps < length.steps) else { continue };
        if best.is_none_or(|(most, _)| steps > most) && without(other, &length) == wanted {
            best = Some((steps, fingerprint));
        }
    }
    let Some((_, fingerprint)) = best else { return Ok(None) };
    let outputs = store.current(&fingerprint)?.map(|record| record.outputs).unwrap_or_default();
    let checkpoint = outputs.into_iter().find(|output| output.port == length.checkpoint);
    // Bytes that were collected, or have rotted, are only lost time.
    let checkpoint = checkpoint.filter(|output| store.verify(&output.object));
    Ok(checkpoint.map(|output| (fingerprint, output)))
}

/// A manifest without what says how long it goes on.
fn without(mut manifest: Json, length: &Length) -> Json {
    for path in length.told_by {
        let pointer = format!("/with/{}", path.replace('.', "/"));
        if let Some(value) = manifest.pointer_mut(&pointer) {
            *value = json!(null);
        }
    }
    manifest
}
