"""Predicted masks as other programs see them: `make FOLDER` writes data, `move FOLDER` moves one patient's volume and mask to another
place, `identity FOLDER` takes one mask its affine, `compare ROOT FOLDER` prints what nibabel, SimpleITK and Pillow say of a folder of
masks.

The data are easy to learn and turned over nowhere: what is bright is the label, and it lies in one corner, so that a mask that came back
mirrored or shifted does not cover it. Does not know how `pipe` writes files.
"""
import csv
import json
import sys
from pathlib import Path

import nibabel
import numpy
import SimpleITK
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


def series(folder):
    """A DICOM series a patient, its files in no order, with a mask as dcm2niix makes it: rows from behind."""
    (folder / "masks").mkdir(parents=True)
    to_left_posterior = numpy.diag([-1.0, -1.0, 1.0])
    for number in range(6):
        shape = (30, 26 + number, 8)
        label = numpy.zeros(shape, numpy.uint8)
        label[3:14, 12:24, 1:6] = 1
        values = (40 + RANDOM.normal(0, 6, shape) + 160 * label).clip(0, 400).astype(numpy.uint16)
        place = affine(number)
        matrix, origin = to_left_posterior @ place[:3, :3], to_left_posterior @ place[:3, 3]
        if numpy.linalg.det(matrix) < 0:
            # Slices of a series are stacked along the normal of their rows and columns.
            matrix[:, 2] *= -1
        sides = numpy.linalg.norm(matrix, axis=0)
        image = SimpleITK.GetImageFromArray(values.transpose(2, 1, 0))
        image.SetSpacing(sides.tolist())
        image.SetDirection((matrix / sides).flatten().tolist())
        image.SetOrigin(origin.tolist())
        uid = f"1.2.826.0.1.3680043.2.1125.{number + 1}"
        names = RANDOM.permutation(shape[2])
        writer = SimpleITK.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        for at in range(shape[2]):
            slice_ = image[:, :, at]
            across = (matrix / sides)[:, :2].T.flatten()
            tags = {
                "0008|0060": "CT",
                "0010|0020": f"p{number}",
                "0020|000d": uid,
                "0020|000e": f"{uid}.1",
                "0008|0018": f"{uid}.1.{at + 1}",
                "0020|0013": str(int(names[at]) + 1),
                "0020|0037": "\\".join(f"{value:.9g}" for value in across),
                "0020|0032": "\\".join(f"{value:.9g}" for value in image.TransformIndexToPhysicalPoint((0, 0, at))),
            }
            for tag, value in tags.items():
                slice_.SetMetaData(tag, value)
            path = folder / f"scans/{number}/IM{names[at]:04}"
            path.parent.mkdir(parents=True, exist_ok=True)
            writer.SetFileName(f"{path}.dcm")
            writer.Execute(slice_)
            path.with_suffix(".dcm").rename(path)
        mask = SimpleITK.GetImageFromArray(label.transpose(2, 1, 0))
        mask.CopyInformation(image)
        SimpleITK.WriteImage(SimpleITK.Flip(mask, [False, True, False]), str(folder / f"masks/p{number}.nii.gz"))


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
        "space": int(source.header["sform_code"]) or int(source.header["qform_code"]),
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


def scan(root, folder, row):
    """A mask of a series, beside what SimpleITK makes of the series."""
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str((root / row["image"]).parent))
    source, mask = SimpleITK.ReadImage(names), SimpleITK.ReadImage(str(folder / row["mask"]))
    corners = [[0, 0, 0], [side - 1 for side in source.GetSize()]]
    apart = [
        numpy.linalg.norm(numpy.subtract(*(of.TransformIndexToPhysicalPoint(corner) for of in (source, mask))))
        for corner in corners
    ]
    reference = SimpleITK.ReadImage(str(root / f"masks/{row['patient']}.nii.gz"))
    # By place, not by index.
    reference = SimpleITK.Resample(reference, mask, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor)
    labels, wanted = SimpleITK.GetArrayFromImage(mask), SimpleITK.GetArrayFromImage(reference)
    return {
        "shape": source.GetSize() == mask.GetSize(),
        "type": str(labels.dtype),
        "affine": float(max(apart)),
        "zooms": float(numpy.abs(numpy.subtract(source.GetSpacing(), mask.GetSpacing())).max()),
        "codes": [int(nibabel.load(folder / row["mask"]).header[f"{form}form_code"]) for form in "qs"],
        "dice": dice(labels > 0, wanted > 0),
    }


def picture(root, folder, row):
    mask = numpy.asarray(Image.open(folder / row["mask"]))
    source = Image.open(root / row["image"])
    reference = numpy.asarray(Image.open(root / row["image"].replace("images", row["class"]))) > 0
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
        if row["image"].startswith("scans"):
            of = scan
        said.append({**row, **of(root, folder, row)})
    print(json.dumps(said))


if sys.argv[1] == "make":
    volumes(Path(sys.argv[2]) / "volumes")
    pictures(Path(sys.argv[2]) / "pictures")
    series(Path(sys.argv[2]) / "series")
elif sys.argv[1] == "move":
    move(Path(sys.argv[2]))
elif sys.argv[1] == "identity":
    label = Path(sys.argv[2]) / "volumes/labels/p0.nii.gz"
    nibabel.save(nibabel.Nifti1Image(numpy.asarray(nibabel.load(label).dataobj), numpy.eye(4)), label)
else:
    compare(Path(sys.argv[2]), Path(sys.argv[3]))
