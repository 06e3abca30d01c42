//! Weights of a file, given our names and checked against a network.
//! It does not know file formats.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;

use crate::networks::{Network, NetworkConfig};
use crate::weights::{Array, Arrays, Parameter, Role, arrays, parameters, with_values};

use super::file::{Held, opened};
use super::likeness::{hint, likeness};
use super::names::{is_ignored, is_last, unwrapped};
use super::{Form, NameMap, Part, PretrainedError, WeightProblem, adapt, renamed};

/// What a file may hold beside the weights that are wanted: optimizers keep two arrays a weight, and other parts.
const ALLOWANCE: u64 = 1 << 30;

/// First weights from a file, fitting one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Pretrained {
    /// The weights and running statistics, by the network's names.
    pub arrays: Arrays,
    /// Those of the network that the file does not give.
    pub others: Vec<String>,
    /// The input channels of the file's first convolution, where the network takes another number.
    pub adapted: Option<usize>,
}

impl Pretrained {
    /// Puts the weights into a network of the same settings; the others stay.
    pub fn laid_into(&self, network: Network) -> Network {
        let mut others = arrays(&network);
        with_values(network, |Parameter { name, .. }| match self.arrays.get(name) {
            Some(array) => array.values.clone(),
            None => others.remove(name).expect("every weight has a name of its own").values,
        })
    }

    /// Says how many weights came from the file, and what stayed.
    pub fn summary(&self) -> String {
        let (found, all) = (self.arrays.len(), self.arrays.len() + self.others.len());
        let mut text = format!("{found} of {all} arrays come from the file of weights");
        if !self.others.is_empty() {
            let tops: Vec<_> = self.others.iter().map(|name| name.split('.').next().unwrap_or(name)).collect();
            let mut names: Vec<&str> = Vec::new();
            tops.iter().for_each(|top| {
                if !names.contains(top) {
                    names.push(top);
                }
            });
            text.push_str(&format!("; {} start at first values: {}", self.others.len(), names.join(", ")));
        }
        if let Some(channels) = self.adapted {
            text.push_str(&format!("; its first convolution was adapted from {channels} input channels"));
        }
        text
    }
}

/// Reads the weights that a network takes from a file.
///
/// Counters (`num_batches_tracked`) and the classifier behind an encoder are passed over. The first convolution may take
/// another number of channels than the file's; see `adapt`.
///
/// torchvision's and timm's EfficientNets were trained with padding on all sides and an epsilon of 1e-5, ours (as
/// efficientnet_pytorch's) pad behind and use 1e-3: with their weights ours starts near them, not at them.
///
/// # Errors
/// The file cannot be read or trusted, or does not fit the network: then every weight that does not is listed.
pub fn pretrained(
    path: &Path,
    map: NameMap,
    part: Part,
    config: &NetworkConfig,
) -> Result<Pretrained, PretrainedError> {
    if part == Part::All && matches!(map, NameMap::Torchvision | NameMap::Timm) {
        return Err(PretrainedError::EncoderNames { map });
    }
    let all = parameters(&config.build(&Device::flex())?);
    let is_wanted = |name: &str| part == Part::All || name.starts_with("encoder.");
    let (wanted, others): (Vec<_>, Vec<_>) = all.iter().partition(|parameter| is_wanted(&parameter.name));
    if wanted.is_empty() {
        return Err(PretrainedError::NoEncoder { network: config.kind().name });
    }
    let bytes: u64 = all.iter().map(|parameter| 4 * parameter.shape.iter().product::<usize>() as u64).sum();
    let contents = opened(path, 4 * bytes + ALLOWANCE)?;

    let form = Form::of(map, contents.keys().map(|name| unwrapped(name)));
    let mut problems = Vec::new();
    let mut found: BTreeMap<String, (&str, &Held)> = BTreeMap::new();
    for (name, held) in &contents {
        let bare = unwrapped(name);
        if is_ignored(map, part, bare) {
            continue;
        }
        let has = |is_it: &dyn Fn(&str) -> bool| wanted.iter().any(|wanted| is_it(&wanted.name));
        let ours = match renamed(map, &form, bare) {
            Some(ours) if has(&|name| name == ours) => ours,
            Some(ours) if is_last(&ours) && !has(&is_last) => continue,
            _ => {
                problems.push(WeightProblem::Surplus { name: name.clone(), found: held.shape.clone() });
                continue;
            }
        };
        if let Some((first, _)) = found.insert(ours.clone(), (name.as_str(), held)) {
            problems.push(WeightProblem::Twice { name: ours, first: first.to_owned(), second: name.clone() });
        }
    }
    let first = wanted.iter().find(|parameter| parameter.role == Role::Weight).map(|parameter| parameter.name.as_str());
    let mut chosen = Vec::new();
    for Parameter { name, shape: expected, .. } in wanted {
        let Some((_, held)) = found.get(name) else {
            problems.push(WeightProblem::Missing { name: name.clone(), expected: expected.clone() });
            continue;
        };
        if held.shape != *expected && !(first == Some(name.as_str()) && adapt::fits(&held.shape, expected)) {
            let (name, found) = (name.clone(), held.shape.clone());
            problems.push(WeightProblem::Shape { name, found, expected: expected.clone() });
            continue;
        }
        match &held.number {
            Ok(number) => chosen.push((name, expected, *held, *number)),
            Err(found) => problems.push(WeightProblem::Type { name: name.clone(), found: found.clone() }),
        }
    }
    if !problems.is_empty() {
        let file = likeness(contents.iter().map(|(name, held)| (unwrapped(name), held.shape.as_slice())));
        let own = likeness(all.iter().map(|parameter| (parameter.name.as_str(), parameter.shape.as_slice())));
        let hint = hint(file.as_ref(), own.as_ref(), map);
        return Err(PretrainedError::Mismatch { path: path.to_owned(), hint, problems });
    }

    let (mut arrays, mut adapted, mut broken) = (Arrays::new(), None, Vec::new());
    for (name, expected, held, number) in chosen {
        let values = held
            .values(number)
            .map_err(|error| PretrainedError::Damaged { path: path.to_owned(), reason: error.to_string() })?;
        if values.iter().any(|value| !value.is_finite()) {
            broken.push(name.clone());
        }
        let mut array = Array { shape: held.shape.clone(), values };
        if array.shape != *expected {
            adapted = Some(array.shape[1]);
            array = adapt::adapted(&array, expected[1]);
        }
        arrays.insert(name.clone(), array);
    }
    if !broken.is_empty() {
        return Err(PretrainedError::NotFinite { path: path.to_owned(), names: broken });
    }
    Ok(Pretrained { arrays, others: others.iter().map(|parameter| parameter.name.clone()).collect(), adapted })
}
