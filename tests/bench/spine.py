"""A cached run of an experiment, and the peak memory of an uncached one: medians, CPU time beside wall time.

Usage: spine.py PIPE EXPERIMENT [--peak]. PIPE is the release binary; EXPERIMENT a file that has been run to the end in
the current workspace (its cached run is timed). `--peak` also runs it with every stage forced, and sums the resident
memory of `pipe` and all its workers ten times a second. Standard library only. Does not know many small stages;
engine.py does.
"""

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
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
rows = [median(f"cached run of {sys.argv[2]}", "50 ms wall", [pipe, "run", sys.argv[2]], ".")]
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
