"""Compares the samplers of `pipe` with those of Optuna: samplers.py [--seeds N] [--trials N] [--torch] [--only SAMPLER ...]
[--functions FUNCTION ...].

Each sampler searches four test functions from several seeds; a one-sided Mann-Whitney test at 0.05 asks whether ours ends worse than
Optuna's same sampler, and again with other seeds where it says so. Importances are compared on random trials, and suggestions are
timed. Prints tables; exits 1 if one of ours is significantly worse twice, if importances differ by more than 1e-6, or if a TPE
suggestion at 1,000 trials takes 5 ms of processor time.

Makes ~/.cache/pipe/compare-samplers-venv and goes on there. Optuna's Gaussian process needs PyTorch, several GB from PyPI: with --torch
it is installed too; without, ours is held against Optuna's TPE, and the table says so. Not known here: how `pipe` computes.
"""

import argparse
import importlib.metadata
import json
import math
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENV = pathlib.Path.home() / ".cache/pipe/compare-samplers-venv"
PACKAGES = {"numpy": "2.4.6", "scipy": "1.17.1", "optuna": "5.0.0"}
TORCH = {"torch": "2.15.0"}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seeds", type=int, default=20, help="studies of TPE on each function; ten times as many of random ones, half of Gaussian processes")
parser.add_argument("--trials", type=int, default=100)
parser.add_argument("--torch", action="store_true", help="install PyTorch, which Optuna's Gaussian process needs")
parser.add_argument("--only", nargs="*", help="only these samplers, by their labels in the table")
parser.add_argument("--functions", nargs="*", help="only these functions")
arguments = parser.parse_args()
needed = {**PACKAGES, **(TORCH if arguments.torch else {})}


def installed():
    for name, version in needed.items():
        try:
            if importlib.metadata.version(name).split("+")[0] != version:
                return False
        except importlib.metadata.PackageNotFoundError:
            return False
    return True


# The folder of this file stands first in the path, and a neighbour has the name of a module of the standard library.
sys.path = [entry for entry in sys.path if pathlib.Path(entry or ".").resolve() != HERE]
if not installed():
    python = VENV / "bin/python"
    if pathlib.Path(sys.prefix) == VENV:
        sys.exit(f"{needed} could not be installed")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    packages = [f"{name}=={version}" for name, version in needed.items()]
    subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    os.execv(python, [python, __file__, *sys.argv[1:]])

# One thread each: the matrices are small, and threads that wait cost more than they gain.
os.environ.setdefault("OMP_NUM_THREADS", "1")
import warnings  # noqa: E402

import numpy  # noqa: E402
import optuna  # noqa: E402
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: E402
from scipy.stats import mannwhitneyu  # noqa: E402

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)


def branin(trial):
    x, y = trial.suggest_float("x0", -5, 10), trial.suggest_float("x1", 0, 15)
    valley = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


A = numpy.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
P = 1e-4 * numpy.array([
    [1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
    [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381],
])


def hartmann6(trial):
    x = numpy.array([trial.suggest_float(f"x{at}", 0, 1) for at in range(6)])
    return float(-(numpy.array([1.0, 1.2, 3.0, 3.2]) * numpy.exp(-(A * (x - P) ** 2).sum(axis=1))).sum())


def rosenbrock5(trial):
    x = numpy.array([trial.suggest_float(f"x{at}", -5, 10) for at in range(5)])
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def conditional(trial):
    rate = math.log10(trial.suggest_float("rate", 1e-5, 1, log=True))
    best = (rate - math.log10(0.003)) ** 2 / 4
    if trial.suggest_categorical("network", ["unet", "linear"]) == "unet":
        width = math.log2(trial.suggest_int("width", 4, 128, log=True) / 40) ** 2 / 8
        if trial.suggest_categorical("block", ["plain", "residual"]) == "residual":
            return best + width + (trial.suggest_float("shortcut", 0, 1) - 0.7) ** 2 * 2
        return best + width + 0.15
    return best + 0.3 + (rate + 1) ** 2 / 4 + (trial.suggest_float("decay", 0, 2, step=0.1) - 0.4) ** 2 / 2


def mixed(trial):
    return (
        (math.log10(trial.suggest_float("rate", 1e-5, 0.1, log=True)) + 3) ** 2 / 4
        + (trial.suggest_int("width", 8, 128) / 64 - 1) ** 2
        + (trial.suggest_int("depth", 2, 6) - 4) ** 2 / 8
        + (trial.suggest_float("momentum", 0.5, 0.99) - 0.9) ** 2
        + (0 if trial.suggest_categorical("loss", ["dice", "cross_entropy", "focal"]) == "dice" else 0.2)
    )


FUNCTIONS = {"branin": branin, "hartmann6": hartmann6, "rosenbrock5": rosenbrock5, "conditional": conditional}
SAMPLERS = {
    "random": ("random", lambda seed: optuna.samplers.RandomSampler(seed=seed)),
    "quasi_random": ("quasi_random", lambda seed: optuna.samplers.QMCSampler(scramble=True, seed=seed)),
    "tpe": ("tpe", lambda seed: optuna.samplers.TPESampler(seed=seed)),
    "tpe, univariate": ({"tpe": {"multivariate": False}}, lambda seed: optuna.samplers.TPESampler(seed=seed, multivariate=False)),
    "gaussian_process": (
        "gaussian_process",
        (lambda seed: optuna.samplers.GPSampler(seed=seed)) if "torch" in needed else (lambda seed: optuna.samplers.TPESampler(seed=seed)),
    ),
}
# Studies of a sampler, in units of --seeds: what costs nothing is asked more often, since of many tests at 0.05 some reject by chance.
STUDIES = {"random": 10, "quasi_random": 10, "gaussian_process": 0.5}


class Pipe:
    """The example program, asked a line at a time."""

    def __init__(self):
        command = ["cargo", "build", "-q", "--release", "-p", "pipe-sweep", "--example", "samplers", "--message-format", "json"]
        output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
        programs = [json.loads(line).get("executable") for line in output.splitlines()]
        program = next(program for program in programs if program)
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def used(self):
        """Processor seconds so far."""
        return int(pathlib.Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[0]) * 1e-9

    def seconds(self, question):
        """Processor seconds that an answer takes."""
        before = self.used()
        self.ask(question)
        return self.used() - before

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if isinstance(answer, dict) and "error" in answer:
            sys.exit(f"{str(question)[:500]}: {answer['error']}")
        return answer


def same_functions(pipe):
    """Both sides search the same functions: their values are equal at random points."""
    for name, function in {**FUNCTIONS, "mixed": mixed}.items():
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        study.optimize(function, n_trials=200)
        found = pipe.ask({"values": {"function": name, "points": [trial.params for trial in study.trials]}})
        wanted = [trial.value for trial in study.trials]
        assert numpy.allclose(found, wanted, rtol=1e-12, atol=1e-12), f"{name} is another function here"


def studied(pipe, label, name, seeds):
    """Least values of ours and of theirs, and the processor seconds that each took."""
    own, other = SAMPLERS[label]
    before, asked = time.process_time(), {"function": name, "sampler": own, "trials": arguments.trials}
    started = pipe.used()
    ours = [min(pipe.ask({"search": asked | {"seed": seed}})) for seed in seeds]
    seconds, before, theirs = pipe.used() - started, time.process_time(), []
    for seed in seeds:
        study = optuna.create_study(sampler=other(seed))
        study.optimize(FUNCTIONS[name], n_trials=arguments.trials)
        theirs.append(study.best_value)
    return ours, theirs, seconds, time.process_time() - before


def compared(pipe):
    failures = 0
    print(f"Least value after {arguments.trials} trials: median (quartiles); p of a one-sided Mann-Whitney test that ours is worse")
    print(f"{'sampler':18} {'function':12} {'studies':>7} {'pipe':>28} {'Optuna':>28} {'p':>7} {'s pipe':>7} {'s Optuna':>8}")
    for label in arguments.only or SAMPLERS:
        count = int(arguments.seeds * STUDIES.get(label, 1))
        for name in arguments.functions or FUNCTIONS:
            # Of twenty tests at 0.05 one rejects by chance. What rejects is asked again with three times as many other seeds, and counts
            # if it rejects there too.
            for seeds, verdict in ((range(count), "again"), (range(count, 4 * count), "WORSE")):
                ours, theirs, *seconds = studied(pipe, label, name, seeds)
                p = mannwhitneyu(ours, theirs, alternative="greater").pvalue
                quartiles = ["{1:9.4g} ({0:.4g}, {2:.4g})".format(*numpy.percentile(values, [25, 50, 75])) for values in (ours, theirs)]
                print(
                    f"{label:18} {name:12} {len(seeds):7} {quartiles[0]:>28} {quartiles[1]:>28} {p:7.3f}"
                    f" {seconds[0]:7.1f} {seconds[1]:8.1f}{f' {verdict}' if p < 0.05 else ''}",
                    flush=True,
                )
                if p >= 0.05:
                    break
            else:
                failures += 1
    if "torch" not in needed:
        print("gaussian_process: held against Optuna's TPE, since its Gaussian process needs PyTorch (--torch)")
    return failures


def written(distribution):
    """A domain of Optuna as `pipe` has it."""
    if isinstance(distribution, CategoricalDistribution):
        return {"choice": list(distribution.choices)}
    domain = {"low": distribution.low, "high": distribution.high, "scale": "log" if distribution.log else "linear"}
    if isinstance(distribution, FloatDistribution):
        return {"float": domain | ({"step": distribution.step} if distribution.step else {})}
    assert isinstance(distribution, IntDistribution)
    return {"int": domain | {"step": distribution.step}}


def importances(pipe):
    largest = 0
    conditions = {"width": ("network", "unet"), "block": ("network", "unet"), "decay": ("network", "linear"), "shortcut": ("block", "residual")}
    for seed in range(10):
        for function in (branin, hartmann6, conditional, mixed):
            study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
            study.optimize(function, n_trials=150)
            space = {}
            for trial in study.trials:
                for name, distribution in trial.distributions.items():
                    space.setdefault(name, written(distribution))
                    if function is conditional and name in conditions:
                        parent, alternative = conditions[name]
                        space[name]["when"] = {"parameter": parent, "is": [alternative]}
            # Parents first.
            space = dict(sorted(space.items(), key=lambda item: (item[0] not in ("network", "block"), item[0] == "block")))
            points, values = [trial.params for trial in study.trials], [trial.value for trial in study.trials]
            ours = dict(pipe.ask({"importance": {"space": space, "points": points, "values": values}}))
            theirs = optuna.importance.get_param_importances(study, evaluator=optuna.importance.PedAnovaImportanceEvaluator())
            largest = max(largest, *(abs(ours[name] - theirs[name]) for name in theirs))
    print(f"Importance (PED-ANOVA), 40 studies of 150 trials: largest difference {largest:.1e}, allowed 1e-06")
    return largest > 1e-6


def timed(pipe):
    def suggestion(sampler, trials):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        study.optimize(mixed, n_trials=trials)
        study.sampler = sampler
        seconds = []
        for _ in range(9):
            start = time.process_time()
            mixed(study.ask())
            seconds.append(time.process_time() - start)
        return float(numpy.median(seconds))

    def whole(sampler, trials):
        study = optuna.create_study(sampler=sampler)
        start = time.process_time()
        study.optimize(mixed, n_trials=trials)
        return time.process_time() - start

    def own_suggestion(sampler, trials, times):
        question = {"function": "mixed", "sampler": sampler, "trials": trials}
        without, with_ = (pipe.seconds({"suggestions": question | {"times": count}}) for count in (0, times))
        return (with_ - without) / times

    def own_whole(sampler, trials):
        return pipe.seconds({"search": {"function": "mixed", "sampler": sampler, "trials": trials, "seed": 0}})

    alone = {"tpe": {"multivariate": False}}
    axis = {"int": {"low": 1, "high": 100}}
    grid = {"grid": {"space": {"a": axis, "b": axis}}}
    assert pipe.ask(grid) == 10_000
    rows = [
        ("TPE suggestion at 1,000 trials", own_suggestion("tpe", 1000, 100), suggestion(optuna.samplers.TPESampler(seed=0), 1000)),
        ("the same, univariate", own_suggestion(alone, 1000, 100), suggestion(optuna.samplers.TPESampler(seed=0, multivariate=False), 1000)),
        (
            "GP suggestion at 100 trials", own_suggestion("gaussian_process", 100, 5),
            suggestion(optuna.samplers.GPSampler(seed=0), 100) if "torch" in needed else math.nan,
        ),
        ("1,000 trials, TPE", own_whole("tpe", 1000), whole(optuna.samplers.TPESampler(seed=0), 1000)),
        ("1,000 trials, random", own_whole("random", 1000), whole(optuna.samplers.RandomSampler(seed=0), 1000)),
        # Optuna looks through the whole grid for each point, so it is asked for fewer.
        ("10,000 grid points (Optuna: the first 50 of them)", pipe.seconds(grid), whole_grid(50)),
    ]
    print("\nProcessor seconds; objective: five parameters of all kinds; trials in memory")
    print(f"{'what':52} {'pipe':>9} {'Optuna':>9} {'times':>7}")
    for what, ours, theirs in rows:
        print(f"{what:52} {ours:9.5f} {theirs:9.5f} {theirs / ours:7.0f}")
    return rows[0][1] > 0.005


def whole_grid(trials):
    axis = list(range(1, 101))
    study = optuna.create_study(sampler=optuna.samplers.GridSampler({"a": axis, "b": axis}, seed=0))
    start = time.process_time()
    study.optimize(lambda trial: trial.suggest_int("a", 1, 100) + trial.suggest_int("b", 1, 100), n_trials=trials)
    return time.process_time() - start


pipe = Pipe()
same_functions(pipe)
failures = compared(pipe)
failures += importances(pipe)
failures += timed(pipe)
print(f"{failures} failures")
sys.exit(1 if failures else 0)
