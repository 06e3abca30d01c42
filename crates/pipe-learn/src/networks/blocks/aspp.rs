//! Spatial pyramid pooling: the same map seen by convolutions of several dilations, and as a whole.
//! It does not know what comes before or after.

use burn::Tensor;
use burn::module::Module;
use burn::tensor::Device;

use super::format::like;
use super::{Bias, Conv2d, Eca, Norm, NormKind, Pass, Sequence, Style, Weightless, Window, global_mean};

/// What an [`Aspp`] is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct AsppPlan {
    /// Channels in.
    pub input: usize,
    /// Channels of each branch, and out.
    pub width: usize,
    /// The convolutions.
    pub branches: Vec<Branch>,
    /// Whether the mean of the whole map is a further branch, the last one.
    pub image_pool: bool,
    /// What follows the convolutions.
    pub style: Style,
}

/// One convolution of a pyramid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Branch {
    /// Of each pixel.
    Point,
    /// Of size 3, with so many pixels between its values.
    Dilated(usize),
    /// The same, split into one of each channel alone and one of each pixel.
    Separable(usize),
}

/// Atrous spatial pyramid pooling: branches side by side, then a 1x1 convolution of all of them.
///
/// # Source
/// Chen et al.: Rethinking atrous convolution for semantic image segmentation (2017). Names and order are those of
/// segmentation_models.pytorch: branches as planned, the mean of the map last. The mean is stretched by repetition,
/// which is what any interpolation of one pixel gives. With instance normalisation the mean is not normalised: one
/// pixel has no variance.
#[derive(Module, Debug)]
pub struct Aspp {
    convs: Vec<Part>,
    eca: Option<Eca>,
    project: Sequence,
    #[module(skip)]
    style: Style,
}

#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a few of them a network; modules have no boxes")]
enum Part {
    Whole(Sequence),
    Separable((SeparableConv, Option<Norm>)),
    Pool((Weightless, Conv2d, Option<Norm>)),
}

/// A convolution of each channel alone, and one of each pixel: `0` and `1`. Neither has a bias.
pub type SeparableConv = (Conv2d, Conv2d);

/// A separable convolution of size 3 of zeros.
pub fn separable_conv([input, output]: [usize; 2], dilation: usize, device: &Device) -> SeparableConv {
    let window = Window::SAME.dilated(dilation).grouped(input);
    let each = Conv2d::with([input; 2], [3; 2], window, Bias::Absent, device);
    (each, Conv2d::new([input, output], 1, Bias::Absent, device))
}

/// Convolves each channel, then each pixel; nothing stands between the two.
pub fn separated((each, point): &SeparableConv, x: Tensor<4>, pass: &mut Pass) -> Tensor<4> {
    let x = each.forward(x, pass);
    point.forward(x, pass)
}

impl Aspp {
    /// A pyramid of zeros.
    pub fn new(plan: &AsppPlan, device: &Device) -> Self {
        let AsppPlan { input, width, style, .. } = *plan;
        let branch = |branch: &Branch| match *branch {
            Branch::Point => Part::Whole(style.sequence([input, width], 1, Window::SAME, device)),
            Branch::Dilated(rate) => Part::Whole(style.sequence([input, width], 3, Window::SAME.dilated(rate), device)),
            Branch::Separable(rate) => {
                Part::Separable((separable_conv([input, width], rate, device), style.norm(width, device)))
            }
        };
        let mut convs: Vec<Part> = plan.branches.iter().map(branch).collect();
        if plan.image_pool {
            let norm = if style.norm == NormKind::Instance { NormKind::None } else { style.norm };
            let (conv, norm) = Style { norm, ..style }.sequence([input, width], 1, Window::SAME, device);
            convs.push(Part::Pool((Weightless, conv, norm)));
        }
        let project = style.sequence([convs.len() * width, width], 1, Window::SAME, device);
        Self { convs, eca: None, project, style }
    }

    /// With attention over the channels of all branches, before they are joined.
    pub fn with_attention(self, kernel: Option<usize>, device: &Device) -> Self {
        let (conv, _) = &self.project;
        Self { eca: Some(Eca::new(conv.channels()[0], kernel, device)), ..self }
    }

    /// # Shapes
    /// `[batch, in, height, width]` to `[batch, out, height, width]`.
    pub fn forward(&self, x: &Tensor<4>, pass: &mut Pass) -> Tensor<4> {
        let [batch, _, height, width] = x.dims();
        let mut parts = Vec::with_capacity(self.convs.len());
        for part in &self.convs {
            let input = x.clone();
            parts.push(match part {
                Part::Whole(conv) => self.style.run(conv, input, pass),
                Part::Separable((conv, norm)) => {
                    let x = separated(conv, input, pass);
                    self.style.activation.after(norm.as_ref(), x, pass)
                }
                Part::Pool((_, conv, norm)) => {
                    let mean = conv.forward(global_mean(input), pass); // [batch, c, 1, 1]
                    let mean = self.style.activation.after(norm.as_ref(), mean, pass);
                    let [_, channels, _, _] = mean.dims();
                    // Stretched before it is rounded: the way back is a sum over all pixels.
                    like(mean.expand([batch, channels, height, width]), x)
                }
            });
        }
        let x = Tensor::cat(parts, 1); // [batch, branches * c, height, width]
        let x = match &self.eca {
            Some(eca) => eca.forward(x, pass),
            None => x,
        };
        self.style.run(&self.project, x, pass)
    }
}
