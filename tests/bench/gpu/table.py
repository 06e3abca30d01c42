"""Makes gpu.json and the table of what gpu.sh has measured: table.py FOLDER PIPE DEVICE [--trial].

Standard library only. Bars: a step takes at most as long as PyTorch's eager one in tf32, at most 1.2 times as long as its eager one
under autocast in bf16, and the card is busy for 95 % of the time.
"""

import datetime
import json
import pathlib
import platform
import statistics
import subprocess
import sys

import systems

SYSTEMS = systems.read()
BARS = {"tf32": 1.0, "bf16": 1.2}
BUSY = 95.0

folder, pipe, device = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
is_trial = "--trial" in sys.argv[4:]


def read(name):
    try:
        return json.loads((folder / name).read_text())
    except (OSError, ValueError):
        return None


def said(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def middle(values):
    return statistics.median(values) if values else None


def text(value, places=1, unit=""):
    return "" if value is None else f"{value:.{places}f}{unit}"


def table(head, rows):
    rows = [head, *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))) for row in rows]
    print("\n".join(line.rstrip() for line in lines), end="\n\n")


def timed():
    rows, found = [], {}
    for name, system in SYSTEMS.items():
        for precision in ("tf32", "bf16"):
            ours, eager = read(f"pipe-{name}-{precision}.out"), read(f"torch-{name}-{precision}.json")
            compiled = read(f"compiled-{name}-{precision}.json")
            missing = folder / f"pipe-{name}-{precision}.missing"
            if not (ours or eager or compiled or missing.exists()):
                continue
            found[f"{name}-{precision}"] = {"pipe": ours, "eager": eager, "compiled": compiled}
            timing = ours["timing"] if ours else {}
            step, theirs = middle(timing.get("step")), middle((eager or {}).get("step"))
            best = middle((compiled or {}).get("step"))
            busy = middle((ours or {}).get("busy"))
            waited = middle(timing.get("waited"))
            ratio = step / theirs if step and theirs else None
            verdicts = []
            if not ours:
                verdicts.append(missing.read_text().strip() if missing.exists() else "not run")
            if ratio is not None:
                verdicts.append("ok" if ratio <= BARS[precision] else f"MISSED {BARS[precision]}")
            if busy is not None:
                verdicts.append("busy ok" if busy >= BUSY else "busy MISSED")
            if ours and eager and timing["parameters"] != eager["parameters"]:
                verdicts.append(f"PARAMETERS DIFFER: {timing['parameters']} and {eager['parameters']}")
            if is_trial:
                verdicts = [verdict for verdict in verdicts if verdict.startswith(("PARAM", "no", "fail"))] + ["trial"]
            mebibytes = lambda answer: text(answer["memory_bytes"] / 2**20, 0) if answer and answer["memory_bytes"] else ""
            rows.append([
                f"{system.title}, {'x'.join(map(str, system.trial if is_trial else system.input))}", precision,
                text(step), text(theirs), text(ratio, 2), text(best), text(step / best if step and best else None, 2),
                mebibytes(ours), mebibytes(eager), text(None if waited is None else waited * 100), text(busy, 0),
                text(timing.get("start_up")), text(middle(timing.get("batches_predicted"))),
                text(middle((eager or {}).get("batches_predicted"))), text(middle(timing.get("images_predicted"))),
                ", ".join(verdicts),
            ])
    if rows:
        table(["network, input", "", "pipe ms", "eager ms", "ratio", "compiled ms", "ratio", "pipe MiB", "torch MiB",
               "waits %", "busy %", "start s", "predicts/s", "torch", "one by one", "bars"], rows)
    return found


def parity():
    rows, found = [], {}
    for path in sorted(folder.glob("parity-*")):
        if path.suffix not in (".out", ".missing"):
            continue
        key = path.stem.removeprefix("parity-")
        name, precision = key.rsplit("-", 1)
        answer = read(path.with_suffix(".out").name)
        if path.suffix == ".missing" and answer:
            continue
        found[key] = answer
        if not answer:
            if path.suffix == ".missing":
                rows.append([name, precision] + [""] * 7 + [path.read_text().strip()])
            continue
        for network in answer["networks"]:
            figures = (network.get("parity") or {}).get("figures", [])
            errors = ["" if figure["error"] is None else f"{figure['error']:.0e}" for figure in figures]
            errors += [""] * (7 - len(errors))
            beyond = [figure["what"] for figure in figures if figure["error"] is None or figure["error"] > figure["tolerance"]]
            rows.append([name, precision, *errors, network.get("error") or ", ".join(beyond) or "ok"])
    if rows:
        table(["parity with the CPU", "", "maps", "loss", "gradients", "worst", "losses", "weights", "continued", "beyond"], rows)
    return found


DIRECTIONS = ("forward", "data", "weights")


def profile():
    """Layers alone: sums by kind and direction, and the layers that lose most."""
    found = {}
    for name, system in SYSTEMS.items():
        for precision in ("tf32", "bf16"):
            ours, theirs = read(f"operations-{name}-{precision}.out"), read(f"torch-operations-{name}-{precision}.json")
            if not ours:
                continue
            found[f"{name}-{precision}"] = {"pipe": ours, "torch": theirs}
            theirs = (theirs or []) + [None] * len(ours["operations"])
            sums, lost = {}, []
            for entry, other in zip(ours["operations"], theirs):
                operation, times = entry["operation"], entry["times"]
                for direction in DIRECTIONS:
                    own, its = times * entry[direction], times * other[direction] if other else 0.0
                    if own + its < 1e-6:
                        continue
                    total = sums.setdefault((operation["kind"], direction), [0.0, 0.0, 0.0])
                    total[0] += own
                    # Only what both have been asked for is compared.
                    total[1] += own if other else 0.0
                    total[2] += its
                    shape = ["x".join(map(str, operation[key])) for key in ("input", "weight")]
                    lost.append((own - its, [operation["kind"], direction, *shape, str(times), text(own, 3), text(its, 3) if other else ""]))
            rows = [
                [kind, direction, text(own, 3), text(its, 3) if its else "", text(compared / its, 2) if its else ""]
                for (kind, direction), (own, compared, its) in sorted(sums.items(), key=lambda pair: pair[1][2] - pair[1][1])
            ]
            table([f"{system.title}, {precision}: layers alone", "", "pipe ms", "PyTorch ms", "ratio"], rows)
            rows = [row for _, row in sorted(lost, key=lambda pair: -pair[0])[:12]]
            table(["lose most", "", "input", "weight", "times", "pipe ms", "PyTorch ms"], rows)
    return found


def main():
    card = said("nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm", "--format=csv,noheader")
    machine = {
        "card": card, "device": device, "processor": platform.processor() or platform.machine(), "system": platform.platform(),
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "pipe": said(pipe, "--version"),
    }
    print(f"{machine['pipe']} on {card or device}, {machine['date']}")
    if is_trial:
        print("A TRIAL of the script on small inputs: these times measure nothing.")
    print()
    answer = {"machine": machine, "is_trial": is_trial, "timed": timed(), "parity": parity(), "profile": profile()}
    versions = [entry["eager"] for entry in answer["timed"].values() if entry["eager"]]
    if versions:
        machine["torch"], machine["cudnn"] = versions[0]["torch"], versions[0]["cudnn"]
        print(f"PyTorch {machine['torch']}, cuDNN {machine['cudnn']}: fused Adam, channels last or first (the faster), cudnn.benchmark, TF32 allowed; bf16 by autocast; pinned batches copied meanwhile.")
    (folder / "gpu.json").write_text(json.dumps(answer, indent=1))


main()
