"""What sweeps.py measures beside `pipe`: searches with Optuna, a job of Hydra that does nothing. Run by the Python that has them.

Usage: sweeps_peers.py optuna SAMPLER TRIALS FOLDER | suggestion TRIALS TIMES | hydra [OVERRIDE ...]. SAMPLER is `random`, `tpe` (its
defaults, which are multivariate and see trials under way) or `univariate`. Does not measure, but for `suggestion`, which prints the
processor seconds of one.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import time


def searched(sampler, trials, folder):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    samplers = {
        "random": lambda: optuna.samplers.RandomSampler(seed=0),
        "tpe": lambda: optuna.samplers.TPESampler(seed=0),
        "univariate": lambda: optuna.samplers.TPESampler(seed=0, multivariate=False, constant_liar=False),
    }

    def objective(trial):
        x, _ = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        script = f"echo '{json.dumps({'result': {'name': 'value', 'value': x}})}' >&3; echo ok > o.txt"
        said = subprocess.run(["sh", "-c", "exec 3>&1; " + script], cwd=folder, check=True, stdout=subprocess.PIPE).stdout
        return json.loads(said)["result"]["value"]

    # A file, so that a search that was stopped can go on, as with `pipe`.
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/study.db")
    study = optuna.create_study(storage=storage, sampler=samplers[sampler]())
    study.optimize(objective, n_trials=int(trials))
    assert len(study.trials) == int(trials) and study.best_value < 0.1


def suggestion(trials, times):
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    # The space of the function `mixed` of the example program `samplers`.
    space = {
        "rate": FloatDistribution(1e-5, 0.1, log=True), "width": IntDistribution(8, 128), "depth": IntDistribution(2, 6),
        "momentum": FloatDistribution(0.5, 0.99), "loss": CategoricalDistribution(["dice", "cross_entropy", "focal"]),
    }
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(int(trials)):
        trial = study.ask(space)
        study.tell(trial, (trial.params["momentum"] - 0.9) ** 2 + trial.params["width"] / 128)
    study.sampler = optuna.samplers.TPESampler(seed=0)
    seconds = []
    for _ in range(int(times)):
        start = time.process_time()
        study.ask(space)
        seconds.append(time.process_time() - start)
    print(statistics.median(seconds))


def composed():
    import hydra

    # Looks for its file beside this one, unless told `--config-dir`.
    hydra.main(version_base=None, config_name="experiment")(lambda config: None)()


what, arguments = sys.argv[1], sys.argv[2:]
if what == "optuna":
    searched(*arguments[:2], pathlib.Path(arguments[2]).resolve())
elif what == "suggestion":
    suggestion(*arguments)
else:
    sys.argv = [sys.argv[0], *arguments]
    composed()
