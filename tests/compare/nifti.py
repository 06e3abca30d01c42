"""Prints what nibabel reads from the sample files: nifti.py FOLDER, where FOLDER is that of PIPE_TEST_DATA.

The output is the table of crates/pipe-image/src/formats/nifti/real.rs. Needs nibabel==5.4.2; the tests do not need it.
Not known here: what `pipe` reads.
"""

import gzip
import math
import pathlib
import sys

import nibabel
import numpy

NIBABEL, MONAI, TASK = "fixtures/nibabel", "fixtures/monai", "msd/Task04_Hippocampus"
# Which of sform and qform are there: as the file has it, only the qform, or neither.
FILES = [
    (f"{NIBABEL}/anatomical.nii", "Both"),
    (f"{NIBABEL}/example4d.nii.gz", "Both"),
    (f"{NIBABEL}/example4d.nii.gz", "Qform"),
    (f"{NIBABEL}/example_nifti2.nii.gz", "Both"),
    (f"{NIBABEL}/example_nifti2.nii.gz", "Qform"),
    (f"{NIBABEL}/example_nifti2.nii.gz", "Neither"),
    (f"{NIBABEL}/functional.nii", "Both"),
    (f"{NIBABEL}/functional.nii", "Qform"),
    (f"{NIBABEL}/reoriented_anat_moved.nii", "Both"),
    (f"{NIBABEL}/standard.nii.gz", "Both"),
    (f"{NIBABEL}/standard.nii.gz", "Neither"),
    (f"{MONAI}/anatomical_label.nii.gz", "Both"),
    (f"{MONAI}/reoriented_anat_moved_label.nii.gz", "Both"),
    (f"{TASK}/imagesTr/hippocampus_001.nii.gz", "Both"),
    (f"{TASK}/imagesTr/hippocampus_003.nii.gz", "Both"),
    (f"{TASK}/labelsTr/hippocampus_003.nii.gz", "Both"),
    (f"{TASK}/labelsTr/hippocampus_243.nii.gz", "Both"),
]


def image(path, codes):
    data = path.read_bytes()
    data = bytearray(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    second = 540 in (int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big"))
    qform, size = (344, 4) if second else (252, 2)
    if codes != "Both":
        data[qform + size : qform + 2 * size] = bytes(size)
    if codes == "Neither":
        data[qform : qform + size] = bytes(size)
    return (nibabel.Nifti2Image if second else nibabel.Nifti1Image).from_bytes(bytes(data))


def row(name, codes):
    found = image(pathlib.Path(sys.argv[1], name), codes)
    # `pipe` keeps samples as float32; the sum is that of the rounded ones.
    values = numpy.asarray(found.dataobj).astype("float32").astype("float64")
    values = values.reshape(values.shape + (1,) * (4 - values.ndim))
    # The shortest decimals that numbers of 32 bits stand for.
    spacing = [float(str(side)) for side in found.header.get_zooms()[2::-1]]
    # The brightest voxel is somewhere inside, the other two are near corners.
    brightest = numpy.unravel_index(values.argmax(), values.shape)
    places = [brightest, tuple(side // 3 for side in values.shape), tuple(side - 1 for side in values.shape)]
    voxels = [([int(index) for index in place], float(values[place])) for place in places]
    print(f'    Row {{\n        file: "{name}",\n        codes: Codes::{codes},\n        shape: {list(values.shape)},')
    print(f"        spacing: {spacing},\n        affine: {found.affine[:3].tolist()},")
    print(f"        sum: {math.fsum(values.ravel())},\n        voxels: {voxels},\n    }},")


for name, codes in FILES:
    row(name, codes)
