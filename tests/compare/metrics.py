"""Holds the metrics of `pipe` against other packages on random masks: metrics.py MEASURE [--cases N] [--seed N].

MEASURE is `cargo build --release -p pipe-metrics --example measure`'s program. Packages: metrics-requirements.txt. Prints the
largest difference for each metric and package; exit code 1 where one is beyond 1e-6 (1e-5, relative above 1, where a package
computes in float32).
Not known here: how packages are called.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import scipy.ndimage as ndimage

import metrics_packages as packages
import odd_masks

METRICS = [
    "dice", "iou", "precision", "recall", "specificity", "accuracy", "balanced_accuracy", {"f_beta": {"beta": 2}}, "mcc",
    "volumetric_similarity", "relative_volume_difference", "hd", "hd95", {"hd95": {"definition": "pooled"}},
    {"hd95": {"definition": "surfel"}}, "assd", "masd", {"nsd": {"tolerance": 1}}, {"nsd": {"tolerance": 2}},
    {"nsd": {"tolerance": 1, "definition": "surfel"}}, {"nsd": {"tolerance": 2, "definition": "surfel"}}, "boundary_iou", "cldice",
    "lesion_precision", "lesion_recall", "lesion_f1", {"lesion_precision": {"connectivity": "faces"}},
    {"lesion_recall": {"connectivity": "faces"}}, {"lesion_f1": {"connectivity": "faces"}}, {"lesion_f1": {"overlap": {"iou": 0.51}}},
    "betti_0_error", "betti_1_error",
]
OF_PROBABILITIES = ["roc_auc", "pr_auc", "ece", "brier"]
KINDS = ["blobs", "touching the border", "thin", "many components", "noise", "far apart", "nested", "tiny"]


def smooth(random, shape, sigma):
    return ndimage.gaussian_filter(random.standard_normal(shape), sigma)


def masks(random, kind, shape):
    """A reference and a prediction that resembles it."""
    field = smooth(random, shape, 4 if len(shape) == 2 else 2.5)
    other = field + 0.35 * field.std() * smooth(random, shape, 1.5) / smooth(random, shape, 1.5).std()
    if kind == "blobs":
        level = numpy.quantile(field, 0.85)
        pair = field > level, other > level
    elif kind == "touching the border":
        level = numpy.quantile(field, 0.4)
        pair = field > level, other > level
    elif kind == "thin":
        pair = tuple(numpy.abs(f) < 0.12 * f.std() for f in (field, other))
    elif kind == "many components":
        fine = smooth(random, shape, 1)
        level = numpy.quantile(fine, 0.93)
        pair = fine > level, fine + 0.4 * smooth(random, shape, 1) > level
    elif kind == "noise":
        pair = random.random(shape) < 0.3, random.random(shape) < 0.2
    elif kind == "far apart":
        pair = numpy.zeros(shape, bool), numpy.zeros(shape, bool)
        pair[0][tuple(slice(1, 4) for _ in shape)] = True
        pair[1][tuple(slice(-4, None) for _ in shape)] = True
    else:
        grids = numpy.meshgrid(*(numpy.arange(side) - side / 2 for side in shape), indexing="ij")
        radius = numpy.sqrt(sum((grid / (side / 2)) ** 2 for grid, side in zip(grids, shape)))
        pair = (radius < 0.8) & (radius > 0.45), radius < random.uniform(0.5, 0.9)
    return tuple(numpy.ascontiguousarray(mask) for mask in pair)


def cases(count, seed):
    random = numpy.random.default_rng(seed)
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        deep = number // len(KINDS) % 2 == 1
        shape = tuple(int(side) for side in random.integers(20, 34, 3)) if deep else tuple(int(side) for side in random.integers(48, 120, 2))
        # Sides like 0.1 make ties that float32 breaks its own way; these are sums of powers of two.
        spacing = tuple(float(side) for side in random.integers(2, 24, len(shape)) / 8) if number % 3 else (1.0,) * len(shape)
        if kind == "tiny":
            shape = tuple(int(side) for side in random.integers(2, 6, len(shape)))
        reference, prediction = masks(random, "noise" if kind == "tiny" else kind, shape)
        if reference.any() and prediction.any():
            probabilities = numpy.clip(prediction * 0.5 + random.random(shape) * 0.5, 2**-10, 1).astype(numpy.float32)
            if number % 2:
                probabilities = probabilities.astype(numpy.float16).astype(numpy.float32)
            yield f"{number} {kind}", prediction, reference, spacing, probabilities


def measure(program, work, metrics, empty=None):
    """Scores by case and key; `work` is a list of (name, prediction, reference, spacing, field, probabilities)."""
    with tempfile.TemporaryDirectory() as name:
        folder, rows = pathlib.Path(name), []
        for number, (_, prediction, reference, spacing, field, probabilities) in enumerate(work):
            arrays = {"prediction": prediction.astype("u1"), "reference": reference.astype("u1")}
            if field is not None:
                arrays["field"] = field.astype("u1")
            if probabilities is not None:
                arrays["probabilities"] = probabilities.astype("<f4")
            for what, array in arrays.items():
                (folder / f"{number}.{what}").write_bytes(array.tobytes())
            rows.append({
                "name": str(number), "shape": [1] * (3 - reference.ndim) + list(reference.shape),
                "spacing": [1.0] * (3 - reference.ndim) + list(spacing), "field": field is not None, "probabilities": probabilities is not None,
            })
        (folder / "cases.json").write_text(json.dumps({"metrics": metrics, "empty": empty or {}, "cases": rows}))
        found = json.loads(subprocess.run([program, name], check=True, capture_output=True).stdout)
    return {work[int(number)][0]: scores for number, scores in found.items()}


def compare(worst, package, case, expected, found):
    for key, value in expected.items():
        score = found[key]
        if isinstance(score, dict):
            # What the convention gives; a package's own convention gives the same, or it is looked at by itself.
            score = score["imputed"]
        apart = abs(float(value) - score) if isinstance(score, (int, float)) else float("inf")
        if score is None and numpy.isnan(value):
            # clDice where scikit-image's thinning leaves nothing of a mask.
            apart = 0.0
        if not apart <= worst[key, package][0]:
            worst[key, package] = apart, case, float(value), score


def of_the_field(program, worst, everything):
    """Whatever lies outside the field of view must not matter; scikit-learn sees only what is inside."""
    work = []
    for case, prediction, reference, spacing, probabilities in everything:
        field = numpy.zeros(reference.shape, bool)
        field[tuple(slice(side // 5, -(side // 6)) for side in reference.shape)] = True
        if (prediction & field).any() and (reference & field).any() and not (reference | ~field).all():
            work.append((case, prediction, reference, spacing, field, probabilities))
    found = measure(program, work, METRICS + OF_PROBABILITIES)
    for case, prediction, reference, spacing, field, probabilities in work:
        compare(worst, "scikit-learn, field of view", case, packages.scikit_learn(prediction[field], reference[field]), found[case])
        compare(worst, "scikit-learn, field of view", case, packages.of_probabilities(probabilities[field], reference[field])["scikit-learn"], found[case])
        compare(worst, "MedPy, field of view", case, {
            key: value for key, value in packages.medpy(prediction & field, reference & field, spacing).items() if key != "specificity"
        }, found[case])


# Where a mask is full, each package has its own value, or none: scikit-learn leaves classes without pixels out of balanced accuracy,
# and has 0 as the MCC of two full masks; MONAI and MetricsReloaded have no MCC where one is full.
OF_FULL = {
    "both full": {"mcc": None, "balanced_accuracy": None, "specificity": None},
    "full prediction": {"mcc": {"imputed": 0.0}},
    "full reference": {"mcc": {"imputed": 0.0}, "balanced_accuracy": None, "specificity": None},
}


def of_odd(program, worst, seed):
    """Masks at the edge of what is defined; gives the differences of full masks as texts."""
    work = list(odd_masks.pairs(numpy.random.default_rng(seed)))
    found = measure(program, [(*pair, None, None) for pair in work], METRICS)
    for case, prediction, reference, spacing in work:
        if reference.ndim == 3 and len(reference) == 1:
            # A volume of one slice is an image: nothing is above and below it.
            prediction, reference, spacing = prediction[0], reference[0], spacing[1:]
        for package, of in packages_of().items():
            values = of(prediction, reference, spacing)
            compare(worst, package, case, {key: value for key, value in values.items() if key not in OF_FULL.get(case, {})}, found[case])
    print(f"{len(work)} odd pairs of masks")
    expected = [(case, key, value) for case, values in OF_FULL.items() for key, value in values.items()]
    return [f"{key} of {case}: {found[case][key]}, not {value}" for case, key, value in expected if found[case][key] != value]


def of_empty(program):
    """Empty masks under the conventions that other packages have; gives the differences as texts."""
    full, none = numpy.zeros((16, 16), bool), numpy.zeros((16, 16), bool)
    full[4:8, 4:8] = True
    work = [("reference", full, none), ("prediction", none, full), ("both", none, none)]
    work = [(name, prediction, reference, (1.0, 1.0), None, None) for name, prediction, reference in work]
    metrics = ["dice", "iou", "hd", "hd95", "assd", {"nsd": {"tolerance": 1}}]
    diagonal = (2 * 16.0**2) ** 0.5
    zero, worst = {"dice": 0.0, "iou": 0.0, "nsd_1mm": 0.0}, {key: {"imputed": diagonal} for key in ("hd", "hd95", "assd")}
    nothing, best = dict.fromkeys([*zero, *worst]), {**{key: {"imputed": 1.0} for key in zero}, **{key: {"imputed": 0.0} for key in worst}}
    conventions = {
        # nnU-Net, BraTS: the default.
        "default": ({}, {"reference": {**zero, **worst}, "prediction": {**zero, **worst}, "both": nothing}),
        # segmentation_models.pytorch, and the Dice, NSD and HD of MetricsReloaded.
        "both one": ({"both": "one"}, {"reference": {**zero, **worst}, "prediction": {**zero, **worst}, "both": best}),
        # HD95 of MONAI: NaN, which its means drop.
        "MONAI HD95": ({"one": "excluded"}, {"reference": nothing, "prediction": nothing, "both": nothing}),
        # Dice of MONAI: NaN without a reference.
        "MONAI Dice": ({"one": "excluded_without_reference"}, {"reference": nothing, "prediction": {**zero, **worst}, "both": nothing}),
    }
    wrong = []
    for name, (empty, expected) in conventions.items():
        found = measure(program, work, metrics, empty)
        for case, scores in expected.items():
            wrong += [f"{name}, {case} empty: {key} is {found[case][key]}, not {score}" for key, score in scores.items() if found[case][key] != score]
    import torch
    for case, prediction, reference, *_ in work:
        p, r = (torch.from_numpy(mask[None, None].astype(numpy.float32)) for mask in (prediction, reference))
        theirs = float(packages.monai.metrics.compute_dice(p, r))
        ours = measure(program, work, ["dice"], {"one": "excluded_without_reference"})[case]["dice"]
        if (None if numpy.isnan(theirs) else theirs) != ours:
            wrong.append(f"MONAI's Dice with {case} empty is {theirs}, ours {ours}")
    return wrong


def table(worst):
    rows = list(dict.fromkeys(key[0] for key in worst))
    names = list(dict.fromkeys(key[1] for key in worst))
    print("| metric | " + " | ".join(names) + " |\n|---|" + "---:|" * len(names))
    for row in rows:
        cells = [f"{worst[row, name][0]:.0e}" if (row, name) in worst else "" for name in names]
        print(f"| {row} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("measure")
    parser.add_argument("--cases", type=int, default=140)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    everything = list(cases(chosen.cases, chosen.seed))
    found = measure(chosen.measure, [(*case[:4], None, case[4]) for case in everything], METRICS + OF_PROBABILITIES)
    worst = collections.defaultdict(lambda: (-1.0, "", 0.0, 0.0))
    for case, prediction, reference, spacing, probabilities in everything:
        for package, of in packages_of().items():
            compare(worst, package, case, of(prediction, reference, spacing), found[case])
        for package, values in packages.of_probabilities(probabilities, reference).items():
            compare(worst, package, case, values, found[case])
    of_the_field(chosen.measure, worst, everything)
    wrong = of_odd(chosen.measure, worst, chosen.seed)
    print(f"{len(everything)} pairs of masks; largest difference by metric and package")
    table(worst)
    wrong += of_empty(chosen.measure)
    for (key, package), (apart, case, expected, score) in worst.items():
        # float32 has seven digits, wherever the point is.
        if not apart <= (1e-5 * max(1, abs(expected)) if package in packages.FLOAT32 else 1e-6):
            wrong.append(f"{key} of {package}: {score} here, {expected} there, in case {case}")
    print("\n".join(wrong) if wrong else "empty and full masks: as each convention says; all differences within limits")
    sys.exit(1 if wrong else 0)


def packages_of():
    return {
        "MedPy": packages.medpy, "MONAI": packages.monai_metrics, "surface-distance": packages.deepmind,
        "MetricsReloaded": packages.metrics_reloaded, "scikit-image": packages.scikit_image,
        "scikit-learn": lambda prediction, reference, _: packages.scikit_learn(prediction, reference),
    }


main()
