"""Writes a small tree of each declared data set into FOLDER/NAME, file names, encodings and traps as the real one has them.

Says as JSON what is in them: {name: {cases, patients, parts, foreground}}, foreground being the number of labelled pixels or voxels over
all cases (over all layers, where classes overlap). Does not know how `pipe` reads them.
"""
import json
import sys
from pathlib import Path

import nibabel
import numpy
import pydicom
import tifffile
from PIL import Image

ROOT = Path(sys.argv[1])
RANDOM = numpy.random.default_rng(7)
HEIGHT, WIDTH = 12, 20
found = {}


def photo(channels=3, height=HEIGHT, width=WIDTH):
    shape = (height, width, channels) if channels > 1 else (height, width)
    return RANDOM.integers(0, 256, shape, dtype=numpy.uint8)


def blob(value=255, seed=0, height=HEIGHT, width=WIDTH):
    mask = numpy.zeros((height, width), numpy.uint8)
    mask[2 + seed % 3 : 7, 3 : 9 + seed % 5] = value
    return mask


def save(name, path, array, **options):
    path = ROOT / name / path
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".tif", ".tiff"):
        tifffile.imwrite(path, array, **options)
    elif path.suffix == ".gz":
        affine = numpy.diag([1.5, 1.25, 8.0, 1.0])
        # C order [slices, rows, columns] is NIfTI's (i, j, k) turned round.
        nibabel.save(nibabel.Nifti1Image(numpy.transpose(array), affine), path)
    else:
        image = array if isinstance(array, Image.Image) else Image.fromarray(array)
        image.save(path, **options)
    return int(numpy.count_nonzero(array)) if isinstance(array, numpy.ndarray) else 0


def text(name, path, content):
    path = ROOT / name / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def say(name, cases, patients, foreground, parts=()):
    found[name] = {"cases": cases, "patients": patients, "foreground": foreground, "parts": sorted(parts)}


def isic(name, images, masks, suffix, parts):
    total = 0
    for number, (part, word) in enumerate(parts.items()):
        for k in range(2):
            case = f"ISIC_{number * 10 + k:07}"
            save(name, f"{images.format(word)}/{case}.jpg", photo())
            total += save(name, f"{masks.format(word)}/{case}{suffix}.png", blob(seed=k))
        text(name, f"{images.format(word)}/ATTRIBUTION.txt", "x")
        save(name, f"{images.format(word)}/{case}_superpixels.png", photo())
    say(name, 2 * len(parts), 2 * len(parts), total, parts)


three = {"train": "Training", "validation": "Validation", "test": "Test"}
isic("isic_2018", "ISIC2018_Task1-2_{}_Input", "ISIC2018_Task1_{}_GroundTruth", "_segmentation", three)
isic("isic_2016", "ISBI2016_ISIC_Part1_{}_Data", "ISBI2016_ISIC_Part1_{}_GroundTruth", "_Segmentation", {"train": "Training", "test": "Test"})
second = {"train": "Training", "validation": "Validation", "test": "Test_v2"}
isic("isic_2017", "ISIC-2017_{}_Data", "ISIC-2017_{}_Part1_GroundTruth", "_segmentation", second)


def ph2():
    total = 0
    for k, case in enumerate(["IMD002", "IMD003", "IMD406"]):
        base = f"PH2 Dataset images/{case}"
        save("ph2", f"{base}/{case}_Dermoscopic_Image/{case}.bmp", photo())
        mask = blob(seed=k)
        # One of 24 bits, the others of 1 bit.
        shown = numpy.stack([mask] * 3, 2) if k == 0 else Image.fromarray(mask).convert("1")
        save("ph2", f"{base}/{case}_lesion/{case}_lesion.bmp", shown)
        total += int(numpy.count_nonzero(mask))
        save("ph2", f"{base}/{case}_roi/{case}_R1_Label4.bmp", mask)
    save("ph2", "PH2 Dataset images/IMD003/IMD003_lesion/IMD003_lesion.jpg", blob())
    say("ph2", 3, 3, total)


def runs(mask, order):
    flat = numpy.concatenate([[0], mask.flatten(order) > 0, [0]]).astype(int)
    edges = numpy.flatnonzero(numpy.diff(flat)) + 1
    return " ".join(f"{start} {end - start}" for start, end in zip(edges[::2], edges[1::2]))


def uw_madison():
    rows, total = ["id,class,segmentation"], 0
    for case, day, slice_ in [(2, 1, 1), (2, 1, 10), (123, 20, 144)]:
        pixels = RANDOM.integers(0, 20000, (HEIGHT, WIDTH)).astype(numpy.uint16)
        save("uw_madison", f"train/case{case}/case{case}_day{day}/scans/slice_{slice_:04}_{WIDTH}_{HEIGHT}_1.50_1.63.png", pixels)
        for k, organ in enumerate(["large_bowel", "small_bowel", "stomach"]):
            mask = blob(seed=k) if k < slice_ % 4 else numpy.zeros((HEIGHT, WIDTH))
            total += int(numpy.count_nonzero(mask))
            rows.append(f"case{case}_day{day}_slice_{slice_:04},{organ},{runs(mask, 'C')}")
    text("uw_madison", "train.csv", "\n".join(rows) + "\n")
    say("uw_madison", 3, 2, total)


def lungs():
    total = 0
    for k, case in enumerate(["MCUCXR_0001_0", "MCUCXR_0104_1"]):
        save("montgomery", f"CXR_png/{case}.png", photo(1))
        left, right = blob(), numpy.zeros((HEIGHT, WIDTH), numpy.uint8)
        right[5:9, 12 : 16 + k] = 255
        save("montgomery", f"ManualMask/leftMask/{case}.png", Image.fromarray(left).convert("1"))
        save("montgomery", f"ManualMask/rightMask/{case}.png", Image.fromarray(right).convert("1"))
        text("montgomery", f"ClinicalReadings/{case}.txt", "Patient's Sex: F")
        total += int(numpy.count_nonzero(left | right))
    say("montgomery", 2, 2, total)
    total = 0
    for case, mask in [("CHNCXR_0001_0", "CHNCXR_0001_0_mask"), ("MCUCXR_0001_0", "MCUCXR_0001_0"), ("CHNCXR_0025_0", None)]:
        save("lung_cxr_mixture", f"CXR_png/{case}.png", photo(3 if mask else 1))
        if mask:
            total += save("lung_cxr_mixture", f"masks/{mask}.png", blob())
    say("lung_cxr_mixture", 3, 3, total)
    total = 0
    for patient, slice_ in [(0, 142), (1, 81), (1, 90)]:
        units = RANDOM.integers(-1024, 1500, (HEIGHT, WIDTH)).astype(numpy.int32)
        save("lung_ct_2d", f"2d_images/ID_{patient:04}_Z_{slice_:04}.tif", units)
        total += save("lung_ct_2d", f"2d_masks/ID_{patient:04}_Z_{slice_:04}.tif", blob())
    say("lung_ct_2d", 3, 2, total)
    total = 0
    for case in (2, 31):
        save("lung_ct_3d", f"3d_images/IMG_{case:04}.nii.gz", RANDOM.integers(-1024, 900, (4, HEIGHT, WIDTH)).astype(numpy.int16))
        total += save("lung_ct_3d", f"3d_images/MASK_{case:04}.nii.gz", numpy.stack([blob(255, k) for k in range(4)]))
    say("lung_ct_3d", 2, 2, total)


def covid():
    rows = ["#,Class,Filename,Image,Mask,Resolution,Top,Left,Width,Height"]
    total = 0
    for k, file in enumerate(["a-day0-PA.jpg", "b 2.png"]):
        save("covid_cxr", f"images/{file}", photo(3 if k else 1))
        for side, left in [("Left", 11), ("Right", 1)]:
            total += save("covid_cxr", f"masks/{k}{side}.png", numpy.full((6, 7 - k), 255, numpy.uint8))
            rows.append(f"1,COVID-19 {side} Lung,{file},images/x.jpg,masks/{k}{side}.png,{WIDTH}x{HEIGHT},{3 + k},{left},{7 - k},6")
        rows.append(f"1,COVID-19 Airways,{file},images/x.jpg,,{WIDTH}x{HEIGHT},0,0,1,1")
    text("covid_cxr", "structure.csv", "\n".join(rows) + "\n")
    say("covid_cxr", 2, 2, total)


def arcade(name, category):
    for part, count in [("train", 2), ("val", 1), ("test", 1)]:
        images, annotations = [], []
        for k in range(count):
            # Ids of images are no file numbers.
            images.append({"id": 70 - k, "file_name": f"{k + 1}.png", "width": WIDTH, "height": HEIGHT})
            corners = [2, 2, 10, 2, 10, 8, 2, 8]
            annotations.append({"id": k, "image_id": 70 - k, "category_id": category[0], "segmentation": [corners], "area": 48, "bbox": [2, 2, 8, 6], "iscrowd": 0})
            save(name, f"{part}/images/{k + 1}.png", photo(1))
        categories = [{"id": category[0], "name": category[1], "supercategory": ""}]
        text(name, f"{part}/annotations/{part}.json", json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    say(name, 4, 4, 4 * 48, ["train", "validation", "test"])


def angiograms():
    total = 0
    for k in (1, 2, 10):
        save("dca1", f"Database_134_Angiograms/{k}.pgm", photo(1))
        mask = blob(250, k)
        mask[0, 0] = 3
        save("dca1", f"Database_134_Angiograms/{k}_gt.pgm", mask)
        total += int((mask > 128).sum())
    say("dca1", 3, 3, total)
    total = 0
    for part in ("trainA", "trainB", "trainC"):
        save("xcad", f"train/{part}/000_PPA_20.png", photo(1))
    for case in ("000_PPA_20", "001_PPA_3"):
        save("xcad", f"test/images/{case}.png", photo(1))
        total += save("xcad", f"test/masks/{case}.png", blob())
    say("xcad", 2, 2, total)
    total = 0
    for part in ("train", "validation", "test"):
        for frame in range(6):
            save("svsnet_sequences", f"{part}/images/image_s3_i{frame}.png", photo(1))
        total += save("svsnet_sequences", f"{part}/labels/label_s3.png", blob())
    say("svsnet_sequences", 3, 3, total, ["train", "validation", "test"])
    total = 0
    for case in (1, 12):
        for frame in (1, 2, 3, 4):
            save("svsnet_stacks", f"images/ori_{case}_{frame}.png", photo(1))
        total += save("svsnet_stacks", f"labels/{case}.png", blob())
    say("svsnet_stacks", 2, 2, total)


def oct():
    total = 0
    for case in ("001_1_001", "001_1_109", "002_1_001"):
        save("oct_plaque", f"img/{case}.png", photo())
        masks = numpy.stack([blob(255, k) for k in range(3)] + [numpy.zeros((HEIGHT, WIDTH), numpy.uint8)], 2)
        # Pixels of the fourth class alone: a decoder that takes it for opacity loses them or the others.
        masks[9:11, 15:18, 3] = 255
        total += save("oct_plaque", f"mask/{case}.tiff", masks)
    say("oct_plaque", 3, 2, total)


def cardiac():
    total = 0
    for part, patient, phases in [("training", 1, (1, 12)), ("testing", 101, (1, 14))]:
        base = f"{part}/patient{patient:03}"
        text("acdc", f"{base}/Info.cfg", "ED: 1\nES: 12\nGroup: DCM\n")
        save("acdc", f"{base}/patient{patient:03}_4d.nii.gz", RANDOM.integers(0, 500, (2, 3, HEIGHT, WIDTH)).astype(numpy.int16))
        for phase in phases:
            save("acdc", f"{base}/patient{patient:03}_frame{phase:02}.nii.gz", RANDOM.integers(0, 500, (3, HEIGHT, WIDTH)).astype(numpy.int16))
            labels = numpy.stack([blob(k + 1, k) for k in range(3)])
            total += save("acdc", f"{base}/patient{patient:03}_frame{phase:02}_gt.nii.gz", labels)
    say("acdc", 4, 2, total, ["train", "test"])
    text("sunnybrook", "link.csv", "patient_id,original_id\nSCD0000101,SC-HF-I-1\nSCD0000201,SC-HF-I-02\n")
    for patient, original in [("SCD0000101", "SC-HF-I-1"), ("SCD0000201", "SC-HF-I-2")]:
        for slice_ in (48, 49):
            dicom(f"dicoms/{patient}/{slice_}.dcm")
        corners = "3 2\n13 2\n13 8\n3 8\n"
        text("sunnybrook", f"contourfiles/{original}/o-contours/IM-0001-0048-ocontour-manual.txt", corners)
        inner = "5.5 4.5\n10.5 4.5\n10.5 6.5\n5.5 6.5\n"
        text("sunnybrook", f"contourfiles/{original}/i-contours/IM-0001-0048-icontour-manual.txt", inner)
    say("sunnybrook", 2, 2, 2 * 10 * 6)


def dicom(path):
    meta = pydicom.dataset.FileMetaDataset()
    meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data = pydicom.Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.PatientID, data.Modality = "x", "MR"
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = HEIGHT, WIDTH, 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelSpacing, data.SliceThickness = [1.25, 1.25], 8
    data.PixelData = RANDOM.integers(0, 4096, (HEIGHT, WIDTH)).astype(numpy.uint16).tobytes()
    path = ROOT / "sunnybrook" / path
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)


def volumes():
    total = 0
    for case in ("hippocampus_001", "hippocampus_003"):
        kind = numpy.float32 if case.endswith("1") else numpy.uint8
        save("msd", f"imagesTr/{case}.nii.gz", RANDOM.integers(0, 200, (4, HEIGHT, WIDTH)).astype(kind))
        total += save("msd", f"labelsTr/{case}.nii.gz", numpy.stack([blob(1 + k % 2, k) for k in range(4)]).astype(kind))
    save("msd", "imagesTs/hippocampus_002.nii.gz", RANDOM.integers(0, 200, (4, HEIGHT, WIDTH)).astype(numpy.uint8))
    text("msd", "imagesTr/._hippocampus_001.nii.gz", "stray")
    text("msd", "dataset.json", "{}")
    say("msd", 2, 2, total)
    total = 0
    for case in ("BRATS_001", "BRATS_002"):
        for channel in range(4):
            save("nnunet_raw", f"imagesTr/{case}_{channel:04}.nii.gz", RANDOM.integers(0, 99, (3, HEIGHT, WIDTH)).astype(numpy.int16))
        total += save("nnunet_raw", f"labelsTr/{case}.nii.gz", numpy.stack([blob(k + 1) for k in range(3)]))
    text("nnunet_raw", "dataset.json", "{}")
    say("nnunet_raw", 2, 2, total)


def field(value):
    """A field of view that cuts through every blob."""
    inside = numpy.zeros((HEIGHT, WIDTH), numpy.uint8)
    inside[1:-1, 5:-2] = value
    return inside


def fundus():
    total = 0
    for part, numbers in [("training", (21, 22)), ("test", (1, 2))]:
        for number in numbers:
            save("drive", f"{part}/images/{number:02}_{part}.tif", photo())
            mask = blob(255, number)
            save("drive", f"{part}/1st_manual/{number:02}_manual1.gif", mask)
            save("drive", f"{part}/mask/{number:02}_{part}_mask.gif", field(251))
            total += int(numpy.count_nonzero(mask[field(1) > 0]))
            if part == "test":
                save("drive", f"test/2nd_manual/{number:02}_manual2.gif", mask)
    say("drive", 4, 4, total, ["train", "test"])
    total = 0
    for number, group in [(1, "dr"), (1, "h"), (2, "g")]:
        case = f"{number:02}_{group}"
        save("hrf", f"images/{case}.{'JPG' if group == 'dr' else 'jpg'}", photo())
        save("hrf", f"manual1/{case}.tif", blob(255, number))
        save("hrf", f"mask/{case}_mask.tif", numpy.stack([field(255)] * 3, axis=2))
        total += int(numpy.count_nonzero(blob(1, number)[field(1) > 0]))
    say("hrf", 3, 3, total)
    total = 0
    for number in (1, 14):
        for eye in "LR":
            save("chase_db1", f"Image_{number:02}{eye}.jpg", photo())
            mask = blob(255, number)
            save("chase_db1", f"Image_{number:02}{eye}_1stHO.png", Image.fromarray(mask).convert("1"))
            save("chase_db1", f"Image_{number:02}{eye}_2ndHO.png", Image.fromarray(mask).convert("1"))
            total += int(numpy.count_nonzero(mask))
    say("chase_db1", 4, 2, total)


def microscopy():
    total = 0
    for number in (0, 1, 12):
        save("isbi_2012", f"train/image/{number}.png", photo(1))
        total += save("isbi_2012", f"train/label/{number}.png", blob())
        save("isbi_2012", f"test/{number}.png", photo(1))
        save("isbi_2012", f"test/{number}_predict.png", blob())
    say("isbi_2012", 3, 3, total)
    masks = numpy.stack([blob(255, k) for k in range(3)])
    save("isbi_2012_stacks", "train-volume.tif", RANDOM.integers(0, 256, (3, HEIGHT, WIDTH), dtype=numpy.uint8), photometric="minisblack")
    save("isbi_2012_stacks", "test-volume.tif", RANDOM.integers(0, 256, (3, HEIGHT, WIDTH), dtype=numpy.uint8), photometric="minisblack")
    total = save("isbi_2012_stacks", "train-labels.tif", masks, photometric="minisblack")
    say("isbi_2012_stacks", 3, 1, total)
    total = 0
    for case in ("00ae65", "0acd2c"):
        save("dsb_2018", f"stage1_train/{case}/images/{case}.png", photo(4))
        for k in range(3):
            mask = numpy.zeros((HEIGHT, WIDTH), numpy.uint8)
            mask[3 * k : 3 * k + 2, 4 : 8 + k] = 255
            total += save("dsb_2018", f"stage1_train/{case}/masks/{k}f{case}.png", mask)
    text("dsb_2018", "stage1_train_labels.csv", "ImageId,EncodedPixels\n")
    say("dsb_2018", 2, 2, total)


def others():
    total = 0
    for case in ("cju0qkwl35piu0993l0dewei2", "cju0qoxqj9q6s0835b43399p4"):
        save("kvasir_seg", f"images/{case}.jpg", photo())
        # Blocks of 8 keep their edges in a JPEG file.
        mask = numpy.zeros((16, 24), numpy.uint8)
        mask[8:16, 8:16] = 255
        save("kvasir_seg", f"images/{case}.jpg", photo(3, 16, 24))
        total += save("kvasir_seg", f"masks/{case}.jpg", mask, quality=95)
    text("kvasir_seg", "kavsir_bboxes.json", "{}")
    say("kvasir_seg", 2, 2, total)
    total = 0
    for finding, number, masks in [("benign", 1, 2), ("benign", 10, 1), ("normal", 1, 1)]:
        name = f"{finding}/{finding} ({number})"
        save("busi", f"{name}.png", photo())
        union = numpy.zeros((HEIGHT, WIDTH), numpy.uint8)
        for k in range(masks):
            mask = numpy.zeros((HEIGHT, WIDTH), numpy.uint8) if finding == "normal" else blob(255, k)
            mask[10, 2 * k] = 0 if finding == "normal" else 255
            save("busi", f"{name}_mask{f'_{k}' if k else ''}.png", mask)
            union |= mask
        total += int(numpy.count_nonzero(union))
    say("busi", 3, 3, total)


ph2()
uw_madison()
lungs()
covid()
arcade("arcade_syntax", (3, "3"))
arcade("arcade_stenosis", (26, "stenosis"))
angiograms()
oct()
cardiac()
volumes()
fundus()
microscopy()
others()
json.dump(found, sys.stdout)
