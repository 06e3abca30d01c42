"""Networks of segmentation_models_pytorch, with encoders as narrow as one likes. Keyword arguments are the settings."""

import math

import segmentation_models_pytorch as smp
from segmentation_models_pytorch.base import SegmentationHead
from segmentation_models_pytorch.encoders import encoders
from segmentation_models_pytorch.encoders._efficientnet import EfficientNet, get_model_params
from segmentation_models_pytorch.encoders.efficientnet import EfficientNetEncoder
from segmentation_models_pytorch.encoders.mobilenet import MobileNetV2Encoder
from segmentation_models_pytorch.encoders.resnet import ResNetEncoder
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck

RESNETS = {
    "resnet18": (BasicBlock, [2, 2, 2, 2]),
    "resnet34": (BasicBlock, [3, 4, 6, 3]),
    "resnet50": (Bottleneck, [3, 4, 6, 3]),
}


class NarrowResNet(ResNetEncoder):
    """torchvision's ResNet with another width than 64; made of its own layers."""

    def __init__(self, block, layers, width, depth=5, output_stride=32):
        nn.Module.__init__(self)
        self._norm_layer, self.groups, self.base_width, self.dilation = nn.BatchNorm2d, 1, 64, 1
        self.inplanes = width
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1, self.relu = nn.BatchNorm2d(width), nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for level, blocks in enumerate(layers):
            setattr(self, f"layer{level + 1}", self._make_layer(block, width << level, blocks, 1 if level == 0 else 2))
        self._depth, self._in_channels, self._output_stride = depth, 3, output_stride
        self._out_channels = [3, width] + [(width << level) * block.expansion for level in range(4)]


class NarrowMobileNet(MobileNetV2Encoder):
    def __init__(self, width, depth=5, output_stride=32):
        super().__init__(out_channels=[], depth=depth, output_stride=output_stride, width_mult=width)
        self._out_channels = [3] + [self.features[index].out_channels for index in self._out_indexes[:-1]]
        self._out_channels.append(self.features[-1][0].out_channels)


class NarrowEfficientNet(EfficientNetEncoder):
    def __init__(self, variant, width, depth_coefficient, depth=5, output_stride=32):
        changes = {"width_coefficient": width, "depth_coefficient": depth_coefficient}
        changes = {key: value for key, value in changes.items() if value is not None}
        blocks, parameters = get_model_params(variant, override_params=changes)
        EfficientNet.__init__(self, blocks, parameters)
        repeats = [math.ceil(parameters.depth_coefficient * block.num_repeat) for block in blocks]
        self._out_indexes = [sum(repeats[:groups]) - 1 for groups in (2, 3, 5, 7)]
        if variant == "efficientnet-b0":
            # smp takes block 8 of B0: the first of its group, not the last as in B1.
            self._out_indexes[2] = sum(repeats[:4])
        taps = [self._blocks[index]._bn2.num_features for index in self._out_indexes]
        self._out_channels = [3, self._bn0.num_features] + taps
        self._depth, self._in_channels, self._output_stride = depth, 3, output_stride
        self._drop_connect_rate = parameters.drop_connect_rate
        del self._fc


def encoder_name(encoder):
    """Registers the encoder with its settings and gives its name; the standard ones stay smp's own."""
    ((name, settings),) = encoder.items()
    settings = {key: value for key, value in settings.items() if value is not None}
    if not settings:
        return name.replace("efficientnet_", "efficientnet-")
    if name in RESNETS:
        block, layers = RESNETS[name]
        entry = (NarrowResNet, {"block": block, "layers": layers, **settings})
    elif name == "mobilenet_v2":
        entry = (NarrowMobileNet, settings)
    else:
        variant = name.replace("_", "-")
        entry = (
            NarrowEfficientNet,
            {"variant": variant, "width": settings.get("width"), "depth_coefficient": settings.get("depth")},
        )
    encoders["narrow"] = {"encoder": entry[0], "params": entry[1], "pretrained_settings": {}}
    return "narrow"


def unet(
    kind,
    in_channels=1,
    out_channels=1,
    encoder=None,
    decoder_widths=(256, 128, 64, 32, 16),
    norm="batch",
    epsilon=1e-5,
    momentum=0.1,
    attention="none",
    up="nearest",
    head_kernel=3,
    init="pytorch",
):
    """`encoder_unet` and `encoder_unet_plus_plus`; epsilon and momentum are the decoder's."""
    use_norm = {"type": "batchnorm", "eps": epsilon, "momentum": momentum} if norm == "batch" else False
    model = kind(
        encoder_name(encoder or {"resnet34": {}}),
        encoder_weights=None,
        in_channels=in_channels,
        classes=out_channels,
        decoder_channels=list(decoder_widths),
        decoder_use_norm=use_norm,
        decoder_attention_type=None if attention == "none" else attention,
        decoder_interpolation=up,
    )
    model.segmentation_head = SegmentationHead(decoder_widths[-1], out_channels, kernel_size=head_kernel)
    return model


def encoder_unet(**settings):
    return unet(smp.Unet, **settings)


def encoder_unet_plus_plus(**settings):
    return unet(smp.UnetPlusPlus, **settings)


def deeplab(
    kind,
    in_channels=1,
    out_channels=1,
    encoder=None,
    output_stride=8,
    width=256,
    rates=(12, 24, 36),
    separable=False,
    skip_width=48,
    dropout=0.5,
    head_kernel=1,
    align_corners=True,
    epsilon=1e-5,
    momentum=0.1,
    init="pytorch",
):
    model = kind(
        encoder_name(encoder or {"resnet34": {}}),
        encoder_weights=None,
        encoder_output_stride=output_stride,
        in_channels=in_channels,
        classes=out_channels,
        decoder_channels=width,
        decoder_atrous_rates=rates,
        decoder_aspp_separable=separable,
        decoder_aspp_dropout=dropout,
    )
    by = output_stride if kind is smp.DeepLabV3 else 4
    model.segmentation_head = SegmentationHead(width, out_channels, kernel_size=head_kernel, upsampling=by)
    if skip_width != 48:
        block1, block2 = model.decoder.block1, model.decoder.block2
        block1[0] = nn.Conv2d(block1[0].in_channels, skip_width, 1, bias=False)
        block1[1] = nn.BatchNorm2d(skip_width)
        joined = skip_width + width
        block2[0][0] = nn.Conv2d(joined, joined, 3, padding=1, groups=joined, bias=False)
        block2[0][1] = nn.Conv2d(joined, width, 1, bias=False)
    for module in [*model.decoder.modules(), *model.segmentation_head.modules()]:
        if isinstance(module, nn.BatchNorm2d):
            module.eps, module.momentum = epsilon, momentum
        if isinstance(module, nn.Upsample):
            module.align_corners = align_corners
    return model


def deeplabv3(**settings):
    return deeplab(smp.DeepLabV3, **settings)


def deeplabv3_plus(output_stride=16, separable=True, **settings):
    return deeplab(smp.DeepLabV3Plus, output_stride=output_stride, separable=separable, **settings)
