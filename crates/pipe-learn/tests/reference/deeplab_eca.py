"""DeepLabV3+ with MobileNetV2 and efficient channel attention. Keyword arguments are the settings."""

import math

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import MobileNetV2


def dilated(features, rate):
    """Takes the stride from each 3x3 convolution; the one that had it gets half the dilation of the others."""
    for module in features.modules():
        if isinstance(module, nn.Conv2d):
            if module.stride == (2, 2):
                module.stride, each = (1, 1), rate // 2
            else:
                each = rate
            if module.kernel_size == (3, 3):
                module.dilation = module.padding = (each, each)


class Eca(nn.Module):
    """Wang et al. 2020: a convolution over neighbouring channels of the mean weighs the channels."""

    def __init__(self, channels, kernel):
        super().__init__()
        if kernel is None:
            kernel = int(abs((math.log2(channels) + 1) / 2))
            kernel += 1 - kernel % 2
        self.conv = nn.Conv1d(1, 1, kernel, padding=(kernel - 1) // 2, bias=False)

    def forward(self, x):
        weight = self.conv(x.mean((2, 3))[:, None])[:, 0]
        return x * torch.sigmoid(weight)[:, :, None, None]


class DeepLabEca(nn.Module):
    def __init__(
        self,
        in_channels=3,
        out_channels=2,
        encoder_width=1.0,
        output_stride=16,
        eca_skip=True,
        eca_aspp=True,
        eca_kernel=None,
        width=256,
        rates=None,
        skip_width=48,
        bias=True,
        dropout=(0.5, 0.1),
        align_corners=True,
        epsilon=1e-5,
        momentum=0.1,
        init="he",
    ):
        super().__init__()
        self.align_corners = align_corners
        features = MobileNetV2(width_mult=encoder_width).features[:-1]
        if in_channels != 3:
            features[0][0] = nn.Conv2d(in_channels, features[0][0].out_channels, 3, 2, 1, bias=False)
        if output_stride == 8:
            dilated(features[7:14], 2)
            dilated(features[14:], 4)
        else:
            dilated(features[14:], 2)
        rates = rates or [rate * 16 // output_stride for rate in (6, 12, 18)]

        def conv(inputs, outputs, kernel=1, dilation=1):
            convolution = nn.Conv2d(
                inputs, outputs, kernel, padding=kernel // 2 * dilation, dilation=dilation, bias=bias
            )
            return nn.Sequential(convolution, nn.BatchNorm2d(outputs, epsilon, momentum), nn.ReLU())

        low, deep = features[3].out_channels, features[-1].out_channels
        self.encoder = nn.ModuleDict({"features": features})
        self.branches = nn.ModuleList([conv(deep, width)] + [conv(deep, width, 3, rate) for rate in rates])
        self.pool = conv(deep, width)
        joined = (len(rates) + 2) * width
        self.eca_aspp = Eca(joined, eca_kernel) if eca_aspp else nn.Identity()
        self.project = conv(joined, width)
        self.eca_skip = Eca(low, eca_kernel) if eca_skip else nn.Identity()
        self.shortcut = conv(low, skip_width)
        self.refine = nn.Sequential(
            conv(width + skip_width, width, 3), nn.Dropout(dropout[0]), conv(width, width, 3), nn.Dropout(dropout[1])
        )
        self.head = nn.Conv2d(width, out_channels, 1)

    def stretched(self, x, like):
        return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=self.align_corners)

    def forward(self, image):
        features = self.encoder["features"]
        low = features[:4](image)
        x = features[4:](low)
        pooled = self.pool(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        x = torch.cat([branch(x) for branch in self.branches] + [pooled], 1)
        x = self.project(self.eca_aspp(x))
        low = self.shortcut(self.eca_skip(low))
        x = self.refine(torch.cat([self.stretched(x, low), low], 1))
        return self.stretched(self.head(x), image)
