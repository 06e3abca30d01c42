"""ResUNet++ (Jha et al. 2019), from the description of its PyTorch code. Keyword arguments are the settings."""

import torch
from torch import nn

from blocks import Stretch


class Squeeze(nn.Module):
    def __init__(self, channels, reduction):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(channels, channels // reduction, bias=False),
            nn.ReLU(),
            nn.Linear(channels // reduction, channels, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return x * self.net(x.mean((2, 3)))[:, :, None, None]


class ResUNetPlusPlus(nn.Module):
    def __init__(
        self,
        in_channels=3,
        out_channels=1,
        widths=(16, 32, 64, 128, 256),
        rates=(1, 6, 12, 18),
        squeeze=True,
        reduction=8,
        attention=True,
        norm="batch",
        epsilon=1e-5,
        momentum=0.1,
        bias=True,
        up="nearest",
        init="he",
    ):
        super().__init__()
        assert norm == "batch"

        def conv(inputs, outputs, kernel=3, stride=1, dilation=1, before_norm=True):
            padding = kernel // 2 * dilation
            has_bias = bias or not before_norm
            return nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=has_bias)

        def bn(channels):
            return nn.BatchNorm2d(channels, eps=epsilon, momentum=momentum)

        class Block(nn.Module):
            def __init__(self, inputs, outputs, stride, is_stem=False):
                super().__init__()
                before = [] if is_stem else [bn(inputs), nn.ReLU()]
                first = conv(inputs, outputs, stride=stride)
                last = conv(outputs, outputs, before_norm=False)
                self.main = nn.Sequential(*before, first, bn(outputs), nn.ReLU(), last)
                self.shortcut = nn.Sequential(conv(inputs, outputs, 1, stride), bn(outputs))
                self.squeeze = Squeeze(outputs, reduction) if squeeze else nn.Identity()

            def forward(self, x):
                return self.squeeze(self.main(x) + self.shortcut(x))

        class Pyramid(nn.Module):
            def __init__(self, inputs, outputs):
                super().__init__()
                branch = lambda rate: nn.Sequential(conv(inputs, outputs, dilation=rate), bn(outputs))  # noqa: E731
                self.branches = nn.ModuleList(branch(rate) for rate in rates)
                self.out = conv(outputs, outputs, 1, before_norm=False)

            def forward(self, x):
                return self.out(sum(branch(x) for branch in self.branches))

        class Attention(nn.Module):
            def __init__(self, skip, channels):
                super().__init__()
                part = lambda c: [bn(c), nn.ReLU(), conv(c, channels, before_norm=False)]  # noqa: E731
                self.g = nn.Sequential(*part(skip), nn.MaxPool2d(2))
                self.x = nn.Sequential(*part(channels))
                self.sum = nn.Sequential(*part(channels))

            def forward(self, g, x):
                return self.sum(self.g(g) + self.x(x)) * x

        class Decoder(nn.Module):
            def __init__(self, skip, inputs, outputs):
                super().__init__()
                self.attention = Attention(skip, inputs) if attention else None
                self.up = Stretch(up)
                self.block = Block(skip + inputs, outputs, 1)

            def forward(self, skip, x):
                x = self.attention(skip, x) if self.attention else x
                return self.block(torch.cat([self.up(x), skip], 1))

        a, b, c, d, e = widths
        self.encoder = nn.ModuleList([Block(in_channels, a, 1, True), Block(a, b, 2), Block(b, c, 2), Block(c, d, 2)])
        self.bridge = Pyramid(d, e)
        self.decoder = nn.ModuleList([Decoder(c, e, d), Decoder(b, d, c), Decoder(a, c, b)])
        self.pyramid = Pyramid(b, a)
        self.head = nn.Conv2d(a, out_channels, 1)

    def forward(self, x):
        kept = []
        for block in self.encoder:
            x = block(x)
            kept.append(x)
        x = self.bridge(x)
        for skip, block in zip(reversed(kept[:-1]), self.decoder):
            x = block(skip, x)
        return self.head(self.pyramid(x))
