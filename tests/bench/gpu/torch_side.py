"""Times one network in PyTorch: torch_side.py NETWORK PRECISION DEVICE RESULT [--compile] [--trial] [--rounds N].

Training as it is best done there: fused Adam, cudnn.benchmark, channels last or first (whichever is faster), TF32 allowed, autocast
for bf16, no loss read back in a round, batches in pinned memory that are copied while the device computes (a loader that costs nothing but the copy).
"""

import argparse
import json
import pathlib
import subprocess
import time

import torch

import networks
import systems


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("network", "precision", "device", "result"):
        parser.add_argument(name)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--trial", action="store_true")
    parser.add_argument("--rounds", type=int, default=4)
    return parser.parse_args()


def memory(device):
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info()
        return total - free
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    asked = arguments()
    system = systems.read()[asked.network]
    shape = system.trial if asked.trial else system.input
    steps = 1 if asked.trial else system.steps
    device = torch.device(asked.device if asked.device.startswith("cuda") else "cpu")
    torch.backends.cudnn.benchmark = True
    exact = asked.precision == "fp32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = not exact
    half = {"bf16": torch.bfloat16, "f16": torch.float16}.get(asked.precision)
    torch.manual_seed(1)

    is_volume = len(shape) == 5 and asked.network == "nnunet"
    target_shape = shape if is_volume else [shape[0], 1, *shape[-2:]]
    pinned = (lambda tensor: tensor.pin_memory()) if device.type == "cuda" else (lambda tensor: tensor)
    cases = []
    for _ in range(2):
        target = torch.zeros(target_shape)
        target[..., shape[-2] // 3 : shape[-2] // 2, shape[-1] // 3 : shape[-1] // 2] = 1
        cases.append((torch.rand(shape) + 0.8 * (target if len(target_shape) == len(shape) else target[:, :, None]), target))

    def done():
        if device.type == "cuda":
            torch.cuda.synchronize()

    def autocast():
        return torch.autocast(device.type, half, enabled=half is not None)

    class Training:
        """The network with its arrays in one order of memory."""

        def __init__(self, order):
            torch.manual_seed(1)
            self.order = order
            self.network = networks.BUILD[asked.network]().to(device)
            for values in self.network.parameters():
                values.data = ordered(values.data, order)
            self.run = torch.compile(self.network) if asked.compile else self.network
            self.adam = torch.optim.Adam(self.network.parameters(), lr=1e-3, fused=device.type == "cuda")
            self.pairs = [(pinned(ordered(images, order)), pinned(target)) for images, target in cases]
            self.network.train()

        def step(self, number):
            images, target = (tensor.to(device, non_blocking=True) for tensor in self.pairs[number % len(self.pairs)])
            with autocast():
                maps = self.run(images)
            loss = networks.loss_of(maps, target)
            self.adam.zero_grad(set_to_none=True)
            loss.backward()
            self.adam.step()
            return loss.detach()

        def steps(self, count):
            began = time.perf_counter()
            for number in range(count):
                loss = self.step(number)
            done()
            return time.perf_counter() - began, loss

    # Which order cuDNN is faster with depends on the network; the slower one is not held against anybody.
    best, start_up = None, 0.0
    for order in ("channels_last",) if asked.trial or asked.compile else ("channels_last", "contiguous"):
        training = Training(order)
        start_up += training.steps(min(3, steps + 1))[0]
        took = training.steps(min(5, steps))[0] if not asked.trial else 0.0
        if best is None or took < best[0]:
            best = (took, training)
        del training
        if device.type == "cuda":
            torch.cuda.empty_cache()
    training = best[1]
    network = training.network
    parameters = sum(values.numel() for values in network.parameters())
    rounds, busy = [], []
    watch = watched(device)
    for _ in range(asked.rounds):
        took, loss = training.steps(steps)
        rounds.append(took * 1e3 / steps)
    taken = memory(device)
    if watch:
        watch.kill()
        # The first looks are of the time before.
        busy = [float(line) for line in watch.communicate()[0].split() if line.replace(".", "").isdigit()][4:]

    network.eval()
    images = training.pairs[0][0].to(device)
    predicted = []
    with torch.inference_mode(), autocast():
        for _ in range(2):
            torch.sigmoid(network(images).float())
        done()
        for _ in range(asked.rounds):
            began = time.perf_counter()
            for _ in range(steps):
                torch.sigmoid(network(images).float())
            done()
            predicted.append(shape[0] * steps / (time.perf_counter() - began))
    answer = {
        "network": asked.network, "precision": asked.precision, "compiled": asked.compile, "order": training.order, "input": shape,
        "parameters": parameters, "step": rounds, "memory_bytes": taken, "busy": busy, "start_up": start_up,
        "batches_predicted": predicted, "loss": float(loss), "torch": torch.__version__, "cudnn": torch.backends.cudnn.version(),
    }
    pathlib.Path(asked.result).write_text(json.dumps(answer))


def ordered(values, order):
    """Channels last, where there are rows and columns."""
    last = {4: torch.channels_last, 5: torch.channels_last_3d}.get(values.dim())
    return values.contiguous(memory_format=last if last and order == "channels_last" else torch.contiguous_format)


def watched(device):
    if device.type != "cuda":
        return None
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "100"]
    try:
        return subprocess.Popen(query, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError:
        return None


main()
