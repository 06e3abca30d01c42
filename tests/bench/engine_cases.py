"""The cases of engine.py: the same work for `pipe` and for others, laid out in folders, with what `pipe` may take.

Does not measure. Standard library only. Limits: CPU seconds, MiB of the largest process, or a ratio.
"""

import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import time

SETTLED = 3.2  # seconds after which the digest of a changed file is remembered: files must be older


class Call:
    """What one tool does in one case: a command in a folder, `before` each call something that is not measured."""

    def __init__(self, tool, command, folder, before=None, once=False, label=None):
        self.tool, self.command, self.folder, self.before = tool, [str(part) for part in command], folder, before
        self.once, self.label = once, label or tool  # `once`: takes so long that one call must do


class Case:
    """Calls of several tools, measured in turn; `limit` is for `pipe`: {"cpu": s, "peak": MiB}."""

    def __init__(self, name, what, calls, limit=None, repeats=None, check=None):
        self.name, self.what, self.calls, self.limit = name, what, calls, limit or {}
        self.repeats, self.check = repeats, check


class Bench:
    """Folders with work in them, made when first asked for."""

    def __init__(self, pipe, root, peers):
        self.pipe, self.root, self.peers = str(pipe), pathlib.Path(root), peers

    def has(self, tool):
        return tool in self.peers

    def folder(self, name, make):
        folder = self.root / name
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            make(folder)
            (folder / "ready").touch()
        return folder

    def quiet(self, command, folder):
        subprocess.run([str(part) for part in command], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    # Many trivial stages, written as each tool's users would.

    def axis(self, folder, numbers, sleep=""):
        (folder / "runs").mkdir(exist_ok=True)
        (folder / "many.yaml").write_text(
            f"axes: {{ n: [{', '.join(map(str, numbers))}] }}\nstages:\n  t:\n    kind: command\n    with:\n"
            f"      command: [sh, -c, '{sleep}echo ${{axis.n}} > {{outputs.o}}']\n      outputs: {{ o: o.txt }}\n"
        )

    def flat(self, folder, numbers):
        (folder / "runs").mkdir(exist_ok=True)
        stage = "  s{0}:\n    kind: command\n    with:\n      command: [sh, -c, 'echo {0} > {{outputs.o}}']\n      outputs: {{ o: o.txt }}\n"
        (folder / "many.yaml").write_text("stages:\n" + "".join(stage.format(number) for number in numbers))

    def pipe_done(self, write, count):
        """A workspace of `pipe` with all stages cached. By thousands: the fill is no case."""

        def make(folder):
            for start in range(0, count, 1000):
                write(folder, range(start, min(start + 1000, count)))
                self.quiet([self.pipe, "run", "many.yaml"], folder)
            write(folder, range(count))

        return self.folder(f"pipe-{write.__name__}-{count}", make)

    def outputs(self, folder, count):
        (folder / "o").mkdir()
        for number in range(count):
            (folder / f"o/{number}.txt").write_text(f"{number}\n")

    def make_done(self, count, sleep="", done=True):
        def make(folder):
            names = " ".join(f"o/{number}.txt" for number in range(count))
            (folder / "Makefile").write_text(f"all: {names}\no/%.txt:\n\t@{sleep}echo $* > $@\n")
            if done:
                self.outputs(folder, count)

        return self.folder(f"make-{count}-{len(sleep)}-{done}", make)

    def ninja_done(self, count, sleep="", done=True):
        def make(folder):
            rule = f"rule t\n  command = {sleep}echo $n > $out\n"
            builds = "".join(f"build o/{number}.txt: t\n  n = {number}\n" for number in range(count))
            (folder / "build.ninja").write_text(rule + builds)
            if done:
                self.quiet(["ninja"], folder)

        return self.folder(f"ninja-{count}-{len(sleep)}-{done}", make)

    def snakemake_done(self, count, sleep="", done=True):
        def make(folder):
            (folder / "Snakefile").write_text(
                f"rule all:\n  input: expand('o/{{n}}.txt', n=range({count}))\n"
                f"rule t:\n  output: 'o/{{n}}.txt'\n  shell: '{sleep}echo {{wildcards.n}} > {{output}}'\n"
            )
            if done:
                self.outputs(folder, count)
                self.quiet(["snakemake", "--touch", "--cores", "1"], folder)

        return self.folder(f"snakemake-{count}-{len(sleep)}-{done}", make)

    def dvc_done(self, count, foreach, done=True):
        def make(folder):
            self.quiet(["dvc", "init", "--no-scm"], folder)
            if foreach:
                text = f"stages:\n  t:\n    foreach: [{', '.join(map(str, range(count)))}]\n"
                text += "    do:\n      cmd: echo ${item} > o/${item}.txt\n      outs:\n        - o/${item}.txt\n"
            else:
                stage = "  s{0}:\n    cmd: echo {0} > o/{0}.txt\n    outs: [o/{0}.txt]\n"
                text = "stages:\n" + "".join(stage.format(number) for number in range(count))
            (folder / "dvc.yaml").write_text(text)
            if not done:
                (folder / "o").mkdir()
                return
            self.outputs(folder, count)
            # Its own first run writes the lock file anew after every stage and would take half an hour.
            lock = ["schema: '2.0'", "stages:"]
            for number in range(count):
                digest = hashlib.md5(f"{number}\n".encode()).hexdigest()
                stored = folder / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
                stored.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / f"o/{number}.txt", stored)
                lock += [f"  {f't@{number}' if foreach else f's{number}'}:", f"    cmd: echo {number} > o/{number}.txt", "    outs:"]
                lock += [f"    - path: o/{number}.txt", "      hash: md5", f"      md5: {digest}", f"      size: {len(str(number)) + 1}"]
            (folder / "dvc.lock").write_text("\n".join(lock) + "\n")

        return self.folder(f"dvc-{count}-{foreach}-{done}", make)

    # Data.

    def tree(self):
        def make(folder):
            numbers = random.Random(1)
            for number in range(20_000):
                file = folder / f"data/{number // 1000:02}/{number:05}.bin"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(numbers.randbytes(10_240))
            time.sleep(SETTLED)

        return self.folder("tree", make)

    def big(self):
        def make(folder):
            block = random.Random(2).randbytes(1 << 20)  # small: the driver's own size is the floor of what is measured
            with open(folder / "data", "wb") as file:
                for _ in range(2048):
                    file.write(block)
            time.sleep(SETTLED)

        return self.folder("big", make)

    def reading(self, folder):
        (folder / "runs").mkdir(exist_ok=True)
        (folder / "data.yaml").write_text(
            "stages:\n  read:\n    kind: command\n    with:\n      command: [sh, -c, 'ls -d {inputs.data} > /dev/null; echo read > {outputs.o}']\n"
            "      inputs: { data: data }\n      outputs: { o: o.txt }\n"
        )


def anew(folder):
    """Removes what make, ninja or Snakemake made and remember of it."""
    forget(folder, "o", ".snakemake", ".ninja_log", ".ninja_deps")
    (folder / "o").mkdir()


def forget(folder, *names):
    """Puts aside what earlier calls left, so that the next one is the first.

    Nothing is removed before the end: for seconds after many files went, some file systems (ext4 without a journal) make
    new ones several times slower, and the next call, of whatever tool, would be charged with it.
    """
    for name in names:
        path = folder / name
        if path.exists():
            aside = folder.parent / "aside"
            aside.mkdir(exist_ok=True)
            path.rename(aside / f"{folder.name}-{name}-{time.monotonic_ns()}")
    (folder / "runs").mkdir(exist_ok=True)


def many(bench, name, what, count, write, limit, repeats, heavy=False):
    """Nothing to do."""
    calls = [Call("pipe", [bench.pipe, "run", "many.yaml"], bench.pipe_done(write, count))]
    flat = write.__name__ == "flat"
    if bench.has("dvc") and not heavy:
        calls.append(Call("dvc", ["dvc", "repro"], bench.dvc_done(count, not flat), once=True))
    if bench.has("snakemake") and not flat:
        calls.append(Call("snakemake", ["snakemake", "--cores", "1"], bench.snakemake_done(count), once=heavy))
    if bench.has("make"):
        calls.append(Call("make", ["make", "-j1"], bench.make_done(count)))
    if bench.has("ninja"):
        calls.append(Call("ninja", ["ninja", "-j1"], bench.ninja_done(count)))
    return Case(name, what, calls, limit, repeats)


def target(bench):
    """One of a thousand: nothing to do, and cold in layers of diamonds, where only its ancestors may run."""
    folder = bench.pipe_done(bench.axis, 1000)
    calls = [Call("pipe", [bench.pipe, "run", "many.yaml", "t[n=7]"], folder)]
    if bench.has("dvc"):
        calls.append(Call("dvc", ["dvc", "repro", "t@7"], bench.dvc_done(1000, True), once=True))
    if bench.has("snakemake"):
        calls.append(Call("snakemake", ["snakemake", "--cores", "1", "o/7.txt"], bench.snakemake_done(1000)))
    if bench.has("make"):
        calls.append(Call("make", ["make", "o/7.txt"], bench.make_done(1000)))
    if bench.has("ninja"):
        calls.append(Call("ninja", ["ninja", "o/7.txt"], bench.ninja_done(1000)))
    return Case("target-1000", "one target of 1,000, nothing to do", calls, {"cpu": 0.030})


def diamonds(bench):
    def make(folder):
        (folder / "runs").mkdir()
        text = "stages:\n"
        for layer in range(100):
            for place in range(10):
                needs = [] if layer == 0 else [f"s{layer - 1}x{place}", f"s{layer - 1}x{(place + 1) % 10}"]
                reads = " ".join(f"{{inputs.{need}}}" for need in needs)
                text += f"  s{layer}x{place}:\n    kind: command\n    needs: [{', '.join(needs)}]\n    with:\n"
                text += f"      command: [sh, -c, 'cat {reads} /dev/null | cksum > {{outputs.o}}; echo {layer} {place} >> {{outputs.o}}']\n      outputs: {{ o: o.txt }}\n"
        (folder / "many.yaml").write_text(text)

    folder = bench.folder("pipe-diamonds", make)

    def ancestors():
        # Two below, three below those: 1 + 2 + 3 + 4 stages have to run for the fourth layer.
        answer = subprocess.run([bench.pipe, "run", "many.yaml", "s3x0", "--format", "json"], cwd=folder, capture_output=True, text=True)
        return answer.returncode == 0 and json.loads(answer.stdout.strip().split("\n")[-1])["ran"] == 10

    forget(folder, "runs")
    right = ancestors()
    calls = [Call("pipe", [bench.pipe, "run", "many.yaml", "s3x0"], folder)]
    return Case("target-diamonds", "one target of 1,000 in 100 layers: its 10 ancestors only", calls, check=lambda: right)


def cold(bench):
    count = 200
    folders = {"pipe": bench.folder("pipe-cold", lambda folder: bench.axis(folder, range(count)))}
    calls = [Call("pipe", [bench.pipe, "run", "-j1", "many.yaml"], folders["pipe"], lambda: forget(folders["pipe"], "runs"))]
    if bench.has("dvc"):
        calls.append(Call("dvc", ["dvc", "repro"], bench.dvc_done(count, True, done=False), once=True))
    for tool, folder, command in peers_cold(bench, count, ""):
        calls.append(Call(tool, [*command, "-j1"], folder, lambda folder=folder: anew(folder)))
    return Case("cold-200", "200 trivial stages, cold, durable, -j1", calls, {"cpu": 0.5})


def sleeping(bench, jobs):
    count, sleep = 200, "sleep 0.05; "
    folder = bench.folder("pipe-sleep", lambda folder: bench.axis(folder, range(count), sleep))
    calls = [Call("pipe", [bench.pipe, "run", f"-j{jobs}", "many.yaml"], folder, lambda: forget(folder, "runs"))]
    for tool, at, command in peers_cold(bench, count, sleep):
        calls.append(Call(tool, [*command, f"-j{jobs}"], at, lambda at=at: anew(at)))
    return Case(f"sleep-j{jobs}", f"200 stages of 50 ms sleep, -j{jobs}", calls, repeats=3)


def peers_cold(bench, count, sleep):
    if bench.has("snakemake"):
        yield "snakemake", bench.snakemake_done(count, sleep, False), ["snakemake", "--quiet", "all"]
    if bench.has("make"):
        yield "make", bench.make_done(count, sleep, False), ["make"]
    if bench.has("ninja"):
        yield "ninja", bench.ninja_done(count, sleep, False), ["ninja"]


def data(bench, name, folder, states, limits):
    """A folder or file outside the store: hashed first, then unchanged, touched (time alone), edited (contents)."""
    bench.reading(folder)
    one = folder / "data" if (folder / "data").is_file() else folder / "data/03/03333.bin"
    run = [bench.pipe, "run", "data.yaml"]

    def edit():
        with open(one, "r+b") as file:
            file.write(os.urandom(16))
        time.sleep(SETTLED)

    def touch():
        os.utime(one)
        time.sleep(SETTLED)

    before = {"first": lambda: forget(folder, "runs"), "unchanged": None, "touched": touch, "edited": edit}
    for state in states:
        calls = [Call("pipe", run, folder, before[state])]
        if bench.has("dvc"):
            # It moves data into its cache: a copy of the folder, by links where the file system has them.
            copy = bench.folder(f"dvc-{folder.name}", lambda to: (bench.quiet(["cp", "-r", folder / "data", to / "data"], to), bench.quiet(["dvc", "init", "--no-scm"], to)))
            file = copy / "data" if (copy / "data").is_file() else copy / "data/03/03333.bin"
            if state == "first":
                calls.append(Call("dvc", ["dvc", "add", "data"], copy, once=True, label="dvc add"))
            else:
                change = {"unchanged": None, "touched": lambda file=file: os.utime(file), "edited": None}[state]
                calls.append(Call("dvc", ["dvc", "status"], copy, change, once=True, label="dvc status"))
        if state == "first":
            for tool in ("b3sum", "md5sum"):
                if bench.has(tool):
                    calls.append(Call(tool, ["sh", "-c", f"find data -type f -print0 | xargs -0 {tool}"], folder))
        yield Case(f"{name}-{state}", f"{ {'tree': 'folder of 20,000 x 10 KiB', 'big': 'one file of 2 GiB'}[name] }, {state}", calls, limits[state], 3)


def cases(bench, wanted):
    """The cases that are wanted, each made when its turn comes."""
    axis, flat = bench.axis, bench.flat
    one = {
        "start": lambda: Case("start", "pipe --version", [Call("pipe", [bench.pipe, "--version"], bench.root)], {"cpu": 0.010}, 21),
        "axis-100": lambda: many(bench, "axis-100", "100 stages of one axis, nothing to do", 100, axis, {}, 31),
        "axis-1000": lambda: many(bench, "axis-1000", "1,000 stages of one axis, nothing to do", 1000, axis, {"cpu": 0.030}, 15),
        "flat-1000": lambda: many(bench, "flat-1000", "1,000 stages one by one, nothing to do", 1000, flat, {"cpu": 0.080}, 15),
        "plan-1000": lambda: Case("plan-1000", "pipe plan of the same", [Call("pipe", [bench.pipe, "plan", "many.yaml"], bench.pipe_done(flat, 1000))], repeats=7),
        "axis-10000": lambda: many(bench, "axis-10000", "10,000 stages of one axis, nothing to do", 10_000, axis, {"cpu": 0.250, "peak": 100}, 7, heavy=True),
        "flat-10000": lambda: many(bench, "flat-10000", "10,000 stages one by one, nothing to do", 10_000, flat, {"cpu": 0.700, "peak": 100}, 7, heavy=True),
        "target-1000": lambda: target(bench),
        "target-diamonds": lambda: diamonds(bench),
        "cold-200": lambda: cold(bench),
        "sleep-j1": lambda: sleeping(bench, 1),
        "sleep-j2": lambda: sleeping(bench, 2),
    }
    for name, make in one.items():
        if not wanted or name in wanted:
            yield make()
    trees = {"first": {"cpu": 0.4}, "unchanged": {"cpu": 0.1}, "touched": {"cpu": 0.1}, "edited": {}}
    bigs = {"first": {"cpu": 0.8, "peak": 64}, "unchanged": {}, "touched": {"peak": 64}}
    for name, folder, limits in (("tree", bench.tree, trees), ("big", bench.big, bigs)):
        if not wanted or name in wanted:
            yield from data(bench, name, folder(), list(limits), limits)
