"""Runs `pipe`, and with --peers DVC, Snakemake, make, ninja and hashing tools in turn, on the same work.

Usage: engine.py PIPE [--case NAME ...] [--peers] [--repeats N] [--json FILE] [--folder FOLDER]

CPU is user + system time of the call and all it started and waited for; peak is the resident memory of its largest
single process (ru_maxrss, whose floor is this driver's own size); ratio is CPU over that of `pipe` in the same case. Medians of
several calls; what takes long is called once. Peers come from `peers.sh`. Standard library only. Cases are in
engine_cases.py. Exit code 1 if `pipe` is beyond a limit.
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

import engine_cases

PEERS = ("dvc", "snakemake", "make", "ninja", "b3sum", "md5sum")


def measure(call):
    """CPU seconds, wall seconds and MiB of one call that must succeed."""
    if call.before:
        call.before()
    start = time.perf_counter()
    child = subprocess.Popen(call.command, cwd=call.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(call.command)}: exit code {child.returncode} in {call.folder}")
    return used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024


def run(case, repeats):
    """One row a tool; the tools take turns, so that a busy minute of the machine falls on all of them."""
    for call in case.calls:
        if not call.before and not call.once:
            measure(call)  # fills the caches of the system
    taken = {call.label: [] for call in case.calls}
    for turn in range(repeats or case.repeats or 5):
        for call in case.calls:
            if turn == 0 or not call.once:
                taken[call.label].append(measure(call))
    rows = []
    for call in case.calls:
        cpu, wall, peak = (statistics.median(column) for column in zip(*taken[call.label]))
        rows.append({"case": case.name, "what": case.what, "tool": call.label, "cpu_s": cpu, "wall_s": wall, "peak_mib": peak, "calls": len(taken[call.label])})
    for row in rows:
        row["ratio"] = row["cpu_s"] / rows[0]["cpu_s"]
    judge(rows[0], case.limit, case.check)
    return rows


def judge(row, limit, check=None):
    """Holds a row of `pipe` against its limits."""
    held, told = [check()] if check else [], []
    if "cpu" in limit:
        held.append(row["cpu_s"] <= limit["cpu"])
        told.append(f"{limit['cpu'] * 1e3:.0f} ms CPU")
    if "peak" in limit:
        held.append(row["peak_mib"] <= limit["peak"])
        told.append(f"{limit['peak']} MiB")
    row["limit"] = ", ".join(told)
    row["pass"] = all(held) if held else None


def derived(rows):
    """Figures of several cases: what one more stage costs, and what a second slot gains."""
    of = {row["case"]: row for row in rows if row["tool"] == "pipe"}
    found = []
    if {"axis-100", "axis-1000", "axis-10000"} <= of.keys():
        few, some, all_ = (of[f"axis-{count}"]["cpu_s"] for count in (100, 1000, 10000))
        found.append(("marginal cost of a stage, 1,000 to 10,000 over 100 to 1,000", (all_ - some) / 9000 / ((some - few) / 900), "at most", 1.5))
    if {"sleep-j1", "sleep-j2"} <= of.keys():
        found.append(("200 stages of 50 ms sleep: wall of -j1 over -j2", of["sleep-j1"]["wall_s"] / of["sleep-j2"]["wall_s"], "at least", 1.9))
    for what, ratio, bound, limit in found:
        held = ratio <= limit if bound == "at most" else ratio >= limit
        yield {"case": "derived", "what": what, "tool": "pipe", "ratio": ratio, "limit": f"{bound} {limit}", "pass": held}


def show(row, first):
    number = lambda key, scale, unit: f"{row[key] * scale:10.1f} {unit}" if key in row else " " * (11 + len(unit))
    verdict = {True: "pass", False: "FAIL", None: ""}[row.get("pass")]
    print(
        f"{row['what'] if first else '':62} {row['tool']:11}{number('cpu_s', 1e3, 'ms')}{number('wall_s', 1e3, 'ms')}"
        f"{number('peak_mib', 1, 'MiB')}{row['ratio']:9.2f}  {row.get('limit', ''):18} {verdict}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pipe", type=pathlib.Path)
    parser.add_argument("--case", action="append", default=[], help="`tree` and `big` stand for all their states")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--folder", help="keeps the laid-out work there for later calls")
    asked = parser.parse_args()
    cache = os.environ.get("PIPE_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "pipe")
    os.environ["PATH"] = os.path.join(cache, "peers", "bin") + os.pathsep + os.environ["PATH"]
    os.environ.update(NO_COLOR="1", DVC_NO_ANALYTICS="1")
    peers = {tool for tool in PEERS if asked.peers and shutil.which(tool)}
    with tempfile.TemporaryDirectory() as temporary:
        bench = engine_cases.Bench(asked.pipe.resolve(), pathlib.Path(asked.folder or temporary).resolve(), peers)
        bench.root.mkdir(parents=True, exist_ok=True)
        print(f"{'case':62} {'tool':11}{'CPU':>13}{'wall':>13}{'peak':>14}{'ratio':>9}  limit")
        rows = []
        for case in engine_cases.cases(bench, asked.case):
            for position, row in enumerate(run(case, asked.repeats)):
                rows.append(row)
                show(row, position == 0)
    for row in derived(rows):
        rows.append(row)
        show(row, True)
    failed = [row for row in rows if row.get("pass") is False]
    print(f"{sum(row.get('pass') is True for row in rows)} within their limits, {len(failed)} beyond")
    if asked.json:
        machine = {"cores": len(os.sched_getaffinity(0)), "system": platform.platform(), "load": os.getloadavg()}
        asked.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    sys.exit(1 if failed else 0)


main()
