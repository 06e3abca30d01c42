"""Writes counts.json: parameter counts that papers and public code state, and what our references count.

The counts stated elsewhere stand here; that a reference has another one is an error.
"""

import json
from pathlib import Path

from networks import built

SMP = {
    "resnet34": (24_436_369, 26_078_609, 26_007_105, 22_437_457),
    "resnet50": (32_521_105, 48_985_745, 39_633_729, 26_677_585),
    "mobilenet_v2": (6_628_945, 6_824_721, 12_647_937, 4_378_513),
    "efficientnet_b1": (8_757_105, 9_075_217, 9_810_209, 7_413_105),
}
KINDS = ("encoder_unet", "encoder_unet_plus_plus", "deeplabv3", "deeplabv3_plus")
RGB = {"in_channels": 3}
B1 = {"encoder": {"efficientnet_b1": {}}, "out_channels": 3}

COUNTS = [
    ({"deeplabv3_plus_eca": {}}, 5_813_274),
    ({"deeplabv3_plus_eca": {"output_stride": 8}}, 5_813_274),
    ({"svsnet": {}}, 10_190_873),
    ({"svsnet": {"bias": False}}, 10_187_345),
    ({"encoder_unet": B1}, 8_756_819),
    ({"encoder_unet_plus_plus": B1}, 9_074_931),
    ({"deeplabv3": B1}, 9_810_147),
    ({"unet": {"norm": "none", "out_channels": 2}}, 31_030_658),
    ({"unet": {"norm": "none"}}, 31_030_593),
    ({"unet": {"norm": "none", **RGB}}, 31_031_745),
    ({"unet": {**RGB}}, 31_043_521),
    ({"unet": {"bias": False, **RGB}}, 31_037_633),
    ({"unet": {"norm": "none", "width": 32, **RGB}}, 7_760_097),
    ({"unet_plus_plus": {**RGB}}, 9_042_177),
    ({"unet_plus_plus": {"deep_supervision": True, **RGB}}, 9_042_276),
    ({"unet_plus_plus": {"norm": "batch", "up": "bilinear", **RGB}}, 9_163_329),
    ({"attention_unet": {**RGB}}, 34_878_573),
    ({"resunet_plus_plus": {}}, 4_062_993),
    *(
        ({kind: {"encoder": {encoder: {}}, **RGB}}, count)
        for encoder, counts in SMP.items()
        for kind, count in zip(KINDS, counts)
    ),
    ({"nnunet": {"stages": 7}}, 33_471_820),
    ({"nnunet": {}}, 46_324_558),
    ({"nnunet": {"dimensions": 3, "out_channels": 4}}, 31_197_204),
    ({"nnunet": {"dimensions": 3, "stages": 4, "out_channels": 3}}, 5_603_177),
    ({"nnunet_residual": {"dimensions": 3, "out_channels": 4}}, 102_351_380),
]

# Not stated anywhere; what the references have.
OURS = [
    {"encoder_unet": {"encoder": {"resnet18": {}}}},
    {"encoder_unet": {"encoder": {"efficientnet_b0": {}}, "attention": "scse"}},
    {"encoder_unet_plus_plus": {"encoder": {"resnet18": {}}, "norm": "none"}},
    {"deeplabv3_plus": {"encoder": {"efficientnet_b0": {}}, "separable": False}},
    {"encoder_decoder": {}},
    {"encoder_decoder": {"skips": True, "up": "transposed"}},
    {"unet": {"up": "bilinear", "bias": False, **RGB}},
    {"nnunet_residual": {}},
]


def count(network):
    return sum(parameter.numel() for parameter in built(network).parameters())


def main():
    for network, stated in COUNTS:
        assert count(network) == stated, f"{network} has {count(network)}, stated are {stated}"
    counts = COUNTS + [(network, count(network)) for network in OURS]
    lines = (json.dumps({"network": network, "params": params}) for network, params in counts)
    (Path(__file__).parent / "counts.json").write_text("[\n " + ",\n ".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
