//! Number formats: every network in 16 bits gives nearly the maps and gradients that it gives in 32, and learns as well.
//!
//! Knows the public functions alone.

mod discs;

use burn::Tensor;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{DType, Device, Gradients, TensorData};
use discs::{Bench, network, recipe, samples};
use pipe_image::Image;
use pipe_learn::networks::blocks::Pass;
use pipe_learn::{DeviceChoice, Model, NETWORKS, Precision, init, model, train};
use rand_pcg::Pcg64;

/// How far rounding goes in a network.
#[derive(Clone, Copy, PartialEq)]
enum Depth {
    /// Up to some twenty layers.
    Shallow,
    /// Up to sixty, or normalisations of the four values of a batch, whose results hang on small differences.
    Deep,
}
use Depth::{Deep, Shallow};

/// Every network, small, with the shape of its input.
const SMALL: &[(Depth, &str, [usize; 5])] = &[
    (Shallow, r#"{"unet": {"width": 4, "depth": 2}}"#, IMAGE),
    (
        Shallow,
        r#"{"unet": {"width": 4, "depth": 2, "norm": "instance", "up": "bilinear", "activation": "gelu"}}"#,
        IMAGE,
    ),
    (Shallow, r#"{"unet": {"width": 4, "depth": 1, "padding": "valid", "norm": "none", "dropout": 0.2}}"#, IMAGE),
    (Shallow, r#"{"unet_plus_plus": {"width": 4, "depth": 2, "deep_supervision": true, "output": "mean"}}"#, IMAGE),
    (Shallow, r#"{"attention_unet": {"width": 4, "depth": 2}}"#, IMAGE),
    (Shallow, r#"{"resunet_plus_plus": {"in_channels": 1, "widths": [8, 8, 8, 8, 8], "rates": [1, 2]}}"#, IMAGE),
    (Deep, r#"{"encoder_decoder": {"in_channels": 1}}"#, IMAGE),
    (Deep, r#"{"encoder_unet": {"encoder": {"resnet18": {"width": 4}}, "decoder_widths": [16, 8, 8, 4, 4]}}"#, LARGE),
    (
        Deep,
        r#"{"encoder_unet_plus_plus": {"encoder": {"efficientnet_b0": {"width": 0.25, "depth": 0.3}}, "attention": "scse",
            "decoder_widths": [16, 8, 8, 4, 4]}}"#,
        LARGE,
    ),
    (
        Deep,
        r#"{"deeplabv3": {"encoder": {"resnet18": {"width": 4}}, "width": 8, "rates": [2, 4], "dropout": 0.0}}"#,
        LARGE,
    ),
    (
        Deep,
        r#"{"deeplabv3_plus": {"encoder": {"resnet18": {"width": 4}}, "width": 8, "skip_width": 4, "rates": [2]}}"#,
        LARGE,
    ),
    (Deep, r#"{"deeplabv3_plus_eca": {"in_channels": 1, "encoder_width": 0.25, "width": 16}}"#, LARGE),
    (Shallow, r#"{"svsnet": {"widths": [4, 6, 8], "frames": 3, "label": "last"}}"#, [2, 1, 3, 32, 32]),
    (Shallow, r#"{"nnunet": {"widths": [4, 6, 8]}}"#, IMAGE),
    (Shallow, r#"{"nnunet": {"dimensions": 3, "widths": [4, 6, 8]}}"#, [1, 1, 8, 16, 16]),
    (
        Shallow,
        r#"{"nnunet_residual": {"dimensions": 3, "widths": [4, 6, 8], "blocks": [1, 1, 1], "norm": "batch"}}"#,
        [2, 1, 8, 16, 16],
    ),
];
const IMAGE: [usize; 5] = [4, 1, 1, 32, 32];
const LARGE: [usize; 5] = [4, 1, 1, 64, 64];

/// Maps and gradients of one pass, each as one row of numbers.
struct Found {
    maps: Vec<f32>,
    gradients: Vec<f32>,
}

fn floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    assert_eq!(tensor.dtype(), DType::F32);
    tensor.into_data().as_slice().expect("32 bits").to_vec()
}

/// The gradients of all parameters, one behind the other; 0 where there is none.
struct Row(Gradients, Vec<f32>);

impl ModuleVisitor for Row {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        assert_eq!(param.val().dtype(), DType::F32);
        match param.val().grad_remove(&mut self.0) {
            Some(gradient) => self.1.extend(floats(gradient)),
            None => self.1.resize(self.1.len() + param.shape().num_elements(), 0.0),
        }
    }
}

/// Bright discs with noise, one a plane, each at a place of its own.
fn discs_with<const D: usize>(shape: [usize; D], noise: f32, device: &Device) -> Tensor<D> {
    let (height, width) = (shape[D - 2], shape[D - 1]);
    let value = |at: usize| {
        let (plane, row, column) = (at / (height * width), at / width % height, at % width);
        let (middle, centre) = (height / 3 + plane % 3 * height / 6, width / 3 + plane % 2 * width / 4);
        let inside = row.abs_diff(middle).pow(2) + column.abs_diff(centre).pow(2) <= (height.min(width) / 4).pow(2);
        let random = (at as u32).wrapping_mul(2_654_435_761) as f32 / 4.3e9 - 0.5;
        f32::from(u8::from(inside)) + noise * random
    };
    let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A pass of fresh weights over discs; the loss is a sum of squares of what the maps are off, as small as
/// lets all gradients be numbers of f16.
fn found(network_text: &str, shape: [usize; 5], pass: Pass) -> Found {
    let (config, device) = (network(network_text), Device::flex().autodiff());
    let network = init::initialised(config.build(&device).expect("settings in range"), config.initialisation(), 1);
    let margin = config.margin([shape[1], shape[2], shape[3], shape[4]]);
    let mut pass = pass;
    let all = network.fitted(discs_with(shape, 0.2, &device), &margin, &mut pass);
    let all: Vec<Tensor<5>> = [all.main].into_iter().chain(all.deep).collect();
    let maps = all.iter().flat_map(|maps| floats(maps.clone())).collect();
    let off = |maps: Tensor<5>| maps.clone() - discs_with(maps.dims(), 0.0, &device);
    let loss = all.into_iter().map(|maps| off(maps).square().sum() / 512.0);
    let loss = loss.reduce(|sum, loss| sum + loss).expect("there is a main map");
    let mut row = Row(loss.backward(), Vec::new());
    network.visit(&mut row);
    Found { maps, gradients: row.1 }
}

/// The angle between two rows as its cosine.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The mean difference, in standard deviations of `expected`.
fn distance(found: &[f32], expected: &[f32]) -> f64 {
    let count = expected.len() as f64;
    let mean = expected.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let deviation = (expected.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / count).sqrt();
    found.iter().zip(expected).map(|(a, b)| f64::from((a - b).abs()) / deviation).sum::<f64>() / count
}

/// How far maps may be apart on average, in standard deviations, and the least cosine of gradients: of bf16, of f16.
type Bounds = [(f64, f64); 2];

/// What is rounded behind each layer is off by up to 2^-9 of itself in bf16 and 2^-12 in f16, and each layer carries on what those
/// before it were off. So the bounds are wide where layers are many; but f16 must be nearer by much, as it is if all that differs
/// is rounding. A layer in a wrong format, or a sum that overflows, is not.
#[track_caller]
fn check(pass: impl Fn() -> Pass, shallow: Bounds, deep: Bounds) {
    let mut wrong = Vec::new();
    for (depth, text, shape) in SMALL {
        let expected = found(text, *shape, pass().in_precision(Precision::Fp32));
        let of = |precision| {
            let found = found(text, *shape, pass().in_precision(precision));
            (distance(&found.maps, &expected.maps), cosine(&found.gradients, &expected.gradients))
        };
        let found = [of(Precision::Bf16), of(Precision::F16)];
        let bounds = if *depth == Deep { deep } else { shallow };
        let is_near = |((apart, cosine), (most, least)): (&(f64, f64), (f64, f64))| *apart < most && *cosine > least;
        let is_rounding = found[1].0 > 0.0 && 3.0 * found[1].0 < found[0].0;
        if !is_rounding || !found.iter().zip(bounds).all(is_near) {
            wrong.push(format!("{found:.4?}: {text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn maps_and_gradients_of_every_network_when_it_learns() {
    let (shallow, deep) = ([(0.05, 0.95), (0.008, 0.995)], [(0.4, 0.3), (0.1, 0.7)]);
    check(|| Pass::learning(Pcg64::new(1, 1)), shallow, deep);
}

#[test]
fn maps_and_gradients_of_every_network_when_it_predicts() {
    let (shallow, deep) = ([(0.025, 0.99), (0.004, 0.999)], [(0.04, 0.8), (0.006, 0.95)]);
    check(Pass::predicting, shallow, deep);
}

#[test]
fn no_network_is_left_out() {
    for kind in NETWORKS {
        let name = format!("{{\"{}\": ", kind.name);
        assert!(SMALL.iter().any(|(_, text, _)| text.starts_with(&name)), "{name}");
    }
}

#[test]
fn products_that_may_be_rounded_are_not_on_the_cpu() {
    let (_, text, shape) = SMALL[0];
    let [exact, rounded] = [Precision::Fp32, Precision::Tf32].map(|precision| {
        let found = found(text, shape, Pass::learning(Pcg64::new(1, 1)).in_precision(precision));
        (found.maps, found.gradients)
    });
    assert!(exact == rounded);
}

/// The formats of the arrays in a file of weights.
fn formats(file: &[u8]) -> Vec<String> {
    let (length, rest) = file.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("eight bytes")) as usize;
    let header: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&rest[..length]).expect("a header");
    header.values().filter_map(|array| Some(array.get("dtype")?.as_str()?.to_owned())).collect()
}

#[test]
fn a_training_in_16_bits_finds_the_discs() {
    let (network, samples) = (network(r#"{"unet": {"width": 4, "depth": 2}}"#), samples(4));
    let dice = |precision: &str, bench: Bench| {
        let recipe = recipe(25, &format!(r#", "precision": "{precision}""#));
        let outcome = train(&bench.task(&network, &recipe, &samples), &mut |_| {}).expect("it trains");
        for name in [model::BEST, model::LAST] {
            let formats = formats(&bench.file(name));
            assert!(!formats.is_empty() && formats.iter().all(|format| format == "F32"), "{name}: {formats:?}");
        }
        let card = String::from_utf8(bench.file(model::CARD)).expect("JSON");
        assert_eq!(card.contains("precision"), precision != "tf32", "the default leaves no trace in cards");
        assert_eq!(outcome.card.precision, recipe.precision);
        check_prediction(&bench, &samples[0].image);
        outcome.card.best.validation_dice
    };
    let expected = dice("tf32", Bench::new());
    assert!(expected > 0.9, "Dice is {expected}");
    for precision in ["bf16", "f16"] {
        for bench in [Bench::new(), Bench::as_on_a_device()] {
            let found = dice(precision, bench);
            assert!((found - expected).abs() < 0.05, "Dice in {precision} is {found}, in tf32 {expected}");
        }
    }
}

/// A model predicts nearly the same in every format, whichever it was trained in, and gives probabilities in 32 bits.
fn check_prediction(bench: &Bench, image: &Image) {
    let probabilities = |precision: Precision| {
        let folder = bench.checkpoint().with_file_name("model");
        let place = DeviceChoice::Cpu.place().expect("there is a CPU");
        let model =
            Model::open(&folder, &place).expect("a model").in_precision(precision).expect("the CPU has every format");
        model.probabilities(image).expect("the image fits").data
    };
    let expected = probabilities(Precision::Fp32);
    for (precision, most) in [(Precision::Bf16, 0.1), (Precision::F16, 0.02)] {
        let apart = probabilities(precision).iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart > 0.0 && apart < most, "{precision:?}: {apart}");
    }
}

#[test]
fn a_training_in_16_bits_repeats_to_the_byte() {
    let (network, samples) = (network(r#"{"unet": {"width": 2, "depth": 1}}"#), samples(4));
    for precision in ["bf16", "f16"] {
        let recipe = recipe(2, &format!(r#", "precision": "{precision}""#));
        let run = || {
            let bench = Bench::new();
            train(&bench.task(&network, &recipe, &samples), &mut |_| {}).expect("it trains");
            bench
        };
        run().check_equal(&run(), precision);
    }
}

#[test]
fn a_loss_that_is_read_in_the_middle_of_a_step_is_refused_on_a_device() {
    let (network, samples) = (network(r#"{"unet": {"width": 2, "depth": 1, "out_channels": 2}}"#), samples(4));
    let mut recipe = recipe(1, "");
    recipe.loss = serde_json::from_str(r#"{"sum": [{"loss": {"cross_entropy": {"top_k": 0.5}}}]}"#).expect("a loss");
    let bench = Bench::as_on_a_device();
    let error = train(&bench.task(&network, &recipe, &samples), &mut |_| {}).expect_err("it is refused");
    assert!(error.to_string().starts_with("`top_k` chooses pixels on the CPU"), "{error}");
    let bench = Bench::new();
    train(&bench.task(&network, &recipe, &samples), &mut |_| {}).expect("the CPU takes it");
}
