//! What a successful attempt leaves: looked at, stored, published.
//!
//! Does not know how it was run.

use std::{fs, path::PathBuf, sync::Arc};

use pipe_store::{Made, NewRecord, Output, StoreError, fail_point};
use serde_json::{Map as JsonMap, Value as Json};

use crate::{
    EngineError, Event, Reason, StageFailure,
    accept::ACCEPTED,
    attempts::Attempted,
    depfile,
    running::{Did, Running},
};

impl<'r> Running<'r, '_> {
    /// Outputs of a successful attempt that may be published: all there, and made from inputs that did not change meanwhile.
    pub(crate) fn outputs(&self, node: usize, attempted: &Attempted<'_>) -> Result<Vec<(usize, PathBuf)>, Vec<String>> {
        let planned = &self.plan.nodes[node];
        let mut found = Vec::new();
        for (position, output) in planned.outputs.iter().enumerate() {
            let path = attempted.prepared.scratch.join(&output.path);
            if path.is_symlink() {
                return Err(vec![format!("the output `{}` is a link; outputs are files and folders", output.name)]);
            }
            if !path.exists() {
                return Err(vec![format!(
                    "the output `{}` is missing: nothing was written to `{}` in the folder {}",
                    output.name,
                    output.path,
                    attempted.prepared.scratch.display()
                )]);
            }
            found.push((position, path));
        }
        if attempted.prepared.is_command {
            // Inputs are links into the store; a program of the superuser can write through their permissions.
            for feed in &planned.feeds {
                let record = self.nodes[feed.from].record().into_iter();
                for given in record.flat_map(|record| &record.outputs).filter(|output| output.port == feed.output) {
                    if !self.store.verify(&given.object) {
                        return Err(vec![format!(
                            "the command changed its input `{}`; inputs are read-only",
                            feed.port
                        )]);
                    }
                }
            }
        }
        for (path, stamped) in &attempted.recipe.externals {
            match self.store.external(path) {
                Ok(now) if now == *stamped => {}
                _ => return Err(vec![changed_meanwhile(&path.display().to_string())]),
            }
        }
        Ok(found)
    }

    /// Inputs that the program told of in its depfile, by content.
    pub(crate) fn discovered(
        &mut self,
        node: usize,
        attempted: &Attempted<'_>,
    ) -> Result<JsonMap<String, Json>, Vec<String>> {
        let Some(depfile) = &attempted.prepared.depfile else { return Ok(JsonMap::new()) };
        let text = fs::read_to_string(depfile)
            .map_err(|error| vec![format!("cannot read its depfile {}", depfile.display()), error.to_string()])?;
        let mut found = JsonMap::new();
        for name in depfile::inputs(&text) {
            let path = attempted.prepared.start_folder.join(&name);
            let path = fs::canonicalize(&path)
                .map_err(|error| vec![format!("cannot read `{name}`, which its depfile names"), error.to_string()])?;
            // What lies in the attempt's own folder is an output, or an input that is known already.
            if path.starts_with(&attempted.prepared.folder) || path.starts_with(self.store.root()) {
                continue;
            }
            let changed = fs::metadata(&path).and_then(|file| file.modified());
            if changed.is_ok_and(|changed| changed > attempted.at) {
                return Err(vec![changed_meanwhile(&name)]);
            }
            let shown = path.strip_prefix(self.options.workspace).unwrap_or(&path).display().to_string();
            let object = self.store.external(&path).map_err(|error| StageFailure::of(error).chain)?;
            self.externals.learn(&path, object);
            found.insert(shown, Json::from(object.digest.to_string()));
        }
        tracing::debug!(stage = self.plan.nodes[node].id, count = found.len(), "discovered inputs");
        Ok(found)
    }

    /// Puts outputs into the store; without a ledger row nobody sees them.
    pub(crate) fn stored(
        &self,
        node: usize,
        attempted: &Attempted<'_>,
        found: &[(usize, PathBuf)],
    ) -> Result<Vec<Output>, StoreError> {
        let put = |(position, path): &(usize, PathBuf)| {
            let output = &self.plan.nodes[node].outputs[*position];
            let object = self.store.take(path, &attempted.prepared.scratch)?;
            Ok(Output { port: output.name.clone(), kind: output.kind.0.to_owned(), object })
        };
        let stored = found.iter().map(put).collect();
        fail_point("publish.objects");
        stored
    }

    pub(crate) fn publish(
        &mut self,
        node: usize,
        attempted: Attempted<'r>,
        outputs: Vec<Output>,
        facts: &Json,
    ) -> Result<(), EngineError> {
        let plan = Arc::clone(&self.plan);
        let planned = &plan.nodes[node];
        let seconds = attempted.ran().as_secs_f64();
        let Attempted { recipe, lease, attempt, prepared, before, mut findings, .. } = attempted;
        let device = findings.facts.get("device").and_then(Json::as_str).unwrap_or("cpu").to_owned();
        for (name, fact) in facts.as_object().into_iter().flatten() {
            findings.facts.entry(name.clone()).or_insert_with(|| fact.clone());
        }
        let made = Made {
            run: self.run,
            attempt: attempt.number,
            at: jiff::Timestamp::now().to_string(),
            seconds,
            commit: self.options.commit.clone(),
            device,
            facts: Json::Object(findings.facts.into_iter().collect()),
        };
        let new = NewRecord {
            kind: planned.kind.name,
            manifest: &recipe.manifest,
            outputs,
            metrics: findings.metrics,
            lineage: prepared.lineage,
            made,
        };
        let record = lease.publish(&new, &attempt, facts)?;
        tracing::debug!(stage = planned.id, record = record.id, seconds, "published");
        drop(lease);
        let is_other = before.as_ref().is_some_and(|before| before.outputs != record.outputs);
        // What was accepted does not come from this recipe.
        let was_accepted = before.is_some_and(|before| before.made.facts.get(ACCEPTED).is_some());
        let anew = self.nodes[node].anew.take();
        self.done(node, record, Did::Ran);
        (self.observe)(&Event::Done { stage: planned.id.clone(), seconds });
        let is_equal_recipe = !was_accepted && !matches!(anew, Some(Reason::Discovered { .. }));
        if is_other && is_equal_recipe {
            let text = "made again from an equal recipe, it has other bytes; the new ones are current".to_owned();
            (self.observe)(&Event::Warning { stage: planned.id.clone(), text });
        }
        if is_other {
            self.ask_again_below(node);
        }
        if is_other {
            self.look_again_at(&recipe.fingerprint, node);
        }
        self.free_twins(&recipe.fingerprint);
        self.grow_after(node)
    }
}

fn changed_meanwhile(path: &str) -> String {
    format!("{path} changed while the stage read it, so its result was not published; run again")
}
