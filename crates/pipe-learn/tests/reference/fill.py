"""Fills a network and its input by a formula, so that no weight file is needed to compare two implementations.

Does not know networks: what a parameter is follows from the type of its module.
"""

import math

import numpy as np
import torch
from torch import nn

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
TRANSPOSED = (nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMS = (nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm2d, nn.InstanceNorm3d)


def u(seed, shape):
    """Gives numbers from -0.5 to 0.5: an integer hash of the flat index, the number of elements and the seed."""
    count = math.prod(shape)
    mask = np.uint64(0xFFFFFFFF)
    start = (seed * 1_000_003 + count * 7919) % 2**32
    h = (np.arange(count, dtype=np.uint64) + np.uint64(start)) & mask
    h = (h * np.uint64(2654435761)) & mask
    h ^= h >> np.uint64(16)
    h = (h * np.uint64(0x85EBCA6B)) & mask
    h ^= h >> np.uint64(13)
    h = (h * np.uint64(0xC2B2AE35)) & mask
    h ^= h >> np.uint64(16)
    return torch.from_numpy(h.astype(np.float64) / 2**32 - 0.5).reshape(tuple(shape))


@torch.no_grad()
def filled(network):
    """Gives the network in float64 and eval mode, with every parameter and running statistic by the formula."""
    network = network.double().eval()
    seen = set()
    for module in network.modules():
        if isinstance(module, CONVOLUTIONS + TRANSPOSED):
            shape = module.weight.shape
            fan = shape[0] if isinstance(module, TRANSPOSED) else math.prod(shape[1:])
            module.weight.copy_(u(0, shape) * math.sqrt(24 / fan))
            seen.add(id(module.weight))
            if module.bias is not None:
                module.bias.copy_(0.1 * u(5, module.bias.shape))
                seen.add(id(module.bias))
        elif isinstance(module, NORMS):
            shape = module.weight.shape
            module.weight.copy_(1 + 0.2 * u(1, shape))
            module.bias.copy_(0.2 * u(2, shape))
            seen.update((id(module.weight), id(module.bias)))
            if module.running_mean is not None:
                module.running_mean.copy_(0.1 * u(3, shape))
                module.running_var.copy_(1 + u(4, shape))
    left = [name for name, parameter in network.named_parameters() if id(parameter) not in seen]
    assert not left, f"no rule for {left}"
    return network


def image(shape):
    """Gives the input."""
    return u(6, shape) + 0.5


def target(maps, shape):
    """Gives the target of the loss; `shape` is `[batch, (depth,) height, width]`."""
    if maps == 1:
        return (u(7, shape) > 0).double()
    return torch.floor((u(7, shape) + 0.5) * maps).long()
