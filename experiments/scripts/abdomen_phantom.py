"""Makes abdominal slices with three organs that overlap, in the layout of UW-Madison GI tract. Standard library only.

16-bit PNG files `train/case1/case1_day0/scans/slice_0001_96_96_1.50_1.50.png`, width before height, and `train.csv` with run lengths,
row by row and counted from 1. An organ is absent from some slices, and its cell is empty there. Made by seed; it is no anatomy: large
bowel is a bright ring, small bowel some spots of middle brightness, stomach a bright ellipse, in a body with a spine that is as bright
as they are and belongs to none.
"""

import csv
import json
import math
import os
import pathlib
import random
import struct
import sys
import zlib

CLASSES = ["large_bowel", "small_bowel", "stomach"]


def patient_of(rng):
    """Gives where the organs of a patient lie; lengths are fractions of the side, angles radians."""
    return {
        "ring": (0.5 + rng.uniform(-0.03, 0.03), 0.5 + rng.uniform(-0.03, 0.03), rng.uniform(0.24, 0.29), rng.uniform(0.035, 0.05)),
        "gap": rng.uniform(0.6, 1.4),
        "spots": [(rng.uniform(0.4, 0.62), rng.uniform(0.38, 0.62), rng.uniform(0.045, 0.075)) for _ in range(5)],
        "stomach": (rng.uniform(0.28, 0.34), rng.uniform(0.58, 0.66), rng.uniform(0.10, 0.14), rng.uniform(0.07, 0.10), rng.uniform(-0.5, 0.5)),
        "gain": rng.uniform(0.8, 1.25),
    }


def organs_at(y, x, patient, height):
    """Gives whether each class covers a point of a slice at `height` from 0 to 1; several may."""
    row, column, radius, thick = patient["ring"]
    angle = math.atan2(y - row, x - column)
    large = 0.15 < height and abs(math.hypot(y - row, x - column) - radius) < thick and abs(angle - math.pi / 2) > patient["gap"] / 2
    shrink = 1 - 2 * abs(height - 0.5)
    small = any(math.hypot(y - a, x - b) < size * (0.6 + 0.6 * shrink) for a, b, size in patient["spots"])
    row, column, tall, wide, turn = patient["stomach"]
    along = math.cos(turn) * (y - row) + math.sin(turn) * (x - column)
    across = math.cos(turn) * (x - column) - math.sin(turn) * (y - row)
    full = math.sqrt(max(0.0, 1 - (height / 0.75) ** 2))
    stomach = full > 0 and (along / (tall * full + 1e-9)) ** 2 + (across / (wide * full + 1e-9)) ** 2 < 1
    return large, small, stomach


def brightness(y, x, covers, patient, height, rng):
    """Gives a value from 0 to 1 with noise and a field that falls off from the coil."""
    if (y - 0.5) ** 2 / 0.2 + (x - 0.5) ** 2 / 0.22 > 1:
        value = 0.02
    else:
        large, small, stomach = covers
        spine = math.hypot(y - 0.82, x - 0.5) < 0.06
        value = 0.3 + 0.16 * large + 0.1 * small + 0.22 * stomach + 0.2 * spine
        value *= 1.15 - 0.35 * y
    return min(1.0, max(0.0, value * patient["gain"] + rng.gauss(0, 0.05)))


def runs(mask):
    """Gives `start length ...` of the set pixels, row by row, counted from 1."""
    text, start = [], None
    for at, covered in enumerate(mask + [False], 1):
        if covered and start is None:
            start = at
        elif not covered and start is not None:
            text.append(f"{start} {at - start}")
            start = None
    return " ".join(text)


def png(path, size, values):
    """Writes a square gray image of 16 bits."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + struct.pack(f">{size}H", *values[y * size : (y + 1) * size]) for y in range(size))
    head = struct.pack(">IIBBBBB", size, size, 16, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def main():
    wanted = json.loads(pathlib.Path(os.environ["PIPE_PARAMS"]).read_text())["params"]
    size, root = wanted["size"], pathlib.Path(sys.argv[1])
    table = [["id", "class", "segmentation"]]
    for number in range(1, wanted["patients"] + 1):
        rng = random.Random(f"{wanted['seed']} {number}")
        patient = patient_of(rng)
        for day in range(wanted["days"]):
            folder = root / "train" / f"case{number}" / f"case{number}_day{day}" / "scans"
            folder.mkdir(parents=True)
            for at in range(1, wanted["slices"] + 1):
                height = (at - 0.5) / wanted["slices"]
                places = [((i // size + 0.5) / size, (i % size + 0.5) / size) for i in range(size * size)]
                covers = [organs_at(y, x, patient, height) for y, x in places]
                seen = [brightness(y, x, cover, patient, height, rng) for (y, x), cover in zip(places, covers)]
                png(folder / f"slice_{at:04}_{size}_{size}_1.50_1.50.png", size, [round(value * 16000) for value in seen])
                for index, name in enumerate(CLASSES):
                    table.append([f"case{number}_day{day}_slice_{at:04}", name, runs([cover[index] for cover in covers])])
    with open(root / "train.csv", "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(table)


main()
