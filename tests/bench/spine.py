"""Start-up, cached runs, planning of many stages, and peak memory: medians of several calls, CPU time beside wall time.

Usage: spine.py PIPE [EXPERIMENT]. PIPE is the release binary; EXPERIMENT a file that has been run to the end in the
current workspace (its cached run is timed). Standard library only. `spine.py PIPE EXPERIMENT --peak` also runs it with
every stage forced, and sums the resident memory of `pipe` and all its workers ten times a second.
"""

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

REPEATS = 21


def call(arguments, folder):
    """Wall and CPU milliseconds of one call that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(arguments, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return wall * 1e3, cpu * 1e3


def median(name, limit, arguments, folder, repeats=REPEATS):
    call(arguments, folder)
    walls, cpus = zip(*(call(arguments, folder) for _ in range(repeats)))
    row = {"what": name, "wall_ms": round(statistics.median(walls), 2), "cpu_ms": round(statistics.median(cpus), 2), "limit": limit}
    print(f"{name:42} {row['wall_ms']:9.2f} ms wall {row['cpu_ms']:9.2f} ms CPU   limit {limit}")
    return row


def many(pipe, count):
    """A workspace with `count` trivial command stages of one axis, all run."""
    folder = tempfile.TemporaryDirectory()
    root = pathlib.Path(folder.name)
    (root / "runs").mkdir()
    numbers = ", ".join(map(str, range(count)))
    (root / "many.yaml").write_text(
        f"axes: {{ n: [{numbers}] }}\nstages:\n  t:\n    kind: command\n    with:\n"
        "      command: [sh, -c, 'echo ${axis.n} > {outputs.o}']\n      outputs: { o: o.txt }\n"
    )
    call([pipe, "run", "many.yaml"], root)
    return folder


def resident(root):
    """Resident bytes of a process and all below it."""
    below, sizes = {}, {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # It ended meanwhile.
        below.setdefault(int(fields[1]), []).append(int(folder.name))
        sizes[int(folder.name)] = int(fields[21]) * resource.getpagesize()
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        total += sizes.get(process, 0)
        waiting += below.get(process, [])
    return total


pipe = os.path.abspath(sys.argv[1])
rows = [median("pipe --version", "10 ms wall", [pipe, "--version"], ".")]
if len(sys.argv) > 2:
    rows.append(median(f"cached run of {sys.argv[2]}", "50 ms wall", [pipe, "run", sys.argv[2]], "."))
with many(pipe, 1000) as folder:
    rows.append(median("1,000 cached command stages", "60 ms CPU", [pipe, "run", "many.yaml"], folder))
    rows.append(median("plan of 1,000 command stages", "none", [pipe, "plan", "many.yaml"], folder))
if "--peak" in sys.argv:
    kinds = ["prepare", "split", "train", "predict", "evaluate", "export"]
    force = [word for kind in kinds for word in ("--force", kind)]
    start = time.perf_counter()
    run = subprocess.Popen([pipe, "run", sys.argv[2], *force], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while run.poll() is None:
        peak = max(peak, resident(run.pid))
        time.sleep(0.1)
    assert run.returncode == 0, "the run failed"
    rows.append({"what": "peak memory of an uncached run", "MiB": peak >> 20, "limit": "2048 MiB"})
    print(f"peak memory of an uncached run {peak >> 20} MiB in {time.perf_counter() - start:.0f} s   limit 2048 MiB")
print(json.dumps(rows))
