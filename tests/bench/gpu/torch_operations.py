"""Times the layers that `pipe network operations --format json` lists in PyTorch: torch_operations.py LISTED DEVICE RESULT.

Each alone, forward, back to what it read and back to its weights, channels last or first, whichever is faster as a whole.
"""

import json
import pathlib
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def layer_of(one):
    shape, output, weight, stride = one["input"], one["output"], one["weight"], one["stride"]
    space = len(shape) - 2
    conv = {2: nn.Conv2d, 3: nn.Conv3d}[space]
    kind = one["kind"]
    if kind.startswith("conv_transpose"):
        return {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}[space](weight[0], weight[1], weight[2:], weight[2:])
    if kind in ("conv2d", "conv3d", "depthwise"):
        kernel = weight[2:]
        whole = space == 3 and kernel[0] == shape[2] and output[2] == 1
        padding = [0 if whole and axis == 0 else side // 2 for axis, side in enumerate(kernel)]
        # Even kernels pad behind alone; the sum is as large.
        return conv(shape[1], weight[0], kernel, 1 if whole else stride, padding, groups=one["groups"], bias=False)
    if kind == "batch_norm":
        return nn.Sequential({2: nn.BatchNorm2d, 3: nn.BatchNorm3d}[space](shape[1]), nn.ReLU())
    if kind == "instance_norm":
        return {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}[space](shape[1], affine=True)
    if kind == "max_pool2d":
        return nn.MaxPool2d(2)
    if kind == "bilinear_upsample":
        return lambda x: F.interpolate(x, size=output[2:], mode="bilinear", align_corners=True)
    return None


def main():
    listed, device, result = json.loads(pathlib.Path(sys.argv[1]).read_text()), sys.argv[2], pathlib.Path(sys.argv[3])
    device = torch.device(device if device.startswith("cuda") else "cpu")
    half = {"bf16": torch.bfloat16, "f16": torch.float16}.get(listed["precision"])
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = listed["precision"] != "fp32"

    def timed(work, spent):
        def run(count):
            began = time.perf_counter()
            for _ in range(count):
                work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            return (time.perf_counter() - began) / count

        run(2)
        return run(max(1, min(50, int(spent / max(run(1), 1e-6))))) * 1e3

    def measured(one, last):
        layer = layer_of(one)
        if layer is None:
            return None
        order = {4: torch.channels_last, 5: torch.channels_last_3d}[len(one["input"])] if last else torch.contiguous_format
        weights = []
        if isinstance(layer, nn.Module):
            layer = layer.to(device)
            for values in layer.parameters():
                if values.dim() == len(one["input"]):
                    values.data = values.data.contiguous(memory_format=order)
                weights.append(values)
        x = torch.rand(one["input"], device=device).contiguous(memory_format=order)
        x = x.to(half) if half else x

        def forward(x):
            with torch.autocast(device.type, half, enabled=half is not None):
                return layer(x)

        def back(x):
            forward(x).sum().backward()
            for values in weights:
                values.grad = None

        with torch.no_grad():
            ahead = timed(lambda: forward(x), 0.05)
        both = timed(lambda: back(x.detach().requires_grad_()), 0.05)
        only = timed(lambda: back(x), 0.05) if weights else ahead
        return {"forward": ahead, "data": max(0.0, both - only), "weights": max(0.0, only - ahead)}

    found = []
    for entry in listed["operations"]:
        tried = [took for took in (measured(entry["operation"], last) for last in (True, False)) if took]
        found.append(min(tried, key=lambda took: sum(took.values())) if tried else None)
        result.write_text(json.dumps(found))


main()
