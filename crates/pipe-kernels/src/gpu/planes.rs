//! A tensor as its kernels see it: samples, channels, positions.
//! Does not know what is computed.

use burn::tensor::Shape;
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::{permute_nchw_to_nhwc, permute_nhwc_to_nchw};
use burn_cubecl::tensor::CubeTensor;
use cubecl::client::Client;
use cubecl::prelude::*;
use cubecl::zspace::metadata::Metadata;

/// Units of a cube; a power of two.
pub(super) const UNITS: u32 = 256;
/// Cubes that fill a large card several times over. A constant, so that sums do not depend on the card.
pub(super) const CUBES: usize = 2048;
/// Most values that a unit reads at once.
const WIDEST: usize = 4;

/// Which axis lies closest in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Nearest {
    /// Channels, as convolutions leave them.
    Channels,
    /// Positions.
    Positions,
}

/// A view `[samples, channels, positions]`.
pub(super) struct Planes {
    pub(super) tensor: CubeTensor,
    pub(super) nearest: Nearest,
}

impl Planes {
    /// Views a tensor `[samples, channels, ..]`, and rearranges it only where no view exists.
    pub(super) fn of(tensor: CubeTensor) -> Self {
        let shape: Vec<usize> = tensor.meta.shape().to_vec();
        let strides: Vec<usize> = tensor.meta.strides().to_vec();
        let (samples, channels) = (shape[0], shape[1]);
        let positions: usize = shape[2..].iter().product();
        // Strides of axes of length one mean nothing.
        let axes: Vec<usize> = (2..shape.len()).filter(|axis| shape[*axis] > 1).collect();
        let joined = axes.windows(2).all(|pair| strides[pair[0]] == strides[pair[1]] * shape[pair[1]]);
        let apart = axes.last().map_or(1, |axis| strides[*axis]);
        let (near_channel, near_position) = (strides[1] == 1 || channels == 1, apart == 1 || positions == 1);
        if joined && (near_channel || near_position) && axes.iter().all(|axis| strides[*axis] > 0) {
            // Where both hold, the longer axis fills the units better.
            let by_channel = near_channel && (!near_position || channels >= positions);
            let mut tensor = tensor;
            let near = [strides[0], if near_channel { 1 } else { strides[1] }, apart];
            *tensor.meta = Metadata::new(Shape::new([samples, channels, positions]), near);
            return Self { tensor, nearest: if by_channel { Nearest::Channels } else { Nearest::Positions } };
        }
        Self::of(permute_nhwc_to_nchw(into_contiguous(permute_nchw_to_nhwc(tensor))))
    }

    /// Brings the channels closest in memory.
    pub(super) fn by_channel(self) -> Self {
        if self.nearest == Nearest::Channels {
            return self;
        }
        let tensor = permute_nhwc_to_nchw(into_contiguous(permute_nchw_to_nhwc(self.tensor)));
        Self { tensor, nearest: Nearest::Channels }
    }

    /// Views a tensor with its channels closest in memory, as `[samples, .., channels]`.
    pub(super) fn channels_last(tensor: CubeTensor) -> CubeTensor {
        let tensor = permute_nchw_to_nhwc(tensor);
        let near = tensor.meta.strides()[tensor.meta.num_dims() - 1] == 1;
        if near { tensor } else { into_contiguous(tensor) }
    }

    pub(super) fn sizes(&self) -> [usize; 3] {
        let shape = self.tensor.meta.shape();
        [shape[0], shape[1], shape[2]]
    }

    /// How many values a unit may read at once.
    pub(super) fn width(&self) -> usize {
        let ([_, channels, positions], strides) = (self.sizes(), self.tensor.meta.strides());
        let (along, across) = match self.nearest {
            Nearest::Channels => (channels, [strides[0], strides[2]]),
            Nearest::Positions => (positions, [strides[0], strides[1]]),
        };
        let fits = |width: usize| along % width == 0 && across.iter().all(|stride| stride % width == 0);
        [WIDEST, 2].into_iter().find(|width| fits(*width)).unwrap_or(1)
    }
}

/// Cuts `count` things of work into parts of equal length, as many as fill the cubes; depends on shapes alone.
pub(super) fn parts(count: usize, cubes: usize, fewest: usize) -> usize {
    (CUBES / cubes.max(1)).clamp(1, count.div_ceil(fewest).max(1))
}

/// The cube that is as deep as `UNITS` allows beside `lanes` channels.
pub(super) fn cube(lanes: usize) -> CubeDim {
    let lanes = u32::try_from(lanes.next_power_of_two()).map_or(32, |lanes| lanes.min(32));
    CubeDim::new_2d(lanes, UNITS / lanes)
}

/// Number of cubes along one axis.
pub(super) fn count(value: usize) -> u32 {
    u32::try_from(value).expect("far fewer cubes than a card can count")
}

/// Addresses that reach every value of the tensors.
pub(super) fn addresses(tensors: &[&CubeTensor]) -> AddressType {
    tensors.iter().map(|tensor| tensor.required_address_type()).max().unwrap_or_default()
}

/// A tensor of single precision that nothing has written to.
pub(super) fn blank(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    let client: Client = like.client.clone();
    let device = like.device.clone();
    burn_cubecl::ops::numeric::empty_device_contiguous_dtype(client, device, shape.into(), burn::tensor::DType::F32)
}
