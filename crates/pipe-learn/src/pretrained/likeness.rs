//! What network a set of names looks like, in words.
//! It does not decide anything; it explains why a file does not fit.

use std::collections::{BTreeMap, BTreeSet};

use super::NameMap;

/// What names and shapes tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Likeness {
    /// The network, e.g. `resnet34`.
    pub network: String,
    /// Those whose names these may be.
    pub maps: Vec<NameMap>,
}

/// Looks over names (without wrappers) and shapes.
pub(super) fn likeness<'a>(weights: impl Iterator<Item = (&'a str, &'a [usize])>) -> Option<Likeness> {
    let shapes: BTreeMap<&str, &[usize]> =
        weights.map(|(name, shape)| (name.strip_prefix("encoder.").unwrap_or(name), shape)).collect();
    let children = |prefix: &str| -> BTreeSet<usize> {
        let below = shapes.keys().filter_map(|name| name.strip_prefix(prefix)?.split('.').next());
        below.filter_map(|number| number.parse().ok()).collect()
    };
    let has = |name: &str| shapes.contains_key(name);
    let inputs = |name: &str| shapes.get(name).and_then(|shape| shape.first()).copied();
    let found = |network: String, maps: &[NameMap]| Some(Likeness { network, maps: maps.to_vec() });

    if has("layer1.0.conv1.weight") {
        let blocks: Vec<usize> = (1..5).map(|layer| children(&format!("layer{layer}.")).len()).collect();
        let network = match (has("layer1.0.conv3.weight"), blocks.as_slice()) {
            (false, [2, 2, 2, 2]) => "resnet18".to_owned(),
            (false, [3, 4, 6, 3]) => "resnet34".to_owned(),
            (true, [3, 4, 6, 3]) => "resnet50".to_owned(),
            (true, [3, 4, 23, 3]) => "resnet101".to_owned(),
            (true, [3, 8, 36, 3]) => "resnet152".to_owned(),
            _ => format!("resnet with {blocks:?} blocks"),
        };
        let network = match inputs("conv1.weight") {
            Some(64) | None => network,
            Some(width) => format!("{network} of width {width}"),
        };
        return found(network, &[NameMap::Smp, NameMap::Torchvision, NameMap::Timm]);
    }
    let efficientnet = |blocks: usize, head: Option<usize>| match (blocks, head) {
        (16, _) => "efficientnet_b0".to_owned(),
        (23, Some(1280)) => "efficientnet_b1".to_owned(),
        (23, Some(1408)) => "efficientnet_b2".to_owned(),
        (blocks, _) => format!("efficientnet with {blocks} blocks"),
    };
    if has("_conv_stem.weight") {
        return found(efficientnet(children("_blocks.").len(), inputs("_conv_head.weight")), &[NameMap::Smp]);
    }
    let staged = |prefix: &str| -> usize {
        children(prefix).into_iter().map(|stage| children(&format!("{prefix}{stage}.")).len()).sum()
    };
    if has("features.1.0.block.0.0.weight") {
        // The stem's and the head's convolutions and norms count as two each.
        let blocks = staged("features.").saturating_sub(4);
        return found(efficientnet(blocks, inputs("features.8.0.weight")), &[NameMap::Torchvision]);
    }
    if has("conv_stem.weight") {
        let network = if has("blocks.0.0.se.conv_reduce.weight") {
            efficientnet(staged("blocks."), inputs("conv_head.weight"))
        } else {
            "mobilenet_v2".to_owned()
        };
        return found(network, &[NameMap::Timm]);
    }
    if has("features.1.conv.0.0.weight") {
        return found("mobilenet_v2".to_owned(), &[NameMap::Smp, NameMap::Torchvision]);
    }
    if has("stages.0.0.convs.0.conv.weight") || has("stages.0.blocks.0.conv1.conv.weight") {
        return found("network of nnU-Net".to_owned(), &[NameMap::Nnunet]);
    }
    None
}

/// Says what a file of one likeness means for a network of another; none where there is nothing to say.
pub(super) fn hint(file: Option<&Likeness>, network: Option<&Likeness>, map: NameMap) -> Option<String> {
    let file = file?;
    let maps = || {
        let names: Vec<_> = file.maps.iter().map(ToString::to_string).collect();
        match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, names)) => format!("{} or {last}", names.join(", ")),
            None => String::new(),
        }
    };
    match network {
        Some(network) if network.network != file.network => Some(format!(
            "the file looks like {} by {}, the network's encoder is {}",
            file.network,
            maps(),
            network.network
        )),
        Some(_) if file.maps.contains(&map) => None,
        Some(_) => Some(format!("the file has the names of {}; say `map: {}`", maps(), file.maps.first()?)),
        None => Some(format!("the file looks like {} by {}, which the network has no part like", file.network, maps())),
    }
}
