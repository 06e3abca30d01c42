//! Prediction: a model folder and an image to probabilities.
//! It does not threshold.

use std::path::Path;

use pipe_image::Image;
use thiserror::Error;

use crate::batch::stacked;
use crate::checkpoint::{self, CheckpointError};
use crate::device::{DeviceError, Place};
use crate::model::{BEST, ModelCard};
use crate::networks::blocks::Pass;
use crate::networks::{Network, NetworkError};
use crate::precision::Precision;
use crate::weights::{WeightsError, floats, with_arrays};

/// A trained network, ready to predict.
#[derive(Debug, Clone)]
pub struct Model {
    card: ModelCard,
    network: Network,
    place: Place,
    precision: Precision,
}

/// A model that cannot be loaded, or an image that does not fit it.
#[derive(Debug, Error)]
pub enum PredictError {
    /// A file of the model folder cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The weights are not of the network that the card names.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The network cannot be built, or the image does not fit it.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The device does not compute in the number format.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl Model {
    /// Loads the best weights of a model folder; it computes in the default precision.
    ///
    /// # Errors
    /// A file is missing or does not fit the others.
    pub fn open(folder: &Path, place: &Place) -> Result<Self, PredictError> {
        let card = ModelCard::read(folder)?;
        let (arrays, _) = checkpoint::read(&folder.join(BEST))?;
        let network = with_arrays(card.network.build(&place.device)?, arrays)?;
        Ok(Self { card, network, place: place.clone(), precision: Precision::default() })
    }

    /// Gives the same model, which computes in another number format.
    ///
    /// # Errors
    /// Its device lacks the format.
    pub fn in_precision(self, precision: Precision) -> Result<Self, PredictError> {
        self.place.computes_in(precision)?;
        Ok(Self { precision, ..self })
    }

    /// Gives the card.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Gives the probabilities of one image: one frame (a volume: one a slice), one channel a map (a single map is the foreground's).
    ///
    /// # Errors
    /// The image does not fit the network.
    pub fn probabilities(&self, image: &Image) -> Result<Image, PredictError> {
        let [frames, channels, height, width] = image.shape();
        self.card.network.check_input([channels, frames, height, width])?;
        let margin = self.card.network.margin([channels, frames, height, width]);
        let images = stacked(&[image], &self.place.device);
        let mut pass = Pass::predicting().in_precision(self.precision);
        let logits = self.network.fitted(images, &margin, &mut pass).main;
        let depth = logits.dims()[2];
        let data = floats(self.card.head.probabilities(logits).swap_dims(1, 2));
        Ok(Image { frames: depth, channels: self.card.classes, height, width, data })
    }
}
