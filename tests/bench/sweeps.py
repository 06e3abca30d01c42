"""What a search costs beside its trials: sweeps.py PIPE [--peers [N]] [--repeats N] [--only WORD] [--json FILE].

PIPE is the release binary. Measured are 10,000 points of a grid as a plan (of one stage; of `prepare`, `split` and the training of a
U-Net), 1,000 trials of a command that takes about 1 ms, and one suggestion. With --peers Hydra composes such points (50, of which the
first is not counted, scaled to 10,000), and Optuna searches with the same command, its trials in a file of SQLite; both are installed,
pinned, into a folder of their own. CPU is user + system time of the call and all it started and waited for, medians of several
calls; files of the work are in the folder for temporary files. Exit code 1 if `pipe` is beyond a limit.

Standard library only. Not known here: how good suggestions are; tests/compare/samplers.py compares them.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PEERS = pathlib.Path(__file__).resolve().parent / "sweeps_peers.py"
CACHE = pathlib.Path(os.environ.get("PIPE_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "pipe"))
PACKAGES = ("hydra-core==1.3.8", "optuna==5.0.0", "numpy==2.4.6", "scipy==1.17.1", "SQLAlchemy==2.1.9")
POINTS, COMPOSED, TRIALS = 10_000, 50, 1_000

ONE = """\
parameters: { x: 1, y: 1 }
stages:
  score:
    kind: command
    with:
      params: { x: '${parameters.x}', y: '${parameters.y}' }
      outputs: { o: o.txt }
      shell: "echo '{\\"result\\": {\\"name\\": \\"value\\", \\"value\\": {params.x}}}' >&3; echo ok > {outputs.o}"
"""
OBJECTIVE = "  objective: { stage: score, metric: value, goal: minimise }\n"
GRID = "sweep:\n  space: {{ {0}: {{ int: {{ low: 1, high: 100 }} }}, {1}: {{ int: {{ low: 1, high: 100 }} }} }}\n  sampler: grid\n"
SEARCH = (
    "sweep:\n  space: { parameters.x: { float: { low: 0, high: 1 } }, parameters.y: { float: { low: 0, high: 1 } } }\n"
    f"{OBJECTIVE}  trials: {TRIALS}\n  sampler: "
)
UNET = """\
data:
  layout: { xca_phantom: { patients: 6, sequences_per_patient: 1, size: 32, seed: 3 } }
  size: [32, 32]
  frames: 1
  normalise: max
network: { unet: { width: 4, depth: 2 } }
training:
  epochs: 3
  batch: 2
  loss: { dice: {} }
  optimizer: { adam: { learning_rate: 1e-2 } }
  augment: [{ flip_horizontal: { p: 0.5 } }, { rotate: { degrees: 10, p: 0.5 } }]
"""
SEGMENTATION = "extends: pipelines/segmentation.yaml\naxes: { fold: [0] }\nparameters: { folds: 2 }\n"
FILES = {
    "one": ONE + GRID.format("parameters.x", "parameters.y") + OBJECTIVE,
    "unet": SEGMENTATION + UNET + GRID.format("network.unet.width", "training.epochs"),
    "random": ONE + SEARCH + "random\n",
    "tpe": ONE + SEARCH + "tpe\n",
}


def used(command, folder, output=subprocess.DEVNULL):
    """CPU seconds of a call that must succeed."""
    child = subprocess.Popen([str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE, text=True)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {child.returncode}: {said}")
    return usage.ru_utime + usage.ru_stime


class Bench:
    """A folder with the work in it."""

    def __init__(self, pipe, root):
        self.pipe, self.root = pipe.resolve(), root
        built = subprocess.run(
            ["cargo", "build", "-q", "--release", "-p", "pipe-sweep", "--examples", "--message-format", "json"],
            cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
        ).stdout
        programs = [json.loads(line).get("executable") for line in built.splitlines()]
        self.examples = {pathlib.Path(program).name: program for program in programs if program}

    def workspace(self):
        """An empty one, so that nothing is cached."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.root))
        (folder / "runs").mkdir()
        for name, text in FILES.items():
            (folder / f"{name}.yaml").write_text(text)
        return folder

    def planned(self, name):
        return used([self.pipe, "plan", f"{name}.yaml", "--format", "json"], self.workspace())

    def expanded(self, name):
        """Points suggested, set and expanded; of commands bound and wired too."""
        command = [self.examples["grid"], ROOT, self.workspace() / f"{name}.yaml"]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        assert found["trials"] == POINTS
        return sum(seconds or 0 for seconds in found["seconds"].values())

    def run(self, name):
        folder = self.workspace()
        seconds = used([self.pipe, "run", f"{name}.yaml", "-j1"], folder)
        shutil.rmtree(folder)
        return seconds

    def suggestion(self):
        def asked(times):
            question = {"suggestions": {"function": "mixed", "sampler": "tpe", "trials": TRIALS, "times": times}}
            with open(self.root / "question", "w+") as file:
                file.write(json.dumps(question) + "\n")
                file.seek(0)
                before = os.times()
                subprocess.run([self.examples["samplers"]], check=True, stdin=file, stdout=subprocess.DEVNULL)
                after = os.times()
            return after.children_user + after.children_system - before.children_user - before.children_system

        return (asked(400) - asked(0)) / 400


class Peers:
    """Hydra and Optuna, installed where a stamp does not say that they are."""

    def __init__(self, root):
        venv = CACHE / "sweeps-1"
        self.python, self.root, stamp = venv / "bin/python", root, venv / "ready"
        if not stamp.exists():
            shutil.rmtree(venv, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            subprocess.run([self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
            stamp.touch()

    def folder(self):
        return pathlib.Path(tempfile.mkdtemp(dir=self.root))

    def composed(self, text, keys):
        """10,000 points, from what 50 take beyond one; its launcher runs them in one process."""
        folder = self.folder()
        (folder / "experiment.yaml").write_text(text)

        def points(first, second):
            axes = [f"{key}=range(1,{count + 1})" for key, count in zip(keys, (first, second))]
            return used([self.python, PEERS, "hydra", "--multirun", "--config-dir", folder, *axes], folder)

        one = points(1, 1)
        return (points(COMPOSED // 5, 5) - one) / (COMPOSED - 1) * POINTS

    def searched(self, sampler):
        folder = self.folder()
        return used([self.python, PEERS, "optuna", sampler, str(TRIALS), folder], folder)

    def suggestion(self):
        return float(subprocess.run([self.python, PEERS, "suggestion", str(TRIALS), "25"], check=True, stdout=subprocess.PIPE, text=True).stdout)


def cases(bench, peers):
    """What is measured: words, who takes how long, and what `pipe` may take in seconds or as a share of the first peer."""
    parameters, unet = ("parameters.x", "parameters.y"), ("network.unet.width", "training.epochs")
    plain = "parameters: { x: 1, y: 1 }\n"

    def beside(**others):
        return others if peers else {}

    yield "10,000 points, one stage: suggested, expanded, bound", {"pipe": lambda: bench.expanded("one")}, 0.2, None
    yield "10,000 points, stages of a U-Net: suggested, expanded", {"pipe": lambda: bench.expanded("unet")}, None, None
    hydra = beside(Hydra=lambda: peers.composed(plain, parameters))
    yield "10,000 points, one stage: pipe plan", {"pipe": lambda: bench.planned("one"), **hydra}, 1.5, None
    hydra = beside(Hydra=lambda: peers.composed(UNET, unet))
    yield "10,000 points, training of a U-Net: pipe plan", {"pipe": lambda: bench.planned("unet"), **hydra}, 1.5, None
    random = beside(Optuna=lambda: peers.searched("random"))
    yield "1,000 trials of a command, random", {"pipe": lambda: bench.run("random"), **random}, 4, None
    tpe = beside(Optuna=lambda: peers.searched("tpe"), univariate=lambda: peers.searched("univariate"))
    yield "1,000 trials of a command, TPE", {"pipe": lambda: bench.run("tpe"), **tpe}, None, 0.2
    tpe = {"Optuna": peers.suggestion} if peers else {}
    yield "one suggestion of TPE at 1,000 trials", {"pipe": bench.suggestion, **tpe}, 0.005, None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pipe", type=pathlib.Path)
    parser.add_argument("--peers", type=int, nargs="?", const=3, default=0, metavar="N", help="measures others too, so often; 3 where left out")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", metavar="WORD", help="only what has it in its name")
    parser.add_argument("--json", type=pathlib.Path)
    asked = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        bench, peers = Bench(asked.pipe, root), Peers(root) if asked.peers else None
        print(f"{'CPU seconds, medians':56} {'who':11} {'CPU':>9} {'least':>9} {'most':>9} {'ratio':>7}  limit")
        for what, tools, most, share in cases(bench, peers):
            if asked.only not in what:
                continue
            # In turn, so that a busy minute of the machine falls on all.
            taken = {tool: [] for tool in tools}
            for turn in range(max(asked.repeats, asked.peers)):
                for tool, call in tools.items():
                    if turn < (asked.repeats if tool == "pipe" else asked.peers):
                        taken[tool].append(call())
            own = statistics.median(taken["pipe"])
            if share and "Optuna" in taken:
                most = share * statistics.median(taken["Optuna"])
            for tool, seconds in taken.items():
                cpu = statistics.median(seconds)
                row = {"what": what, "tool": tool, "cpu_s": cpu, "all": seconds, "ratio": cpu / own}
                if tool == "pipe" and most:
                    row |= {"limit": most, "pass": cpu <= most}
                rows.append(row)
                said = f"{most:.3g} s {'pass' if row['pass'] else 'FAIL'}" if "pass" in row else ""
                title = what if tool == "pipe" else ""
                print(f"{title:56} {tool:11} {cpu:9.4f} {min(seconds):9.4f} {max(seconds):9.4f} {cpu / own:7.1f}  {said}", flush=True)
    failed = [row for row in rows if row.get("pass") is False]
    if asked.json:
        machine = {"cores": len(os.sched_getaffinity(0)), "system": platform.platform(), "load": os.getloadavg(), "at": time.time()}
        asked.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    sys.exit(1 if failed else 0)


main()
