"""Values of PyTorch's optimizers over 20 steps, for tests/optimizers.rs: python optimizers.py > optimizers.json

Three parameters of four numbers (a weight, a bias, the scale of a normalisation), in 64 bits; formulas for first values and
gradients are repeated in the test. The rate is halved from step 10 on.
"""

import json
import math

import torch

STEPS, COUNT, KINDS = 20, 4, 3


def first(kind, index):
    return math.cos(1.1 * kind + 0.9 * index)


def gradient(step, kind, index):
    return 0.3 * math.sin(0.7 * step + 1.3 * index + 2.1 * kind) + 0.05 * (index - 1)


def run(make, excluded=(), clip=None, decay=0.0):
    parameters = [torch.nn.Parameter(torch.tensor([first(k, i) for i in range(COUNT)], dtype=torch.float64)) for k in range(KINDS)]
    groups = [{"params": [p], **({"weight_decay": 0.0} if k in excluded else {})} for k, p in enumerate(parameters)]
    optimizer = make(groups)
    base = optimizer.param_groups[0]["lr"]
    values = []
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = base / (1 + decay * step) * (0.5 if step >= 10 else 1.0)
        for k, p in enumerate(parameters):
            p.grad = torch.tensor([gradient(step, k, i) for i in range(COUNT)], dtype=torch.float64)
        if clip and "value" in clip:
            torch.nn.utils.clip_grad_value_(parameters, clip["value"])
        if clip and "norm" in clip:
            torch.nn.utils.clip_grad_norm_(parameters, clip["norm"])
        optimizer.step()
        if step % 5 == 4:
            values.append([p.tolist() for p in parameters])
    return values


def main():
    o = torch.optim
    sgd = lambda **more: lambda groups: o.SGD(groups, **more)
    cases = [
        ({"sgd": {"learning_rate": 0.1, "momentum": 0.0, "nesterov": False}}, {}, sgd(lr=0.1), {}),
        ({"sgd": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": False, "weight_decay": 0.1}}, {},
         sgd(lr=0.05, momentum=0.9, weight_decay=0.1), {}),
        ({"sgd": {"learning_rate": 0.05, "momentum": 0.99, "weight_decay": 0.1, "decay_excludes": ["bias", "norm"]}}, {},
         sgd(lr=0.05, momentum=0.99, nesterov=True, weight_decay=0.1), {"excluded": (1, 2)}),
        ({"sgd": {"learning_rate": 0.05, "decay": 0.1}}, {}, sgd(lr=0.05, momentum=0.9, nesterov=True), {"decay": 0.1}),
        ({"sgd": {"learning_rate": 0.05}}, {"norm": 0.4}, sgd(lr=0.05, momentum=0.9, nesterov=True), {"clip": {"norm": 0.4}}),
        ({"sgd": {"learning_rate": 0.05}}, {"norm": 0.5, "value": 0.2}, sgd(lr=0.05, momentum=0.9, nesterov=True),
         {"clip": {"norm": 0.5, "value": 0.2}}),
        ({"adam": {"learning_rate": 0.02}}, {}, lambda g: o.Adam(g, lr=0.02), {}),
        ({"adam": {"learning_rate": 0.02, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-3, "weight_decay": 0.2, "decay_excludes": ["bias"]}}, {},
         lambda g: o.Adam(g, lr=0.02, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.2), {"excluded": (1,)}),
        ({"adamw": {}}, {}, lambda g: o.AdamW(g), {}),
        ({"adamw": {"learning_rate": 0.02, "weight_decay": 0.5, "decay_excludes": ["norm"]}}, {},
         lambda g: o.AdamW(g, lr=0.02, weight_decay=0.5), {"excluded": (2,)}),
        ({"nadam": {}}, {}, lambda g: o.NAdam(g), {}),
        ({"nadam": {"learning_rate": 0.02, "beta1": 0.8, "momentum_decay": 0.1, "weight_decay": 0.2}}, {},
         lambda g: o.NAdam(g, lr=0.02, betas=(0.8, 0.999), momentum_decay=0.1, weight_decay=0.2), {}),
        ({"rms_prop": {}}, {}, lambda g: o.RMSprop(g), {}),
        ({"rms_prop": {"learning_rate": 0.01, "alpha": 0.9, "momentum": 0.9, "weight_decay": 0.1}}, {},
         lambda g: o.RMSprop(g, lr=0.01, alpha=0.9, momentum=0.9, weight_decay=0.1), {}),
        ({"rms_prop": {"learning_rate": 0.01, "epsilon": 1e-3, "momentum": 0.5, "centred": True}}, {},
         lambda g: o.RMSprop(g, lr=0.01, eps=1e-3, momentum=0.5, centered=True), {}),
    ]
    rows = [{"optimizer": config, "clip": clip, "values": run(make, **more)} for config, clip, make, more in cases]
    print("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]")


if __name__ == "__main__":
    main()
