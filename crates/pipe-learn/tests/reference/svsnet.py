"""SVS-net (Hao et al. 2020), from the description of its Keras code. Keyword arguments are the settings."""

import torch
from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    def __init__(self, conv, norm, channels):
        super().__init__()
        self.main = nn.Sequential(conv(channels), norm(channels), nn.ReLU(), conv(channels), norm(channels))

    def forward(self, x):
        return F.relu(self.main(x) + x)


class Attention3d(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv3d(channels, channels, 1), nn.ReLU(), nn.Conv3d(channels, channels, 1), nn.Sigmoid()
        )

    def forward(self, x):
        return x * self.net(x.amax((2, 3, 4), keepdim=True))


class Fusion(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 1), nn.ReLU(), nn.Conv2d(channels, channels, 1), nn.Sigmoid()
        )

    def forward(self, low, high):
        return low * self.net(torch.cat([low, high], 1).mean((2, 3), keepdim=True)) + high


class SvsNet(nn.Module):
    def __init__(
        self,
        in_channels=1,
        out_channels=1,
        frames=4,
        label=None,
        widths=(8, 16, 32, 64, 128, 256, 512),
        bias=True,
        epsilon=1e-3,
        momentum=0.01,
        dropout=0.5,
        skip_attention=True,
        fusion_attention=True,
        init="glorot",
    ):
        super().__init__()

        def conv3(channels):
            return nn.Conv3d(channels, channels, 3, padding=1, bias=bias)

        def conv2(channels):
            return nn.Conv2d(channels, channels, 3, padding=1, bias=bias)

        def bn3(channels):
            return nn.BatchNorm3d(channels, epsilon, momentum)

        def bn2(channels):
            return nn.BatchNorm2d(channels, epsilon, momentum)

        def fused(channels):
            return nn.Conv3d(channels, channels, (frames, 1, 1))

        steps = list(zip(widths, widths[1:]))
        self.conv0 = nn.Conv3d(in_channels, widths[0], 1)
        self.encoder = nn.ModuleList(Residual(conv3, bn3, width) for width in widths[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv3d(i, o, 2, stride=(1, 2, 2), bias=bias), bn3(o), nn.ReLU()) for i, o in steps
        )
        self.skip = nn.ModuleList(fused(width) for width in widths[:-1])
        self.skip_attention = Attention3d(widths[-2]) if skip_attention else nn.Identity()
        self.bottleneck = fused(widths[-1])
        steps.reverse()
        self.up = nn.ModuleList(nn.Sequential(nn.Conv2d(i, o, 2, bias=bias), bn2(o), nn.ReLU()) for o, i in steps)
        self.fusion = nn.ModuleList(Fusion(o) if fusion_attention else None for o, _ in steps)
        self.decoder = nn.ModuleList(Residual(conv2, bn2, o) for o, _ in steps)
        self.head = nn.Conv2d(widths[0], out_channels, 1)
        self.dropout = nn.Dropout3d(dropout)

    def forward(self, x):
        x, skips = self.conv0(x), []
        for level, (block, down, skip) in enumerate(zip(self.encoder, self.down, self.skip)):
            x = block(x)
            is_last = level + 1 == len(self.encoder)
            skips.append(skip(self.skip_attention(x) if is_last else x)[:, :, 0])
            x = self.dropout(x) if level + 2 >= len(self.encoder) else x
            # Kernels of size 2 pad behind only. Time is padded, too; rows and columns are even.
            x = down(F.pad(x, (0, 0, 0, 0, 0, 1)))
        x = self.bottleneck(x)[:, :, 0]
        for up, fusion, block in zip(self.up, self.fusion, self.decoder):
            high = up(F.pad(F.interpolate(x, scale_factor=2), (0, 1, 0, 1)))
            low = skips.pop()
            x = block(fusion(low, high) if fusion else low + high)
        return self.head(x)
