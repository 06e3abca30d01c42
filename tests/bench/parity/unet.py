"""The U-Net of parity.yaml in PyTorch: two 3x3 convolutions with batch normalisation a level, transposed convolutions up.

Parameters have the names that `pipe` gives them, so that one file of weights starts both.
"""

import torch
from torch import nn


class Level(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)))


class UNet(nn.Module):
    def __init__(self, channels=1, width=16, depth=4):
        super().__init__()
        widths = [width << level for level in range(depth + 1)]
        self.encoder = nn.ModuleList(Level(i, o) for i, o in zip([channels] + widths, widths[:-1]))
        self.bottom = Level(widths[-2], widths[-1])
        pairs = list(zip(widths[:0:-1], widths[-2::-1]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(i, o, 2, stride=2) for i, o in pairs)
        self.decoder = nn.ModuleList(Level(i, o) for i, o in pairs)
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, x):
        skips = []
        for level in self.encoder:
            skips.append(level(x))
            x = nn.functional.max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for up, level in zip(self.up, self.decoder):
            x = level(torch.cat([skips.pop(), up(x)], 1))
        return self.head(x)
