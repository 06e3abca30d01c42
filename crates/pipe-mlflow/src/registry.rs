//! A trained model at a server: as a logged model where it has these, in the registry, with an alias.
//!
//! Does not know other messages. Everything is looked for before it is made, so that doing it again makes nothing double.

use crate::{
    courier::{Courier, Place},
    message::{FileToKeep, Model},
    trouble::Trouble,
    wire,
};

/// What the server keeps a model as.
const TYPE: &str = "pipe";
/// Where a server without logged models has its files, below those of the run.
const FOLDER: &str = "model";

impl Courier<'_> {
    pub(crate) fn model(&mut self, place: &Place, track: i64, model: &Model) -> Result<(), Trouble> {
        let token = format!("{}-{}", self.token(track)?, model.name);
        let logged = match self.logged(place, &token, model) {
            Ok(logged) => Some(logged),
            // MLflow 2 knows no models but files of runs.
            Err(trouble) if trouble.is_unknown_method() => None,
            Err(trouble) => return Err(trouble),
        };
        let source = match &logged {
            Some(logged) => {
                self.files(&logged.artifact_uri, &model.files)?;
                self.ready(place, logged, model)?;
                format!("models:/{}", logged.model_id)
            }
            None => {
                let folder = format!("{}/{FOLDER}", place.artifacts);
                self.files(&folder, &model.files)?;
                folder
            }
        };
        self.version(place, &token, model, &source, logged.as_ref().map(|logged| logged.model_id.as_str()))
    }

    fn files(&self, folder: &str, files: &[FileToKeep]) -> Result<(), Trouble> {
        files.iter().try_for_each(|file| self.put(folder, file))
    }

    fn logged(&self, place: &Place, token: &str, model: &Model) -> Result<wire::LoggedModelInfo, Trouble> {
        let filter = format!("tags.`pipe.token` = '{token}'");
        let search = wire::Search { experiment_ids: [&place.experiment], filter: &filter, max_results: 1 };
        let found: wire::FoundModels = self.client().post("logged-models/search", &search)?;
        if let Some(found) = found.models.into_iter().next() {
            return Ok(found.info);
        }
        let mut tags = model.tags.clone();
        tags.insert("pipe.token".to_owned(), token.to_owned());
        let new = wire::CreateModel {
            experiment_id: &place.experiment,
            name: &model.name,
            model_type: TYPE,
            source_run_id: &place.run,
            params: wire::pairs(&model.params),
            tags: wire::pairs(&tags),
        };
        let made: wire::FoundModel = self.client().post("logged-models", &new)?;
        Ok(made.model.info)
    }

    /// Links a model with its run, gives it its numbers, and says that it is complete.
    fn ready(&self, place: &Place, logged: &wire::LoggedModelInfo, model: &Model) -> Result<(), Trouble> {
        let id = logged.model_id.as_str();
        let outputs = wire::LogOutputs { run_id: &place.run, models: [wire::ModelOutput { model_id: id, step: 0 }] };
        match self.client().post("runs/outputs", &outputs) {
            Ok(wire::Nothing {}) => {}
            // It is linked already: the server tells so in the words of its database.
            Err(trouble) if trouble.is("BAD_REQUEST") => {}
            Err(trouble) => return Err(trouble),
        }
        let finish = wire::FinishModel { model_id: id, status: "LOGGED_MODEL_READY" };
        let _: wire::FoundModel = self.client().patch(&format!("logged-models/{id}"), &finish)?;
        if model.metrics.is_empty() {
            return Ok(());
        }
        let metrics = wire::metrics(&model.metrics, Some(id));
        let batch = wire::LogBatch { run_id: &place.run, metrics, params: Vec::new(), tags: Vec::new() };
        self.client().post("runs/log-batch", &batch).map(|wire::Nothing {}| ())
    }

    fn version(
        &self,
        place: &Place,
        token: &str,
        model: &Model,
        source: &str,
        model_id: Option<&str>,
    ) -> Result<(), Trouble> {
        let name = model.registered.as_str();
        let client = self.client();
        match client.post("registered-models/create", &wire::RegisterModel { name }) {
            Ok(wire::Nothing {}) => {}
            Err(there) if there.is("RESOURCE_ALREADY_EXISTS") => {}
            Err(trouble) => return Err(trouble),
        }
        let filter = format!("name='{}' and run_id='{}'", name.replace('\'', "_"), place.run);
        let found: wire::FoundVersions = client.get("model-versions/search", "filter", &filter)?;
        let version = match found.model_versions.into_iter().find(|version| version.source == source) {
            Some(version) => version.version,
            None => {
                let mut tags = model.tags.clone();
                tags.insert("pipe.token".to_owned(), token.to_owned());
                let tags = wire::pairs(&tags);
                let new = wire::CreateVersion { name, source, run_id: &place.run, model_id, tags };
                client.post::<wire::FoundVersion>("model-versions/create", &new)?.model_version.version
            }
        };
        let alias = wire::SetAlias { name, alias: &model.alias, version: &version };
        client.post("registered-models/alias", &alias).map(|wire::Nothing {}| ())
    }
}
