"""parity.yaml's training in PyTorch: train_torch.py DATASET TRAINING TEST WEIGHTS RESULT, with epochs and so on as parameters."""

import json
import math
import os
import sys

import numpy
import torch
from safetensors.torch import load_file

from dataset import cases, chosen
from unet import UNet

dataset, training, test, weights, result = sys.argv[1:]
with open(os.environ["PIPE_PARAMS"]) as file:
    recipe = json.load(file)["params"]
events = open(os.environ["PIPE_EVENTS"], "a", buffering=1)

everything = cases(dataset)


def tensors(ids):
    images = torch.from_numpy(numpy.stack([everything[case][0] for case in ids]))
    masks = torch.from_numpy(numpy.stack([everything[case][1] != 0 for case in ids])).float()[:, None]
    return images, masks


def loss_of(logits, masks):
    p = torch.sigmoid(logits)
    dice = (2 * (p * masks).sum() + 1) / (p.sum() + masks.sum() + 1)
    return 1 - dice + torch.nn.functional.binary_cross_entropy_with_logits(logits, masks)


def mean_dice(network, ids):
    network.eval()
    dices = []
    with torch.no_grad():
        for case in ids:
            images, masks = tensors([case])
            found = network(images) >= 0
            both = (found & (masks > 0)).sum().item()
            dices.append(2 * both / (found.sum().item() + masks.sum().item()))
    network.train()
    return sum(dices) / len(dices)


network = UNet()
network.load_state_dict(load_file(weights), strict=False)
optimizer = torch.optim.Adam(network.parameters(), lr=recipe["learning_rate"])
train, validation = chosen(training, "train"), chosen(training, "validation")
epochs, batch = recipe["epochs"], recipe["batch"]
losses, best, kept = [], -1.0, None
for epoch in range(epochs):
    for group in optimizer.param_groups:
        group["lr"] = recipe["learning_rate"] * 0.5 * (1 + math.cos(math.pi * epoch / epochs))
    for start in range(0, len(train), batch):
        images, masks = tensors(train[start : start + batch])
        loss = loss_of(network(images), masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    dice = mean_dice(network, validation)
    if dice > best:
        best, kept = dice, {name: value.clone() for name, value in network.state_dict().items()}
    events.write(json.dumps({"progress": {"done": epoch + 1, "total": epochs, "unit": "epochs", "note": f"Dice {dice:.4f}"}}) + "\n")
network.load_state_dict(kept)
with open(result, "w") as file:
    json.dump({"losses": losses, "dice": mean_dice(network, chosen(test, "test"))}, file)
