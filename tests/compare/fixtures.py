"""Compares what `pipe` has read from the sample files with nibabel, pydicom and SimpleITK: fixtures.py FOLDER TABLE.

FOLDER is `fixtures` in that of PIPE_TEST_DATA. TABLE is JSON: of each file its samples, spacing and affine as `pipe` reads them, or why it refuses
it. crates/pipe-image/tests/fixtures.rs writes it and runs this; it prints a table, and ends with 1 where readers differ. Every sample is compared.
Not known here: why a file is refused is right, but for the list of those that are.
"""

import json
import pathlib
import sys
import warnings

import nibabel
import numpy
import pydicom
import SimpleITK

warnings.filterwarnings("ignore")
SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
FOLDER = pathlib.Path(sys.argv[1])
# What is refused on purpose: the file, and a part of the reason.
REFUSED = {
    "nibabel/analyze.hdr": "Analyze",
    "nibabel/nifti1.hdr": "header of a pair",
    "nibabel/nifti2.hdr": "header of a pair",
    "WG04/JLSL/CT1_JLSL": "JPEG-LS",
    "WG04/JLSL/MR1_JLSL": "JPEG-LS",
    "WG04/JLSL/XA1_JLSL": "JPEG-LS",
    "MR_small_jpeg_ls_lossless.dcm": "JPEG-LS",
    "JPEG-lossy.dcm": "lossy and have 12 bits",
    "rtplan.dcm": "holds no image (modality: RTPLAN)",
    "ExplVR_LitEndNoMeta.dcm": "holds no image (modality: RTPLAN)",
    "rtstruct.dcm": "holds no image (modality: RTSTRUCT)",
    "MR_truncated.dcm": "the file ends after",
    "no_meta.dcm": "no picture",
}
# Where SimpleITK is known to be wrong, or to mean something else; pydicom must agree with us all the more.
KNOWN = {
    "pydicom/SC_rgb_rle_16bit.dcm": "known: GDCM mixes up the byte planes of 16-bit colours in RLE; of the same picture without RLE it agrees",
    "pydicom/liver_1frame.dcm": "known: single bits become 0 and 255",
    "pydicom/emri_small.dcm": "known: GDCM fills in 1 for what stands outside of the functional groups",
    "pydicom/emri_small_RLE.dcm": "known: GDCM fills in 1 for what stands outside of the functional groups",
}


def of_nibabel(path):
    """Samples `[slices, rows, columns, channels]`, spacing and affine."""
    image = nibabel.load(path)
    values = numpy.asarray(image.dataobj)
    values = values.reshape(values.shape + (1,) * (4 - values.ndim))
    zooms = (list(image.header.get_zooms()[:3]) + [0.0, 0.0])[:3]
    return numpy.transpose(values, (2, 1, 0, 3)), [float(side) for side in zooms[::-1]], image.affine[:3]


def of_pydicom(path):
    data = pydicom.dcmread(path, force=True)
    values = data.pixel_array.astype("float64")
    colours = int(data.get("SamplesPerPixel", 1)) > 1
    if not colours:
        values = values * float(data.get("RescaleSlope", 1)) + float(data.get("RescaleIntercept", 0))
        if data.get("PhotometricInterpretation") == "PALETTE COLOR":
            values = pydicom.pixels.apply_color_lut(data.pixel_array, data).astype("float64")
            colours = True
    values = values.reshape((-1, data.Rows, data.Columns, 3 if colours else 1))
    spacing = data.get("PixelSpacing") or data.get("ImagerPixelSpacing") or [0, 0]
    between = data.get("SpacingBetweenSlices") or data.get("SliceThickness") or 0
    return values, [abs(float(between))] + [float(side) for side in spacing], None


def of_simpleitk(path):
    image = SimpleITK.ReadImage(str(path))
    values = SimpleITK.GetArrayFromImage(image)
    dimensions = image.GetDimension()
    if image.GetNumberOfComponentsPerPixel() == 1:
        values = values[..., None]
    if dimensions == 2:
        values = values[None]
    if dimensions == 4:
        values = numpy.moveaxis(values, 0, -2)[..., 0]
    spacing = list(image.GetSpacing())[:3] + [0.0] * (3 - dimensions)
    affine = None
    if dimensions >= 3:
        direction = numpy.array(image.GetDirection()).reshape(dimensions, dimensions)[:3, :3]
        affine = numpy.column_stack([direction * numpy.array(spacing), image.GetOrigin()[:3]])
        # ITK counts towards the patient's left and back.
        affine[:2] *= -1
    return values, spacing[::-1], affine


def judged(name, ours, reader, path, problems):
    """A few words on how two readings differ."""
    try:
        values, spacing, affine = reader(path)
    except Exception as error:
        return f"not read: {str(error).strip().splitlines()[-1][:60]}"
    mine = numpy.fromfile(ours["samples"], "<f4").reshape(ours["shape"])
    words, wrong = [], []
    if tuple(values.shape) != mine.shape:
        wrong.append(f"its shape is {values.shape}, ours {mine.shape}")
    else:
        theirs = values.astype("float32")
        apart = numpy.abs(mine.astype("float64") - theirs)
        largest, mean = float(numpy.nanmax(apart)), float(numpy.nanmean(apart))
        # Decoders of lossy formats round each in their own way.
        allowed = 3.0 if ours["lossy"] else 1e-6 * float(numpy.nanmax(numpy.abs(theirs)))
        if numpy.array_equal(mine, theirs, equal_nan=True):
            words.append("equal")
        elif largest <= allowed:
            words.append(f"within {largest:.2g}, {mean:.2g} on average")
        else:
            wrong.append(f"samples differ by up to {largest:.4g}, {mean:.4g} on average")
    # A spacing of 0 says that the file does not tell; others fill in 1.
    told = [(mine, theirs) for mine, theirs in zip(ours["spacing"], spacing) if mine > 0 and theirs > 0]
    if reader is of_simpleitk and ours["shape"][0] == 1 and len(told) == 3:
        # One file alone has no next slice, and for most kinds GDCM says 1 then, whatever the file says.
        told = told[1:]
    if all(numpy.isclose(mine, theirs, rtol=1e-5) for mine, theirs in told):
        words.append("spacing" if told else "no spacing")
    else:
        wrong.append(f"its spacing is {spacing}, ours {ours['spacing']}")
    if ours["affine"] is not None and affine is not None:
        # One slice has no step; the file's own thickness may stand for it.
        columns = [0, 1, 3] if ours["shape"][0] == 1 else [0, 1, 2, 3]
        mine = numpy.array(ours["affine"])[:, columns]
        if numpy.allclose(mine, numpy.array(affine)[:, columns], rtol=1e-4, atol=2e-4):
            words.append("affine")
        else:
            wrong.append(f"its affine is {numpy.round(affine, 4).tolist()}, ours {numpy.round(ours['affine'], 4).tolist()}")
    reason = next((why for known, why in KNOWN.items() if name.endswith(known) and reader is of_simpleitk), None)
    if wrong and reason is None:
        problems.append(f"{name}, {reader.__name__[3:]}: {'; '.join(wrong)}")
    words += [reason] if wrong and reason else wrong
    return ", ".join(words)


def main():
    problems, compared, refusals = [], 0, 0
    for entry in json.loads(pathlib.Path(sys.argv[2]).read_text()):
        name, said = entry["file"], entry["said"]
        expected = next((reason for file, reason in REFUSED.items() if name.endswith(file)), None)
        if "refused" in said:
            refusals += 1
            print(f"{name}\n    refused: {said['refused']}")
            if expected is None or expected not in said["refused"]:
                problems.append(f"{name} is refused: {said['refused']}")
            continue
        if expected:
            problems.append(f"{name} is read, though it was to be refused")
        ours = said["read"]
        is_nifti = name.endswith((".nii", ".nii.gz"))
        readers = [of_nibabel if is_nifti else of_pydicom, of_simpleitk]
        found = {reader.__name__[3:]: judged(name, ours, reader, FOLDER / name, problems) for reader in readers}
        print(f"{name}\n    " + "\n    ".join(f"{reader}: {words}" for reader, words in found.items()))
        if all(words.startswith("not read") for words in found.values()):
            problems.append(f"{name}: no other reader reads it")
        compared += 1
    print(f"{compared} files compared, {refusals} refused, {len(problems)} problems")
    for problem in problems:
        print(f"problem: {problem}")
    sys.exit(1 if problems or not compared else 0)


main()
