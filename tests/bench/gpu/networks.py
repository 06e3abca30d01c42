"""The timed networks in PyTorch, by name: the same layers, maps and numbers of parameters as `pipe`'s with the settings of systems.txt.

The U-Net is that of ../parity, SVS-net that of the reference tests; DeepLabV3+ needs torchvision for its encoder alone.
"""

import pathlib
import sys

import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "parity"), str(HERE.parents[2] / "crates/pipe-learn/tests/reference")]


def unet(width=64):
    from unet import UNet

    return UNet(width=width)


def svsnet():
    from svsnet import SvsNet

    return SvsNet()


def separable(inputs, outputs, dilation=1):
    each = nn.Conv2d(inputs, inputs, 3, padding=dilation, dilation=dilation, groups=inputs, bias=False)
    return nn.Sequential(each, nn.Conv2d(inputs, outputs, 1, bias=False))


class Aspp(nn.Module):
    def __init__(self, inputs, width=256, rates=(12, 24, 36)):
        super().__init__()
        point = nn.Conv2d(inputs, width, 1, bias=False)
        convs = [point] + [separable(inputs, width, rate) for rate in rates]
        self.convs = nn.ModuleList(nn.Sequential(conv, nn.BatchNorm2d(width), nn.ReLU()) for conv in convs)
        pool = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.pool = nn.Sequential(*pool)
        project = nn.Conv2d((len(rates) + 2) * width, width, 1, bias=False)
        self.project = nn.Sequential(project, nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout(0.5))

    def forward(self, x):
        pooled = self.pool(x).expand(-1, -1, *x.shape[2:])
        return self.project(torch.cat([conv(x) for conv in self.convs] + [pooled], 1))


class DeepLabV3Plus(nn.Module):
    """As segmentation_models_pytorch makes it with MobileNetV2 at a sixteenth of the input."""

    def __init__(self, channels=1, width=256, skip_width=48):
        super().__init__()
        from torchvision.models import mobilenet_v2

        self.encoder = mobilenet_v2(weights=None).features
        self.encoder[0][0] = nn.Conv2d(channels, 32, 3, 2, 1, bias=False)
        for layer in self.encoder[14:].modules():
            if isinstance(layer, nn.Conv2d):
                layer.stride, layer.dilation = (1, 1), (2, 2)
                layer.padding = tuple(side // 2 * 2 for side in layer.kernel_size)
        self.aspp = nn.Sequential(Aspp(1280, width), separable(width, width), nn.BatchNorm2d(width), nn.ReLU())
        self.skip = nn.Sequential(nn.Conv2d(24, skip_width, 1, bias=False), nn.BatchNorm2d(skip_width), nn.ReLU())
        self.joined = nn.Sequential(separable(skip_width + width, width), nn.BatchNorm2d(width), nn.ReLU())
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, x):
        size, skip = x.shape[2:], None
        for number, layer in enumerate(self.encoder):
            x = layer(x)
            skip = x if number == 3 else skip
        x = F.interpolate(self.aspp(x), size=skip.shape[2:], mode="bilinear", align_corners=True)
        x = self.joined(torch.cat([x, self.skip(skip)], 1))
        return F.interpolate(self.head(x), size=size, mode="bilinear", align_corners=True)


def stage(inputs, outputs, stride=1):
    layers = []
    for number, channels in enumerate([inputs, outputs]):
        conv = nn.Conv3d(channels, outputs, 3, stride if number == 0 else 1, 1)
        layers += [conv, nn.InstanceNorm3d(outputs, affine=True), nn.LeakyReLU(0.01, inplace=True)]
    return nn.Sequential(*layers)


class NnUNet(nn.Module):
    """nnU-Net's plain network for volumes, six stages, with its further heads."""

    def __init__(self, widths=(32, 64, 128, 256, 320, 320)):
        super().__init__()
        inputs = [1, *widths]
        self.encoder = nn.ModuleList(stage(i, o, 1 if n == 0 else 2) for n, (i, o) in enumerate(zip(inputs, widths)))
        pairs = list(zip(widths[:0:-1], widths[-2::-1]))
        self.up = nn.ModuleList(nn.ConvTranspose3d(i, o, 2, 2) for i, o in pairs)
        self.decoder = nn.ModuleList(stage(2 * o, o) for _, o in pairs)
        self.heads = nn.ModuleList(nn.Conv3d(o, 1, 1) for _, o in pairs)

    def forward(self, x):
        skips = []
        for layer in self.encoder:
            x = layer(x)
            skips.append(x)
        x, maps = skips.pop(), []
        for up, layer, head in zip(self.up, self.decoder, self.heads):
            x = layer(torch.cat([up(x), skips.pop()], 1))
            maps.append(head(x) if self.training or not skips else None)
        maps.reverse()
        return maps if self.training else maps[0]


BUILD = {
    "unet": unet,
    "unet-small": lambda: unet(32),
    "svsnet": svsnet,
    "deeplab": DeepLabV3Plus,
    "nnunet": NnUNet,
}


def dice_with_cross_entropy(logits, target):
    """Dice over the batch with 1 added above and below, and binary cross-entropy."""
    logits = logits.float()
    p = torch.sigmoid(logits)
    dice = (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)
    return 1 - dice + F.binary_cross_entropy_with_logits(logits, target)


def loss_of(maps, target):
    """With further maps as nnU-Net weighs them: halves, nothing for the last, and the nearest pixel as the target."""
    if not isinstance(maps, list):
        return dice_with_cross_entropy(maps, target)
    shares = [0.5**at if at + 1 < len(maps) else 0.0 for at in range(len(maps))]
    total = 0
    for share, found in zip(shares, maps):
        if share:
            seen = F.interpolate(target, size=found.shape[2:], mode="nearest-exact")
            total = total + share / sum(shares) * dice_with_cross_entropy(found, seen)
    return total
