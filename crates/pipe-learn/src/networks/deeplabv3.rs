//! DeepLabV3 on an encoder: a pyramid of dilations on the deepest map, stretched to the size of the input.
//! It has no skip; `deeplabv3_plus` has one.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{
    Aspp, AsppPlan, BatchNorm, Bias, Branch, Conv2d, Corners, NormOptions, Pass, Style, Weightless, bilinear, dropout,
    without_depth,
};
use super::encoders::{Encoder, EncoderConfig, OutputStride, TAPS};
use super::error::within;
use super::{Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "deeplabv3";

/// Settings of [`DeepLabV3`]; the defaults are those of segmentation_models.pytorch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeepLabV3Config {
    /// Channels of the input, times frames.
    #[schemars(range(min = 1, max = 256))]
    pub in_channels: usize,
    /// Maps put out: 1 for foreground against background, else one a class.
    #[schemars(range(min = 1, max = 256))]
    pub out_channels: usize,
    /// What gives the deepest map.
    pub encoder: EncoderConfig,
    /// By how much the deepest map is smaller than the input: 8 or 16.
    #[schemars(range(min = 8, max = 16))]
    pub output_stride: usize,
    /// Channels of the pyramid's branches and of the decoder.
    #[schemars(range(min = 1, max = 2048))]
    pub width: usize,
    /// Dilations of the pyramid's convolutions.
    pub rates: Vec<usize>,
    /// Whether the pyramid's convolutions are split into one of each channel and one of each pixel.
    pub separable: bool,
    /// The share of values dropped behind the pyramid.
    #[schemars(range(min = 0.0, max = 0.95))]
    pub dropout: f64,
    /// Size of the head's convolution, an odd number.
    #[schemars(range(min = 1, max = 15))]
    pub head_kernel: usize,
    /// Whether up-sampling lets the corner pixels lie on each other.
    pub align_corners: bool,
    /// Added to the variance by normalisations of pyramid and decoder; those of the encoder keep its own number.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// The share of the newest batch in running statistics of pyramid and decoder; those of the encoder keep their own.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// How weights start.
    pub init: Initialisation,
}

impl Default for DeepLabV3Config {
    fn default() -> Self {
        Self {
            in_channels: 1,
            out_channels: 1,
            encoder: EncoderConfig::default(),
            output_stride: 8,
            width: 256,
            rates: vec![12, 24, 36],
            separable: false,
            dropout: 0.5,
            head_kernel: 1,
            align_corners: true,
            epsilon: 1e-5,
            momentum: 0.1,
            init: Initialisation::Pytorch,
        }
    }
}

impl Settings for DeepLabV3Config {
    const KIND: NetworkKind = NetworkKind {
        name: NAME,
        version: 1,
        about: "DeepLabV3 (Chen et al. 2017) on an encoder, as in segmentation_models.pytorch",
    };
    type Built = DeepLabV3;

    fn check(&self) -> Result<(), NetworkError> {
        self.numbers().check(NAME)?;
        self.encoder.check(NAME)
    }

    fn takes(&self) -> Takes {
        Takes::Images(self.in_channels)
    }

    fn multiple(&self) -> [usize; 3] {
        [1, self.output_stride, self.output_stride]
    }

    fn classes(&self) -> usize {
        self.out_channels
    }

    fn initialisation(&self) -> Initialisation {
        self.init
    }

    fn build(&self, device: &Device) -> DeepLabV3 {
        DeepLabV3::new(self, device)
    }
}

/// What DeepLabV3 and DeepLabV3+ are both told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers<'a> {
    pub(super) channels: [usize; 2],
    pub(super) output_stride: usize,
    pub(super) width: usize,
    pub(super) rates: &'a [usize],
    pub(super) separable: bool,
    pub(super) dropout: f64,
    pub(super) head_kernel: usize,
    pub(super) options: NormOptions,
}

impl Numbers<'_> {
    /// Checks them.
    pub(super) fn check(&self, network: &'static str) -> Result<(), NetworkError> {
        let refused = |field, value: usize, expected| {
            Err(NetworkError::Setting { network, field, value: value.to_string(), expected })
        };
        let [input, output] = self.channels;
        within(network, "in_channels", input, 1..=256, "1 to 256")?;
        within(network, "out_channels", output, 1..=256, "1 to 256")?;
        within(network, "width", self.width, 1..=2048, "1 to 2048")?;
        within(network, "dropout", self.dropout, 0.0..=0.95, "0 to 0.95")?;
        within(network, "epsilon", self.options.epsilon, 0.0..=1.0, "0 to 1")?;
        within(network, "momentum", self.options.momentum, 0.0..=1.0, "0 to 1")?;
        within(network, "rates", self.rates.len(), 1..=16, "a list of 1 to 16 dilations")?;
        for rate in self.rates {
            within(network, "rates", *rate, 1..=256, "a list of dilations from 1 to 256")?;
        }
        if !matches!(self.output_stride, 8 | 16) {
            return refused("output_stride", self.output_stride, "8 or 16");
        }
        if self.head_kernel.is_multiple_of(2) || self.head_kernel > 15 {
            return refused("head_kernel", self.head_kernel, "an odd number from 1 to 15");
        }
        Ok(())
    }

    /// Gives the encoder's stride; the number has been checked.
    pub(super) fn stride(&self) -> OutputStride {
        if self.output_stride == 8 { OutputStride::Eighth } else { OutputStride::Sixteenth }
    }

    /// The pyramid, of zeros: a 1x1 convolution, one a rate, the mean.
    pub(super) fn pyramid(&self, input: usize, device: &Device) -> Aspp {
        let dilated = self.rates.iter().map(|rate| match self.separable {
            true => Branch::Separable(*rate),
            false => Branch::Dilated(*rate),
        });
        let branches = std::iter::once(Branch::Point).chain(dilated).collect();
        let style = Style::rectified(self.options, false);
        Aspp::new(&AsppPlan { input, width: self.width, branches, image_pool: true, style }, device)
    }

    /// The head, of zeros.
    pub(super) fn head(&self, device: &Device) -> Head {
        let [_, output] = self.channels;
        (Conv2d::new([self.width, output], self.head_kernel, Bias::Learned, device), Weightless)
    }
}

/// A convolution; the place behind it is that of up-sampling.
pub(super) type Head = (Conv2d, Weightless);

impl DeepLabV3Config {
    fn numbers(&self) -> Numbers<'_> {
        Numbers {
            channels: [self.in_channels, self.out_channels],
            output_stride: self.output_stride,
            width: self.width,
            rates: &self.rates,
            separable: self.separable,
            dropout: self.dropout,
            head_kernel: self.head_kernel,
            options: NormOptions { epsilon: self.epsilon, momentum: self.momentum },
        }
    }
}

/// An encoder with dilation in place of its last strides, spatial pyramid pooling, one convolution.
///
/// # Source
/// Chen et al.: Rethinking atrous convolution for semantic image segmentation (2017), as in segmentation_models.pytorch
/// 0.6, whose names it has. Deviation: any number of dilations.
#[derive(Module, Debug)]
pub struct DeepLabV3 {
    encoder: Encoder,
    decoder: Decoder,
    segmentation_head: Head,
    #[module(skip)]
    dropout: f64,
    #[module(skip)]
    corners: Corners,
}

#[derive(Module, Debug)]
struct Decoder {
    aspp: Aspp,
    conv: Conv2d,
    bn: BatchNorm,
}

impl DeepLabV3 {
    /// A network of zeros.
    pub fn new(config: &DeepLabV3Config, device: &Device) -> Self {
        let (numbers, width) = (config.numbers(), config.width);
        let encoder = config.encoder.build(config.in_channels, numbers.stride(), device);
        let decoder = Decoder {
            aspp: numbers.pyramid(encoder.channels()[TAPS - 1], device),
            conv: Conv2d::new([width; 2], 3, Bias::Absent, device),
            bn: BatchNorm::new(width, numbers.options, device),
        };
        Self {
            encoder,
            decoder,
            segmentation_head: numbers.head(device),
            dropout: config.dropout,
            corners: Corners::from_flag(config.align_corners),
        }
    }
}

impl Forward for DeepLabV3 {
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let [_, _, _, height, width] = x.dims();
        let x = without_depth(x);
        let deep = self.encoder.features(x, pass).pop().expect("an encoder gives maps"); // [batch, c, h / stride, w / stride]
        let Decoder { aspp, conv, bn } = &self.decoder;
        let x = dropout(aspp.forward(&deep, pass), self.dropout, pass);
        let x = bn.forward_relu(conv.forward(x, pass), pass);
        let (head, _) = &self.segmentation_head;
        let x = head.forward(x, pass);
        Maps::of(bilinear(x, [height, width], self.corners, pass))
    }
}

#[cfg(test)]
mod tests {
    use super::super::NetworkConfig;
    use crate::weights::parameters;

    #[track_caller]
    fn check_names(config: &str, prefix: &str, expected: &[&str]) {
        let config: NetworkConfig = serde_json::from_str(config).expect("the settings are right");
        let network = config.build(&burn::tensor::Device::flex()).expect("the settings are in range");
        let names = parameters(&network).into_iter().map(|parameter| parameter.name);
        let names: Vec<String> = names.filter(|name| name.starts_with(prefix) && name.ends_with("weight")).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn names_are_those_of_segmentation_models() {
        let expected = [
            "decoder.aspp.convs.0.0.weight",
            "decoder.aspp.convs.0.1.weight",
            "decoder.aspp.convs.1.0.0.weight",
            "decoder.aspp.convs.1.0.1.weight",
            "decoder.aspp.convs.1.1.weight",
            "decoder.aspp.convs.2.1.weight",
            "decoder.aspp.convs.2.2.weight",
            "decoder.aspp.project.0.weight",
            "decoder.aspp.project.1.weight",
            "decoder.conv.weight",
            "decoder.bn.weight",
        ];
        let settings = r#"{"encoder": {"resnet18": {"width": 2}}, "width": 2, "rates": [3], "separable": true}"#;
        check_names(&format!(r#"{{"deeplabv3": {settings}}}"#), "decoder.", &expected);
        check_names(&format!(r#"{{"deeplabv3": {settings}}}"#), "segmentation_head", &["segmentation_head.0.weight"]);
        let expected = [
            "decoder.aspp.1.0.weight",
            "decoder.aspp.1.1.weight",
            "decoder.aspp.2.weight",
            "decoder.block1.0.weight",
            "decoder.block1.1.weight",
            "decoder.block2.0.0.weight",
            "decoder.block2.0.1.weight",
            "decoder.block2.1.weight",
        ];
        let plus = format!(r#"{{"deeplabv3_plus": {settings}}}"#);
        check_names(
            &plus,
            "decoder.aspp.0.project",
            &["decoder.aspp.0.project.0.weight", "decoder.aspp.0.project.1.weight"],
        );
        check_names(&plus, "decoder.aspp.1", &expected[..2]);
        check_names(&plus, "decoder.aspp.2", &expected[2..3]);
        check_names(&plus, "decoder.block", &expected[3..]);
    }

    #[track_caller]
    fn check_refused(config: &str, expected: &str) {
        let config: NetworkConfig = serde_json::from_str(config).expect("the settings are right");
        let error = config.check().expect_err("the settings are out of range");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn settings_that_no_network_has() {
        let expected = "`output_stride` of deeplabv3 is 4, expected 8 or 16";
        check_refused(r#"{"deeplabv3": {"output_stride": 4}}"#, expected);
        let expected = "`output_stride` of deeplabv3_plus is 12, expected 8 or 16";
        check_refused(r#"{"deeplabv3_plus": {"output_stride": 12}}"#, expected);
        let expected = "`head_kernel` of deeplabv3 is 2, expected an odd number from 1 to 15";
        check_refused(r#"{"deeplabv3": {"head_kernel": 2}}"#, expected);
        let expected = "`output_stride` of deeplabv3_plus_eca is 32, expected 8 or 16";
        check_refused(r#"{"deeplabv3_plus_eca": {"output_stride": 32}}"#, expected);
        let expected = "`eca_kernel` of deeplabv3_plus_eca is 4, expected an odd number from 1 to 63";
        check_refused(r#"{"deeplabv3_plus_eca": {"eca_kernel": 4}}"#, expected);
        let expected = "`up` of resunet_plus_plus is transposed, expected `nearest` or `bilinear`";
        check_refused(r#"{"resunet_plus_plus": {"up": "transposed"}}"#, expected);
        let expected = "`norm` of resunet_plus_plus is instance, expected `batch`";
        check_refused(r#"{"resunet_plus_plus": {"norm": "instance"}}"#, expected);
        let expected = "resunet_plus_plus: squeeze with `reduction: 8` leaves nothing of 4 channels; lower `reduction`, \
                        or set `squeeze: false`";
        check_refused(r#"{"resunet_plus_plus": {"widths": [4, 8, 8, 8, 8]}}"#, expected);
    }
}
