"""Writes the first inputs of the fuzz targets, good and hostile ones, into fuzz/corpus/TARGET/: seeds.py, from anywhere.

Runs in the environment that tests/setup makes. Equal versions give equal bytes. Does not touch inputs that others have added: those whose
names start with `found_`, what fuzzing has found. Not known here: what a reader makes of them.
"""

import gzip
import io
import json
import pathlib
import struct
import zipfile
import zlib

import nibabel
import numpy
import pydicom
import tifffile
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
RANDOM = numpy.random.default_rng(3)
kept = set()


def seed(target, name, data):
    path = CORPUS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else bytes(data))
    kept.add(path)


def cut(target, name, data, *lengths):
    """The file, and what is left of it after so many bytes."""
    seed(target, name, data)
    for length in lengths:
        seed(target, f"{name}_cut_{length}", data[:length])


def patched(data, at, new):
    return data[:at] + new + data[at + len(new) :]


def picture(height=6, width=9, channels=1, high=256, dtype="uint8"):
    shape = (height, width) if channels == 1 else (height, width, channels)
    return RANDOM.integers(0, high, shape).astype(dtype)


def saved(image, kind, **options):
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, kind, **options)
    return out.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png():
    gray = saved(picture(), "PNG")
    cut("png", "gray", gray, 8, 20, 33, 45, len(gray) - 12, len(gray) - 1)
    seed("png", "rgb", saved(picture(channels=3), "PNG"))
    seed("png", "rgba", saved(picture(channels=4), "PNG"))
    seed("png", "gray16", saved(Image.fromarray(picture(high=65536, dtype="uint16")), "PNG"))
    seed("png", "bits", saved(Image.fromarray(picture(high=2).astype(bool)), "PNG"))
    palette = Image.fromarray(picture(high=4)).convert("P")
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    seed("png", "palette", saved(palette, "PNG", bits=2))
    seed("png", "palette_transparent", saved(palette, "PNG", transparency=1))
    frames = [Image.fromarray(picture()) for _ in range(2)]
    seed("png", "animated", saved(frames[0], "PNG", save_all=True, append_images=frames[1:]))
    start = b"\x89PNG\r\n\x1a\n"
    for name, width, height in [("huge", 0x7FFFFFFF, 0x7FFFFFFF), ("large", 16384, 16384), ("wide", 0x7FFFFFFF, 1), ("empty", 0, 5)]:
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 0))
        seed("png", f"declares_{name}", start + head + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b""))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1000, 1000, 8, 0, 0, 0, 0))
    seed("png", "bomb", start + head + chunk(b"IDAT", zlib.compress(bytes(1001 * 1000), 9)) + chunk(b"IEND", b""))
    seed("png", "bomb_in_text", start + head + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20), 9)) + chunk(b"IEND", b""))
    seed("png", "bomb_in_profile", start + head + chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1 << 20), 9)) + chunk(b"IEND", b""))
    seed("png", "no_data", start + head + chunk(b"IEND", b""))
    seed("png", "chunk_beyond_the_end", start + head + struct.pack(">I", 0xFFFFFFF0) + b"IDAT")
    seed("png", "wrong_checksum", patched(gray, 29, b"\0\0\0\0"))


def jpeg():
    gray = saved(picture(), "JPEG", quality=50)
    cut("jpeg", "gray", gray, 3, 20, 160, len(gray) - 20, len(gray) - 2)
    seed("jpeg", "rgb", saved(picture(16, 16, 3), "JPEG", quality=50, subsampling=2))
    seed("jpeg", "progressive", saved(picture(16, 16, 3), "JPEG", quality=30, progressive=True))
    seed("jpeg", "cmyk", saved(Image.fromarray(picture(8, 8, 4), "CMYK"), "JPEG"))
    frame = gray.index(b"\xff\xc0")
    seed("jpeg", "declares_huge", patched(gray, frame + 5, b"\xff\xff\xff\xff"))
    seed("jpeg", "declares_nothing", patched(gray, frame + 5, b"\0\0\0\0"))
    seed("jpeg", "two_frames", gray[: frame + 13] + gray[frame:])
    scan = gray.index(b"\xff\xda")
    seed("jpeg", "a_hundred_scans", gray[:scan] + gray[scan:-2] * 100 + gray[-2:])


def bmp():
    for name, image in [("gray", picture()), ("rgb", picture(channels=3)), ("rgba", picture(channels=4)), ("bits", picture(high=2).astype(bool))]:
        data = saved(image, "BMP")
        cut("bmp", name, data, *([2, 14, 30, 60, len(data) - 1] if name == "gray" else []))
    def whole(width, height, bits, packing, colours, pixels):
        start = 54 + 4 * colours
        head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, packing, len(pixels), 0, 0, colours, 0)
        palette = b"".join(bytes([at, at, at, 0]) for at in range(colours))
        return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + palette + pixels
    seed("bmp", "rle8", whole(4, 2, 8, 1, 4, bytes([4, 1, 0, 0, 0, 3, 1, 2, 3, 0, 1, 1, 0, 1])))
    seed("bmp", "rle4", whole(5, 2, 4, 2, 4, bytes([5, 0x12, 0, 0, 0, 5, 0x12, 0x31, 0x20, 0, 0, 1])))
    seed("bmp", "rle_jumps", whole(4, 4, 8, 1, 4, bytes([0, 2, 1, 1, 1, 2, 0, 2, 255, 255, 1, 1, 0, 1])))
    seed("bmp", "declares_huge", whole(0x7FFFFFFF, 0x7FFFFFFF, 8, 0, 4, bytes(8)))
    seed("bmp", "declares_large_rle", whole(16384, 16384, 8, 1, 4, bytes([0, 1])))
    seed("bmp", "upside_down_without_end", whole(3, -(2**31), 24, 0, 0, bytes(16)))
    seed("bmp", "palette_of_nothing", whole(3, 1, 1, 0, 0, bytes(4)))
    seed("bmp", "os2", b"BM" + struct.pack("<IHHIIHHHH", 44, 0, 0, 32, 12, 3, 1, 1, 1) + bytes([0, 0, 0, 9, 9, 9, 0xA0, 0, 0, 0]))


def gif():
    indexes = [Image.fromarray(picture(high=4)).convert("P") for _ in range(3)]
    for image in indexes:
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    one = saved(indexes[0], "GIF")
    cut("gif", "one", one, 6, 13, 20, len(one) - 6, len(one) - 1)
    seed("gif", "frames", saved(indexes[0], "GIF", save_all=True, append_images=indexes[1:], disposal=1))
    seed("gif", "interlaced", saved(indexes[1], "GIF", interlace=1))
    seed("gif", "transparent", saved(indexes[2], "GIF", transparency=1))
    seed("gif", "declares_huge", patched(patched(one, 6, b"\xff\xff\xff\xff"), one.index(b",") + 5, b"\xff\xff\xff\xff"))
    frame = b"," + struct.pack("<HHHHB", 0, 0, 255, 255, 0) + b"\x02\x02\x4c\x01\x00"
    seed("gif", "many_frames", b"GIF89a" + struct.pack("<HHBBB", 255, 255, 0x80, 0, 0) + bytes(6) + frame * 60 + b";")


def pnm():
    for name, text in {
        "p1": b"P1\n# a\n3 2\n101\n0 1 0\n", "p2": b"P2 3 1 15 0 7 15\n", "p3": b"P3 1 1 255 1 2 3\n",
        "p4": b"P4 9 2\n\xaa\x80\x55\x00", "p5": b"P5 3 2 255\n" + bytes(range(6)), "p5_16": b"P5 2 1 65535\n\x01\x02\xff\xff",
        "p6": b"P6 1 2 255\n" + bytes(6), "p7": b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + bytes(8),
        "declares_huge": b"P5 999999999 999999999 255\n\0", "declares_large": b"P2 16384 16384 255\n1 2 3",
        "declares_many_channels": b"P7\nWIDTH 9\nHEIGHT 9\nDEPTH 999999999\nMAXVAL 255\nENDHDR\n", "no_digits": b"P5 9999999999 1 1\n",
        "beyond_the_largest": b"P2 1 1 3 4\n", "two_pictures": b"P5 1 1 255\n\0P5 1 1 255\n\0", "comment_only": b"P5 # and no end",
        "only_opacity": b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n" + bytes(8),
    }.items():
        cut("pnm", name, text, *([1, 2, 3, 5, 9, 13] if name == "p5" else []))


def tiff():
    def made(name, data, **options):
        out = io.BytesIO()
        tifffile.imwrite(out, data, metadata=None, software=False, datetime=False, **options)
        seed("tiff", name, out.getvalue())
        return out.getvalue()
    gray = made("gray", picture())
    for length in [4, 8, 20, 100, len(gray) - 30, len(gray) - 1]:
        seed("tiff", f"gray_cut_{length}", gray[:length])
    made("rgba", picture(channels=4), photometric="rgb", extrasamples=["unassalpha"])
    made("planes", RANDOM.integers(0, 256, (3, 6, 9), dtype="uint8"), photometric="rgb", planarconfig="separate")
    made("pages", RANDOM.integers(0, 256, (3, 5, 4), dtype="uint8"), photometric="minisblack")
    made("float", picture().astype("float32"))
    made("double_big_endian", picture().astype("float64"), byteorder=">")
    made("signed", picture(high=100).astype("int16") - 50)
    made("bits", picture(high=2).astype(bool))
    made("big", picture(), bigtiff=True)
    made("tiles", picture(20, 20), tile=(16, 16))
    made("deflate", picture(20, 20, high=3), compression="zlib", predictor=True)
    made("white_is_zero", picture(), photometric="miniswhite")
    palette = Image.fromarray(picture(high=4)).convert("P")
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    for name, image, compression in [
        ("lzw", Image.fromarray(picture(high=3)), "tiff_lzw"), ("packbits", Image.fromarray(picture(high=2)), "packbits"),
        ("jpeg", Image.fromarray(picture(16, 16, 3)), "jpeg"), ("palette", palette, None), ("old_deflate", Image.fromarray(picture()), "tiff_deflate"),
        ("fax", Image.fromarray(picture(high=2).astype(bool)), "group4"),
    ]:
        seed("tiff", name, saved(image, "TIFF", compression=compression))

    def hostile(name, tags, more=b"", count=None, following=0, big=False):
        entries = b"".join(struct.pack("<HHII", tag, kind, number, value) for tag, kind, number, value in sorted(tags))
        count = len(tags) if count is None else count
        seed("tiff", name, b"II*\0" + struct.pack("<IH", 8, count) + entries + struct.pack("<I", following) + more)
    def page(width, height, bits=8, compression=1, channels=1, rows=None, at=0, length=8):
        return [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, compression), (262, 3, 1, 1), (273, 4, 1, at), (277, 3, 1, channels), (278, 4, 1, rows or height), (279, 4, 1, length)]
    hostile("declares_huge", page(0xFFFFFFFF, 0xFFFFFFFF))
    hostile("declares_large_lzw", page(16384, 16384, compression=5), bytes(64))
    hostile("declares_many_channels", page(4096, 4096, channels=65535))
    hostile("rows_of_one", page(1, 0xFFFFFF, rows=1))
    hostile("pages_in_a_circle", page(2, 2), following=8)
    hostile("more_tags_than_bytes", page(2, 2), count=0xFFFF)
    hostile("tag_of_everything", [*page(2, 2)[:-1], (279, 4, 0x3FFFFFFF, 8)])
    bomb = zlib.compress(bytes(1 << 20), 9)
    hostile("bomb", page(1024, 1024, compression=8, at=122, length=len(bomb)), bomb)
    hostile("jpeg_of_another_size", page(8, 8, compression=7, at=122, length=400), saved(picture(200, 200), "JPEG", quality=1)[:400])
    tiles = [(322, 4, 1, 4096), (323, 4, 1, 0xFFFFFFF0), (324, 4, 1, 0), (325, 4, 1, 8)]
    hostile("tiles_far_larger_than_the_page", [entry for entry in page(2, 2) if entry[0] not in (273, 278, 279)] + tiles)


def nifti():
    def made(array, kind=nibabel.Nifti1Image, affine=None, **fields):
        image = kind(array, numpy.diag([1.5, 1.25, 8.0, 1.0]) if affine is None else affine)
        for field, value in fields.items():
            image.header[field] = value
        return image.to_bytes()
    volume = picture(4, 3, 2).astype("int16")
    first = made(volume)
    cut("nifti", "int16", first, 4, 347, 348, 352, len(first) - 1)
    for dtype in ["uint8", "float32", "float64", "int64", "uint16"]:
        seed("nifti", dtype, made(volume.astype(dtype)) if dtype != "int64" else nibabel.Nifti1Image(volume.astype(dtype), numpy.eye(4), dtype=dtype).to_bytes())
    seed("nifti", "second", made(volume, nibabel.Nifti2Image))
    seed("nifti", "four_dimensions", made(RANDOM.integers(0, 9, (2, 3, 2, 4)).astype("uint8")))
    seed("nifti", "scaled", patched(first, 112, struct.pack("<ff", 2.5, -1024)))
    seed("nifti", "big_endian", nibabel.Nifti1Image(volume, numpy.eye(4), nibabel.Nifti1Header(endianness=">")).to_bytes())
    colours = numpy.zeros((3, 2, 2), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    seed("nifti", "colours", made(colours))
    for name, at, new in [
        ("declares_huge", 40, struct.pack("<8h", 7, *[32767] * 7)), ("declares_large", 40, struct.pack("<8h", 3, 16384, 16384, 1, 1, 1, 1, 1)),
        ("no_dimensions", 40, struct.pack("<h", 0)), ("negative_side", 42, struct.pack("<h", -3)), ("offset_far", 108, struct.pack("<f", 1e30)),
        ("offset_negative", 108, struct.pack("<f", -1)), ("offset_nan", 108, struct.pack("<f", float("nan"))), ("spacing_nan", 80, struct.pack("<f", float("nan"))),
        ("spacing_infinite", 80, struct.pack("<f", float("inf"))), ("quaternion_too_long", 252, struct.pack("<hhfff", 1, 0, 9, 9, 9)),
        ("bits", 70, struct.pack("<h", 1)), ("complex", 70, struct.pack("<h", 32)), ("of_a_pair", 344, b"ni1\0"), ("analyze", 344, bytes(4)),
    ]:
        seed("nifti", name, patched(first, at, new))
    seed("nifti", "second_declares_huge", patched(made(volume, nibabel.Nifti2Image), 16, struct.pack("<8q", 3, 2**62, 2**62, 2**62, 1, 1, 1, 1)))

    seed("nifti_gz", "inside", first)
    packed = gzip.compress(first, mtime=0)
    cut("nifti_gz", "int16", packed, 2, 10, 30, len(packed) - 8, len(packed) - 1)
    seed("nifti_gz", "padding", packed + bytes(40))
    seed("nifti_gz", "members", gzip.compress(first[:100], mtime=0) + gzip.compress(first[100:], mtime=0))
    seed("nifti_gz", "wrong_checksum", patched(packed, len(packed) - 8, b"\1\2\3\4"))
    zeros = patched(made(numpy.zeros((64, 64, 64), "uint8"))[:352], 344, b"n+1\0")
    seed("nifti_gz", "bomb", gzip.compress(zeros + bytes(1 << 23), mtime=0))
    seed("nifti_gz", "bomb_within_the_size", gzip.compress(zeros + bytes(64**3), mtime=0))
    seed("nifti_gz", "gzip_in_gzip", gzip.compress(packed, mtime=0))
    seed("nifti_gz", "declares_huge", gzip.compress(patched(first, 40, struct.pack("<8h", 3, 16384, 16384, 1, 1, 1, 1, 1)), mtime=0))
    seed("nifti_gz", "offset_far", gzip.compress(patched(first, 108, struct.pack("<f", 1e9)), mtime=0))


EXPLICIT, IMPLICIT, BIG, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"


def dicom_file(syntax, pixels, rows, columns, bits=16, frames=1, colours="MONOCHROME2", preamble=True, **more):
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = UID("1.2.840.10008.5.1.4.1.1.7"), UID("1.2.3.4")
    data.Modality, data.PatientID, data.SeriesInstanceUID = "CT", "p", UID("1.2.3")
    data.Rows, data.Columns, data.BitsAllocated, data.BitsStored, data.HighBit = rows, columns, bits, bits, bits - 1
    data.PixelRepresentation, data.SamplesPerPixel, data.PhotometricInterpretation = 0, 1 if colours.startswith(("MONO", "PAL")) else 3, colours
    if data.SamplesPerPixel == 3:
        data.PlanarConfiguration = 0
    if frames > 1:
        data.NumberOfFrames = frames
    for name, value in more.items():
        setattr(data, name, value)
    data.PixelData = pixels
    data["PixelData"].VR = "OB" if bits == 8 else "OW"
    data["PixelData"].is_undefined_length = syntax not in (EXPLICIT, IMPLICIT, BIG, DEFLATED)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = UID(syntax)
    data.file_meta.MediaStorageSOPClassUID, data.file_meta.MediaStorageSOPInstanceUID = data.SOPClassUID, data.SOPInstanceUID
    out = io.BytesIO()
    if preamble:
        pydicom.dcmwrite(out, data, enforce_file_format=True)
    else:
        del data.file_meta
        pydicom.dcmwrite(out, data, implicit_vr=True, little_endian=True)
    return out.getvalue()


def dicom():
    words = picture(3, 4, high=4096, dtype="uint16").tobytes()
    place = dict(PixelSpacing=["0.5", "0.25"], ImageOrientationPatient=["1", "0", "0", "0", "1", "0"], ImagePositionPatient=["1", "2", "3"],
                 SliceThickness="2.5", RescaleSlope="2", RescaleIntercept="-1024")
    for name, syntax in [("explicit", EXPLICIT), ("implicit", IMPLICIT), ("big_endian", BIG), ("deflated", DEFLATED)]:
        data = dicom_file(syntax, words, 3, 4, **place)
        cut("dicom", name, data, *([131, 140, 300, len(data) - 20, len(data) - 1] if name == "explicit" else [len(data) - 1]))
    explicit = dicom_file(EXPLICIT, words, 3, 4, **place)
    seed("dicom", "bare", dicom_file(IMPLICIT, words, 3, 4, preamble=False))
    seed("dicom", "frames", dicom_file(EXPLICIT, words, 1, 4, frames=3))
    seed("dicom", "rgb", dicom_file(EXPLICIT, picture(2, 4, 3).tobytes(), 2, 4, bits=8, colours="RGB"))
    seed("dicom", "turned", dicom_file(EXPLICIT, words, 3, 4, colours="MONOCHROME1"))
    table = bytes(range(16))
    seed("dicom", "palette", dicom_file(EXPLICIT, picture(2, 4, high=9).tobytes(), 2, 4, bits=8, colours="PALETTE COLOR", **{
        f"{colour}PaletteColorLookupTable{part}": value for colour in ("Red", "Green", "Blue") for part, value in (("Descriptor", [8, 0, 16]), ("Data", table))}))
    jpeg = saved(picture(3, 4), "JPEG")
    seed("dicom", "jpeg", dicom_file("1.2.840.10008.1.2.4.50", encapsulate([jpeg]), 3, 4, bits=8))
    seed("dicom", "jpeg_frames", dicom_file("1.2.840.10008.1.2.4.50", encapsulate([jpeg, jpeg], has_bot=True), 3, 4, bits=8, frames=2))
    groups = []
    for number in range(3):
        position, measures = Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, number * 2]
        measures.PixelSpacing = [1, 1]
        group = Dataset()
        group.PlanePositionSequence, group.PixelMeasuresSequence = [position], [measures]
        groups.append(group)
    seed("dicom", "enhanced", dicom_file(EXPLICIT, words, 1, 4, frames=3, PerFrameFunctionalGroupsSequence=groups))
    nested = Dataset()
    nested.CodeValue = "x"
    for _ in range(40):
        outer = Dataset()
        outer.ConceptCodeSequence = [nested]
        nested = outer
    seed("dicom", "nested", dicom_file(EXPLICIT, words, 3, 4, ReferencedStudySequence=[nested]))
    rows = explicit.index(b"\x28\0\x10\0US\2\0") + 8
    columns = explicit.index(b"\x28\0\x11\0US\2\0") + 8
    seed("dicom", "declares_huge", patched(patched(explicit, rows, b"\xff\xff"), columns, b"\xff\xff"))
    seed("dicom", "declares_many_frames", dicom_file(EXPLICIT, words, 3, 4, NumberOfFrames="2147483647"))
    seed("dicom", "negative_frames", dicom_file(EXPLICIT, words, 3, 4, NumberOfFrames="-1"))
    seed("dicom", "value_beyond_the_end", patched(explicit, len(explicit) - len(words) - 4, b"\xfe\xff\xff\xff"))
    seed("dicom", "huge_spacing", dicom_file(EXPLICIT, words, 3, 4, **{**place, "PixelSpacing": ["1e308", "1e308"], "ImagePositionPatient": ["1e308", "-1e308", "0"]}))
    seed("dicom", "huge_slope", dicom_file(EXPLICIT, words, 3, 4, **{**place, "RescaleSlope": "1e300"}))
    deflated = dicom_file(DEFLATED, bytes(2 * 500 * 500), 500, 500)
    seed("dicom", "deflated_bomb", deflated)
    sequence = b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff"
    item = b"\xfe\xff\0\xe0\xff\xff\xff\xff"
    at = explicit.index(b"\x10\0\x20\0LO")
    seed("dicom", "opens_without_end", explicit[:at] + (sequence + item) * 60)
    seed("dicom", "ends_what_never_began", explicit[:at] + b"\xfe\xff\xdd\xe0\0\0\0\0" + explicit[at:])

    def frames(name, syntax, kind, height, width, count, *parts):
        seed("dicom_frames", name, bytes([syntax, kind, height - 1, width - 1, count - 1]) + b"----".join(parts))
    def rle(*segments):
        head, at = [len(segments)], 64
        for segment in segments:
            head.append(at)
            at += len(segment)
        return struct.pack("<16I", *(head + [0] * (16 - len(head)))) + b"".join(segments)
    run = bytes([254, 7, 0, 9]) * 3
    frames("rle", 0, 0, 3, 4, 1, rle(run))
    frames("rle_16", 0, 8, 3, 4, 1, rle(run, run))
    frames("rle_rgb", 0, 1, 3, 4, 1, rle(run, run, run))
    frames("rle_frames", 0, 0, 3, 4, 2, rle(run), rle(run))
    frames("rle_segment_outside", 0, 0, 3, 4, 1, struct.pack("<16I", 1, 0xFFFFFF00, *[0] * 14))
    frames("jpeg", 1, 0, 3, 4, 1, jpeg)
    frames("jpeg_rgb", 1, 1, 16, 16, 1, saved(picture(16, 16, 3), "JPEG", quality=30))
    frames("jpeg_of_another_size", 1, 0, 200, 200, 1, patched(jpeg, jpeg.index(b"\xff\xc0") + 5, b"\xff\xff\xff\xff"))
    frames("jpeg_lossless", 4, 0, 1, 2, 1, bytes.fromhex("ffd8ffc3000b080001000201011100ffc4001500010000000000000000000000000000000008ffda0008010100010000") + b"\x55\xff\xd9")
    for name, image, kind, options in [
        ("j2k", picture(8, 8), 0, dict(irreversible=False)), ("j2k_lossy", picture(16, 16), 0, dict(irreversible=True, quality_layers=[10])),
        ("j2k_rgb", picture(8, 8, 3), 5, dict(irreversible=False)), ("j2k_16", picture(8, 8, high=65536, dtype="uint16"), 8, dict(irreversible=False)),
        ("j2k_tiles", picture(16, 16), 0, dict(tile_size=(8, 8), num_resolutions=2)),
    ]:
        data = saved(Image.fromarray(image), "JPEG2000", no_jp2=True, **options)
        height, width = image.shape[:2]
        frames(name, 5, kind, height, width, 1, data)
        if name == "j2k":
            for length in [20, 60, len(data) // 2, len(data) - 2]:
                frames(f"{name}_cut_{length}", 5, kind, height, width, 1, data[:length])
            size = patched(data, 8, struct.pack(">II", 256, 256))
            frames("j2k_declares_more", 5, 0, 256, 256, 1, size)
            frames("j2k_many_tiles", 5, 0, 256, 256, 1, patched(size, 24, struct.pack(">II", 1, 1)))
    frames("plain", 8, 0, 3, 4, 1, bytes(12))
    frames("plain_bits", 8, 16, 3, 4, 1, bytes(2))
    frames("plain_422", 8, 2, 3, 4, 1, bytes(24))
    frames("deflated", 7, 0, 3, 4, 1, bytes(12))


def others():
    seed("any_format", "empty", b"")
    def zipped(name, data):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as file:
            file.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
        return out.getvalue()
    archive = zipped("a.png", bytes(1 << 20))
    outer = zipped("inner.zip", archive)
    seed("any_format", "zip", archive)
    seed("any_format", "zip_in_zip", outer)
    nested = gzip.compress(bytes(1 << 20), mtime=0)
    for _ in range(3):
        nested = gzip.compress(nested, mtime=0)
    seed("any_format", "gzip_in_gzip", nested)
    seed("any_format", "zip_in_gzip", gzip.compress(outer, mtime=0))
    seed("any_format", "png_in_gzip", gzip.compress(saved(picture(), "PNG"), mtime=0))
    seed("any_format", "text", "no picture at all\n" * 4)
    seed("any_format", "web_page", "<!DOCTYPE html><html><body>403</body></html>")
    seed("any_format", "webp", b"RIFF\x10\0\0\0WEBPVP8 ")
    seed("any_format", "heic", b"\0\0\0\x18ftypheic" + bytes(12))
    seed("any_format", "nrrd", "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 99999 99999 99999\n\n")
    seed("any_format", "text_mode_png", saved(picture(), "PNG").replace(b"\r\n", b"\n"))
    for kind in range(0, 128, 9):
        seed("encoding", f"kind_{kind:03}", bytes([kind % 3, 3, 4, kind % 5, kind]) + bytes(range(kind, kind + 12)))


def sets():
    box = [1, 1, 5, 1, 5, 4, 1, 4]
    def coco(name, annotations, **more):
        images = [{"id": 1, "file_name": "case1_s1.pgm", "width": 8, "height": 6}, {"id": 2, "file_name": "x/case2_s1.pgm", "width": 8, "height": 6}]
        categories = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
        seed("coco", name, json.dumps({"images": images, "annotations": annotations, "categories": categories, **more}))
    def annotation(segmentation, image=1, category=1):
        return {"id": 7, "image_id": image, "category_id": category, "segmentation": segmentation}
    coco("polygons", [annotation([box]), annotation([box, [0, 0, 2, 0, 2, 2.5]], 2, 2)])
    coco("runs", [annotation({"size": [6, 8], "counts": [3, 2, 43]})])
    coco("packed_runs", [annotation({"size": [6, 8], "counts": "32[1"})])
    coco("nothing", [])
    for name, polygon in {
        "far_away": [-1e6, -1e6, 1e6, -1e6, 0, 1e6], "farther": [-1e18, 0, 1e18, 0, 0, 1e18], "without_end": [1e308, 0, -1e308, 0, 0, 1e308],
        "point": [1] * 6, "two_corners": [1, 1, 2, 2], "odd": [1, 1, 2, 2, 3, 3, 4],
    }.items():
        coco(f"polygon_{name}", [annotation([polygon])])
    coco("runs_too_long", [annotation({"size": [6, 8], "counts": [0, 4294967295, 4294967295]})])
    coco("packed_runs_without_end", [annotation({"size": [6, 8], "counts": "oooooooooooo"})])
    coco("declares_huge", [annotation([box])], images=[{"id": 1, "file_name": "case1_s1.pgm", "width": 2**63, "height": 2**63}])
    coco("outside", [annotation([box])], images=[{"id": 1, "file_name": "../../etc/passwd", "width": 8, "height": 6}])
    coco("ids_twice", [annotation([box])], images=[{"id": 1, "file_name": "case1_s1.pgm", "width": 8, "height": 6}] * 2)
    seed("coco", "nested", "[" * 4000)
    seed("coco", "cut", '{"images": [{"id": 1, "file_name": "case1_s1')

    table = "id,class,runs\ncase1_s1,a,1 3 10 2\ncase1_s2,b,\ncase2_s1,a,48 1\n"
    cut("runs", "good", table.encode(), 5, 20, 40)
    for name, line in {"beyond": "1 49", "zero": "0 1", "huge": "4294967295 4294967295", "words": "a b", "odd": "1 2 3", "overlapping": "1 9 1 9 1 9", "nan": "nan"}.items():
        seed("runs", name, f"id,class,runs\ncase1_s1,a,{line}\n")
    seed("runs", "same_image_twice", "id,class,runs\ncase1_s1,a,1 3\ncase1_s1,a,2 9\n")
    seed("runs", "no_columns", "x,y\n1,2\n")
    seed("runs", "quotes", 'id,class,runs\n"case1_s1,a,1 3\n')
    seed("runs", "bytes", b"\xff\xfei\0d\0")
    seed("runs", "byte_order_mark", "\ufeff" + table)

    table = "id,class,mask,top,left\ncase1_s1,a,m1.pgm,1,2\ncase1_s2,b,m2.pgm,0,0\ncase2_s1,a,,,\n"
    cut("crops", "good", table.encode(), 10, 40)
    for name, line in {"beyond": "m1.pgm,5,7", "huge": f"m1.pgm,{2**64 - 1},{2**64 - 1}", "negative": "m1.pgm,-1,0", "outside": "../../../etc/passwd,0,0", "absent": "m3.pgm,0,0", "folder": "images,0,0"}.items():
        seed("crops", name, f"id,class,mask,top,left\ncase1_s1,a,{line}\n")

    seed("links", "good", "id,patient,part,site,sx\n1,p1,train,x,0.5\n2,p2,test,y,0.7\n")
    seed("links", "strange", "id,patient,part,site,sx\n1,p1,neither,x,-1\n01,,test,,inf\n1,p9,test,,nan\n")
    seed("links", "short", "id,patient,part,site,sx\n1\n2,p\n")

    seed("contours", "good", "1.5 1\n5 1.25\n5 4\n1 4\n")
    for name, text in {"few": "1 1\n2 2\n", "words": "a b\n", "three": "1 2 3\n1 2 3\n1 2 3\n", "far": "1e5 1\n5 -999999\n-999999 999999\n", "farther": "1e300 1\n2 2\n3 3\n", "nan": "nan nan\n1 1\n2 2\n", "empty": ""}.items():
        seed("contours", name, text)

    seed("yolo", "good", "0 0.2 0.2 0.8 0.2 0.8 0.7\n\n1 0 0 1 0 1 1 0 1\n")
    for name, text in {"box": "0 0.5 0.5 0.2 0.2\n", "class": "7 0 0 1 0 1 1\n", "word": "a 0 0 1 0 1 1\n", "odd": "0 0 0 1 0 1 1 0\n", "pixels": "0 12 3 40 3 40 9\n", "nan": "0 nan 0 1 0 1 1\n", "huge": "99999999999999999999 0 0 1 0 1 1\n", "tiny": "0 1e-300 0 1 -0.0009 1.0009 1\n", "empty": ""}.items():
        seed("yolo", name, text)

    for name, text in {
        "plain": "images/{case}_s{slice}.png\nimages/a_s1.png", "choice": "Image_{n}{eye:L|R}.jpg\nImage_01R.jpg", "digits": "{n}_{c:#}.png\na_1_02.png",
        "twice": "{n}/{n}_x.png\n7/7_x.png", "no_extension": "{a}/{b}\nx/y.nii.gz", "open": "a{b\nab", "touching": "{a}{b}\nab", "letters": "ä{ö}ü.png\näßü.png",
        "slow": "".join("{%s}a" % chr(98 + at) for at in range(12)) + "!\n" + "a" * 60,
        "slow_choices": "".join("{%s:a|aa}" % chr(98 + at) for at in range(20)) + "!\n" + "a" * 40,
    }.items():
        seed("pattern", name, text)

    fold = {"train": ["a", "b"], "validation": ["c"], "test": ["d"]}
    for name, text in {
        "fold": json.dumps(fold), "folds": json.dumps([fold, fold]), "nnunet": json.dumps([{"train": ["a"], "val": ["b"]}]), "table": "case,part,fold\na,train,0\nb,test,0\na,test,1\n",
        "one_fold": "case,part\na,train\n", "gap": "case,part,fold\na,train,18446744073709551615\n", "unknown": "case,part\na,holdout\n", "nested": "[" * 3000, "empty": "", "null": "[null]", "both_names": '{"train": [], "val": ["a"], "test": ["b"]}',
        "two_words": '{"train": [], "val": ["a"], "validation": ["b"]}', "key_twice": '{"train": [], "train": [1]}', "table_of_vals": "case,part\na,train\nb,val\n",
    }.items():
        seed("split", name, text)


def packs():
    entry = {"id": "a", "patient": "p", "part": None, "frames": 1, "channels": 1, "height": 4, "width": 4, "label_frame": 0, "native": {"slices": 1, "height": 4, "width": 4}, "spacing": None,
             "dtype": "f32", "image_digest": "0" * 64, "mask_digest": "0" * 64, "image_offset": 64, "mask_offset": 128}
    for name, change in {
        "good": {}, "bytes": {"dtype": "u8", "frames": 2, "depth": 2}, "halves": {"dtype": "f16", "mask_digest": None}, "huge": {"frames": 2**62, "channels": 2**62},
        "offset_beyond": {"image_offset": 2**64 - 1}, "empty": {"height": 0, "width": 0}, "layers": {"layers": 3}, "slice_beyond": {"native": {"slices": 2, "height": 4, "width": 4, "slice": {"volume": "v", "at": 9}}}, "product_overflows": {"frames": 2**32, "channels": 2**32, "height": 1, "width": 1},
    }.items():
        seed("pack", name, json.dumps([{**entry, **change}]))
    seed("pack", "two_of_one_name", json.dumps([entry, entry]))
    seed("pack", "no_entries", "[]")
    head = b"PIPEPACK" + struct.pack("<I", 2) + bytes(52)
    for name, offset, length in [("index_outside", 2**63, 2), ("index_overflows", 2**64 - 1, 2**64 - 1), ("index_is_all", 0, 128)]:
        seed("pack", name, head + struct.pack("<QQ", offset, length) + bytes(40) + b"KCAPEPIP")
    seed("pack", "header_only", head)
    seed("pack", "newer", b"PIPEPACK" + struct.pack("<I", 9) + bytes(116))


def experiments():
    good = """# an experiment
name: a
axes: { fold: [0, 1], seed: [1, 2] }
data: { root: '${env:HOME}/x', size: [8, 8] }
stages:
  prepare: { kind: command, with: { root: '${data.root}', n: 1e-3 } }
  train: { kind: command, needs: [prepare], timeout: 1h, with: { seed: '${axis.seed}', fold: '${axis.fold}' }, resources: { cpu: 2, memory: 8GiB } }
  'train[fold=1]': { with: { x: 1 } }
  score: { kind: command, needs: 'train[*]' }
"""
    for target in ("yaml", "experiment"):
        cut(target, "good", good.encode(), 30, 120, 300)
        seed(target, "extends", "extends: base.yaml\naxes: { fold: [2] }\nprofiles: { p: { axes: { fold: [3] } } }\n#--profile p\n#-s stages.one.with.x=7\n#-s +stages.one.with.y={a: [1]}\n")
        seed(target, "many_anchors", "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(f"{chr(98 + at)}: &{chr(98 + at)} [{', '.join(['*' + chr(97 + at)] * 9)}]\n" for at in range(9)))
        seed(target, "deep", "a: " + "[" * 500 + "]" * 500)
        seed(target, "deep_blocks", "".join(" " * at + "a:\n" for at in range(200)))
        seed(target, "deep_flow_keys", "? " * 300 + "a")
        seed(target, "alias_of_itself", "a: &a [*a]\n")
        seed(target, "twice", "name: a\nname: b\n")
        seed(target, "two_documents", "a: 1\n---\nb: 2\n")
        seed(target, "tags", "a: !!binary x\nb: !thing y\n<<: { c: 1 }\n")
        seed(target, "scalars", "[no, 017, 0x1F, 0o17, 1e400, -.inf, .nan, 99999999999999999999, 1_000, '3', \"\\x41\\u00e9\", |\n  text\n]")
        seed(target, "letters", "ä: 'ö'\nü: [ß, ${x}\n")
        seed(target, "bytes", b"\xff\xfea: 1\n")
        seed(target, "carriage_returns", "a: 1\r\nb: [\r\nc\r\n")
    stages = "stages: { a: { kind: command, with: { x: '${parameters.x}' } } }\nparameters:\n"
    seed("experiment", "references", stages + "  x: { y: '${parameters.z.${parameters.w}}', l: ['${parameters.z}', 'a${parameters.w}b', '$${w}'] }\n  w: k\n  z: { k: 1 }\n")
    seed("experiment", "references_in_a_circle", stages + "  x: '${parameters.y}'\n  y: '${parameters.x}'\n")
    def below(names, last, count, text):
        """Every name refers to the next so many times, as a list or within a text."""
        line = "  {}: '{}'\n" if text else "  {}: [{}]\n"
        one = "${{parameters.{}}}" if text else "'${{parameters.{}}}', "
        return stages + "".join(line.format(name, one.format(next_) * count) for name, next_ in zip(names, names[1:])) + f"  {names[-1]}: {last}\n"
    seed("experiment", "many_references", below("xyzuvwrst", 1, 8, False))
    seed("experiment", "references_double_a_text", below("xyzuvwrsopqmnkljihg", "a" * 16, 2, True))
    axes = ", ".join(f"{name}: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]" for name in "abcdefgh")
    seed("experiment", "many_axes", f"axes: {{ {axes} }}\nstages: {{ s: {{ kind: command, with: {{ x: '{' '.join('${axis.' + name + '}' for name in 'abcdefgh')}' }} }} }}\n")
    seed("experiment", "needs_in_a_circle", "stages: { a: { kind: command, needs: b }, b: { kind: command, needs: a } }\n")
    seed("experiment", "for", "stages:\n  l: { kind: command, outputs: { items: list.json } }\n  s: { kind: command, for: { case: '${l.items}' }, with: { x: '${axis.case}' } }\n  g: { kind: command, needs: 's[*]' }\n")
    seed("experiment", "extends_itself", "extends: a.yaml\nstages: {}\n")
    for number, override in enumerate(["a.b=1", "++axes.fold.0=7", "~stages.one", "stages.'one'.with.x=[1", "stages.one[fold=1].with.x=2", "=", "+a.b.c.d={}", "axes.fold.9=1", "a.'b=1"]):
        seed("experiment", f"override_{number}", f"extends: base.yaml\n#-s {override}\n")
    seed("experiment", "quantities", "extends: base.yaml\nstages: { one: { timeout: 1e300h, retries: { count: 99, delay: -1s }, resources: { memory: 99999999999TiB, gpu: 0.3, cpu: 0 } } }\n")


def weights():
    def safetensors(head, data=bytes(16)):
        text = json.dumps(head).encode() if not isinstance(head, bytes) else head
        return struct.pack("<Q", len(text)) + text + data
    good = {"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}
    cut("weights", "safetensors", safetensors(good), 4, 8, 20, 70)
    seed("weights", "safetensors_halves", safetensors({"a": {"dtype": "BF16", "shape": [8], "data_offsets": [0, 16]}}))
    seed("weights", "safetensors_overflows", safetensors({"a": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 16]}}))
    seed("weights", "safetensors_long_head", struct.pack("<Q", 2**40) + b"{")

    def pickle(size=(2, 2), stride=(2, 1), offset=0, count=4, kind="FloatStorage", name="a", before=b""):
        def integer(number):
            if 0 <= number < 256:
                return b"K" + bytes([number])
            body = number.to_bytes((number.bit_length() + 8) // 8, "little", signed=True)
            return b"\x8a" + bytes([len(body)]) + body
        def text(value):
            return b"X" + struct.pack("<I", len(value)) + value.encode()
        def row(numbers):
            return b"(" + b"".join(integer(number) for number in numbers) + b"t"
        storage = b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text("0") + text("cpu") + integer(count) + b"tQ"
        tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + integer(offset) + row(size) + row(stride) + b"\x89ccollections\nOrderedDict\n)RtR"
        return b"\x80\x02" + before + b"}(" + text(name) + tensor + b"u."
    def archive(data, storage=struct.pack("<4f", 1, 2, 3, 4), method=zipfile.ZIP_STORED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as file:
            for name, content in [("m/data.pkl", data), ("m/byteorder", b"little"), ("m/data/0", storage), ("m/version", b"3\n")]:
                info = zipfile.ZipInfo(name)
                info.compress_type = method
                file.writestr(info, content)
        return out.getvalue()
    cut("weights", "torch", archive(pickle()), 4, 60, 300, 500)
    for name, options in {
        "transposed": dict(stride=(1, 2)), "negative_stride": dict(stride=(-1, 1)), "offset_beyond": dict(offset=2**40), "huge": dict(size=(2**40, 2**40), stride=(1, 1)), "spread": dict(size=(1000, 1000), stride=(0, 0)),
        "halves": dict(kind="HalfStorage", count=8), "longs": dict(kind="LongStorage"), "counts_more": dict(count=2**40),
        "runs_code": dict(before=b"cos\nsystem\n(X\2\0\0\0lstR0"),
    }.items():
        seed("weights", f"torch_{name}", archive(pickle(**options)))
    seed("weights", "torch_packed", archive(pickle(), method=zipfile.ZIP_DEFLATED))
    seed("weights", "torch_bomb", archive(pickle(count=2**20), bytes(1 << 22), zipfile.ZIP_DEFLATED))
    seed("weights", "zip_in_zip", archive(archive(pickle())))
    seed("weights", "pickle_nested", b"\x80\x02" + b"(" * 2000 + b"t" * 2000 + b".")
    seed("weights", "pickle_refers_to_itself", b"\x80\x02}q\0X\1\0\0\0ah\0s.")
    seed("weights", "pickle_long_string", b"\x80\x02X\xff\xff\xff\x7fa.")
    seed("weights", "pickle_keeps_far", b"\x80\x02}r\xff\xff\xff\xff.")
    seed("weights", "pickle_doubles", b"\x80\x02]q\0" + b"(h\0h\0h\0h\0tq\0" * 30 + b".")
    seed("weights", "hdf5", b"\x89HDF\r\n\x1a\n" + bytes(40))
    seed("weights", "git_lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    seed("weights", "web_page", "<html>")
    seed("weights", "empty", b"")


for make in (png, jpeg, bmp, gif, pnm, tiff, nifti, dicom, others, sets, packs, experiments, weights):
    make()
for path in CORPUS.glob("*/*"):
    if path not in kept and not path.name.startswith("found_"):
        path.unlink()
files = [path for path in CORPUS.glob("*/*")]
print(f"{len(files)} inputs, {sum(path.stat().st_size for path in files)} bytes")
