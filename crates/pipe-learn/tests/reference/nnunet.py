"""nnU-Net's networks, from dynamic_network_architectures. Keyword arguments are the settings."""

from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "silu": nn.SiLU, "gelu": nn.GELU}


def common(
    dimensions=2,
    in_channels=1,
    out_channels=2,
    widths=None,
    stages=None,
    kernels=None,
    strides=None,
    decoder_convolutions=2,
    norm="instance",
    epsilon=1e-5,
    momentum=0.1,
    bias=True,
    activation="leaky_relu",
    slope=0.01,
    deep_supervision=True,
    init="he",
):
    stages = len(widths) if widths else stages or (8 if dimensions == 2 else 6)
    widths = widths or [min(32 << stage, 512 if dimensions == 2 else 320) for stage in range(stages)]
    kernels = kernels or [[3] * dimensions] * stages
    strides = strides or [[1 if stage == 0 else 2] * dimensions for stage in range(stages)]
    norms = {
        "instance": (nn.InstanceNorm2d, nn.InstanceNorm3d, {"eps": epsilon, "affine": True}),
        "batch": (nn.BatchNorm2d, nn.BatchNorm3d, {"eps": epsilon, "momentum": momentum}),
        "none": (None, None, None),
    }[norm]
    return {
        "input_channels": in_channels,
        "n_stages": stages,
        "features_per_stage": widths,
        "conv_op": nn.Conv2d if dimensions == 2 else nn.Conv3d,
        "kernel_sizes": kernels,
        "strides": strides,
        "num_classes": out_channels,
        "n_conv_per_stage_decoder": decoder_convolutions,
        "conv_bias": bias or norm == "none",
        "norm_op": norms[dimensions - 2],
        "norm_op_kwargs": norms[2],
        "nonlin": ACTIVATIONS[activation],
        "nonlin_kwargs": {"negative_slope": slope} if activation == "leaky_relu" else {},
        # The heads exist all the same; the first output is the same, too.
        "deep_supervision": False,
    }


def nnunet(convolutions=2, encoder_convolutions=None, **settings):
    return PlainConvUNet(n_conv_per_stage=encoder_convolutions or convolutions, **common(**settings))


def nnunet_residual(blocks=None, decoder_convolutions=1, **settings):
    arguments = common(decoder_convolutions=decoder_convolutions, **settings)
    stages = arguments["n_stages"]
    blocks = blocks or ([1, 3, 4, 6, 6, 6] + [6] * stages)[:stages]
    return ResidualEncoderUNet(n_blocks_per_stage=blocks, **arguments)
