"""Masks at the edge of what is defined: thin, full, touching every border, one row, 10:1 voxels, a thousand parts, ties.

Not known here: metrics. Each pair has a name, prediction, reference and spacing.
"""

import numpy

def box(shape, *ranges):
    mask = numpy.zeros(shape, bool)
    mask[tuple(slice(*one) for one in ranges)] = True
    return mask


def dotted(random, side, step, kept):
    """Single pixels `step` apart, of which a share is kept."""
    mask = numpy.zeros((side, side), bool)
    mask[::step, ::step] = random.random((-(-side // step), -(-side // step))) < kept
    return mask


def noise(random, shape, share):
    mask = random.random(shape) < share
    mask.flat[random.integers(mask.size)] = True
    return mask


def pairs(random):
    volume, image = (18, 20, 22), (40, 50)
    yield "sheets of one voxel, shifted", box(volume, (9, 10), (2, 18), (2, 20)), box(volume, (7, 8), (2, 18), (2, 20)), (3.0, 0.75, 0.75)
    yield "needles of one voxel, crossing", box(volume, (9, 10), (10, 11), (0, 22)), box(volume, (9, 10), (0, 20), (11, 12)), (1.0, 1.0, 1.0)
    yield "one voxel and one voxel", box(volume, (0, 1), (0, 1), (0, 1)), box(volume, (17, 18), (19, 20), (21, 22)), (2.0, 0.5, 0.5)
    yield "one pixel in itself", box(image, (3, 4), (3, 4)), box(image, (3, 4), (3, 4)), (0.25, 0.25)
    yield "two slices", noise(random, (2, 30, 30), 0.4), noise(random, (2, 30, 30), 0.3), (4.0, 1.0, 1.0)
    yield "both full", numpy.ones(image, bool), numpy.ones(image, bool), (1.0, 1.0)
    yield "full prediction", numpy.ones(image, bool), box(image, (10, 20), (10, 30)), (1.0, 0.5)
    yield "full reference", box(volume, (4, 9), (4, 9), (4, 9)), numpy.ones(volume, bool), (2.0, 1.0, 1.0)
    frame = ~box(image, (1, -1), (1, -1))
    yield "touching every border, frames", frame, ~box(image, (2, -2), (3, -1)), (1.0, 1.0)
    yield "touching every border, shells", ~box(volume, (1, -1), (1, -1), (1, -1)), ~box(volume, (2, -1), (1, -2), (1, -1)), (1.5, 1.0, 1.0)
    yield "touching every border, crosses", box(image, (19, 21), (0, 50)) | box(image, (0, 40), (24, 26)), box(image, (17, 20), (0, 50)) | box(image, (0, 40), (23, 25)), (1.0, 1.0)
    yield "10:1, blobs", box(volume, (3, 12), (4, 14), (5, 17)), box(volume, (4, 13), (4, 15), (3, 16)), (5.0, 0.5, 0.5)
    yield "10:1, noise", noise(random, volume, 0.2), noise(random, volume, 0.25), (5.0, 0.5, 0.5)
    yield "1:10, noise", noise(random, (30, 30), 0.2), noise(random, (30, 30), 0.25), (0.25, 2.5)
    yield "a thousand parts", dotted(random, 160, 5, 1.0), dotted(random, 160, 5, 0.7), (1.0, 1.0)
    yield "thousands of parts, shifted", numpy.roll(dotted(random, 160, 3, 0.8), 1, 1), dotted(random, 160, 3, 0.8), (1.0, 1.0)
    many = numpy.zeros((30, 30, 30), bool)
    many[::3, ::3, ::3] = True
    yield "a thousand parts in space", many, many & (random.random(many.shape) < 0.5), (1.0, 1.0, 1.0)
    yield "ties, squares a pixel apart", box(image, (5, 25), (5, 25)), box(image, (6, 26), (5, 25)), (1.0, 1.0)
    yield "ties, cubes two apart", box(volume, (4, 12), (4, 12), (4, 12)), box(volume, (4, 12), (6, 14), (4, 12)), (1.0, 1.0, 1.0)
    yield "ties, squares in squares", box(image, (5, 25), (5, 25)), box(image, (7, 23), (7, 23)), (0.5, 0.5)
    for side in (0.3333, 1 / 3, 0.1, 0.7):
        yield f"sides of {side}, image", box(image, (5, 25), (5, 25)), box(image, (8, 28), (5, 25)), (side, side)
        yield f"sides of {side}, noise", noise(random, (24, 24), 0.05), noise(random, (24, 24), 0.05), (side, side)
        yield f"sides of {side}, volume", noise(random, volume, 0.02), noise(random, volume, 0.02), (3 * side, side, side)
    yield "one row", noise(random, (1, 64), 0.4), noise(random, (1, 64), 0.4), (1.0, 0.5)
    yield "one column", noise(random, (64, 1), 0.4), noise(random, (64, 1), 0.4), (0.5, 1.0)
    yield "one row of voxels in depth", noise(random, (24, 1, 24), 0.3), noise(random, (24, 1, 24), 0.3), (1.0, 1.0, 1.0)
    yield "one column of voxels in depth", noise(random, (24, 24, 1), 0.3), noise(random, (24, 24, 1), 0.3), (1.0, 1.0, 1.0)
    yield "runs in one row", box((1, 64), (0, 1), (4, 40)), box((1, 64), (0, 1), (8, 44)), (1.0, 0.5)
    yield "runs in one column", box((64, 1), (4, 40), (0, 1)), box((64, 1), (8, 44), (0, 1)), (0.5, 1.0)
    yield "a slab one row high", box((24, 1, 24), (2, 20), (0, 1), (2, 20)), box((24, 1, 24), (4, 22), (0, 1), (2, 20)), (1.0, 1.0, 1.0)
    yield "a slab one column wide", box((24, 24, 1), (2, 20), (2, 20), (0, 1)), box((24, 24, 1), (4, 22), (2, 20), (0, 1)), (1.0, 1.0, 1.0)
    yield "a volume of one slice", box((1, 24, 24), (0, 1), (2, 20), (2, 20)), box((1, 24, 24), (0, 1), (4, 22), (2, 20)), (3.0, 1.0, 1.0)
