//! `weights:` of a training: a file of first weights, by its content part of the recipe.
//!
//! Does not know file formats.

use std::path::Path;

use pipe_engine::Context;
use pipe_learn::{NameMap, NetworkConfig, Part, Pretrained, PretrainedError, WeightsCard};
use pipe_spec::Location;
use pipe_store::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// A file that first weights come from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WeightsFrom {
    /// The file: .pth or .pt of PyTorch, or .safetensors; its content counts, not its place.
    pub file: Location,
    /// The part of the network that it gives weights for.
    #[serde(default)]
    pub part: Part,
    /// Whose names it uses.
    #[serde(default)]
    pub map: NameMap,
}

impl WeightsFrom {
    /// Reads the weights that the network takes from the file, which stands at `path`.
    ///
    /// # Errors
    /// The file cannot be read or trusted, or does not fit the network.
    pub fn at(&self, path: &Path, network: &NetworkConfig) -> Result<Pretrained, PretrainedError> {
        pipe_learn::pretrained(path, self.map, self.part, network)
    }

    pub(crate) fn read(
        &self,
        network: &NetworkConfig,
        context: &Context,
    ) -> Result<(Pretrained, WeightsCard), Failure> {
        let path = context.resolve(&self.file);
        let first = self.at(&path, network)?;
        let digest = Digest::of_file(&path).map_err(|source| Failure::read(&path, source))?;
        context.fact("weights", first.summary());
        let card = first.card(digest.to_string(), self.part, self.map);
        Ok((first, card))
    }
}
