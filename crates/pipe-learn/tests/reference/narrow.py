"""Checks that our narrow encoders at their standard width are the standard encoders. Writes nothing."""

from networks import case

STANDARD = [
    ("efficientnet_b0", {"width": 1.0, "depth": 1.0}),
    ("efficientnet_b1", {"width": 1.0, "depth": 1.1}),
    ("mobilenet_v2", {"width": 1.0}),
    ("resnet18", {"width": 64}),
    ("resnet34", {"width": 64}),
    ("resnet50", {"width": 64}),
]


def numbers(network, encoder):
    result = case("", {network: {"encoder": encoder}}, [1, 1, 64, 64])
    del result["network"]
    return result


for name, settings in STANDARD:
    for network in ("encoder_unet", "deeplabv3", "deeplabv3_plus"):
        assert numbers(network, {name: settings}) == numbers(network, {name: {}}), (network, name)
