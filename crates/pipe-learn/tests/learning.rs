//! What networks do in a learning pass, with inputs that they do not like, and with settings that make no sense.
//!
//! Knows the public functions alone.

use std::collections::BTreeMap;

use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Distribution, Gradients};
use pipe_learn::networks::blocks::Pass;
use pipe_learn::networks::{Maps, Network};
use pipe_learn::weights::{Array, Parameter, Role, arrays, parameters, with_arrays};
use pipe_learn::{NetworkConfig, init, probe, show};
use rand_pcg::Pcg64;
use serde_json::{Value, json};

fn config(network: &Value) -> NetworkConfig {
    serde_json::from_value(network.clone()).unwrap_or_else(|error| panic!("{network}: {error}"))
}

/// A learning pass of fresh weights on noise.
fn learning(network: &Value, shape: [usize; 5]) -> (Network, Maps) {
    let config = config(network);
    let device = Device::flex().autodiff();
    let network = config.build(&device).unwrap_or_else(|error| panic!("{network}: {error}"));
    let network = init::initialised(network, config.initialisation(), 1);
    let [_, channels, frames, height, width] = shape;
    let margin = config.margin([channels, frames, height, width]);
    let x = Tensor::random(shape, Distribution::Default, &device);
    let maps = network.fitted(x, &margin, &mut Pass::learning(Pcg64::new(1, 1)));
    (network, maps)
}

/// The names of trained parameters that a gradient of all maps does not reach.
///
/// Before a normalisation a bias has a gradient of nought, so it only must have one.
fn unreached(network: &Network, maps: &Maps) -> Vec<String> {
    struct Sums<'a>(&'a Gradients, BTreeMap<ParamId, f32>);
    impl ModuleVisitor for Sums<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradient = param.val().grad(self.0);
            self.1.extend(gradient.map(|gradient| (param.id, gradient.abs().sum().into_scalar::<f32>())));
        }
    }
    let all = [&maps.main].into_iter().chain(&maps.deep);
    // A weighted sum, for the plain sum of a normalised map does not depend on what came in.
    let loss = all.map(|map| (map.clone() * Tensor::random(map.dims(), Distribution::Default, &map.device())).sum());
    let gradients = loss.reduce(|sum, map| sum + map).expect("there is a main map").backward();
    let mut sums = Sums(&gradients, BTreeMap::new());
    network.visit(&mut sums);
    let is_reached = |parameter: &Parameter| {
        let sum = sums.1.get(&parameter.id);
        sum.is_some_and(|sum| sum.is_finite() && (*sum > 0.0 || parameter.role == Role::Bias))
    };
    let trained = parameters(network).into_iter().filter(|parameter| parameter.role.is_trained());
    trained.filter(|parameter| !is_reached(parameter)).map(|parameter| parameter.name).collect()
}

/// Main map and deep ones have the expected sizes, and learning reaches every weight.
#[track_caller]
fn check(network: &Value, input: [usize; 5], main: [usize; 5], deep: &[[usize; 5]]) {
    let (built, maps) = learning(network, input);
    assert_eq!(maps.main.dims(), main, "{network}");
    let found: Vec<[usize; 5]> = maps.deep.iter().map(Tensor::dims).collect();
    assert_eq!(found, deep, "{network}");
    let unreached = unreached(&built, &maps);
    assert!(unreached.is_empty(), "{network}: no gradient for {unreached:?}");
}

#[test]
fn every_weight_learns() {
    for network in [
        json!({"unet": {"width": 4, "depth": 2}}),
        json!({"unet": {"widths": [4, 6, 9], "norm": "instance", "up": "nearest", "dropout": 0.5, "activation": "elu"}}),
        json!({"unet": {"width": 4, "depth": 2, "padding": "valid", "norm": "none", "up": "bilinear"}}),
        json!({"unet_plus_plus": {"width": 4, "depth": 2, "norm": "batch"}}),
        json!({"attention_unet": {"width": 4, "depth": 2}}),
        json!({"attention_unet": {"width": 4, "depth": 2, "up": "transposed", "norm": "instance"}}),
        json!({"nnunet": {"widths": [4, 6, 8], "out_channels": 1, "deep_supervision": false, "norm": "batch"}}),
    ] {
        let heads = |name: &String| name.contains("seg_layers.0");
        let (built, maps) = learning(&network, [2, 1, 1, 24, 32]);
        assert_eq!((maps.main.dims(), maps.deep.len()), ([2, 1, 1, 24, 32], 0), "{network}");
        let unreached: Vec<String> = unreached(&built, &maps).into_iter().filter(|name| !heads(name)).collect();
        assert!(unreached.is_empty(), "{network}: no gradient for {unreached:?}");
    }
    check(&json!({"svsnet": {"widths": [4, 6, 8]}}), [2, 1, 4, 16, 16], [2, 1, 1, 16, 16], &[]);
    let added = json!({"svsnet": {"widths": [4, 6, 8], "fusion_attention": false, "frames": 2, "label": "last"}});
    check(&added, [1, 1, 2, 16, 16], [1, 1, 1, 16, 16], &[]);
}

#[test]
fn coarser_stages_learn_from_the_finest_on() {
    let plain = json!({"nnunet": {"widths": [4, 6, 8, 10], "out_channels": 3}});
    check(&plain, [2, 1, 1, 32, 48], [2, 3, 1, 32, 48], &[[2, 3, 1, 16, 24], [2, 3, 1, 8, 12]]);
    let volumes = json!({"nnunet": {"dimensions": 3, "widths": [4, 6, 8]}});
    check(&volumes, [1, 1, 8, 16, 12], [1, 2, 8, 16, 12], &[[1, 2, 4, 8, 6]]);
    let strides = json!([[1, 1, 1], [1, 2, 2], [2, 2, 2], [1, 2, 2]]);
    let kernels = json!([[1, 3, 3], [1, 3, 3], [3, 3, 3], [3, 3, 3]]);
    let residual = json!({"nnunet_residual": {
        "dimensions": 3, "widths": [4, 6, 6, 8], "strides": strides, "kernels": kernels, "blocks": [1, 2, 1, 1],
    }});
    check(&residual, [1, 1, 4, 16, 24], [1, 2, 4, 16, 24], &[[1, 2, 4, 8, 12], [1, 2, 2, 4, 6]]);
    // Five slices are filled up to six, and of 17 rows 24 become; the deep maps keep that.
    check(&residual, [1, 1, 5, 17, 24], [1, 2, 5, 17, 24], &[[1, 2, 6, 12, 12], [1, 2, 3, 6, 6]]);
}

#[test]
fn all_heads_of_unet_plus_plus_learn() {
    let full = [1, 2, 1, 16, 16];
    for (output, deep) in [(json!("last"), 2), (json!({"head": 1}), 2), (json!("mean"), 3)] {
        let settings = json!({"width": 4, "depth": 3, "deep_supervision": true, "out_channels": 2, "output": output});
        check(&json!({"unet_plus_plus": settings}), [1, 1, 1, 16, 16], full, &vec![full; deep]);
    }
}

#[test]
fn nodes_that_a_head_does_not_need_are_not_run() {
    for (head, convolutions) in [(1, 6), (2, 12), (3, 20), (4, 30)] {
        let output = json!({"width": 4, "deep_supervision": true, "output": {"head": head}});
        let found = show(&config(&json!({"unet_plus_plus": output})), &[1, 1, 32, 32]).expect("settings in range");
        let run = found.layers.iter().filter(|layer| layer.kind == "conv2d").count();
        // Two a node, and the head.
        assert_eq!(run, convolutions + 1);
        assert_eq!(found.output_shape, [1, 1, 32, 32]);
    }
}

/// The mean of probabilities near 0 and 1 is a number, and has a gradient.
#[test]
fn the_mean_of_heads_bears_large_logits() {
    for maps in [1, 3] {
        let settings = json!({
            "width": 4, "depth": 2, "deep_supervision": true, "output": "mean", "out_channels": maps,
        });
        let (config, device) = (config(&json!({"unet_plus_plus": settings})), Device::flex().autodiff());
        let network = init::initialised(config.build(&device).expect("settings in range"), config.initialisation(), 1);
        let x = Tensor::random([1, 1, 1, 16, 16], Distribution::Default, &device) * 1e4;
        let maps = network.forward(x, &mut Pass::predicting());
        assert!(maps.deep.is_empty());
        assert!(unreached(&network, &maps).is_empty());
        let values = maps.main.abs().into_data();
        let values = values.as_slice::<f32>().expect("floats");
        assert!(values.iter().all(|value| value.is_finite()));
        assert!(values.iter().any(|value| *value > 50.0), "the logits are large");
    }
}

#[test]
fn the_published_unet_is_smaller_at_its_output() {
    let valid = config(&json!({"unet": {"width": 1, "padding": "valid", "norm": "none", "out_channels": 2}}));
    let shape = |side: usize| probe(&valid, &[1, 1, side, side]).expect("settings in range").output_shape;
    assert_eq!(shape(572), [1, 2, 388, 388]);
    assert_eq!(shape(188), [1, 2, 4, 4]);
    // What the unpadded network cannot take gets a mirrored margin, wider than the image if need be.
    assert_eq!(shape(571), [1, 2, 571, 571]);
    assert_eq!(shape(33), [1, 2, 33, 33]);
    let raw = show(&valid, &[1, 1, 572, 572]).expect("settings in range");
    assert_eq!(raw.output_shape, [1, 2, 388, 388]);
}

/// Inside an image, a margin changes nothing.
#[test]
fn a_mirrored_margin_only_adds_what_is_beyond_the_edge() {
    let valid = config(&json!({"unet": {"width": 2, "depth": 2, "padding": "valid"}}));
    let device = Device::flex();
    let network = init::initialised(valid.build(&device).expect("settings in range"), valid.initialisation(), 1);
    let x = Tensor::<5>::random([1, 1, 1, 60, 68], Distribution::Default, &device);
    let bare = network.forward(x.clone(), &mut Pass::predicting()).main;
    assert_eq!(bare.dims(), [1, 1, 1, 20, 28]);
    let margin = valid.margin([1, 1, 60, 68]);
    let whole = network.fitted(x, &margin, &mut Pass::predicting()).main;
    assert_eq!(whole.dims(), [1, 1, 1, 60, 68]);
    let inside = whole.narrow(3, 20, 20).narrow(4, 20, 28);
    let apart: f32 = (inside - bare).abs().max().into_scalar();
    assert!(apart < 1e-5, "{apart}");
}

/// Padding before instead of behind is the same on an image turned round, with weights turned round.
#[test]
fn even_kernels_of_svsnet_pad_on_either_side() {
    let device = Device::flex();
    let turned = |array: &Array| {
        let tensor = Tensor::<1>::from_data(&array.values[..], &device);
        let values = match *array.shape {
            [a, b, c, d] => tensor.reshape([a, b, c, d]).flip([2, 3]).into_data(),
            [a, b, c, d, e] => tensor.reshape([a, b, c, d, e]).flip([2, 3, 4]).into_data(),
            _ => return array.clone(),
        };
        Array { shape: array.shape.clone(), values: values.try_to_vec().expect("floats") }
    };
    let of = |side: &str| config(&json!({"svsnet": {"widths": [4, 6, 8], "even_kernels": side}}));
    let (behind, before) = (of("pad_behind"), of("pad_before"));
    let first = init::initialised(behind.build(&device).expect("settings in range"), behind.initialisation(), 1);
    let weights = arrays(&first).iter().map(|(name, array)| (name.clone(), turned(array))).collect();
    let second = with_arrays(before.build(&device).expect("settings in range"), weights).expect("equal names");
    let x = Tensor::<5>::random([1, 1, 4, 16, 16], Distribution::Default, &device);
    let y = first.forward(x.clone(), &mut Pass::predicting()).main;
    let straight = second.forward(x.clone(), &mut Pass::predicting()).main;
    let round = second.forward(x.flip([2, 3, 4]), &mut Pass::predicting()).main.flip([3, 4]);
    let apart = |other: Tensor<5>| (y.clone() - other).abs().max().into_scalar::<f32>();
    assert!(apart(round) < 1e-5 * y.clone().abs().max().into_scalar::<f32>());
    assert!(apart(straight) > 1e-3);
}

#[track_caller]
fn refused(network: &Value, reason: &str) {
    let error = config(network).check().expect_err("makes no sense");
    assert!(error.to_string().contains(reason), "{network}: {error}");
}

#[test]
fn settings_that_make_no_sense() {
    refused(&json!({"nnunet": {"dimensions": 4}}), "expected 2 or 3");
    refused(
        &json!({"nnunet": {"widths": [4, 6, 8], "stages": 4}}),
        "`widths` has 3 items, expected one for each of the 4",
    );
    refused(&json!({"nnunet": {"stages": 2, "kernels": [[3, 3]]}}), "`kernels` has 1 items");
    refused(&json!({"nnunet": {"stages": 2, "kernels": [[3, 3], [3]]}}), "as many numbers as `dimensions`");
    refused(&json!({"nnunet": {"stages": 2, "kernels": [[3, 3], [2, 3]]}}), "odd numbers");
    refused(&json!({"nnunet": {"stages": 2, "kernels": [[3, 3], [0, 3]]}}), "odd numbers");
    refused(&json!({"nnunet": {"stages": 2, "strides": [[1, 1], [0, 2]]}}), "numbers from 1 to 8");
    refused(&json!({"nnunet": {"stages": 2, "strides": [[1, 1], [2, 2, 2]]}}), "as many numbers as `dimensions`");
    refused(&json!({"nnunet": {"stages": 2, "strides": [[2, 2], [2, 2]]}}), "begin `strides` with ones");
    refused(&json!({"nnunet": {"stages": 2, "strides": []}}), "`strides` has 0 items");
    refused(&json!({"nnunet": {"stages": 1}}), "2 to 10");
    refused(&json!({"nnunet": {"stages": 2, "encoder_convolutions": [1]}}), "`encoder_convolutions` has 1 items");
    refused(&json!({"nnunet": {"stages": 2, "encoder_convolutions": [1, 0]}}), "numbers from 1 to 8");
    refused(&json!({"nnunet_residual": {"stages": 3, "blocks": [1, 3]}}), "`blocks` has 2 items");
    refused(&json!({"nnunet_residual": {"stages": 2, "blocks": [1, 0]}}), "numbers from 1 to 16");
    refused(&json!({"unet": {"widths": [8]}}), "2 to 9 numbers");
    refused(&json!({"unet": {"widths": [8, 1], "up": "nearest"}}), "set `up: transposed`");
    refused(&json!({"unet": {"dropout": 1.0}}), "0 to 0.95");
    refused(&json!({"unet": {"slope": -1.0}}), "0 to 1");
    refused(&json!({"unet_plus_plus": {"output": "mean"}}), "set `deep_supervision: true`");
    refused(&json!({"unet_plus_plus": {"output": {"head": 2}}}), "set `deep_supervision: true`");
    refused(&json!({"unet_plus_plus": {"output": {"head": 5}, "deep_supervision": true}}), "from 1 to `depth`");
    refused(&json!({"unet_plus_plus": {"output": {"head": 0}, "deep_supervision": true}}), "from 1 to `depth`");
    refused(&json!({"attention_unet": {"width": 1}}), "2 to 1024");
    refused(&json!({"attention_unet": {"gate": 0}}), "1 to 4096");
}

#[test]
fn inputs_that_a_deep_network_cannot_bear() {
    let deep = config(&json!({"nnunet": {"dimensions": 3, "stages": 6}}));
    let error = deep.check_input([1, 16, 64, 64]).expect_err("16 slices cannot be halved five times");
    assert!(error.to_string().contains("needs at least 32x32x32"), "{error}");
    let error = deep.check_input([1, 32, 32, 32]).expect_err("one voxel normalised by itself is nothing");
    assert!(error.to_string().contains("needs at least 32x32x33"), "{error}");
    assert_eq!(deep.check_input([1, 32, 32, 33]), Ok(()));
    let batch = config(&json!({"nnunet": {"dimensions": 3, "stages": 6, "norm": "batch"}}));
    assert_eq!(batch.check_input([1, 32, 32, 32]), Ok(()));
    assert!(batch.check_input([2, 32, 32, 32]).is_err(), "of another number of channels");
    let endless = config(&json!({"nnunet": {"stages": 1_000_000_000_000_u64}}));
    let error = probe(&endless, &[1, 1, 64, 64]).expect_err("settings come first");
    assert!(error.to_string().contains("2 to 10"), "{error}");
}
