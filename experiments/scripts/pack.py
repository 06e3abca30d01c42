"""Reads the masks of a prepared data set. Standard library only.

A pack is `header (64 bytes) | arrays | index (JSON, one entry a case; a map with `classes` and `entries` where classes have names) | footer (64 bytes)`; the footer tells where the
index lies. Does not know what the masks are for.
"""

import json
import struct


def masks(path):
    """Gives (case, height, width, labels) of every case that has a mask; labels are bytes, row by row."""
    with open(path, "rb") as file:
        file.seek(-64, 2)
        footer = file.read(64)
        if footer[56:] != b"KCAPEPIP":
            raise ValueError(f"{path} is no pack, or was cut")
        at, length = struct.unpack_from("<QQ", footer)
        file.seek(at)
        index = json.loads(file.read(length))
        for case in index["entries"] if isinstance(index, dict) else index:
            if case["mask_digest"] is None:
                continue
            file.seek(case["mask_offset"])
            yield case["id"], case["height"], case["width"], file.read(case["height"] * case["width"])
