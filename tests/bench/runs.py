"""How long past runs take to list: 10,000 runs with 50 metrics each, wall and CPU milliseconds, medians of several calls.

Usage: runs.py PIPE [RUNS [METRICS]]. PIPE is the release binary. Standard library only. A workspace that `pipe` made is
filled by SQL: every run has four stages, one of which has the metrics, and notes which results it used.
"""

import hashlib
import json
import os
import pathlib
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

REPEATS = 21
PIPE = os.path.abspath(sys.argv[1])
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
METRICS = int(sys.argv[3]) if len(sys.argv) > 3 else 50
STAGES = ["prepare", "train", "predict", "evaluate"]


def fill(ledger):
    names = ["dice", "iou", *(f"metric_{number}" for number in range(2, METRICS))]
    cursor = sqlite3.connect(ledger)
    cursor.execute("pragma synchronous = off")
    first = cursor.execute("select coalesce(max(id), 0) + 1 from runs").fetchone()[0]
    artifact = cursor.execute("select coalesce(max(id), 0) from artifacts").fetchone()[0]
    for run in range(first, first + RUNS):
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_700_000_000 + 600 * run))
        uses = []
        for stage in STAGES:
            artifact += 1
            uses.append([stage, artifact])
            recipe = hashlib.sha256(f"{run} {stage}".encode()).digest()
            made = {"run": run, "attempt": 1, "at": started, "seconds": 1.5, "commit": None, "device": "cpu", "facts": {}}
            cursor.execute("insert into recipes values (?, ?, '{}')", (recipe, stage))
            cursor.execute(
                "insert into artifacts values (?, ?, 1, '[]', '[]', ?)", (artifact, recipe, json.dumps(made, separators=(",", ":")))
            )
            cursor.execute(
                "insert into attempts (run, stage, number, fingerprint, started, ended, outcome) values (?, ?, 1, ?, ?, ?, 'done')",
                (run, stage, recipe, started, started),
            )
        cursor.executemany(
            "insert into metrics values (?, ?, ?, '', 'higher', null)",
            [(artifact, name, 0.5 + (run * 31 + position) % 1000 / 2000) for position, name in enumerate(names)],
        )
        used = json.dumps(uses, separators=(",", ":"))
        digest = hashlib.sha256(used.encode()).digest()
        cursor.execute("insert or ignore into uses values (?, ?)", (digest, used))
        cursor.execute(
            "insert into runs (id, experiment, file, command, started, commit_id, ended, state, cached, ran, failed, skipped, seconds, used)"
            " values (?, ?, ?, ?, ?, null, ?, 'done', 0, 4, 0, 0, 6, ?)",
            (run, f"unet_{run % 20}", "experiments/unet.yaml", "pipe run experiments/unet.yaml", started, started, digest),
        )
    cursor.commit()
    cursor.close()


def call(arguments, folder):
    """Wall and CPU milliseconds of one call that must succeed, and how many lines it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(arguments, cwd=folder, check=True, capture_output=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return wall * 1e3, cpu * 1e3, done.stdout.count(b"\n")


with tempfile.TemporaryDirectory() as folder:
    root = pathlib.Path(folder)
    (root / "runs").mkdir()
    (root / "one.yaml").write_text(
        "stages:\n  one: { kind: command, with: { command: [sh, -c, 'echo 1 > {outputs.o}'], outputs: { o: o.txt } } }\n"
    )
    subprocess.run([PIPE, "run", "one.yaml"], cwd=root, check=True, capture_output=True)
    fill(root / "runs/ledger.sqlite")
    rows = []
    for arguments, limit in [
        (["runs", "list"], "50 ms"),
        (["runs", "list", "-n", str(RUNS)], "50 ms"),
        (["runs", "list", "-n", str(RUNS), "--metric", "dice"], "50 ms"),
        (["runs", "list", "-n", str(RUNS), "--metric", "dice,iou", "--format", "json"], "none"),
        (["runs", "list", "--experiment", "unet_7", "--metric", "dice"], "50 ms"),
        (["runs", "show", "last"], "50 ms"),
        (["runs", "compare", "last", "last~1"], "50 ms"),
        (["cache", "gc", "--dry-run", "--keep-last", "3"], "none"),
    ]:
        call([PIPE, *arguments], root)
        walls, cpus, lines = zip(*(call([PIPE, *arguments], root) for _ in range(REPEATS)))
        row = {"what": " ".join(arguments), "wall_ms": round(statistics.median(walls), 2), "cpu_ms": round(statistics.median(cpus), 2)}
        rows.append({**row, "lines": lines[0], "limit": limit})
        print(f"{row['what']:56} {row['wall_ms']:8.2f} ms wall {row['cpu_ms']:8.2f} ms CPU {lines[0]:8} lines   limit {limit}")
    print(json.dumps(rows))
