//! DeepLabV3+ on MobileNetV2 with efficient channel attention, as published for plaques in coronary OCT.
//! It is another network than `deeplabv3_plus`: whole convolutions with bias, other rates, two refining convolutions.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::blocks::{
    Aspp, AsppPlan, Bias, Branch, Conv2d, Corners, Eca, Norm, NormOptions, Pass, Sequence, Style, Weightless, Window,
    bilinear, dropout, without_depth,
};
use super::encoders::mobilenet_v2::{FormerlyStrided, LastConvolution, MobileNetV2, steps};
use super::error::within;
use super::{Forward, Initialisation, Maps, NetworkError, NetworkKind, Settings, Takes};

const NAME: &str = "deeplabv3_plus_eca";
/// The last feature at a quarter of the input: the skip.
const SKIP: usize = 3;
/// The last feature.
const DEEP: usize = 17;
/// Rates of the pyramid on a map at a 16th of the input.
const RATES: [usize; 3] = [6, 12, 18];

/// Settings of [`DeepLabV3PlusEca`]; the defaults are the published code as it was trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeepLabV3PlusEcaConfig {
    /// Channels of the input, times frames.
    #[schemars(range(min = 1, max = 256))]
    pub in_channels: usize,
    /// Maps put out: 2 for background and plaque.
    #[schemars(range(min = 1, max = 256))]
    pub out_channels: usize,
    /// What the channels of MobileNetV2 are multiplied by.
    #[schemars(range(min = 0.01, max = 4.0))]
    pub encoder_width: f64,
    /// By how much the deepest map is smaller than the input: 8 or 16.
    #[schemars(range(min = 8, max = 16))]
    pub output_stride: usize,
    /// Attention over the channels of the skip.
    pub eca_skip: bool,
    /// Attention over the channels of the pyramid: in the published code, not in its description.
    pub eca_aspp: bool,
    /// Neighbours that attention looks at, an odd number; by the number of channels if not given.
    pub eca_kernel: Option<usize>,
    /// Channels of the pyramid's branches and of the decoder.
    #[schemars(range(min = 1, max = 2048))]
    pub width: usize,
    /// Dilations of the pyramid's convolutions; 6, 12, 18 at output stride 16 and twice that at 8 if not given.
    pub rates: Option<Vec<usize>>,
    /// Channels of the skip in the decoder.
    #[schemars(range(min = 1, max = 2048))]
    pub skip_width: usize,
    /// Whether convolutions of pyramid and decoder before a normalisation have a bias; those of MobileNetV2 have none.
    pub bias: bool,
    /// The shares of values dropped behind the two convolutions of the decoder.
    pub dropout: [f64; 2],
    /// Whether up-sampling lets the corner pixels lie on each other.
    pub align_corners: bool,
    /// Added to the variance by normalisations of pyramid and decoder; those of MobileNetV2 keep 1e-5.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// The share of the newest batch in running statistics of pyramid and decoder; those of MobileNetV2 keep 0.1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub momentum: f64,
    /// How weights start.
    pub init: Initialisation,
}

impl Default for DeepLabV3PlusEcaConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 2,
            encoder_width: 1.0,
            output_stride: 16,
            eca_skip: true,
            eca_aspp: true,
            eca_kernel: None,
            width: 256,
            rates: None,
            skip_width: 48,
            bias: true,
            dropout: [0.5, 0.1],
            align_corners: true,
            epsilon: 1e-5,
            momentum: 0.1,
            init: Initialisation::He,
        }
    }
}

impl Settings for DeepLabV3PlusEcaConfig {
    const KIND: NetworkKind = NetworkKind {
        name: NAME,
        version: 1,
        about: "DeepLabV3+ on MobileNetV2 with channel attention (plaques in coronary OCT)",
    };
    type Built = DeepLabV3PlusEca;

    fn check(&self) -> Result<(), NetworkError> {
        let refused =
            |field, value: String, expected| Err(NetworkError::Setting { network: NAME, field, value, expected });
        within(NAME, "in_channels", self.in_channels, 1..=256, "1 to 256")?;
        within(NAME, "out_channels", self.out_channels, 1..=256, "1 to 256")?;
        within(NAME, "encoder_width", self.encoder_width, 0.01..=4.0, "0.01 to 4")?;
        within(NAME, "width", self.width, 1..=2048, "1 to 2048")?;
        within(NAME, "skip_width", self.skip_width, 1..=2048, "1 to 2048")?;
        within(NAME, "epsilon", self.epsilon, 0.0..=1.0, "0 to 1")?;
        within(NAME, "momentum", self.momentum, 0.0..=1.0, "0 to 1")?;
        for share in self.dropout {
            within(NAME, "dropout", share, 0.0..=0.95, "two numbers from 0 to 0.95")?;
        }
        if !matches!(self.output_stride, 8 | 16) {
            return refused("output_stride", self.output_stride.to_string(), "8 or 16");
        }
        if let Some(kernel) = self.eca_kernel.filter(|kernel| kernel % 2 == 0 || *kernel > 63) {
            return refused("eca_kernel", kernel.to_string(), "an odd number from 1 to 63");
        }
        let rates = self.rates();
        within(NAME, "rates", rates.len(), 1..=16, "a list of 1 to 16 dilations")?;
        rates.iter().try_for_each(|rate| within(NAME, "rates", *rate, 1..=256, "a list of dilations from 1 to 256"))
    }

    fn takes(&self) -> Takes {
        Takes::Images(self.in_channels)
    }

    fn multiple(&self) -> [usize; 3] {
        // Both up-samplings go to the size of a map, not by a factor.
        [1; 3]
    }

    fn smallest(&self) -> [usize; 3] {
        [1, self.output_stride, self.output_stride]
    }

    fn classes(&self) -> usize {
        self.out_channels
    }

    fn initialisation(&self) -> Initialisation {
        self.init
    }

    fn build(&self, device: &Device) -> DeepLabV3PlusEca {
        DeepLabV3PlusEca::new(self, device)
    }
}

impl DeepLabV3PlusEcaConfig {
    fn rates(&self) -> Vec<usize> {
        match &self.rates {
            Some(rates) => rates.clone(),
            None => RATES.iter().map(|rate| rate * 16 / self.output_stride).collect(),
        }
    }
}

/// MobileNetV2, spatial pyramid pooling, one skip, channel attention in two places.
///
/// # Source
/// The code `deeplabv3-mobilenetv2-eca` for lipid plaques in coronary OCT: DeepLabV3+ (Chen et al. 2018) on MobileNetV2
/// without its last convolution, with ECA (Wang et al. 2020) on the skip and, other than its description says, on the
/// pyramid. The convolution whose stride dilation replaces has half the dilation of its part. Deviations in names: the
/// pyramid's branches are `aspp.convs.N` for `aspp.branchN`, `aspp.project` for `aspp.conv_cat`, `aspp.eca` for
/// `aspp.ECA2`, and the skip's attention is `eca` for `ECA1`. The width of MobileNetV2 is a setting here.
#[derive(Module, Debug)]
pub struct DeepLabV3PlusEca {
    encoder: MobileNetV2,
    aspp: Aspp,
    eca: Option<Eca>,
    shortcut_conv: Sequence,
    cat_conv: Refinement,
    cls_conv: Conv2d,
    #[module(skip)]
    style: Style,
    #[module(skip)]
    dropout: [f64; 2],
    #[module(skip)]
    corners: Corners,
}

/// Convolution, normalisation, rectifier, dropout, twice.
type Refinement = (Conv2d, Option<Norm>, Weightless, Weightless, Conv2d, Option<Norm>);

impl DeepLabV3PlusEca {
    /// A network of zeros.
    pub fn new(config: &DeepLabV3PlusEcaConfig, device: &Device) -> Self {
        let DeepLabV3PlusEcaConfig { width, skip_width, eca_kernel, .. } = *config;
        let dilations = if config.output_stride == 8 { [2, 4] } else { [1, 2] };
        let steps = steps(dilations, FormerlyStrided::Half);
        let last = LastConvolution::Dropped;
        let encoder = MobileNetV2::new(config.in_channels, config.encoder_width, steps, last, device);
        let (skip, deep) = (encoder.channels()[SKIP], encoder.channels()[DEEP]);
        let options = NormOptions { epsilon: config.epsilon, momentum: config.momentum };
        let style = Style::rectified(options, config.bias);
        let dilated = config.rates().into_iter().map(Branch::Dilated);
        let branches = std::iter::once(Branch::Point).chain(dilated).collect();
        let aspp = Aspp::new(&AsppPlan { input: deep, width, branches, image_pool: true, style }, device);
        let conv = |channels: [usize; 2], kernel| style.sequence(channels, kernel, Window::SAME, device);
        let (conv1, norm1) = conv([width + skip_width, width], 3);
        let (conv2, norm2) = conv([width; 2], 3);
        Self {
            aspp: if config.eca_aspp { aspp.with_attention(eca_kernel, device) } else { aspp },
            eca: config.eca_skip.then(|| Eca::new(skip, eca_kernel, device)),
            shortcut_conv: conv([skip, skip_width], 1),
            cat_conv: (conv1, norm1, Weightless, Weightless, conv2, norm2),
            cls_conv: Conv2d::new([width, config.out_channels], 1, Bias::Learned, device),
            encoder,
            style,
            dropout: config.dropout,
            corners: Corners::from_flag(config.align_corners),
        }
    }

    fn refined(&self, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let (conv1, norm1, _, _, conv2, norm2) = &self.cat_conv;
        let x = conv1.forward(x, pass);
        let x = self.style.activation.after(norm1.as_ref(), x, pass);
        let x = conv2.forward(dropout(x, self.dropout[0], pass), pass);
        let x = self.style.activation.after(norm2.as_ref(), x, pass);
        dropout(x, self.dropout[1], pass)
    }
}

impl Forward for DeepLabV3PlusEca {
    fn forward(&self, x: Tensor<5>, pass: &mut Pass) -> Maps {
        let [_, _, _, height, width] = x.dims();
        let x = without_depth(x);
        let mut features = self.encoder.forward_features(x, pass);
        let deep = features.pop().expect("the encoder has features"); // [batch, c, h / stride, w / stride]
        let skip = features.swap_remove(SKIP); // [batch, c, h / 4, w / 4]
        drop(features);
        let skip = match &self.eca {
            Some(eca) => eca.forward(skip, pass),
            None => skip,
        };
        let skip = self.style.run(&self.shortcut_conv, skip, pass);
        let [_, _, rows, columns] = skip.dims();
        let x = bilinear(self.aspp.forward(&deep, pass), [rows, columns], self.corners, pass);
        let x = self.refined(Tensor::cat(vec![x, skip], 1), pass);
        let x = self.cls_conv.forward(x, pass);
        Maps::of(bilinear(x, [height, width], self.corners, pass))
    }
}

#[cfg(test)]
mod tests {
    use super::super::NetworkConfig;
    use crate::probe;
    use crate::weights::parameters;

    #[test]
    fn any_size_from_the_output_stride_on() {
        let text = r#"{"deeplabv3_plus_eca": {"encoder_width": 0.25, "width": 4, "in_channels": 1}}"#;
        let config: NetworkConfig = serde_json::from_str(text).expect("the settings are right");
        assert_eq!(probe(&config, &[1, 1, 33, 50]).expect("it fits").output_shape, [1, 2, 33, 50]);
        assert!(probe(&config, &[1, 1, 15, 50]).is_err());
    }

    #[test]
    fn names_are_those_of_the_published_code() {
        let config: NetworkConfig =
            serde_json::from_str(r#"{"deeplabv3_plus_eca": {}}"#).expect("the settings are right");
        let network = config.build(&burn::tensor::Device::flex()).expect("the settings are in range");
        let names: Vec<String> = parameters(&network).into_iter().map(|parameter| parameter.name).collect();
        let expected = [
            "encoder.features.0.0.weight",
            "encoder.features.1.conv.1.weight",
            "encoder.features.17.conv.3.running_var",
            "aspp.convs.4.1.bias",
            "aspp.eca.conv.weight",
            "eca.conv.weight",
            "shortcut_conv.0.bias",
            "cat_conv.4.weight",
            "cat_conv.5.running_mean",
            "cls_conv.bias",
        ];
        for name in expected {
            assert!(names.iter().any(|found| found == name), "no {name} in {names:?}");
        }
    }
}
