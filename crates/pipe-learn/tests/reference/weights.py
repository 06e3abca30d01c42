"""Writes the small weight files of weights/, as public code writes large ones, and weights.json with what comes out.

A case of weights.json: the part of the network that comes from the file (`encoder`, or all of it), whose names the file
uses, and the output when everything else is filled by the formula of fill.py. An encoder that was made for three
channels is fitted to other numbers as segmentation_models_pytorch does: summed over channels for one, repeated and
scaled by 3 / n for n.

    file    .pth by torch.save (zip archive), .safetensors; `legacy` is torch.save's format before 2020
    stored  what lies around the weights: the key of a dictionary, a prefix of every name
    names   pairs of a name in the file and its name in the network; names of the file without a pair are not used
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from timm.models.efficientnet import _gen_efficientnet
from torch import nn
from torchvision.models import MobileNetV2

from encoder_cases import NARROW
from fill import filled, image
from networks import built, described, fitting
from smp_models import RESNETS, NarrowEfficientNet, NarrowResNet

HERE = Path(__file__).parent
FOLDER = HERE / "weights"


def drawn(module, seed):
    """Gives random but seeded weights and running statistics, in the type that the file will have."""
    generator = torch.Generator().manual_seed(seed)
    result = {}
    for name, old in module.state_dict().items():
        random = torch.randn(old.shape, generator=generator)
        if name.endswith("num_batches_tracked"):
            result[name] = torch.tensor(1000)
        elif name.endswith("running_var"):
            result[name] = 0.5 + torch.rand(old.shape, generator=generator)
        elif old.dim() > 1:
            result[name] = random * (2 / old[0].numel()) ** 0.5
        else:
            result[name] = 0.1 * random + (1 if name.endswith("weight") else 0)
    return result


def torchvision_resnet(width):
    """torchvision's ResNet-18 of another width, with its own names and its last layer."""
    model = NarrowResNet(*RESNETS["resnet18"], width)
    model.fc = nn.Linear(8 * width, 10)
    return model


def half(weights):
    return {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}


def prefixed(prefix, weights):
    return {prefix + name: value for name, value in weights.items()}


def timm_name(name, first_of_stage):
    """Gives the name of segmentation_models_pytorch for a name of timm's EfficientNet."""
    outside = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"}
    separable = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    inverted = {
        "conv_pw": "_expand_conv",
        "bn1": "_bn0",
        "conv_dw": "_depthwise_conv",
        "bn2": "_bn1",
        "conv_pwl": "_project_conv",
        "bn3": "_bn2",
    }
    parts = name.split(".")
    if parts[0] != "blocks":
        return ".".join([outside[parts[0]], *parts[1:]])
    stage, block, rest = int(parts[1]), int(parts[2]), parts[3:]
    if rest[0] == "se":
        rest = ["_se_reduce" if rest[1] == "conv_reduce" else "_se_expand", *rest[2:]]
    else:
        rest = [(separable if stage == 0 else inverted)[rest[0]], *rest[1:]]
    return ".".join(["_blocks", str(first_of_stage[stage] + block), *rest])


def timm_names(weights):
    blocks = sorted({tuple(map(int, name.split(".")[1:3])) for name in weights if name.startswith("blocks")})
    first_of_stage = {stage: blocks.index((stage, 0)) for stage, _ in blocks}
    kept = (name for name in weights if not name.startswith("classifier"))
    return {name: timm_name(name, first_of_stage) for name in kept}


def unet_names(model, depth):
    """Gives our names of a U-Net for those of the reference module."""
    result = {}
    for name in model.state_dict():
        level, *rest = name.split(".")
        if level in ("encoder", "decoder"):
            level += f".{rest.pop(0)}"
        if level not in ("up", "head"):
            convolution, layer, kind = rest
            rest = [("conv" if layer == "0" else "bn") + str(int(convolution) + 1), kind]
        result[name] = ".".join([level, *rest])
    return result


def with_channels(weight, channels):
    """Fits a first convolution to another number of channels."""
    if weight.shape[1] != 3 or channels == 3:
        return weight
    if channels == 1:
        return weight.sum(1, keepdim=True)
    return torch.stack([weight[:, i % 3] for i in range(channels)], 1) * (3 / channels)


def expected(network, shape, weights, names, prefix):
    """Gives the output of the filled network with the weights of a file in their place."""
    model = filled(built(network))
    state = model.state_dict()
    for source, place in names:
        place = prefix + place
        new = weights[source].double()
        is_first = new.dim() == 4 and new.shape[1] == 3 and state[place].shape[1] != 3
        state[place] = with_channels(new, state[place].shape[1]) if is_first else new
    model.load_state_dict(state)
    with torch.no_grad():
        return described(model(fitting(network, image(shape))))


def stripped(stored, key, prefix):
    weights = stored[key] if key else stored
    return {name.removeprefix(prefix): value for name, value in weights.items()}


def encoder_unet(encoder, channels=3):
    return {"encoder_unet": {"in_channels": channels, "encoder": encoder, "decoder_widths": NARROW}}


def files():
    """Gives file name, what is stored, its key and prefix, the pairs of names, part, whose names, and its networks."""
    resnet = drawn(torchvision_resnet(3), 1)
    kept = {name: name for name in resnet if not name.startswith("fc.")}
    resnets = [(encoder_unet({"resnet18": {"width": 3}}, n), [1, n, 64, 64]) for n in (3, 1, 4)]
    plus = {"encoder": {"resnet18": {"width": 3}}, "width": 8, "in_channels": 2}
    plus = [({"deeplabv3_plus": plus}, [1, 2, 64, 64])]
    yield "torchvision_resnet18.pth", resnet, None, "", kept, "encoder", "torchvision", resnets + plus
    parallel = {"epoch": 7, "state_dict": prefixed("module.", half(resnet))}
    yield "parallel_resnet18_half.pth", parallel, "state_dict", "module.", kept, "encoder", "torchvision", resnets[:1]
    yield "legacy_resnet18.pth", resnet, None, "", kept, "encoder", "torchvision", resnets[1:2]

    mobilenet = half(drawn(MobileNetV2(width_mult=0.05, num_classes=10), 2))
    kept = {name: name for name in mobilenet if name.startswith("features")}
    without_last = {name: name for name in kept if not name.startswith("features.18")}
    eca = [({"deeplabv3_plus_eca": {"encoder_width": 0.05, "width": 8, "skip_width": 6}}, [1, 3, 64, 64])]
    narrow = {"mobilenet_v2": {"width": 0.05}}
    networks = [
        (encoder_unet(narrow, 1), [1, 1, 64, 64]),
        ({"deeplabv3": {"in_channels": 3, "encoder": narrow, "width": 8}}, [1, 3, 64, 64]),
    ]
    yield "torchvision_mobilenet_v2_half.safetensors", mobilenet, None, "", kept, "encoder", "torchvision", networks
    yield "torchvision_mobilenet_v2_half.safetensors", mobilenet, None, "", without_last, "encoder", "torchvision", eca

    efficientnet = drawn(_gen_efficientnet("efficientnet_b0", 0.05, 0.3, num_classes=10), 3)
    narrow = {"efficientnet_b0": {"width": 0.05, "depth": 0.3}}
    networks = [(encoder_unet(narrow, n), [1, n, 64, 64]) for n in (3, 1, 4)]
    names = timm_names(efficientnet)
    yield "timm_efficientnet_b0.safetensors", efficientnet, None, "", names, "encoder", "timm", networks

    encoder = NarrowEfficientNet("efficientnet-b1", 0.05, 0.3)
    encoder.set_in_channels(1, pretrained=False)
    encoder = drawn(encoder, 4)
    narrow = {"efficientnet_b1": {"width": 0.05, "depth": 0.3}}
    networks = [(encoder_unet(narrow, 1), [1, 1, 64, 64])]
    yield "smp_encoder_efficientnet_b1.pth", encoder, None, "", {n: n for n in encoder}, "encoder", "smp", networks

    network = encoder_unet({"resnet18": {"width": 2}}, 1)
    network["encoder_unet"]["decoder_widths"] = [12, 10, 8, 6, 4]
    whole = drawn(built(network), 5)
    lightning = {"epoch": 3, "global_step": 120, "pytorch-lightning_version": "2.4.0"}
    lightning["state_dict"] = prefixed("model.", whole)
    names, networks = {name: name for name in whole}, [(network, [1, 1, 64, 64])]
    yield "lightning_smp_unet.pth", lightning, "state_dict", "model.", names, "all", "smp", networks

    network = {"unet": {"in_channels": 2, "out_channels": 3, "width": 6, "depth": 2}}
    model = built(network)
    ours = unet_names(model, 2)
    drawn_unet = {ours[name]: value for name, value in drawn(model, 6).items()}
    yield (
        "unet.safetensors",
        drawn_unet,
        None,
        "",
        {o: n for n, o in ours.items()},
        "all",
        "ours",
        [(network, [1, 2, 32, 48])],
    )

    network = {"nnunet": {"widths": [4, 6, 8], "out_channels": 3}}
    model = built(network)
    weights = drawn(model, 7)
    for name in weights:
        # The library lists each layer twice, and the encoder a second time below the decoder.
        same = name.removeprefix("decoder.") if name.startswith("decoder.encoder") else name
        weights[name] = weights[same.replace("all_modules.0", "conv").replace("all_modules.1", "norm")]
    once = {n: n for n in weights if "all_modules" not in n and not n.startswith("decoder.encoder")}
    # Loading by name must put all copies in place.
    names = {n: n for n in weights}
    checkpoint = {"network_weights": weights, "current_epoch": 1000, "trainer_name": "nnUNetTrainer"}
    yield (
        "nnunet_checkpoint.pth",
        checkpoint,
        "network_weights",
        "",
        (names, once),
        "all",
        "nnunet",
        [(network, [1, 1, 32, 32])],
    )


def main():
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    result = []
    for file, stored, key, prefix, names, part, whose, networks in files():
        if file.endswith(".safetensors"):
            save_file(stored, FOLDER / file)
        else:
            torch.save(stored, FOLDER / file, _use_new_zipfile_serialization=not file.startswith("legacy"))
        assert (FOLDER / file).stat().st_size <= 200_000, file
        weights = stripped(stored, key, prefix)
        names, listed = names if isinstance(names, tuple) else (names, names)
        place = "encoder." if part == "encoder" else ""
        listed = [pair for pair in listed.items() if not pair[0].endswith("num_batches_tracked")]
        if whose == "ours":
            listed = [(name, name) for name, _ in listed]
        for network, shape in networks:
            result.append(
                {
                    "file": file,
                    "stored": {"key": key, "prefix": prefix},
                    "network": network,
                    "weights": {"part": part, "map": whose},
                    "input": shape,
                    **expected(network, shape, weights, names.items(), place),
                    "names": [[prefix + name, place + ours] for name, ours in listed],
                }
            )
    lines = (",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in case.items()) for case in result)
    (HERE / "weights.json").write_text("[\n" + ",\n".join(f" {{\n{case}\n }}" for case in lines) + "\n]\n")


if __name__ == "__main__":
    main()
