"""How much of each mask is vessel, and how wide the vessels are on average: one row a case.

Usage: vessel_statistics.py DATASET TABLE SUMMARY, started by `pipe run experiments/python_stage.yaml`. Standard library
only. What a stage in any language does is marked 1 to 5; everything but 3 may be left out.
"""

import csv
import json
import os
import pathlib
import sys

import pack

dataset, table, summary = sys.argv[1:]

# 1. Parameters: `with.params` of the stage, as JSON in a file.
with open(os.environ["PIPE_PARAMS"]) as file:
    parameters = json.load(file)["params"]

# 2. Telling what happens: one JSON object a line, into the file that PIPE_EVENTS names. Without it, nobody listens.
events = open(os.environ.get("PIPE_EVENTS", os.devnull), "a", buffering=1)


def tell(kind, **what):
    events.write(json.dumps({kind: what}) + "\n")


def mean_width(height, width, labels):
    """Mean width of the vessels in pixels: a ribbon of length l and width w has area l w and an outline of about 2 l."""
    area = outline = 0
    for at, label in enumerate(labels):
        if label:
            row, column = divmod(at, width)
            area += 1
            outline += (row == 0 or not labels[at - width]) + (row == height - 1 or not labels[at + width])
            outline += (column == 0 or not labels[at - 1]) + (column == width - 1 or not labels[at + 1])
    return 2 * area / outline if outline else 0.0


cases = list(pack.masks(dataset))
rows = []
for done, (case, height, width, labels) in enumerate(cases, 1):
    fraction = sum(map(bool, labels)) / len(labels)
    if not fraction:
        tell("warning", text=f"{case}: the mask is empty")
    rows.append({"case": case, "fraction": round(fraction, 6), "width": round(mean_width(height, width, labels), 4)})
    tell("metric", name="width", step=done, value=rows[-1]["width"])
    tell("progress", done=done, total=len(cases), unit="cases", note=case)

# 3. Outputs: plain files in the stage's own folder. They become results only if the program ends well.
with open(table, "w", newline="") as file:
    writer = csv.DictWriter(file, ["case", "fraction", "width"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
mean = sum(row["width"] for row in rows) / len(rows)
thin = sum(row["width"] < parameters["thin"] for row in rows)
with open(summary, "w") as file:
    json.dump({"cases": len(rows), "mean_width": round(mean, 4), "thin": thin}, file)

# 4. Final numbers: kept with the result, and shown by `pipe runs show`. A number of one case names it.
tell("result", name="mean_width", value=mean, unit="px", direction="higher", case=None)
for row in rows:
    tell("result", name="width", value=row["width"], unit="px", direction="higher", case=row["case"])

# 5. What else was read, as make writes it: every module that lies beside this script. Spaces in names are escaped.
here = pathlib.Path(__file__).resolve().parent
files = [pathlib.Path(module.__file__) for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
found = [str(file).replace(" ", "\\ ") for file in files if here in file.resolve().parents]
pathlib.Path("vessels.d").write_text(f"{pathlib.Path(table).name}: {' '.join(sorted(found))}\n")
