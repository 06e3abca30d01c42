//! Every network in a narrow form, with an input for it: small enough to be tried anywhere within seconds.
//! It does not know what they are tried for.

use crate::networks::{NetworkConfig, Takes};

/// Settings of each network, and what sides of the input it is tried with: those of images; volumes are a quarter as deep.
const NARROW: &[(&str, usize)] = &[
    (r#"{"unet": {"width": 8, "depth": 3}}"#, 64),
    (r#"{"unet_plus_plus": {"width": 8, "depth": 2, "deep_supervision": true, "output": "mean"}}"#, 32),
    (r#"{"attention_unet": {"width": 8, "depth": 2}}"#, 32),
    (r#"{"resunet_plus_plus": {"in_channels": 1, "widths": [8, 8, 16, 16, 16], "reduction": 4, "rates": [1, 2]}}"#, 64),
    (r#"{"encoder_unet": {"encoder": {"resnet18": {"width": 8}}, "decoder_widths": [16, 16, 8, 8, 4]}}"#, 64),
    (
        r#"{"encoder_unet_plus_plus": {"encoder": {"efficientnet_b0": {"width": 0.25, "depth": 0.3}},
            "decoder_widths": [16, 8, 8, 8, 4]}}"#,
        64,
    ),
    (r#"{"deeplabv3": {"encoder": {"resnet34": {"width": 8}}, "width": 16, "rates": [1, 2, 3]}}"#, 64),
    (
        r#"{"deeplabv3_plus": {"encoder": {"mobilenet_v2": {"width": 0.25}}, "width": 16, "rates": [1, 2, 3],
            "skip_width": 8}}"#,
        64,
    ),
    (r#"{"deeplabv3_plus_eca": {"in_channels": 1, "encoder_width": 0.25, "width": 16, "skip_width": 8}}"#, 64),
    (r#"{"encoder_decoder": {"widths": [8, 16, 16], "aspp_width": 16, "rates": [1, 2]}}"#, 32),
    (r#"{"svsnet": {"frames": 4, "widths": [8, 8, 16, 16]}}"#, 32),
    (r#"{"nnunet": {"widths": [8, 16, 16]}}"#, 32),
    (r#"{"nnunet": {"dimensions": 3, "widths": [8, 16, 16]}}"#, 32),
    (r#"{"nnunet_residual": {"widths": [8, 16, 16], "blocks": [1, 1, 2]}}"#, 32),
];

/// Cases of a batch: several, or what normalises a whole map by the batch sees too few values to be stable.
const BATCH: usize = 4;

/// Gives the narrow networks of a name with their inputs, `[batch, channels, depth or frames, height, width]`; without a name
/// those of all.
pub fn narrow(name: Option<&str>) -> Vec<(NetworkConfig, [usize; 5])> {
    let read = |(text, side): &(&str, usize)| {
        let config: NetworkConfig = serde_json::from_str(text).expect("the list holds settings in range");
        let input = tried(&config, *side);
        (config, input)
    };
    let list = NARROW.iter().map(read);
    list.filter(|(config, _)| name.is_none_or(|name| name == config.kind().name)).collect()
}

/// Gives an input to try a network with.
pub fn usual_input(config: &NetworkConfig) -> [usize; 5] {
    // Twice the smallest: one position at the bottom would be normalised away.
    let side = config.smallest().into_iter().max().map_or(64, |side| (2 * side).max(64));
    tried(config, side)
}

fn tried(config: &NetworkConfig, side: usize) -> [usize; 5] {
    let (channels, depth) = match config.takes() {
        Takes::Images(channels) => (channels, 1),
        Takes::Sequences { channels, frames } => (channels, frames),
        Takes::Volumes(channels) => (channels, (side / 4).max(2 * config.smallest()[0])),
    };
    [BATCH, channels, depth, side, side]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::NETWORKS;

    #[test]
    fn every_network_has_a_narrow_form_that_takes_its_input() {
        for kind in NETWORKS {
            assert!(!narrow(Some(kind.name)).is_empty(), "{} is not in the list", kind.name);
        }
        for (config, [_, channels, depth, height, width]) in narrow(None) {
            let fits = config.check_input([channels, depth, height, width]);
            assert_eq!(fits, Ok(()), "{}", config.kind().name);
            let [_, channels, depth, height, width] = usual_input(&config);
            let fits = config.check_input([channels, depth, height, width]);
            assert_eq!(fits, Ok(()), "{}", config.kind().name);
        }
    }
}
