"""Times the metrics of `pipe` and of other packages on equal masks: metrics.py METRICS_SPEED [--json FILE].

METRICS_SPEED is `cargo build --release -p pipe-metrics --example metrics_speed`'s program; packages as for tests/compare/metrics.py.
All run on one thread. Times are medians of several calls, in CPU seconds, which other work on the machine does not change much;
packages are imported and called once before. Ratios are over `pipe`. Exit code 1 where MedPy or MONAI is not 20 times slower for HD95 + ASSD + NSD. Not known here: what
the numbers are; tests/compare/metrics.py holds them against each other.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "compare"))

import numpy
import scipy.ndimage as ndimage

import metrics_packages as packages

packages.torch.set_num_threads(1)
TOLERANCE = 2


def smooth(random, shape, sigma):
    return ndimage.gaussian_filter(random.standard_normal(shape).astype("f4"), sigma)


def vessels(random, shape):
    field, noise = smooth(random, shape, 8), smooth(random, shape, 3)
    other = field + 0.1 * field.std() * noise / noise.std()
    return tuple(numpy.abs(f) < 0.15 * f.std() for f in (field, other))


def blobs(random, shape, level):
    field, noise = smooth(random, shape, 12), smooth(random, shape, 4)
    other = field + 0.15 * field.std() * noise / noise.std()
    return tuple(f > numpy.quantile(field, level) for f in (field, other))


def organ(shape):
    """An ellipsoid, and another a little beside it, with a stray piece."""
    grids = numpy.meshgrid(*(numpy.arange(side, dtype="f4") for side in shape), indexing="ij")

    def ball(middle, radius):
        return sum(((grid - m * side) / (radius * side)) ** 2 for grid, m, side in zip(grids, middle, shape)) <= 1

    middle = [0.5] * len(shape)
    prediction = ball([0.51] * len(shape), 0.21)
    prediction[tuple(slice(side // 9, side // 9 + 3) for side in shape)] = True
    return ball(middle, 0.22), prediction


def cases():
    random = numpy.random.default_rng(0)
    plane, volume = (512, 512), (64, 256, 256)
    flat, deep = (0.4, 0.4), (2.5, 0.8, 0.8)
    yield "512x512, organ", flat, [organ(plane)]
    yield "512x512, blobs over the image", flat, [blobs(random, plane, 0.5)]
    yield "512x512, vessels", flat, [vessels(random, plane)]
    yield "64x256x256, organ", deep, [organ(volume)]
    yield "64x256x256, blobs over the image", deep, [blobs(random, volume, 0.5)]
    yield "1,000 of 512x512, blobs", flat, [blobs(random, plane, 0.7)] * 1000


def medpy(prediction, reference, spacing):
    packages.binary.hd95(prediction, reference, voxelspacing=spacing)
    packages.binary.assd(prediction, reference, voxelspacing=spacing)


def monai(prediction, reference, spacing):
    p, r = (packages.torch.from_numpy(mask[None, None].astype("f4")) for mask in (prediction, reference))
    both = {"y_pred": p, "y": r, "include_background": True, "spacing": list(spacing)}
    packages.monai.metrics.compute_hausdorff_distance(**both, percentile=95)
    packages.monai.metrics.compute_average_surface_distance(**both, symmetric=True)
    packages.monai.metrics.compute_surface_dice(**both, class_thresholds=[TOLERANCE])


def deepmind(prediction, reference, spacing):
    found = packages.surface_distance.compute_surface_distances(reference, prediction, spacing)
    packages.surface_distance.compute_robust_hausdorff(found, 95)
    packages.surface_distance.compute_average_surface_distance(found)
    packages.surface_distance.compute_surface_dice_at_tolerance(found, TOLERANCE)


def reloaded(prediction, reference, spacing):
    measures = packages.BinaryPairwiseMeasures(prediction.astype(int), reference.astype(int), pixdim=spacing, dict_args={"hd_perc": 95, "nsd": TOLERANCE})
    measures.measured_distance(), measures.normalised_surface_distance()


def scikit_image(prediction, reference, spacing):
    """It has the Hausdorff distance alone, without spacing; of borders, for of all pixels it takes minutes."""
    cross = ndimage.generate_binary_structure(prediction.ndim, 1)
    borders = [mask & ~ndimage.binary_erosion(mask, cross) for mask in (prediction, reference)]
    packages.skimage.metrics.hausdorff_distance(*borders)


def overlaps_medpy(prediction, reference, _):
    for of in (packages.binary.dc, packages.binary.jc, packages.binary.precision, packages.binary.recall, packages.binary.specificity):
        of(prediction, reference)


def overlaps_monai(prediction, reference, _):
    p, r = (packages.torch.from_numpy(mask[None, None].astype("f4")) for mask in (prediction, reference))
    packages.monai.metrics.compute_dice(p, r)
    matrix = packages.monai.metrics.get_confusion_matrix(p, r)
    for name in ("precision", "sensitivity", "specificity", "accuracy"):
        packages.monai.metrics.compute_confusion_matrix_metric(name, matrix)


DISTANCES = {
    "MedPy (no NSD)": medpy, "MONAI": monai, "surface-distance": deepmind, "MetricsReloaded": reloaded, "scikit-image (HD only)": scikit_image,
}
OVERLAPS = {"MedPy": overlaps_medpy, "MONAI": overlaps_monai}


def timed(call, pairs, spacing):
    """CPU seconds for all pairs; the median of three calls, or of as many as two seconds allow."""
    if len(pairs) == 1:
        call(*reversed(pairs[0]), spacing)
    else:
        pairs = pairs[:50]
    taken, start = [], time.perf_counter()
    while len(taken) < 3 or (time.perf_counter() - start < 2 and len(taken) < 50):
        cpu = time.process_time()
        for reference, prediction in pairs:
            call(prediction, reference, spacing)
        taken.append(time.process_time() - cpu)
    return statistics.median(taken)


def ours(program, everything):
    with tempfile.TemporaryDirectory() as name:
        folder, rows = pathlib.Path(name), []
        for number, (_, spacing, pairs) in enumerate(everything):
            for side, what in enumerate(("reference", "prediction")):
                with open(folder / f"{number}.{what}", "wb") as file:
                    for pair in pairs:
                        file.write(pair[side].astype("u1").tobytes())
            shape = pairs[0][0].shape
            rows.append({"name": str(number), "shape": [1] * (3 - len(shape)) + list(shape), "spacing": [1.0] * (3 - len(shape)) + list(spacing), "masks": len(pairs)})
        (folder / "cases.json").write_text(json.dumps({"cases": rows}))
        found = json.loads(subprocess.run([program, name], check=True, capture_output=True).stdout)
    return [found[str(number)] for number in range(len(everything))]


def milliseconds(seconds):
    return f"{seconds * 1e3:.2f} ms" if seconds < 0.1 else f"{seconds * 1e3:,.0f} ms"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--json", type=pathlib.Path)
    chosen = parser.parse_args()
    everything = list(cases())
    found, rows, slow = ours(chosen.program, everything), [], []
    for (case, spacing, pairs), times in zip(everything, found):
        many = len(pairs) > 1
        what, own = ("overlaps", times["overlaps"]) if many else ("HD95 + ASSD + NSD", times["distances"])
        rows.append((case, what, "pipe", own, 1.0))
        for package, call in (OVERLAPS if many else DISTANCES).items():
            cpu = timed(call, pairs, spacing)
            if many:
                cpu *= len(pairs) / 50
            rows.append((case, what, package, cpu, cpu / own))
            if not many and package.startswith(("MedPy", "MONAI")) and cpu < 20 * own:
                slow.append(f"{case}: {package} takes only {cpu / own:.1f} times as long")
        if many:
            size = 2 * len(pairs) * pairs[0][0].size
            print(f"{case}: {size / times['overlaps'] / 1e9:.1f} GB/s; reading the masks alone {size / times['reading'] / 1e9:.1f} GB/s")
    print(f"{platform.processor() or platform.machine()}, one thread\n")
    print("| masks | what | package | CPU | ratio |\n|---|---|---|---:|---:|")
    for case, what, package, cpu, ratio in rows:
        print(f"| {case} | {what} | {package} | {milliseconds(cpu)} | {ratio:.0f} |")
    if chosen.json:
        chosen.json.write_text(json.dumps([dict(zip(("case", "what", "package", "cpu_s", "ratio"), row)) for row in rows], indent=1))
    print("\n".join(slow))
    sys.exit(1 if slow else 0)


main()
