"""What several networks are made of. Does not know any network."""

import torch
from torch import nn
from torch.nn import functional as F


def norm2d(kind, channels, epsilon=1e-5, momentum=0.1):
    if kind == "batch":
        return [nn.BatchNorm2d(channels, eps=epsilon, momentum=momentum)]
    if kind == "instance":
        return [nn.InstanceNorm2d(channels, eps=epsilon, affine=True)]
    assert kind == "none"
    return []


def activation(kind, slope=0.01):
    return {
        "relu": nn.ReLU,
        "leaky_relu": lambda: nn.LeakyReLU(slope),
        "elu": nn.ELU,
        "silu": nn.SiLU,
        "gelu": nn.GELU,
    }[kind]()


class Style:
    """Convolution, normalisation, activation: the settings that all levels of a network share."""

    def __init__(self, norm, epsilon, momentum, bias, activation, slope, padding="same"):
        self.norm, self.epsilon, self.momentum = norm, epsilon, momentum
        self.bias = bias or norm == "none"
        self.activation, self.slope = activation, slope
        self.padding = padding

    def act(self):
        return activation(self.activation, self.slope)

    def conv(self, inputs, outputs, kernel=3, dilation=1, act=True, norm=True):
        padding = 0 if self.padding == "valid" else kernel // 2 * dilation
        conv = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=self.bias or not norm)
        norms = norm2d(self.norm, outputs, self.epsilon, self.momentum) if norm else []
        return nn.Sequential(conv, *norms, *([self.act()] if act else []))

    def double(self, inputs, outputs, middle=None):
        middle = middle or outputs
        return nn.Sequential(self.conv(inputs, middle), self.conv(middle, outputs))


class Stretch(nn.Module):
    """Doubles height and width."""

    def __init__(self, kind, align_corners=True):
        super().__init__()
        self.kind = kind
        self.align_corners = align_corners if kind == "bilinear" else None

    def forward(self, x):
        return F.interpolate(x, scale_factor=2, mode=self.kind, align_corners=self.align_corners)


def doubling(kind, channels, align_corners=True):
    """Doubles; the transposed convolution goes from `channels[0]` to `channels[1]`, the others keep the channels."""
    if kind == "transposed":
        return nn.ConvTranspose2d(*channels, 2, stride=2)
    return Stretch(kind, align_corners)


def cropped(x, like):
    """The centre of `x`, as large as `like`."""
    (height, width), (h, w) = x.shape[-2:], like.shape[-2:]
    top, left = (height - h) // 2, (width - w) // 2
    return x[..., top : top + h, left : left + w]


def mean_as_logits(heads):
    """The mean of the heads' probabilities, given back as logits."""
    if heads[0].shape[1] == 1:
        mean = torch.stack([torch.sigmoid(head) for head in heads]).mean(0)
        return torch.log(mean) - torch.log1p(-mean)
    return torch.log(torch.stack([torch.softmax(head, 1) for head in heads]).mean(0))
