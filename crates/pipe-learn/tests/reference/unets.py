"""U-Net, U-Net++, Attention U-Net and an encoder-decoder, from their papers. Keyword arguments are the settings."""

import torch
from torch import nn
from torch.nn import functional as F

from blocks import Stretch, Style, cropped, doubling, mean_as_logits


class UNet(nn.Module):
    """Ronneberger et al. 2015; with `bilinear` and `nearest` the level below gives half of its channels (milesial)."""

    def __init__(
        self,
        in_channels=1,
        out_channels=1,
        width=64,
        depth=4,
        widths=None,
        norm="batch",
        epsilon=1e-5,
        momentum=0.1,
        bias=True,
        activation="relu",
        slope=0.01,
        up="transposed",
        padding="same",
        dropout=0.0,
        init="he",
    ):
        super().__init__()
        widths = widths or [width << level for level in range(depth + 1)]
        depth = len(widths) - 1
        style = Style(norm, epsilon, momentum, bias, activation, slope, padding)
        halves = up != "transposed"
        given = [c // 2 if halves and level > 0 else c for level, c in enumerate(widths)]
        self.encoder = nn.ModuleList(style.double(i, o) for i, o in zip([in_channels] + widths, widths[:-1]))
        self.bottom = style.double(widths[-2], given[-1])
        self.dropout = nn.Dropout(dropout)
        self.up, self.decoder = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(depth)):
            self.up.append(doubling(up, (widths[level + 1], widths[level])))
            below = given[level + 1] if halves else widths[level]
            self.decoder.append(style.double(widths[level] + below, given[level], widths[level]))
        self.head = nn.Conv2d(widths[0], out_channels, 1)

    def forward(self, x):
        skips = []
        for level in self.encoder:
            skips.append(level(x))
            x = F.max_pool2d(skips[-1], 2)
        x = self.dropout(self.bottom(x))
        for up, level in zip(self.up, self.decoder):
            x = up(x)
            x = level(torch.cat([cropped(skips.pop(), x), x], 1))
        return self.head(x)


class UNetPlusPlus(nn.Module):
    """Zhou et al. 2018; `bilinear` as in 4uiiurz1/pytorch-nested-unet."""

    def __init__(
        self,
        in_channels=1,
        out_channels=1,
        width=32,
        depth=4,
        norm="none",
        epsilon=1e-5,
        momentum=0.1,
        bias=True,
        activation="relu",
        slope=0.01,
        up="transposed",
        deep_supervision=False,
        output="last",
        init="he",
    ):
        super().__init__()
        style = Style(norm, epsilon, momentum, bias, activation, slope)
        widths = [width << level for level in range(depth + 1)]
        self.depth, self.output = depth, output
        self.nodes, self.up = nn.ModuleDict(), nn.ModuleDict()
        for i in range(depth + 1):
            self.nodes[f"{i}_0"] = style.double(in_channels if i == 0 else widths[i - 1], widths[i])
        for j in range(1, depth + 1):
            for i in range(depth + 1 - j):
                self.up[f"{i}_{j}"] = doubling(up, (widths[i + 1], widths[i]))
                below = widths[i] if up == "transposed" else widths[i + 1]
                self.nodes[f"{i}_{j}"] = style.double(j * widths[i] + below, widths[i])
        heads = range(1, depth + 1) if deep_supervision else [depth]
        self.heads = nn.ModuleDict({str(j): nn.Conv2d(widths[0], out_channels, 1) for j in heads})

    def forward(self, x):
        last = self.output["head"] if isinstance(self.output, dict) else self.depth
        grid = {}
        for total in range(last + 1):
            for j in range(total + 1):
                i = total - j
                if j == 0:
                    node = x if i == 0 else F.max_pool2d(grid[i - 1, 0], 2)
                else:
                    up = self.up[f"{i}_{j}"](grid[i + 1, j - 1])
                    node = torch.cat([grid[i, k] for k in range(j)] + [up], 1)
                grid[i, j] = self.nodes[f"{i}_{j}"](node)
        if self.output == "mean":
            return mean_as_logits([head(grid[0, int(j)]) for j, head in self.heads.items()])
        return self.heads[str(last)](grid[0, last])


class Gate(nn.Module):
    """Oktay et al. 2018: the up-sampled map tells which places of the skip to keep."""

    def __init__(self, skip, middle, style):
        super().__init__()
        self.w_g = style.conv(skip, middle, 1, act=False)
        self.w_x = style.conv(skip, middle, 1, act=False)
        self.psi = style.conv(middle, 1, 1, act=False)
        self.act = style.act()

    def forward(self, g, x):
        return x * torch.sigmoid(self.psi(self.act(self.w_g(g) + self.w_x(x))))


class AttentionUNet(nn.Module):
    """Oktay et al. 2018 as in LeeJunHyun/Image_Segmentation."""

    def __init__(
        self,
        in_channels=1,
        out_channels=1,
        width=64,
        depth=4,
        norm="batch",
        epsilon=1e-5,
        momentum=0.1,
        bias=True,
        activation="relu",
        slope=0.01,
        up="nearest",
        gate=None,
        attention=True,
        init="he",
    ):
        super().__init__()
        style = Style(norm, epsilon, momentum, bias, activation, slope)
        widths = [width << level for level in range(depth + 1)]
        self.encoder = nn.ModuleList(style.double(i, o) for i, o in zip([in_channels] + widths, widths))
        self.up, self.gates, self.decoder = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(depth)):
            below, skip = widths[level + 1], widths[level]
            stretched = nn.Sequential(Stretch(up), style.conv(below, skip)) if up != "transposed" else None
            self.up.append(stretched or doubling(up, (below, skip)))
            self.gates.append(Gate(skip, gate or skip // 2, style) if attention else nn.Identity())
            self.decoder.append(style.double(2 * skip, skip))
        self.attention = attention
        self.head = nn.Conv2d(widths[0], out_channels, 1)

    def forward(self, x):
        skips = []
        for index, level in enumerate(self.encoder):
            x = level(F.max_pool2d(x, 2) if index else x)
            skips.append(x)
        skips.pop()
        for up, gate, level in zip(self.up, self.gates, self.decoder):
            x, skip = up(x), skips.pop()
            skip = gate(x, skip) if self.attention else skip
            x = level(torch.cat([skip, x], 1))
        return self.head(x)


class EncoderDecoder(nn.Module):
    """An encoder that halves, spatial pyramid pooling, a decoder that doubles; a choice of our own."""

    def __init__(
        self,
        in_channels=1,
        out_channels=1,
        widths=(32, 64, 128, 256),
        aspp_width=256,
        rates=(1, 6, 12, 18),
        image_pool=True,
        norm="batch",
        epsilon=1e-5,
        momentum=0.1,
        bias=True,
        activation="relu",
        slope=0.01,
        up="bilinear",
        align_corners=True,
        skips=False,
        init="he",
    ):
        super().__init__()
        widths, self.skips = list(widths), skips
        style = Style(norm, epsilon, momentum, bias, activation, slope)
        self.encoder = nn.ModuleList(style.double(i, o) for i, o in zip([in_channels] + widths, widths))
        self.branches = nn.ModuleList(style.conv(widths[-1], aspp_width, 1 if rate == 1 else 3, rate) for rate in rates)
        # A single pixel has no variance, so instance normalisation is left out there.
        self.pool = style.conv(widths[-1], aspp_width, 1, norm=norm != "instance") if image_pool else None
        self.project = style.conv((len(rates) + image_pool) * aspp_width, aspp_width, 1)
        self.up, self.decoder = nn.ModuleList(), nn.ModuleList()
        below = aspp_width
        for width in reversed(widths):
            self.up.append(doubling(up, (below, below), align_corners))
            self.decoder.append(style.double(below + (width if skips else 0), width))
            below = width
        self.head = nn.Conv2d(widths[0], out_channels, 1)

    def forward(self, x):
        kept = []
        for level in self.encoder:
            kept.append(level(x))
            x = F.max_pool2d(kept[-1], 2)
        branches = [branch(x) for branch in self.branches]
        if self.pool is not None:
            branches.append(self.pool(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:]))
        x = self.project(torch.cat(branches, 1))
        for up, level in zip(self.up, self.decoder):
            x, skip = up(x), kept.pop()
            x = level(torch.cat([skip, x], 1) if self.skips else x)
        return self.head(x)
