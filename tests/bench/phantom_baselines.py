"""How hard a phantom data set is for filters that do not learn: mean Dice of Otsu and of Frangi with its best threshold.

Usage: phantom_baselines.py FOLDER [LABEL_FRAME]. FOLDER is in the layout `xca_sequences` (images/, labels/).
Needs numpy==2.4.6 pillow==13.0.0 scikit-image==0.26.0. Both must stay under 0.5, or the phantom is too easy.
"""

import pathlib
import sys

import numpy
from PIL import Image
from skimage.filters import frangi, threshold_otsu


def dice(prediction, reference):
    return 2 * (prediction & reference).sum() / (prediction.sum() + reference.sum())


folder = pathlib.Path(sys.argv[1])
label_frame = int(sys.argv[2]) if len(sys.argv) > 2 else 2
otsu, responses, references, shares = [], [], [], []
for path in sorted((folder / "labels").glob("label_s*.png")):
    reference = numpy.asarray(Image.open(path)) > 127
    name = path.stem.replace("label_s", "image_s")
    image = numpy.asarray(Image.open(folder / "images" / f"{name}_i{label_frame}.png")).astype(float) / 255
    otsu.append(dice(image < threshold_otsu(image), reference))
    responses.append(frangi(image, sigmas=[0.75, 1, 1.5, 2, 2.5], black_ridges=True))
    references.append(reference)
    shares.append(reference.mean())
# One threshold for all sequences, the best there is: more than a user without reference masks could have.
values = numpy.concatenate([response.ravel() for response in responses])
thresholds = numpy.quantile(values[values > 0], numpy.linspace(0.3, 0.999, 140))
best = max((numpy.mean([dice(r > t, m) for r, m in zip(responses, references)]), t) for t in thresholds)
print(f"{len(otsu)} sequences, {100 * numpy.mean(shares):.1f} % vessel")
print(f"Otsu Dice {numpy.mean(otsu):.3f}")
print(f"Frangi Dice {best[0]:.3f} at its best threshold {best[1]:.3g}")
