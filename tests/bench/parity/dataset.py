"""Images and masks of a prepared data set: a pack is `header | arrays | index (JSON) | footer`, see experiments/scripts."""

import json
import struct

import numpy


def cases(path):
    """Gives {case: (image [channels, height, width] as float32, mask [height, width])}."""
    with open(path, "rb") as file:
        data = file.read()
    at, length = struct.unpack_from("<QQ", data, len(data) - 64)
    found = {}
    for case in json.loads(data[at : at + length]):
        shape = [case["frames"] * case["channels"], case["height"], case["width"]]
        image = numpy.frombuffer(data, "<f4", shape[0] * shape[1] * shape[2], case["image_offset"]).reshape(shape)
        mask = numpy.frombuffer(data, "u1", shape[1] * shape[2], case["mask_offset"]).reshape(shape[1:])
        found[case["id"]] = image, mask
    return found


def chosen(path, part):
    """The ids of a selection's part, in its order."""
    with open(path) as file:
        return [case["id"] for case in json.load(file).get(part, [])]
