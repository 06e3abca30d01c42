//! From the names in a file to those of our networks: a prefix, or one table a family.
//!
//! Our encoders have the names of segmentation_models.pytorch: ResNet and MobileNetV2 as torchvision, EfficientNet as
//! efficientnet_pytorch, below `encoder.`.

use std::collections::BTreeMap;

use super::{NameMap, Part};

/// Prefixes that wrappers put before every name: `DataParallel`, Lightning, `torch.compile`.
const WRAPPERS: [&str; 4] = ["module.", "model.", "_orig_mod.", "state_dict."];
/// The first parts of the names of a whole model of segmentation_models.pytorch.
const SMP_PARTS: [&str; 4] = ["encoder.", "decoder.", "segmentation_head.", "classification_head."];
/// The first parts of the names of classifiers, which no encoder has.
const CLASSIFIERS: [&str; 6] = ["fc.", "_fc.", "classifier.", "head.", "last_linear.", "classification_head."];

/// What must be known of a whole file to rename one of its weights.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form {
    /// Its squeezes and excitations tell an EfficientNet from a MobileNetV2.
    efficient: bool,
    /// The number of blocks before each stage, where blocks are counted a stage.
    before: Vec<usize>,
}

impl Form {
    /// Looks over the names of a file, without wrappers.
    pub fn of<'a>(map: NameMap, names: impl Iterator<Item = &'a str>) -> Self {
        let (mut efficient, mut stages) = (false, BTreeMap::<usize, usize>::new());
        for name in names {
            let (stage, block, rest) = match (map, split(name)) {
                (NameMap::Torchvision, Some(("features", stage, block, rest))) if rest.starts_with("block.") => {
                    (stage - stage.min(1), block, rest)
                }
                (NameMap::Timm, Some(("blocks", stage, block, rest))) => (stage, block, rest),
                _ => continue,
            };
            efficient |= map == NameMap::Torchvision || rest.starts_with("se.");
            let count = stages.entry(stage).or_default();
            *count = (*count).max(block.saturating_add(1));
        }
        let mut before = Vec::new();
        let mut sum = 0_usize;
        for stage in 0..stages.keys().next_back().map_or(0, |last| last.saturating_add(1).min(64)) {
            before.push(sum);
            sum = sum.saturating_add(stages.get(&stage).copied().unwrap_or(0));
        }
        Self { efficient, before }
    }

    fn flat(&self, stage: usize, block: usize) -> Option<usize> {
        self.before.get(stage)?.checked_add(block)
    }
}

/// Takes the wrappers' prefixes off a name.
pub(super) fn unwrapped(name: &str) -> &str {
    WRAPPERS.iter().find_map(|prefix| name.strip_prefix(prefix)).map_or(name, unwrapped)
}

/// Tells whether a weight of a file (without wrappers) is of no concern: counters, classifiers, and parts that are not asked for.
pub(super) fn is_ignored(map: NameMap, part: Part, name: &str) -> bool {
    if name.ends_with("num_batches_tracked") {
        return true;
    }
    let is_whole = part == Part::All;
    match map {
        NameMap::Pipe => !is_whole && !name.starts_with("encoder."),
        NameMap::Nnunet => {
            // Each layer again in a list of its block, and the encoder again below the decoder.
            let is_copy = name.contains(".all_modules.") || name.starts_with("decoder.encoder.");
            is_copy || !is_whole && !name.starts_with("encoder.")
        }
        NameMap::Smp if !is_whole && SMP_PARTS[1..].iter().any(|part| name.starts_with(part)) => true,
        NameMap::Smp => {
            let name = name.strip_prefix("encoder.").unwrap_or(name);
            CLASSIFIERS.iter().any(|classifier| name.starts_with(classifier))
        }
        NameMap::Torchvision | NameMap::Timm => CLASSIFIERS.iter().any(|classifier| name.starts_with(classifier)),
    }
}

/// Tells whether a weight (by our name) is of the last convolution before a classifier, which not every encoder keeps.
pub(super) fn is_last(name: &str) -> bool {
    ["encoder.features.18.", "encoder._conv_head.", "encoder._bn1."].iter().any(|last| name.starts_with(last))
}

/// Gives our name of a weight of a file (without wrappers); none where the map does not know it.
pub fn renamed(map: NameMap, form: &Form, name: &str) -> Option<String> {
    let encoder = |name: &str| format!("encoder.{name}");
    match map {
        NameMap::Pipe | NameMap::Nnunet => Some(name.to_owned()),
        NameMap::Smp if SMP_PARTS.iter().any(|part| name.starts_with(part)) => Some(name.to_owned()),
        NameMap::Smp => Some(encoder(name)),
        NameMap::Torchvision if form.efficient => torchvision_efficientnet(form, name).as_deref().map(encoder),
        NameMap::Timm if name.starts_with("layer") || name.starts_with("conv1.") => Some(encoder(name)),
        NameMap::Timm if form.efficient => timm_efficientnet(form, name).as_deref().map(encoder),
        NameMap::Timm if !form.before.is_empty() => timm_mobilenet(form, name).as_deref().map(encoder),
        NameMap::Torchvision | NameMap::Timm => Some(encoder(name)),
    }
}

/// `features.1.0.block.0.0.weight` to `_blocks.0._depthwise_conv.weight`: stages count from 1, stage 1 does not expand.
fn torchvision_efficientnet(form: &Form, name: &str) -> Option<String> {
    let outside = [
        ("features.0.0.", "_conv_stem."),
        ("features.0.1.", "_bn0."),
        ("features.8.0.", "_conv_head."),
        ("features.8.1.", "_bn1."),
    ];
    if let Some(renamed) = replaced(name, &outside) {
        return Some(renamed);
    }
    let ("features", stage, block, rest) = split(name)? else {
        return None;
    };
    let inside: &[(&str, &str)] = if stage == 1 {
        &[
            ("block.0.0.", "_depthwise_conv."),
            ("block.0.1.", "_bn1."),
            ("block.1.fc1.", "_se_reduce."),
            ("block.1.fc2.", "_se_expand."),
            ("block.2.0.", "_project_conv."),
            ("block.2.1.", "_bn2."),
        ]
    } else {
        &[
            ("block.0.0.", "_expand_conv."),
            ("block.0.1.", "_bn0."),
            ("block.1.0.", "_depthwise_conv."),
            ("block.1.1.", "_bn1."),
            ("block.2.fc1.", "_se_reduce."),
            ("block.2.fc2.", "_se_expand."),
            ("block.3.0.", "_project_conv."),
            ("block.3.1.", "_bn2."),
        ]
    };
    Some(format!("_blocks.{}.{}", form.flat(stage.checked_sub(1)?, block)?, replaced(rest, inside)?))
}

/// `blocks.1.0.conv_dw.weight` to `_blocks.1._depthwise_conv.weight`: stage 0 does not expand.
fn timm_efficientnet(form: &Form, name: &str) -> Option<String> {
    let outside = [("conv_stem.", "_conv_stem."), ("bn1.", "_bn0."), ("conv_head.", "_conv_head."), ("bn2.", "_bn1.")];
    if let Some(renamed) = replaced(name, &outside) {
        return Some(renamed);
    }
    let ("blocks", stage, block, rest) = split(name)? else {
        return None;
    };
    let inside: &[(&str, &str)] = if stage == 0 {
        &[
            ("conv_dw.", "_depthwise_conv."),
            ("bn1.", "_bn1."),
            ("se.conv_reduce.", "_se_reduce."),
            ("se.conv_expand.", "_se_expand."),
            ("conv_pw.", "_project_conv."),
            ("bn2.", "_bn2."),
        ]
    } else {
        &[
            ("conv_pw.", "_expand_conv."),
            ("bn1.", "_bn0."),
            ("conv_dw.", "_depthwise_conv."),
            ("bn2.", "_bn1."),
            ("se.conv_reduce.", "_se_reduce."),
            ("se.conv_expand.", "_se_expand."),
            ("conv_pwl.", "_project_conv."),
            ("bn3.", "_bn2."),
        ]
    };
    Some(format!("_blocks.{}.{}", form.flat(stage, block)?, replaced(rest, inside)?))
}

/// `blocks.1.0.conv_dw.weight` to `features.2.conv.1.0.weight`: the stem is torchvision's feature 0, the head the last one.
fn timm_mobilenet(form: &Form, name: &str) -> Option<String> {
    let stages = form.before.len();
    // The head follows the one block of the last stage.
    let head = form.flat(stages.checked_sub(1)?, 0)?.checked_add(2)?;
    let (conv, norm) = (format!("features.{head}.0."), format!("features.{head}.1."));
    let outside = [("conv_stem.", "features.0.0."), ("bn1.", "features.0.1."), ("conv_head.", &conv), ("bn2.", &norm)];
    if let Some(renamed) = replaced(name, &outside) {
        return Some(renamed);
    }
    let ("blocks", stage, block, rest) = split(name)? else {
        return None;
    };
    let inside: &[(&str, &str)] = if stage == 0 {
        &[("conv_dw.", "0.0."), ("bn1.", "0.1."), ("conv_pw.", "1."), ("bn2.", "2.")]
    } else {
        &[
            ("conv_pw.", "0.0."),
            ("bn1.", "0.1."),
            ("conv_dw.", "1.0."),
            ("bn2.", "1.1."),
            ("conv_pwl.", "2."),
            ("bn3.", "3."),
        ]
    };
    Some(format!("features.{}.conv.{}", form.flat(stage, block)?.checked_add(1)?, replaced(rest, inside)?))
}

/// Puts the second of a pair for the first, where a name starts with that.
fn replaced(name: &str, pairs: &[(&str, &str)]) -> Option<String> {
    pairs.iter().find_map(|(old, new)| Some(format!("{new}{}", name.strip_prefix(old)?)))
}

/// Parts `blocks.1.0.rest` into `blocks`, 1, 0 and `rest`.
fn split(name: &str) -> Option<(&str, usize, usize, &str)> {
    let mut parts = name.splitn(4, '.');
    let (first, stage, block, rest) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some((first, stage.parse().ok()?, block.parse().ok()?, rest))
}
