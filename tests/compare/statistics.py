"""Compares the statistics of `pipe` with SciPy and statsmodels on random values: statistics.py [ROUNDS] [SEED].

Needs what statistics-requirements.txt lists; where that is not installed, it makes ~/.cache/pipe/compare-statistics-venv and goes on
there. Prints the largest difference of each function; exits 1 if one is above 1e-6 (1e-12 for intervals from given resamples), or if
one side has an answer where the other has none. Not known here: how `pipe` computes.
"""

import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import warnings

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENV = pathlib.Path.home() / ".cache/pipe/compare-statistics-venv"
REQUIREMENTS = HERE / "statistics-requirements.txt"


def installed():
    for line in REQUIREMENTS.read_text().split():
        name, version = line.split("==")
        try:
            if importlib.metadata.version(name) != version:
                return False
        except importlib.metadata.PackageNotFoundError:
            return False
    return True


# The folder of this file stands first in the path, and this file has the name of a module of the standard library.
sys.path = [entry for entry in sys.path if pathlib.Path(entry or ".").resolve() != HERE]
if not installed():
    python = VENV / "bin/python"
    if pathlib.Path(sys.prefix) == VENV:
        sys.exit(f"{REQUIREMENTS.name} could not be installed")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "-r", REQUIREMENTS], check=True)
    os.execv(python, [python, __file__, *sys.argv[1:]])

import numpy  # noqa: E402
from scipy import special, stats  # noqa: E402
from statsmodels.stats.multitest import multipletests  # noqa: E402

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 400
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
ALTERNATIVES = {"two_sided": "two-sided", "less": "less", "greater": "greater"}
random = numpy.random.default_rng(SEED)
questions, expected = [], []


def ask(name, question, answer, read, within=1e-6):
    """Asks `pipe` the question; `read` takes from its answer the numbers that should be those of `answer`."""
    questions.append(json.dumps(question))
    expected.append((name, numpy.asarray(answer, dtype=float).ravel(), read, within))


def values(n):
    """Values with few or many ties, of one or many sizes."""
    kind = random.integers(6)
    if kind == 0:
        return random.normal(size=n)
    if kind == 1:
        return random.integers(0, 4, size=n).astype(float)
    if kind == 2:
        return random.integers(-8, 9, size=n) / 8
    if kind == 3:
        return numpy.exp(random.normal(size=n) * 4)
    if kind == 4:
        return numpy.full(n, float(random.integers(-1, 3)))
    return random.beta(8, 2, size=n).round(3)


def length():
    return int(random.choice([1, 2, 3, 5, 8, 12, 13, 14, 20, 49, 50, 51, 80, 200]))


def pairs(n):
    one, other = values(n), values(n)
    if random.random() < 0.4:
        other = one + numpy.where(random.random(n) < 0.3, 0, random.integers(-6, 7, size=n) / 8)
    if random.random() < 0.2:
        # No two sizes are equal, and none is 0.
        other = one - random.permutation(numpy.arange(1, n + 1)) / 64 * random.choice([-1, 1], size=n)
    return one, other


def choose(*options):
    return options[random.integers(len(options))]


def summary():
    sample = values(length())
    quartiles = numpy.percentile(sample, [25, 50, 75])
    answer = [sample.mean(), sample.std(ddof=1) if len(sample) > 1 else numpy.nan, *quartiles, sample.min(), sample.max()]
    keys = ["mean", "sd", "q1", "median", "q3", "min", "max"]
    ask("mean, SD, quartiles", {"summary": {"values": sample.tolist()}}, answer, lambda found: [found[key] for key in keys])


def wilcoxon():
    one, other = pairs(length())
    zeros, method, continuity = choose("pratt", "wilcox", "zsplit"), choose("auto", "auto", "normal", "exact"), choose(True, False)
    alternative = choose(*ALTERNATIVES)
    differences = one - other
    kept = differences[differences != 0]
    plain = len(kept) == len(differences) == len(set(numpy.abs(differences)))
    if method == "exact" and not plain:
        method = "auto"  # SciPy's exact distribution takes no notice of ties.
    options = {"zero_method": zeros, "correction": continuity, "alternative": ALTERNATIVES[alternative]}
    if len(kept) == 0:
        # SciPy: an error for one pair, 1 up to 13 pairs, then NaN; here always 1.
        answer = [len(one) * (len(one) + 1) / 4 if zeros == "zsplit" else 0, 1]
    else:
        found = stats.wilcoxon(one, other, method={"normal": "asymptotic"}.get(method, method), **options)
        answer = [found.statistic, found.pvalue]
    options = {
        "zeros": zeros, "alternative": alternative, "method": method,
        "continuity": "corrected" if continuity else "uncorrected",
    }
    question = {"wilcoxon": {"one": one.tolist(), "other": other.tolist(), "options": options}}
    ask(f"Wilcoxon, {zeros}, {method}", question, answer, lambda a: [a["test"]["statistic"], a["test"]["p"]])


def permutation():
    one, other = pairs(int(random.integers(2, 13)))
    # Multiples of 1/8: SciPy's tolerance for ties shrinks with the mean, and rounding decides for other numbers.
    one, other = (one * 8).round() / 8, (other * 8).round() / 8
    alternative = choose(*ALTERNATIVES)
    differences = one - other
    found = stats.permutation_test(
        (differences,), lambda d, axis: d.mean(axis=axis), permutation_type="samples", vectorized=True,
        n_resamples=9999, alternative=ALTERNATIVES[alternative],
    )
    question = {"permutation": {"one": one.tolist(), "other": other.tolist(), "plan": {"alternative": alternative}}}
    ask("permutation, exact", question, [found.statistic, found.pvalue], lambda a: [a["statistic"], a["p"]])


def permutation_random():
    one = random.normal(size=40)
    other = one + random.normal(size=40) + 0.25
    null = ((one - other) * random.choice([-1, 1], size=(400_000, 40))).mean(axis=1)
    p = 2 * min((null <= (one - other).mean()).mean(), (null >= (one - other).mean()).mean())
    question = {"permutation": {"one": one.tolist(), "other": other.tolist(), "plan": {"resamples": 400_000, "seed": 3}}}
    # Five standard errors of the difference of two such shares.
    ask("permutation, random", question, [p], lambda a: [a["p"]], 5 * 2 * (p / 2 * 2 / 400_000) ** 0.5 + 1e-5)


def mann_whitney():
    one, other = values(length()), values(length())
    alternative, method, continuity = choose(*ALTERNATIVES), choose("auto", "normal", "exact"), choose(True, False)
    if method == "exact" and (len(set(one) | set(other)) < len(one) + len(other) or len(one) * len(other) > 2500):
        method = "auto"
    found = stats.mannwhitneyu(
        one, other, use_continuity=continuity, alternative=ALTERNATIVES[alternative],
        method={"normal": "asymptotic"}.get(method, method),
    )
    p = 1.0 if len(set(one) | set(other)) == 1 else found.pvalue
    question = {"mann_whitney": {
        "one": one.tolist(), "other": other.tolist(), "alternative": alternative, "method": method,
        "continuity": "corrected" if continuity else "uncorrected",
    }}
    ask(f"Mann-Whitney, {method}", question, [found.statistic, p], lambda a: [a["test"]["statistic"], a["test"]["p"]])
    delta = 2 * found.statistic / len(one) / len(other) - 1
    if len(one) == len(other):
        ask("Cliff's delta", {"effect": {"kind": "cliffs_delta", "one": one.tolist(), "other": other.tolist()}}, [delta], lambda a: [a])


def adjusted():
    p = random.random(length()) ** 3
    p = choose(p, p.round(2))
    for name, method in [("holm", "holm"), ("benjamini_hochberg", "fdr_bh")]:
        answer = multipletests(p, method=method)[1]
        ask(f"adjusted, {method}", {"adjusted": {"p": p.tolist(), "correction": name}}, answer, lambda a: a)


def effects():
    one, other = pairs(length())
    differences = one - other
    walsh = (differences[:, None] + differences)[numpy.triu_indices(len(differences))] / 2
    lists = {"one": one.tolist(), "other": other.tolist()}
    for kind, answer in [
        ("mean_difference", differences.mean()), ("median_difference", numpy.median(differences)),
        ("hodges_lehmann", numpy.median(walsh)),
    ]:
        ask(kind.replace("_", " "), {"effect": {"kind": kind, **lists}}, [answer], lambda a: [a])
    for zeros in ("pratt", "wilcox", "zsplit"):
        plus = stats.wilcoxon(differences, zero_method=zeros, alternative="greater", method="asymptotic").statistic
        minus = stats.wilcoxon(-differences, zero_method=zeros, alternative="greater", method="asymptotic").statistic
        answer = (plus - minus) / (plus + minus) if plus + minus else 0
        ask("rank-biserial", {"rank_biserial": {"differences": differences.tolist(), "zeros": zeros}}, [answer], lambda a: [a])


def friedman():
    k, n = int(random.integers(3, 12)), int(random.integers(2, 30))
    table = choose(random.normal(size=(n, k)), random.integers(0, 4, size=(n, k)).astype(float))
    found = stats.friedmanchisquare(*table.T)
    question = {"friedman": {"table": table.tolist()}}
    tied = bool((table == table[:, :1]).all())
    answer = [0, 1] if tied else [found.statistic, found.pvalue]
    ask("Friedman", question, answer, lambda a: [a["friedman"]["statistic"], a["friedman"]["p"]])
    ranks = stats.rankdata(table, axis=1).mean(axis=0)
    unit = (k * (k + 1) / 6 / n) ** 0.5
    apart = numpy.abs(ranks[:, None] - ranks) / unit * 2**0.5
    ask("Nemenyi, p", question, stats.studentized_range.sf(apart, k, numpy.inf), lambda a: sum(a["nemenyi"], []))
    level = choose(0.1, 0.05, 0.01)
    answer = stats.studentized_range.ppf(1 - level, k, numpy.inf) / 2**0.5 * unit
    ask("Nemenyi, critical difference", {"nemenyi": {"systems": k, "n": n, "significance": level}}, [answer], lambda a: [a])


def interval():
    n = length()
    # Sums without rounding: for SciPy it decides whether a resample ties with the estimate, for `pipe` it does not.
    if random.random() < 0.5:
        one, other = ((part * 2.0**20).round() / 2.0**20 for part in (random.normal(size=n), random.gamma(1, size=n)))
    else:
        one, other = ((part * 8).round() / 8 for part in pairs(n))
    kind, statistic = choose(
        ("mean_difference", lambda a, b, axis=-1: (a - b).mean(axis=axis)),
        ("median_difference", lambda a, b, axis=-1: numpy.median(a - b, axis=axis)),
    )
    method, level, seed = choose("bca", "percentile"), choose(0.95, 0.9, 0.99), int(random.integers(1 << 30))
    if n < 2:
        return
    indices = numpy.random.default_rng(seed).integers(0, n, (199, n))
    found = stats.bootstrap(
        (one, other), statistic, paired=True, vectorized=True, n_resamples=199, confidence_level=level,
        method={"bca": "BCa"}.get(method, method), rng=numpy.random.default_rng(seed),
    )
    drawn = statistic(one[indices], other[indices])
    assert (found.bootstrap_distribution == drawn).all(), "SciPy drew otherwise"
    bounds = list(found.confidence_interval)
    if numpy.ptp(drawn) <= 1e-14 * numpy.abs(drawn).max():
        bounds = [numpy.nan, numpy.nan]  # No spread: SciPy has the point itself, or NaN with BCa.
    scale = max(1.0, numpy.abs(drawn).max())
    question = {"interval": {
        "kind": kind, "one": one.tolist(), "other": other.tolist(), "indices": indices.tolist(), "level": level, "method": method,
    }}
    read = lambda a: numpy.array(a.get("bounds", [None, None]), dtype=float) / scale  # noqa: E731
    ask(f"interval, {method}", question, numpy.array(bounds) / scale, read, 1e-12)


def interval_own():
    one = random.gamma(2, size=60)
    other = random.gamma(2, size=60)
    for method in ("bca", "percentile"):
        found = stats.bootstrap(
            (one - other,), numpy.mean, n_resamples=40_000, method={"bca": "BCa"}.get(method, method), rng=random,
        )
        plan = {"resamples": 40_000, "seed": 5, "method": method}
        question = {"bootstrap": {"kind": "mean_difference", "one": one.tolist(), "other": other.tolist(), "plan": plan}}
        # A quantile of 40,000 resamples is known to about sqrt(0.025 * 0.975 / 40,000) / density; 0.1 SE is over six of those.
        se = (one - other).std(ddof=1) / 60**0.5
        ask(f"own resamples, {method}", question, numpy.array(found.confidence_interval) / se,
            lambda a, se=se: numpy.array(a["interval"]["bounds"]) / se, 0.1)


def normal():
    z, p = random.normal(size=200) * 8, random.random(200) ** choose(1, 20)
    answer = numpy.concatenate([special.ndtr(z), special.ndtri(p)])
    # Relative, so that small tails count.
    ask("normal distribution, relative", {"normal": {"z": z.tolist(), "p": p.tolist()}}, numpy.ones(400),
        lambda a, answer=answer: numpy.array(a["below"] + a["quantile"]) / answer, 1e-11)


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for _ in range(ROUNDS):
        for function in (summary, wilcoxon, wilcoxon, permutation, mann_whitney, adjusted, effects, interval):
            function()
    for _ in range(ROUNDS // 8):
        friedman()
    for function in (permutation_random, interval_own, normal):
        function()

command = ["cargo", "run", "-q", "--release", "-p", "pipe-metrics", "--example", "statistics"]
output = subprocess.run(command, cwd=ROOT, input="\n".join(questions) + "\n", text=True, stdout=subprocess.PIPE, check=True)
answers = [json.loads(line) for line in output.stdout.splitlines()]
assert len(answers) == len(questions)
table, failures = {}, 0
for question, answer, (name, wanted, read, within) in zip(questions, answers, expected):
    if isinstance(answer, dict) and "error" in answer:
        difference = numpy.inf
    else:
        found = numpy.array(read(answer), dtype=float).ravel()
        difference = numpy.inf
        if found.shape == wanted.shape and (numpy.isnan(found) == numpy.isnan(wanted)).all():
            # Values as large as 10^5 are compared in their own size.
            difference = numpy.nanmax(numpy.abs(found - wanted) / numpy.maximum(1, numpy.abs(wanted)), initial=0)
    if not difference <= within:
        failures += 1
        if failures <= 5:
            print(f"{name}: {wanted.tolist()} wanted, {answer} found for {question[:2000]}", file=sys.stderr)
    count, largest, _ = table.get(name, (0, 0.0, within))
    table[name] = (count + 1, max(largest, difference), within)
print(f"{'function':34} {'cases':>6} {'largest difference':>19} {'allowed':>8}")
for name in sorted(table):
    count, largest, within = table[name]
    print(f"{name:34} {count:6} {largest:19.1e} {within:8.0e}")
print(f"{len(questions)} comparisons, {failures} failures")
sys.exit(1 if failures else 0)
