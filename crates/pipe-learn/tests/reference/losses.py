"""Writes losses.json: values of losses in other libraries, with the settings that give the same here.

    PYTHONPATH=. python losses.py

Float64. Needs what requirements.txt names, and monai==1.6.1. Where a library's formula differs by a factor, the factor is
written here beside the library's call, and in the docs of the loss.
"""

import json
import math
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import torch  # noqa: E402
from monai import losses as monai  # noqa: E402
from segmentation_models_pytorch import losses as smp  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torchvision.ops import sigmoid_focal_loss  # noqa: E402

from fill import u  # noqa: E402

IGNORED = 255


class Input:
    """Logits and a target, `[batch, maps, depth, height, width]`; depth 1 is left out for the libraries."""

    def __init__(self, head, shape, holes=False, empty=None, tubes=False):
        batch, maps, *size = shape
        self.head, self.shape, self.maps = head, shape, maps
        # Multiples of 1/1024 are the same number in 32 bits.
        self.x = (u(11, shape) * 6 * 1024).round() / 1024
        self.classes = torch.floor((u(12, (batch, *size)) + 0.5) * maps).long()
        self.layers = (u(13, shape) > 0.15).double()
        if tubes:
            self.layers = tube(shape)
            # Finer, so that no two neighbours are equal: which of them has the slope is a matter of taste.
            self.x = ((u(11, shape) * 1.8 + self.layers * 4 - 2) * 2**18).round() / 2**18
        if empty is not None:
            self.classes[self.classes == empty] = 0
            self.layers[:, empty] = 0
        self.known = u(14, (batch, *size)) > -0.3 if holes else torch.ones((batch, *size), dtype=torch.bool)
        one_hot = F.one_hot(self.classes, maps).movedim(-1, 1).double()
        self.maps_wanted = one_hot if head == "softmax" else self.layers

    def flat(self, x):
        """Without the depth of images."""
        return x.squeeze(-3) if self.shape[2] == 1 else x

    def logits(self):
        return self.flat(self.x)

    def wanted(self):
        """`[batch, maps, ..]`, 0 and 1."""
        return self.flat(self.maps_wanted)

    def labels(self, ignored=IGNORED):
        """`[batch, ..]`."""
        return self.flat(torch.where(self.known, self.classes, ignored))

    def layers_known(self, ignored=IGNORED):
        """`[batch, maps, ..]` with the ignored label in it."""
        return self.flat(torch.where(self.known[:, None], self.layers, float(ignored)))

    def described(self):
        return {
            "head": self.head,
            "shape": list(self.shape),
            "logits": self.x.flatten().tolist(),
            "targets": [int(value) for value in self.maps_wanted.flatten()],
            "counted": None if self.known.all() else [int(value) for value in self.known.flatten()],
        }


def tube(shape):
    """Bent lines three pixels thick, one a sample and map."""
    batch, maps, depth, height, width = shape
    axes = (torch.arange(size) for size in (batch, maps, depth, height, width))
    b, m, z, y, x = torch.meshgrid(*axes, indexing="ij")
    row = height / 2 + (height / 4) * torch.sin(x * 0.6 + b + 2 * m)
    return (((y - row).abs() <= 1.5) & ((z - depth // 2).abs() <= 1)).double()


INPUTS = {
    "binary": Input("sigmoid", (3, 1, 1, 6, 7)),
    "binary holes": Input("sigmoid", (3, 1, 1, 6, 7), holes=True),
    "layers": Input("sigmoid", (2, 3, 1, 6, 7)),
    "layers, one empty": Input("sigmoid", (2, 3, 1, 6, 7), empty=2),
    "layers holes": Input("sigmoid", (2, 3, 1, 6, 7), holes=True),
    "classes": Input("softmax", (2, 4, 1, 6, 7)),
    "classes, one absent": Input("softmax", (2, 4, 1, 6, 7), empty=3),
    "classes holes": Input("softmax", (2, 4, 1, 6, 7), holes=True),
    "volume": Input("softmax", (2, 3, 3, 4, 5)),
    "tubes": Input("sigmoid", (2, 1, 1, 14, 16), tubes=True),
    "tubes of a volume": Input("sigmoid", (2, 1, 6, 9, 10), tubes=True),
}


def nnunet_dice(x, i, over_batch):
    """MemoryEfficientSoftDiceLoss of nnU-Net 2 with do_bg=False, smooth=1e-5."""
    p, t = torch.softmax(x, 1)[:, 1:], i.wanted()[:, 1:]
    axes = tuple(range(2, x.dim()))
    both, found, there = (p * t).sum(axes), p.sum(axes), t.sum(axes)
    if over_batch:
        both, found, there = both.sum(0), found.sum(0), there.sum(0)
    return -((2 * both + 1e-5) / torch.clip(there + found + 1e-5, 1e-8)).mean()


def nnunet_top_k(x, i, k, weight=None):
    """TopKLoss of nnU-Net 2."""
    values = F.cross_entropy(x, i.labels(), weight=weight, reduction="none")
    return torch.topk(values.flatten(), int(math.prod(values.shape) * k / 100), sorted=False)[0].mean()


def milesial_dice(x, i):
    """dice_loss(multiclass=True) of milesial/Pytorch-UNet."""
    p, t = torch.softmax(x, 1).flatten(0, 1), i.wanted().flatten(0, 1)
    both, sums = 2 * (p * t).sum(), p.sum() + t.sum()
    return 1 - (both + 1e-6) / (sums + 1e-6)


def vnet_dice(x, i):
    """Milletari et al. 2016, with the squares below."""
    p, t = torch.sigmoid(x), i.wanted()
    return 1 - 2 * (p * t).sum() / (p.square().sum() + t.square().sum())


def focal_tversky(x, i, gamma):
    """Abraham and Khan 2019 for one class: alpha 0.7 is of false negatives there."""
    p, t = torch.sigmoid(x), i.wanted()
    both = (p * t).sum()
    index = (both + 1) / (both + 0.7 * ((1 - p) * t).sum() + 0.3 * (p * (1 - t)).sum() + 1)
    return (1 - index) ** (1 / gamma)


def cldice_of_authors(x, i):
    """soft_cldice of jocpae/clDice: sums over the batch."""
    from monai.losses.cldice import soft_skel

    p, t = torch.sigmoid(x), i.wanted()
    lines_p, lines_t = soft_skel(p, 3), soft_skel(t, 3)
    precision = ((lines_p * t).sum() + 1) / (lines_p.sum() + 1)
    recall = ((lines_t * p).sum() + 1) / (lines_t.sum() + 1)
    return 1 - 2 * precision * recall / (precision + recall)


def act(i):
    return {"sigmoid": i.head == "sigmoid", "softmax": i.head == "softmax"}


W3, W4 = [0.5, 1.0, 3.0], [0.2, 1.0, 3.0, 0.7]
SMP_DICE = {"smooth": 0.0, "background": "counted", "absent": "perfect"}
SAMPLE = {"over": "sample", "smooth": 1e-5, "background": "counted"}
CE_DICE = [{"loss": {"cross_entropy": {}}}, {"loss": {"dice": {"smooth": 1e-5, "form": "negative"}}}]
A1 = {"over": "batch_and_maps", "smooth": 1e-6, "background": "counted"}


def t64(values):
    return torch.tensor(values, dtype=torch.float64)


# Name of the library, input, settings, and the library's value of logits `x` and input `i`.
CASES = [
    ("smp", "binary", {"dice": {"smooth": 0.0}}, lambda x, i: smp.DiceLoss("binary")(x, i.wanted())),
    # Its sums are half as large, so that what is added counts twice.
    ("smp", "binary", {"dice": {"smooth": 4.0}}, lambda x, i: smp.DiceLoss("binary", smooth=2.0)(x, i.wanted())),
    ("smp", "binary holes", {"dice": {"smooth": 0.0}},
     lambda x, i: smp.DiceLoss("binary", ignore_index=IGNORED)(x, i.layers_known())),
    ("smp", "layers", {"dice": SMP_DICE}, lambda x, i: smp.DiceLoss("multilabel")(x, i.wanted())),
    ("smp", "layers, one empty", {"dice": SMP_DICE}, lambda x, i: smp.DiceLoss("multilabel")(x, i.wanted())),
    ("smp", "layers holes", {"dice": SMP_DICE},
     lambda x, i: smp.DiceLoss("multilabel", ignore_index=IGNORED)(x, i.layers_known())),
    ("smp", "layers", {"dice": {**SMP_DICE, "weights": W3}},
     lambda x, i: smp.DiceLoss("multilabel", class_weights=W3)(x, i.wanted())),
    ("smp", "classes, one absent", {"dice": SMP_DICE}, lambda x, i: smp.DiceLoss("multiclass")(x, i.labels())),
    ("smp", "classes holes", {"dice": SMP_DICE},
     lambda x, i: smp.DiceLoss("multiclass", ignore_index=IGNORED)(x, i.labels())),
    ("smp", "classes", {"dice": {**SMP_DICE, "background": "ignored"}},
     lambda x, i: smp.DiceLoss("multiclass", classes=[1, 2, 3])(x, i.labels())),
    ("smp", "layers, one empty", {"jaccard": SMP_DICE}, lambda x, i: smp.JaccardLoss("multilabel")(x, i.wanted())),
    ("monai", "binary", {"dice": SAMPLE}, lambda x, i: monai.DiceLoss(**act(i))(x, i.wanted())),
    ("monai", "layers, one empty", {"dice": SAMPLE}, lambda x, i: monai.DiceLoss(**act(i))(x, i.wanted())),
    ("monai", "volume", {"dice": SAMPLE}, lambda x, i: monai.DiceLoss(**act(i))(x, i.wanted())),
    ("monai", "classes", {"dice": {"smooth": 1e-5}},
     lambda x, i: monai.DiceLoss(include_background=False, batch=True, **act(i))(x, i.wanted())),
    ("monai", "classes", {"dice": {**SAMPLE, "denominator": "squared"}},
     lambda x, i: monai.DiceLoss(squared_pred=True, **act(i))(x, i.wanted())),
    # MONAI multiplies by weights and takes the mean over classes; here it is divided by the sum of weights.
    ("monai", "classes", {"dice": {**SAMPLE, "weights": W4}},
     lambda x, i: monai.DiceLoss(weight=W4, **act(i))(x, i.wanted()) * 4 / sum(W4)),
    ("monai", "volume", {"dice": {**SAMPLE, "smooth": 0.0, "epsilon": 0.1}},
     lambda x, i: monai.DiceLoss(smooth_nr=0, smooth_dr=0.1, **act(i))(x, i.wanted())),
    ("monai", "classes holes", {"dice": SAMPLE},
     lambda x, i: monai.MaskedDiceLoss(**act(i))(x, i.wanted(), i.flat(i.known[:, None].double()))),
    ("monai", "layers", {"jaccard": {**SAMPLE, "smooth": 0.0}},
     lambda x, i: monai.DiceLoss(jaccard=True, smooth_nr=0, smooth_dr=0, **act(i))(x, i.wanted())),
    ("V-Net", "binary", {"dice": {"smooth": 0.0, "denominator": "squared"}}, vnet_dice),
    ("milesial", "classes", {"dice": A1}, milesial_dice),
    ("milesial", "classes", {"sum": [{"loss": {"cross_entropy": {}}}, {"loss": {"dice": A1}}]},
     lambda x, i: F.cross_entropy(x, i.labels()) + milesial_dice(x, i)),
    ("nnU-Net", "classes, one absent", {"sum": CE_DICE},
     lambda x, i: F.cross_entropy(x, i.labels()) + nnunet_dice(x, i, True)),
    ("nnU-Net", "volume", {"dice": {"over": "sample", "smooth": 1e-5, "form": "negative"}},
     lambda x, i: nnunet_dice(x, i, False)),
    ("smp", "binary", {"tversky": {"smooth": 0.0}},
     lambda x, i: smp.TverskyLoss("binary", alpha=0.3, beta=0.7)(x, i.wanted())),
    ("smp", "layers holes", {"tversky": {**SMP_DICE, "alpha": 0.6, "beta": 0.3}},
     lambda x, i: smp.TverskyLoss("multilabel", alpha=0.6, beta=0.3, ignore_index=IGNORED)(x, i.layers_known())),
    ("smp", "binary", {"focal_tversky": {"smooth": 0.0, "gamma": 0.5}},
     lambda x, i: smp.TverskyLoss("binary", alpha=0.3, beta=0.7, gamma=2.0)(x, i.wanted())),
    ("monai", "classes", {"tversky": {**SAMPLE, "alpha": 0.3, "beta": 0.7}},
     lambda x, i: monai.TverskyLoss(alpha=0.3, beta=0.7, **act(i))(x, i.wanted())),
    ("monai", "volume", {"tversky": {"alpha": 0.8, "beta": 0.1, "smooth": 1e-5}},
     lambda x, i: monai.TverskyLoss(alpha=0.8, beta=0.1, include_background=False, batch=True, **act(i))(x, i.wanted())),
    ("paper", "binary", {"focal_tversky": {}}, lambda x, i: focal_tversky(x, i, 4 / 3)),
    ("torchvision", "layers", {"focal": {"alpha": 0.25}},
     lambda x, i: sigmoid_focal_loss(x, i.wanted(), reduction="mean")),
    ("torchvision", "binary", {"focal": {"gamma": 3.5}},
     lambda x, i: sigmoid_focal_loss(x, i.wanted(), alpha=-1, gamma=3.5, reduction="mean")),
    ("smp", "binary holes", {"focal": {"alpha": 0.3}},
     lambda x, i: smp.FocalLoss("binary", alpha=0.3, ignore_index=IGNORED)(x, i.layers_known())),
    ("monai", "layers", {"focal": {}}, lambda x, i: monai.FocalLoss()(x, i.wanted())),
    # MONAI's mean is over classes, too.
    ("monai", "classes", {"focal": {}}, lambda x, i: monai.FocalLoss(use_softmax=True)(x, i.wanted()) * 4),
    ("monai", "volume", {"focal": {"alpha": 0.3, "gamma": 1.0}},
     lambda x, i: monai.FocalLoss(use_softmax=True, alpha=0.3, gamma=1.0)(x, i.wanted()) * 3),
    ("torch", "classes", {"cross_entropy": {}}, lambda x, i: F.cross_entropy(x, i.labels())),
    ("torch", "volume", {"cross_entropy": {"weights": W3}},
     lambda x, i: F.cross_entropy(x, i.labels(), weight=t64(W3))),
    ("torch", "classes holes", {"cross_entropy": {}},
     lambda x, i: F.cross_entropy(x, i.labels(), ignore_index=IGNORED)),
    ("torch", "classes holes", {"cross_entropy": {"weights": W4, "label_smoothing": 0.1}},
     lambda x, i: F.cross_entropy(x, i.labels(), weight=t64(W4), ignore_index=IGNORED, label_smoothing=0.1)),
    ("nnU-Net", "classes", {"cross_entropy": {"top_k": 0.1}}, lambda x, i: nnunet_top_k(x, i, 10)),
    ("nnU-Net", "volume", {"cross_entropy": {"top_k": 0.25, "weights": W3}},
     lambda x, i: nnunet_top_k(x, i, 25, t64(W3))),
    ("torch", "binary", {"binary_cross_entropy": {}},
     lambda x, i: F.binary_cross_entropy_with_logits(x, i.wanted())),
    ("torch", "layers", {"binary_cross_entropy": {"positive_weight": 4.0, "weights": W3}},
     lambda x, i: F.binary_cross_entropy_with_logits(
         x, i.wanted(), weight=t64(W3).view(3, 1, 1), pos_weight=t64([4.0]).view(1, 1, 1))),
    ("torch", "layers holes", {"binary_cross_entropy": {"positive_weight": 4.0}},
     lambda x, i: F.binary_cross_entropy_with_logits(
         x.movedim(1, -1)[i.flat(i.known)], i.wanted().movedim(1, -1)[i.flat(i.known)], pos_weight=t64([4.0] * 3))),
    ("monai", "tubes", {"soft_cldice": {"over": "sample", "epsilon": 1e-4}},
     lambda x, i: monai.SoftclDiceLoss(sigmoid=True)(x, i.wanted())),
    ("monai", "tubes", {"soft_cldice": {"over": "sample", "epsilon": 1e-4, "iterations": 0}},
     lambda x, i: monai.SoftclDiceLoss(sigmoid=True, iter_=0)(x, i.wanted())),
    ("monai", "tubes of a volume", {"soft_cldice": {"over": "sample", "epsilon": 1e-4, "iterations": 2}},
     lambda x, i: monai.SoftclDiceLoss(sigmoid=True, iter_=2)(x, i.wanted())),
    ("jocpae/clDice", "tubes of a volume", {"soft_cldice": {}}, cldice_of_authors),
]


def main():
    torch.set_num_threads(1)
    lines = []
    for library, name, loss, value in CASES:
        given = INPUTS[name]
        x = given.logits().clone().requires_grad_()
        found = value(x, given)
        found.backward()
        result = {"library": library, "input": name, "loss": loss, "value": found.item(), "gradient": x.grad.norm().item()}
        lines.append(json.dumps(result))
    inputs = [f"{json.dumps(name)}: {json.dumps(given.described())}" for name, given in INPUTS.items()]
    body = ",\n".join(inputs), ",\n".join(lines)
    (Path(__file__).parent / "losses.json").write_text('{"inputs": {\n%s\n},\n"cases": [\n%s\n]}\n' % body)


if __name__ == "__main__":
    main()
