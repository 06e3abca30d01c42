"""The metrics of other packages, each under the package's own convention.

Not known here: what `pipe` computes. Masks are bool arrays (y, x) or (z, y, x) that are not empty, `spacing` has as many sides.
Each function gives a map from the key that `pipe` has for the same definition to a value.
"""

import warnings

import numpy
import scipy.ndimage as ndimage

# surface-distance 0.1 is older than NumPy 2.
numpy.Inf, numpy.NaN = numpy.inf, numpy.nan
warnings.filterwarnings("ignore")

import monai.metrics  # noqa: E402
import skimage.measure  # noqa: E402
import skimage.metrics  # noqa: E402
import skimage.morphology  # noqa: E402
import sklearn.calibration  # noqa: E402
import sklearn.metrics  # noqa: E402
import surface_distance  # noqa: E402
import torch  # noqa: E402
from medpy.metric import binary  # noqa: E402

try:
    from MetricsReloaded.metrics.calibration_measures import CalibrationMeasures
    from MetricsReloaded.metrics.pairwise_measures import BinaryPairwiseMeasures
except ImportError:
    CalibrationMeasures = BinaryPairwiseMeasures = None

# What a package computes in float32 can differ by more.
FLOAT32 = {"MONAI"}


def medpy(prediction, reference, spacing):
    distances = {"voxelspacing": spacing}
    return {
        "dice": binary.dc(prediction, reference),
        "iou": binary.jc(prediction, reference),
        "precision": binary.precision(prediction, reference),
        "recall": binary.recall(prediction, reference),
        "specificity": binary.specificity(prediction, reference),
        "relative_volume_difference": abs(binary.ravd(prediction, reference)),
        "hd": binary.hd(prediction, reference, **distances),
        "hd95_pooled": binary.hd95(prediction, reference, **distances),
        "assd": binary.assd(prediction, reference, **distances),
    }


def monai_metrics(prediction, reference, spacing):
    p, r = (torch.from_numpy(mask[None, None].astype(numpy.float32)) for mask in (prediction, reference))
    both = {"y_pred": p, "y": r, "include_background": True}
    lengths = {**both, "spacing": list(spacing)}
    found = {
        "dice": monai.metrics.compute_dice(**both),
        "iou": monai.metrics.compute_iou(**both),
        "hd": monai.metrics.compute_hausdorff_distance(**lengths),
        "hd95": monai.metrics.compute_hausdorff_distance(**lengths, percentile=95),
        "assd": monai.metrics.compute_average_surface_distance(**lengths, symmetric=True),
    }
    for tolerance in (1, 2):
        found[f"nsd_{tolerance}mm"] = monai.metrics.compute_surface_dice(**lengths, class_thresholds=[tolerance])
        found[f"nsd_{tolerance}mm_surfel"] = monai.metrics.compute_surface_dice(**lengths, class_thresholds=[tolerance], use_subvoxels=True)
    matrix = monai.metrics.get_confusion_matrix(p, r, include_background=True)
    names = {"specificity": "specificity", "accuracy": "accuracy", "balanced accuracy": "balanced_accuracy", "matthews correlation coefficient": "mcc"}
    for name, key in names.items():
        found[key] = monai.metrics.compute_confusion_matrix_metric(name, matrix)
    return {key: float(value) for key, value in found.items()}


def deepmind(prediction, reference, spacing):
    found = surface_distance.compute_surface_distances(reference, prediction, spacing)
    return {
        "hd95_surfel": surface_distance.compute_robust_hausdorff(found, 95),
        "nsd_1mm_surfel": surface_distance.compute_surface_dice_at_tolerance(found, 1),
        "nsd_2mm_surfel": surface_distance.compute_surface_dice_at_tolerance(found, 2),
        "dice": surface_distance.compute_dice_coefficient(reference, prediction),
    }


def metrics_reloaded(prediction, reference, spacing):
    if BinaryPairwiseMeasures is None:
        return {}
    measures = BinaryPairwiseMeasures(prediction.astype(int), reference.astype(int), pixdim=spacing, dict_args={"hd_perc": 95, "beta": 2, "nsd": 1})
    found = {
        "dice": measures.dsc(), "iou": measures.intersection_over_union(), "precision": measures.positive_predictive_value(),
        "recall": measures.recall(), "specificity": measures.specificity(), "accuracy": measures.accuracy(),
        "balanced_accuracy": measures.balanced_accuracy(), "f2": measures.fbeta(), "mcc": measures.matthews_correlation_coefficient(),
        "relative_volume_difference": measures.absolute_volume_difference_ratio(), "hd": measures.measured_hausdorff_distance(),
        "hd95": measures.measured_hausdorff_distance_perc(), "assd": measures.measured_average_distance(),
        "masd": measures.measured_masd(), "nsd_1mm": measures.normalised_surface_distance(), "cldice": measures.centreline_dsc(),
    }
    if numpy.isnan(found["cldice"]):
        # Also where skeletons and masks never meet: 0 / 0 there, 0 here.
        del found["cldice"]
    return found


def scikit_image(prediction, reference, spacing):
    """Skeletons, components and borders of scikit-image and SciPy, put together here."""
    skeletons = [skimage.morphology.skeletonize(mask) > 0 for mask in (prediction, reference)]
    precision, sensitivity = (skeletons[0] & reference).sum() / skeletons[0].sum(), (skeletons[1] & prediction).sum() / skeletons[1].sum()
    found = {"cldice": 2 * precision * sensitivity / (precision + sensitivity) if precision + sensitivity else 0.0}
    for suffix, connectivity in (("", prediction.ndim), ("_faces", 1)):
        labels = [skimage.measure.label(mask, connectivity=connectivity) for mask in (prediction, reference)]
        precision = numpy.mean([reference[labels[0] == label].any() for label in range(1, labels[0].max() + 1)])
        recall = numpy.mean([prediction[labels[1] == label].any() for label in range(1, labels[1].max() + 1)])
        found[f"lesion_precision{suffix}"], found[f"lesion_recall{suffix}"] = precision, recall
        found[f"lesion_f1{suffix}"] = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    # Pairs above 0.5 are one to one by themselves.
    labels = [skimage.measure.label(mask, connectivity=prediction.ndim) for mask in (prediction, reference)]
    pairs = 0
    for label in range(1, labels[0].max() + 1):
        one = labels[0] == label
        for other in numpy.unique(labels[1][one]):
            if other:
                both = labels[1] == other
                pairs += (one & both).sum() / (one | both).sum() >= 0.51
    found["lesion_f1_iou0.51"] = 2 * pairs / (labels[0].max() + labels[1].max())
    parts = [skimage.measure.label(mask, connectivity=mask.ndim).max() for mask in (prediction, reference)]
    # Euler number = components - tunnels + cavities; cavities are background that is not open to the outside.
    euler = [skimage.measure.euler_number(numpy.pad(mask, 1), connectivity=mask.ndim) for mask in (prediction, reference)]
    enclosed = [skimage.measure.label(~numpy.pad(mask, 1), connectivity=1).max() - 1 for mask in (prediction, reference)]
    loops = [b0 + (hollow if prediction.ndim == 3 else 0) - chi for b0, hollow, chi in zip(parts, enclosed, euler)]
    found["betti_0_error"], found["betti_1_error"] = abs(int(parts[0]) - int(parts[1])), abs(int(loops[0]) - int(loops[1]))
    width = max(1, round(0.02 * numpy.linalg.norm(prediction.shape)))
    square = numpy.ones([3] * prediction.ndim)
    bands = [mask & ~ndimage.binary_erosion(mask, square, iterations=width) for mask in (prediction, reference)]
    found["boundary_iou"] = (bands[0] & bands[1]).sum() / (bands[0] | bands[1]).sum()
    volumes = prediction.sum(), reference.sum()
    found["volumetric_similarity"] = 1 - abs(int(volumes[0]) - int(volumes[1])) / (volumes[0] + volumes[1])
    found["hd"] = hausdorff(prediction, reference, spacing)
    return found


def hausdorff(prediction, reference, spacing):
    """`skimage.metrics.hausdorff_distance` of borders has no spacing; its points are scaled here."""
    cross = ndimage.generate_binary_structure(prediction.ndim, 1)
    points = [numpy.argwhere(mask & ~ndimage.binary_erosion(mask, cross)) * numpy.asarray(spacing) for mask in (prediction, reference)]
    from scipy.spatial import cKDTree
    return max(cKDTree(points[1]).query(points[0])[0].max(), cKDTree(points[0]).query(points[1])[0].max())


def scikit_learn(prediction, reference):
    p, r = prediction.ravel(), reference.ravel()
    return {
        "precision": sklearn.metrics.precision_score(r, p), "recall": sklearn.metrics.recall_score(r, p),
        "accuracy": sklearn.metrics.accuracy_score(r, p), "balanced_accuracy": sklearn.metrics.balanced_accuracy_score(r, p),
        "dice": sklearn.metrics.f1_score(r, p), "f2": sklearn.metrics.fbeta_score(r, p, beta=2),
        "iou": sklearn.metrics.jaccard_score(r, p), "mcc": sklearn.metrics.matthews_corrcoef(r, p),
    }


def of_probabilities(probabilities, reference):
    """By package: scikit-learn, and MetricsReloaded where it is installed."""
    p, r = probabilities.ravel().astype(float), reference.ravel().astype(int)
    learn = {"roc_auc": sklearn.metrics.roc_auc_score(r, p), "pr_auc": sklearn.metrics.average_precision_score(r, p), "brier": sklearn.metrics.brier_score_loss(r, p)}
    # numpy.digitize puts edges up, MetricsReloaded and `pipe` down.
    places = numpy.clip(numpy.ceil(p * 10).astype(int) - 1, 0, 9)
    sums = [numpy.bincount(places, weights, 10) for weights in (r, p)]
    learn["ece"] = numpy.abs(sums[0] - sums[1]).sum() / len(p)
    found = {"scikit-learn": learn}
    if CalibrationMeasures is not None:
        measures = CalibrationMeasures(numpy.stack([1 - p, p], 1), r, dict_args={"bins_ece": 10})
        found["MetricsReloaded"] = {"brier": measures.brier_score() / 2}
        if (p > 0).all():
            # Edges of bins are sums of 0.1 there; a probability on an edge falls where rounding puts it.
            found["MetricsReloaded"]["ece"] = measures.expectation_calibration_error()
    return found
