"""Recomputes Dice, case by case, from the packed prediction and data files, and compares it with the report.

Usage: recompute_dice.py REPORT.json STATUS.json RUNS_FOLDER. Needs numpy. Shares no code with `pipe`: it reads packs as
crates/pipe-image/src/pack/layout.rs describes their bytes.
"""

import json
import pathlib
import struct
import sys

import numpy

TYPES = {"f32": "<f4", "f16": "<f2", "u8": "u1"}
THRESHOLD = 0.5


def read_pack(path):
    """Gives {case id: (image [frames, channels, height, width] as float64, mask [height, width] or None)}."""
    data = path.read_bytes()
    assert data[:8] == b"PIPEPACK" and data[-8:] == b"KCAPEPIP", f"{path} is no pack"
    offset, length = struct.unpack("<QQ", data[-64:-48])
    cases = {}
    index = json.loads(data[offset : offset + length])
    for entry in index["entries"] if isinstance(index, dict) else index:
        shape = [entry[side] for side in ("frames", "channels", "height", "width")]
        values = numpy.frombuffer(data, TYPES[entry["dtype"]], int(numpy.prod(shape)), entry["image_offset"])
        mask = None
        if entry["mask_digest"] is not None:
            mask = numpy.frombuffer(data, "u1", shape[2] * shape[3], entry["mask_offset"]).reshape(shape[2:])
        cases[entry["id"]] = (values.reshape(shape).astype("f8"), mask)
    return cases


def main():
    report, status, runs = (pathlib.Path(argument) for argument in sys.argv[1:])
    report = json.loads(report.read_text())
    stages = {row["stage"]: row for row in json.loads(status.read_text())["stages"]}

    def pack(stage, port):
        digest = next(output["digest"] for output in stages[stage]["outputs"] if output["port"] == port)
        return read_pack(runs / "objects" / digest[:2] / digest[2:])

    data = pack("prepare", "dataset")
    equal = 0
    for row in report["cases"]:
        if row["metric"] != "dice":
            continue
        fold = row["axes"]["fold"]
        probability = pack(f"predict[fold={fold}]", "prediction")[row["case"]][0][0, 0]
        predicted, reference = probability >= THRESHOLD, data[row["case"]][1] != 0
        both = predicted.sum() + reference.sum()
        dice = 2 * (predicted & reference).sum() / both if both else None
        if dice is None or row["value"] is None:
            assert dice == row["value"], f"{row}: {dice} recomputed"
        else:
            assert abs(dice - row["value"]) < 1e-12, f"{row}: {dice} recomputed"
        equal += 1
    means = [row["value"] for row in report["cases"] if row["metric"] == "dice" and row["value"] is not None]
    reported = next(row["mean"] for row in report["table"] if row["metric"] == "dice")
    assert abs(numpy.mean(means) - reported) < 1e-12, f"mean {numpy.mean(means)}, reported {reported}"
    print(f"{equal} cases equal, mean {reported:.6f}")


main()
