"""Predicted masks as other programs see them: `make FOLDER` writes data, `move FOLDER` moves one patient's volume and mask to another
place, `identity FOLDER` takes one mask its affine, `compare ROOT FOLDER` prints what nibabel and Pillow say of a folder of masks.

The data are easy to learn and turned over nowhere: what is bright is the label, and it lies in one corner, so that a mask that came back
mirrored or shifted does not cover it. Does not know how `pipe` writes files.
"""
import csv
import json
import sys
from pathlib import Path

import nibabel
import numpy
from PIL import Image

RANDOM = numpy.random.default_rng(11)


def affine(number):
    """Oblique and anisotropic: turned about two axes, mirrored for odd numbers, far from the origin."""
    a, b = 0.3 + 0.1 * number, -0.2
    about_x = numpy.array([[1, 0, 0], [0, numpy.cos(a), -numpy.sin(a)], [0, numpy.sin(a), numpy.cos(a)]])
    about_z = numpy.array([[numpy.cos(b), -numpy.sin(b), 0], [numpy.sin(b), numpy.cos(b), 0], [0, 0, 1]])
    matrix = numpy.eye(4)
    matrix[:3, :3] = about_z @ about_x @ numpy.diag([-0.7 if number % 2 else 0.7, 0.9, 3.3])
    matrix[:3, 3] = [-81.25 + number, 40.5, 1003.125]
    return matrix


def volumes(folder):
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for number in range(6):
        # Columns, rows, slices.
        shape = (34 + number, 26, 8)
        label = numpy.zeros(shape, numpy.uint8)
        label[3:14, 12:24, 1:6] = 1
        values = (40 + RANDOM.normal(0, 6, shape) + 160 * label).astype(numpy.float32)
        image = nibabel.Nifti1Image(values, affine(number))
        if number == 4:
            # Only the qform tells.
            image.set_qform(affine(number), code=1)
            image.set_sform(None, code=0)
        nibabel.save(image, folder / f"images/p{number}.nii.gz")
        # As many a script does: the mask of the second says nothing of where it lies.
        place = None if number == 1 else image.affine
        nibabel.save(nibabel.Nifti1Image(label, place), folder / f"labels/p{number}.nii.gz")


def move(folder):
    for name in ("images", "labels"):
        path = folder / f"volumes/{name}/p4.nii.gz"
        image = nibabel.load(path)
        place = affine(5)
        nibabel.save(nibabel.Nifti1Image(numpy.asarray(image.dataobj), place), path)


def pictures(folder):
    for name in ("images", "low", "right"):
        (folder / name).mkdir(parents=True)
    for number in range(6):
        height, width = 40 + number, 30
        masks = {"low": numpy.zeros((height, width), bool), "right": numpy.zeros((height, width), bool)}
        masks["low"][height // 2 :, 4:20] = True
        masks["right"][8 : height - 6, 12:28] = True
        values = 20 + RANDOM.normal(0, 3, (height, width)) + 90 * masks["low"] + 120 * masks["right"]
        Image.fromarray(values.clip(0, 255).astype(numpy.uint8)).save(folder / f"images/p{number}.png")
        for name, mask in masks.items():
            Image.fromarray(mask.astype(numpy.uint8) * 255).save(folder / f"{name}/p{number}.png")


def dice(one, other):
    return 2 * int(numpy.logical_and(one, other).sum()) / max(1, int(one.sum()) + int(other.sum()))


def nifti(root, folder, row):
    source, mask = nibabel.load(root / row["image"]), nibabel.load(folder / row["mask"])
    labels = numpy.asarray(mask.dataobj)
    said = {
        "shape": list(source.shape[:3]) == list(mask.shape),
        "type": str(labels.dtype),
        "affine": float(numpy.abs(source.affine - mask.affine).max()),
        "zooms": float(numpy.abs(numpy.subtract(source.header.get_zooms()[:3], mask.header.get_zooms())).max()),
        "codes": [int(mask.header["qform_code"]), int(mask.header["sform_code"])],
        "classes": sorted(int(value) for value in numpy.unique(labels)),
    }
    reference = root / row["image"].replace("images", "labels")
    if reference.exists():
        said["dice"] = dice(labels > 0, numpy.asarray(nibabel.load(reference).dataobj) > 0)
    if row["probabilities"]:
        probabilities = nibabel.load(folder / row["probabilities"])
        values = numpy.asarray(probabilities.dataobj)
        said["probabilities"] = [str(values.dtype), values.ndim, float(numpy.abs(probabilities.affine - mask.affine).max())]
        # Two maps with the background, or the foreground alone.
        decided = values.argmax(-1) if values.ndim == 4 else values >= 0.5
        said["same"] = bool((decided == labels).all())
    return said


def picture(root, folder, row):
    mask = numpy.asarray(Image.open(folder / row["mask"]))
    source = Image.open(root / row["image"])
    name = {"1": "low", "2": "right"}[row["class"]]
    reference = numpy.asarray(Image.open(root / row["image"].replace("images", name))) > 0
    return {
        "shape": mask.shape == (source.height, source.width),
        "type": str(mask.dtype),
        "classes": sorted(int(value) for value in numpy.unique(mask)),
        "dice": dice(mask > 0, reference),
    }


def compare(root, folder):
    with open(folder / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    said = []
    for row in rows:
        of = nifti if row["mask"].endswith(".nii.gz") else picture
        said.append({**row, **of(root, folder, row)})
    print(json.dumps(said))


if sys.argv[1] == "make":
    volumes(Path(sys.argv[2]) / "volumes")
    pictures(Path(sys.argv[2]) / "pictures")
elif sys.argv[1] == "move":
    move(Path(sys.argv[2]))
elif sys.argv[1] == "identity":
    label = Path(sys.argv[2]) / "volumes/labels/p0.nii.gz"
    nibabel.save(nibabel.Nifti1Image(numpy.asarray(nibabel.load(label).dataobj), numpy.eye(4)), label)
else:
    compare(Path(sys.argv[2]), Path(sys.argv[3]))
