"""Writes names.json: what libraries call the layers of an encoder, beside the names of segmentation_models_pytorch.

All of them list the layers of a network in the order in which they run, so the n-th name of one is the n-th of the other; the
shapes are compared as well. Only weights are listed, for the rest of a layer has the same first part.
"""

import json
from pathlib import Path

import timm
import torchvision
from segmentation_models_pytorch.encoders import get_encoder

PAIRS = [
    ("torchvision", "resnet50", lambda: torchvision.models.resnet50(), "resnet50"),
    ("torchvision", "mobilenet_v2", lambda: torchvision.models.mobilenet_v2(), "mobilenet_v2"),
    ("torchvision", "efficientnet_b0", lambda: torchvision.models.efficientnet_b0(), "efficientnet-b0"),
    ("torchvision", "efficientnet_b1", lambda: torchvision.models.efficientnet_b1(), "efficientnet-b1"),
    ("timm", "resnet34", lambda: timm.create_model("resnet34"), "resnet34"),
    ("timm", "mobilenet_v2", lambda: timm.create_model("mobilenetv2_100"), "mobilenet_v2"),
    ("timm", "efficientnet_b0", lambda: timm.create_model("efficientnet_b0"), "efficientnet-b0"),
    ("timm", "efficientnet_b1", lambda: timm.create_model("efficientnet_b1"), "efficientnet-b1"),
]


def layers(model):
    """Gives names and shapes of what an encoder keeps."""
    names = {name: list(value.shape) for name, value in model.state_dict().items() if name.endswith(".weight")}
    return [pair for pair in names.items() if pair[0].split(".")[0] not in ("fc", "classifier", "_fc")]


def main():
    cases = []
    for library, network, theirs, ours in PAIRS:
        theirs, ours = layers(theirs()), layers(get_encoder(ours, weights=None))
        assert [shape for _, shape in theirs] == [shape for _, shape in ours], network
        names = [[their, f"encoder.{our}"] for (their, _), (our, _) in zip(theirs, ours)]
        cases.append({"map": library, "network": network, "names": names})
    lines = ("{" + f'"map": "{c["map"]}", "network": "{c["network"]}", "names": {json.dumps(c["names"])}' + "}" for c in cases)
    (Path(__file__).parent / "names.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
