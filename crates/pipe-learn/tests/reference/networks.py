"""Writes networks.json: what each network of cases.py gives when it and its input are filled by the formula of fill.py.

    python networks.py                          writes networks.json
    python networks.py --only NAME              prints the cases whose name has NAME in it, without gradients
    python networks.py --golden forward.json    also compares the cases that an independent file of values names

Float64, eval mode, outputs as logits (SVS-net's after the sigmoid, as its code ends with it). The gradients are those
of the mean cross-entropy over pixels against the target of fill.py; of each parameter there is the L2 norm.
"""

import argparse
import json
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from cases import CASES  # noqa: E402
from deeplab_eca import DeepLabEca  # noqa: E402
from fill import filled, image, target  # noqa: E402
from nnunet import nnunet, nnunet_residual  # noqa: E402
from resunet_plus_plus import ResUNetPlusPlus  # noqa: E402
from smp_models import deeplabv3, deeplabv3_plus, encoder_unet, encoder_unet_plus_plus  # noqa: E402
from svsnet import SvsNet  # noqa: E402
from unets import AttentionUNet, EncoderDecoder, UNet, UNetPlusPlus  # noqa: E402

NETWORKS = {
    "unet": UNet,
    "unet_plus_plus": UNetPlusPlus,
    "attention_unet": AttentionUNet,
    "resunet_plus_plus": ResUNetPlusPlus,
    "encoder_unet": encoder_unet,
    "encoder_unet_plus_plus": encoder_unet_plus_plus,
    "deeplabv3": deeplabv3,
    "deeplabv3_plus": deeplabv3_plus,
    "deeplabv3_plus_eca": DeepLabEca,
    "encoder_decoder": EncoderDecoder,
    "svsnet": SvsNet,
    "nnunet": nnunet,
    "nnunet_residual": nnunet_residual,
}


def built(network):
    """Builds a network from its settings as they stand in YAML."""
    ((name, settings),) = network.items()
    return NETWORKS[name](**settings)


def fitting(network, x):
    """Networks without depth take channels x frames as channels."""
    ((name, settings),) = network.items()
    has_depth = name == "svsnet" or settings.get("dimensions", 2) == 3
    x = x.flatten(1, 2) if x.dim() == 5 and not has_depth else x
    if settings.get("padding") == "valid":
        # What unpadded convolutions eat is put around as a mirrored border; the inputs of the cases need no more.
        eaten = sum((4 if level < settings["depth"] else 2) << level for level in range(settings["depth"] + 1))
        x = F.pad(x, [eaten] * 4, mode="reflect")
    return x


def described(y):
    """Describes an output in few numbers."""
    values = y.detach().flatten()
    count = len(values)
    return {
        "output_shape": list(y.shape),
        "mean": values.mean().item(),
        "std": values.std(correction=0).item(),
        "min": values.min().item(),
        "max": values.max().item(),
        "samples": [values[k * count // 8].item() for k in range(8)],
        "last": values[-1].item(),
    }


def gradients(model, logits):
    """Gives the norm of each parameter's gradient; 0 for those that the output does not need."""
    maps = logits.shape[1]
    wanted = target(maps, (logits.shape[0], *logits.shape[2:]))
    if maps == 1:
        loss = F.binary_cross_entropy_with_logits(logits[:, 0], wanted)
    else:
        loss = F.cross_entropy(logits, wanted)
    loss.backward()

    def norm(parameter):
        return 0.0 if parameter.grad is None else float(f"{parameter.grad.norm().item():.7g}")

    named = model.named_parameters()
    return loss.item(), [{"shape": list(p.shape), "norm": norm(p), "name": name} for name, p in named]


def case(name, network, shape, with_gradients=True):
    model = filled(built(network))
    with torch.set_grad_enabled(with_gradients):
        logits = model(fitting(network, image(shape)))
    y = logits.detach()
    if "svsnet" in network:
        y = torch.sigmoid(y) if y.shape[1] == 1 else torch.softmax(y, 1)
    params = sum(parameter.numel() for parameter in model.parameters())
    result = {"name": name, "network": network, "input": list(shape), "params": params, **described(y)}
    if with_gradients:
        result["loss"], result["gradients"] = gradients(model, logits)
    return result


def compare(found, golden):
    """Says how far a case is from an independent value, relative to the deviation of the output."""
    pairs = [(found[key], golden[key]) for key in ("mean", "std", "min", "max", "last")]
    pairs += zip(found["samples"], golden["samples_at_k*N/8"])
    assert found["params"] == golden["params"] and found["output_shape"] == golden["output_shape"]
    worst = max(abs(a - b) for a, b in pairs) / golden["std"]
    print(f"{found['name']}: {worst:.1e} from the independent value")
    assert worst < 1e-9


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--only")
    arguments.add_argument("--golden", type=Path)
    arguments = arguments.parse_args()
    torch.set_num_threads(1)
    golden = json.loads(arguments.golden.read_text())["nets"] if arguments.golden else {}
    results, missing = [], set(golden)
    for name, network, shape in CASES:
        if arguments.only and arguments.only not in name:
            continue
        results.append(case(name, network, shape, with_gradients=not arguments.only))
        if name in golden:
            compare(results[-1], golden[name])
            missing.discard(name)
        if arguments.only:
            print(json.dumps(results[-1]))
    assert arguments.only or not missing, f"no case for {missing}"
    if not arguments.only:
        lines = (",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in r.items()) for r in results)
        text = "[\n" + ",\n".join(f" {{\n{case_lines}\n }}" for case_lines in lines) + "\n]\n"
        (Path(__file__).parent / "networks.json").write_text(text)


if __name__ == "__main__":
    main()
